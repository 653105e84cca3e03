"""One module per application protocol: first bytes of a connection come in, facts or None go out."""
