"""The search of what was not understood: lines that became no row are looked through for mining and commands.

In: batches of a format, with the lines it left. Out: the same batches, whose tables have the rows of what was found.
Nothing that a person could read in a log is passed over without this look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch


def searched(batches: Iterator[Batch], stream: Stream, context: ReadContext) -> Iterator[Batch]:
    """Each batch with what its left lines hold."""
    for batch in batches:
        found = _found(batch.left, stream, context) if batch.left is not None else {}
        yield replace(batch, left=None, tables=_joined(batch.tables, found)) if batch.left is not None else batch


def _found(left: pa.Table, stream: Stream, context: ReadContext) -> Mapping[str, pa.Table]:
    from kanaria.formats import searched as formats_searched
    from kanaria.mining.candidates import rows_of_records

    hits = np.unique(np.concatenate(rows_of_records(left["raw"])))
    return formats_searched.rows(left.take(pa.array(hits)), stream, context) if len(hits) else {}


def _joined(tables: Mapping[str, pa.Table], found: Mapping[str, pa.Table]) -> Mapping[str, pa.Table]:
    """Both, in the order of their lines."""
    merged = dict(tables)
    for name, table in found.items():
        both = [merged[name], table] if name in merged and len(merged[name]) else [table]
        merged[name] = pa.concat_tables(both).sort_by("line") if len(both) > 1 else table
    return merged
