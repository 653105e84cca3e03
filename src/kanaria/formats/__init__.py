"""One module per format: bytes to rows of the normalised tables, or a rejected record with a place."""
