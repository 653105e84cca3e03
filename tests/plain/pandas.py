"""For programs that tests start: pandas is not there, as in an installation without extras.

PyArrow imports it wherever it can, which took a quarter of the processor time of each ``kanaria analyze`` of one line.
"""

raise ImportError("programs that tests start have no pandas")
