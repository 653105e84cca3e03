"""``kanaria serve`` killed again and again: the logs, what becomes of them, its lives, and what is compared."""
