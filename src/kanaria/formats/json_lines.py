"""JSON lines into Arrow columns of a given schema.

In come lines and the fields wanted, out come columns with line numbers, and rejected lines. Large inputs are read by
compiled code (``cells``), which leaves single odd lines to a careful reader; small ones by pyarrow, and a chunk it
refuses carefully line by line. So one broken line costs its neighbours nothing.
"""

from __future__ import annotations

import pyarrow as pa

from kanaria.formats import cells
from kanaria.formats.json_general import read_carefully, read_generally
from kanaria.formats.spans import Part, Spans, woven


def read_json_lines(lines: Spans, fields: pa.Schema, *, compiled: bool = True) -> Part:
    """One JSON object per line into the columns of ``fields``; other keys are ignored, missing ones are null.

    Values of another type than the field's become null (numbers in text fields become text). What is no JSON object is
    rejected. Without ``compiled`` the compiled reader is not asked.
    """
    if compiled and len(lines) and cells.worth(lines.size):
        sure, odd = cells.json_objects(lines, fields)
        return woven(sure, read_carefully(odd, fields)) if len(odd) else sure
    return read_generally(lines, fields)
