"""What mining looks like: Stratum dialects in the clear, and the grammar of mining under encryption."""
