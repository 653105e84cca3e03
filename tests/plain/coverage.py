"""For programs that tests start: coverage is not there, as in an installation; Numba imports it wherever it can."""

raise ImportError("programs that tests start have no coverage")
