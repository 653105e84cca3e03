"""The search of what was not understood: lines that became no row are looked through for mining and commands.

In: batches of a format, with the lines it could not parse. Out: the same batches, whose tables have the rows of what
was found in them. Nothing that a person could read in a log is passed over without this look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.facts import Knowledge
from kanaria.core.late_regex import late_regex
from kanaria.core.prefilter import Prefilter, literal
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch


def searched(
    batches: Iterator[Batch], stream: Stream, context: ReadContext, pools: Prefilter | None = None
) -> Iterator[Batch]:
    """Each batch with what its unparsed lines hold; ``pools`` finds the names of known pools."""
    for batch in batches:
        tables = _searched_tables(batch.unparsed, stream, context, pools) if batch.unparsed is not None else {}
        yield (
            replace(batch, unparsed=None, tables=_joined(batch.tables, tables)) if batch.unparsed is not None else batch
        )


def pools_of(facts: Knowledge) -> Prefilter:
    """The domains of known pools as words to search for."""
    return Prefilter([literal(domain) for pool in facts.pools for domain in pool.domains])


def _searched_tables(
    left: pa.Table, stream: Stream, context: ReadContext, pools: Prefilter | None
) -> Mapping[str, pa.Table]:
    from kanaria.formats import prose
    from kanaria.formats import searched as formats_searched

    left = left.take(pa.array(_hits(left["raw"], pools)))
    if not len(left):
        return {}
    inside = formats_searched.carried(left)
    naming_pools = set(_hits(inside["raw"], pools).tolist())
    whole = prose.is_prose(stream.head(), stream.name)
    quoted = {row for row, raw in enumerate(left["raw"].to_pylist()) if whole or prose.quotes(raw)}
    raw = [(inside if row in naming_pools else left)["raw"][row].as_py() for row in range(len(left))]
    left = left.set_column(1, "raw", pa.array(raw, pa.binary()))
    named = set(pools.rows(left["raw"])[0].tolist()) if pools else set()
    members = set(pools.rows(formats_searched.hosts_of_members(left["raw"]))[0].tolist()) if pools and named else set()
    return formats_searched.rows(
        left, stream, context, naming=named, members=members, miners=_naming_miners(left["raw"]), quoted=quoted
    )


def _hits(column: pa.ChunkedArray, pools: Prefilter | None) -> npt.NDArray[np.int64]:
    """Rows in which a word of a message, of a command, or a pool's name stands."""
    from kanaria.mining.candidates import rows_of_records

    named = pools.rows(column)[0] if pools else np.empty(0, np.int64)
    return np.unique(np.concatenate([*rows_of_records(column), named]))


_WORD = late_regex(rb"[A-Za-z0-9_.+-]{3,80}")


def _naming_miners(column: pa.ChunkedArray) -> set[int]:
    """Rows that name a mining program, and hold neither a mining message nor a command that brings one."""
    from kanaria.mining.candidates import rows_of_records
    from kanaria.mining.deed_words import MINERS
    from kanaria.mining.deeds import read

    worded = set(rows_of_records(column)[0].tolist())
    rows = set()
    for row, raw in enumerate(column.to_pylist()):
        words = {word.decode("ascii") for word in _WORD.findall(raw[:_LOOKED_AT])}
        if row not in worded and any(map(MINERS.search, words)):
            text = raw[:_LOOKED_AT].decode("utf-8", "replace")
            if not read(text).delivers():
                rows.add(row)
    return rows


_LOOKED_AT = 8192
"""Bytes of a line in which a miner's name is looked for, as many as of a command line (``host.programs``)."""


def _joined(tables: Mapping[str, pa.Table], more: Mapping[str, pa.Table]) -> Mapping[str, pa.Table]:
    """Both, in the order of their lines."""
    merged = dict(tables)
    for name, table in more.items():
        both = [merged[name], table] if name in merged and len(merged[name]) else [table]
        merged[name] = pa.concat_tables(both).sort_by("line") if len(both) > 1 else table
    return merged
