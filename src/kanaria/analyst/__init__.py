"""Prose by a language model that may only say what the facts say, and answers to questions about an incident."""
