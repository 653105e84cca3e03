"""Notifies people of what was found, and never keeps the rest waiting."""
