"""The search of what was not understood: lines that became no row are looked through for mining and commands.

In: batches of a format, with the lines it left. Out: the same batches, whose tables have the rows of what was found.
Nothing that a person could read in a log is passed over without this look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.facts import Knowledge
from kanaria.core.prefilter import Prefilter, literal
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch


def searched(
    batches: Iterator[Batch], stream: Stream, context: ReadContext, pools: Prefilter | None = None
) -> Iterator[Batch]:
    """Each batch with what its left lines hold; ``pools`` finds the names of known pools."""
    for batch in batches:
        found = _found(batch.left, stream, context, pools) if batch.left is not None else {}
        yield replace(batch, left=None, tables=_joined(batch.tables, found)) if batch.left is not None else batch


def pools_of(facts: Knowledge) -> Prefilter:
    """The domains of known pools as words to search for."""
    return Prefilter([literal(domain) for pool in facts.pools for domain in pool.domains])


def _found(left: pa.Table, stream: Stream, context: ReadContext, pools: Prefilter | None) -> Mapping[str, pa.Table]:
    from kanaria.formats import searched as formats_searched
    from kanaria.mining.candidates import rows_of_records

    def hits(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
        named = pools.rows(column)[0] if pools else np.empty(0, np.int64)
        return np.unique(np.concatenate([*rows_of_records(column), named]))

    left = left.take(pa.array(hits(left["raw"])))
    if not len(left):
        return {}
    inside = formats_searched.carried(left)
    said = set(hits(inside["raw"]).tolist())
    raw = [(inside if row in said else left)["raw"][row].as_py() for row in range(len(left))]
    left = left.set_column(1, "raw", pa.array(raw, pa.binary()))
    named = set(pools.rows(left["raw"])[0].tolist()) if pools else set()
    members = set(pools.rows(formats_searched.hosts_of_members(left["raw"]))[0].tolist()) if pools and named else set()
    return formats_searched.rows(left, stream, context, naming=named, members=members)


def _joined(tables: Mapping[str, pa.Table], found: Mapping[str, pa.Table]) -> Mapping[str, pa.Table]:
    """Both, in the order of their lines."""
    merged = dict(tables)
    for name, table in found.items():
        both = [merged[name], table] if name in merged and len(merged[name]) else [table]
        merged[name] = pa.concat_tables(both).sort_by("line") if len(both) > 1 else table
    return merged
