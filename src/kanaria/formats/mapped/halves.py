"""Flow records of one direction, or of one slice of time, into connections: a batch comes in, the same with fewer rows.

Rows that have a state are whole as they are (what a firewall dropped has no other half). ``history`` holds the TCP
flags as the exporter wrote them, and goes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from kanaria.core.distinct import map_distinct
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats import columns as cols
from kanaria.formats import flow_state
from kanaria.formats.netflow_csv import protocol_number
from kanaria.formats.netflow_stitch import RECORD, stitch

_CLOCKS_APART_US = 1_000_000
"""Two ends see a packet within a trip through the network; what one end sums up lasts five seconds and more (GCP)."""
_BACK = {"src_ip": "dst_ip", "src_port": "dst_port", "dst_ip": "src_ip", "dst_port": "src_port"}


def put_together(batch: Batch, stream: Stream, context: ReadContext, sensor: str, *, both_ends: bool = False) -> Batch:
    """The batch with its connections whole. ``both_ends``: both ends of a flow tell of the same packets."""
    import pyarrow.compute as pc

    if "connection" not in batch.tables:
        return batch
    table = batch.tables["connection"]
    whole = pc.or_(pc.is_valid(table["state"]), pc.or_(pc.is_null(table["src_ip"]), pc.is_null(table["time"])))
    records = _records(table.filter(pc.invert(whole)))
    columns, lines = stitch(_told_once(records) if both_ends else records)
    made = (
        cols.finish("connection", columns, lines, stream=stream, context=context, sensor=sensor) if len(lines) else None
    )
    parts = [part for part in (made, table.filter(whole)) if part is not None]
    return replace(batch, tables={**batch.tables, "connection": pa.concat_tables(parts).sort_by("line")})


def _records(table: pa.Table) -> pa.Table:
    """One record for each direction that a row tells of."""
    import pyarrow.compute as pc

    back = table.filter(pc.greater(pc.fill_null(table["dst_packets"], 0), 0))
    return pa.concat_tables([_side(table, "src"), _side(back, "dst")])


def _side(table: pa.Table, side: str) -> pa.Table:
    import pyarrow.compute as pc

    first = table["time"].cast(pa.int64())
    ends = {name: table[_BACK[name] if side == "dst" else name] for name in _BACK}
    values = {
        "first": first, "last": pc.add(first, pc.fill_null(table["duration_us"], 0)), "line": table["line"],
        "protocol": map_distinct(cols.flat(table["transport"]), protocol_number, pa.int64()),
        "flags": map_distinct(cols.flat(table["history"]), flow_state.parse_flags, pa.int64()),
        "bytes": table[f"{side}_bytes"], "packets": table[f"{side}_packets"], **ends,
    }  # fmt: skip
    return pa.table([values[name].cast(RECORD.field(name).type) for name in RECORD.names], schema=RECORD)


def _told_once(records: pa.Table) -> pa.Table:
    """Without what the second end tells of packets that the first told of: a record of the same direction that begins
    in the first half of the one before, or within ``_CLOCKS_APART_US``. Slices of one end follow each other.
    """
    names = ("protocol", "src_ip", "src_port", "dst_ip", "dst_port")
    codes = [cols.flat(records[name]).dictionary_encode().indices.fill_null(-1).to_numpy() for name in names]
    first, last = (cols.flat(records[name]).fill_null(0).to_numpy() for name in ("first", "last"))
    order = np.lexsort((first, *codes))
    again = np.ones(max(len(order) - 1, 0), np.bool_)
    for code in codes:
        again &= code[order][1:] == code[order][:-1]
    apart = np.diff(first[order])
    again &= apart <= np.maximum((last - first)[order][:-1] // 2, _CLOCKS_APART_US)
    return records.take(pa.array(np.sort(order[np.r_[True, ~again][: len(order)]])))
