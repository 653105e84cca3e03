"""The pattern of life: surprise in bits, scored before anything is learned."""
