"""Everything that is remembered between runs."""
