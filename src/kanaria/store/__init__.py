"""What is remembered between runs: baseline state, incidents, decisions."""
