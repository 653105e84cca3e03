"""Measurements, not tests: each module measures one thing and prints it. ``python -m benchmarks`` runs them all."""
