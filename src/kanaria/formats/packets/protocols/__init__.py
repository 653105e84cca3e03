"""One module per application protocol: from first bytes of a connection to facts or None."""
