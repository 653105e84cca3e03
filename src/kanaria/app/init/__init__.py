"""``kanaria init``: looks at this machine and writes the settings that fit it."""
