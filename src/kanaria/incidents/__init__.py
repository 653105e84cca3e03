"""Findings become incidents: hypotheses, outcome, entities, timeline."""
