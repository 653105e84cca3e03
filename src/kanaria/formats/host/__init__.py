"""Records of a machine's own load: to the ``host`` table."""
