"""Sigma rules and correlations over events and enrichment columns, giving findings."""
