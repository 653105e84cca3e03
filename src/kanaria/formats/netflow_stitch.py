"""Unidirectional flow records into connections: both directions and all slices of one conversation become one row.

In comes a table of ``RECORD`` columns, out come columns of the ``connection`` table. Exporters cut long flows into
slices (active timeout) and report each direction alone; slices closer than ``SLICE_GAP_US`` are one conversation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core import schema
from kanaria.formats import flow_state
from kanaria.formats.columns import flat

RECORD = pa.schema(
    [
        ("first", pa.int64()), ("last", pa.int64()), ("protocol", pa.int64()),
        ("src_ip", pa.string()), ("src_port", pa.int64()), ("dst_ip", pa.string()), ("dst_port", pa.int64()),
        ("bytes", pa.int64()), ("packets", pa.int64()), ("flags", pa.int64()), ("line", pa.int64()),
    ]
)  # fmt: skip
"""``first``/``last`` are epoch microseconds, ``flags`` the OR of the TCP flags, ``line`` the record's number."""

SLICE_GAP_US = 60_000_000
"""Longest silence inside one conversation: the largest inactive timeout among common defaults (Cisco IOS 15 s,
Juniper 60 s, nProbe 30 s, softflowd and nfdump's own nfpcapd 60 s)."""

_Ints = npt.NDArray[np.int64]
Columns = dict[str, Any]


def stitch(records: pa.Table) -> tuple[Columns, _Ints]:
    """Connection columns and the line of each connection's first record, in the order of those lines.

    The client is who sent first; when both directions start together or the beginning was missed (a TCP side without
    SYN), the side with the higher port.
    """
    if not records.num_rows:
        return {}, np.zeros(0, np.int64)
    r = {name: flat(records[name]) for name in RECORD.names}
    n = {name: _ints(r[name]) for name in RECORD.names if not name.endswith("_ip")}
    src, dst = _address_codes(r["src_ip"], r["dst_ip"])
    swap = (src > dst) | ((src == dst) & (n["src_port"] > n["dst_port"]))
    icmp = np.isin(n["protocol"], (1, 58))
    key = [n["protocol"], np.where(swap, dst, src), np.where(swap, src, dst),
           np.where(icmp, 0, np.where(swap, n["dst_port"], n["src_port"])),
           np.where(icmp, 0, np.where(swap, n["src_port"], n["dst_port"]))]  # fmt: skip
    order = np.lexsort((n["line"], n["first"], *key))
    starts = _starts(order, key, n["first"], n["last"])
    return _merge(r, n, order, starts, swap, icmp)


def _ints(column: pa.Array) -> _Ints:
    return np.asarray(column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False), np.int64)


def _address_codes(src: pa.Array, dst: pa.Array) -> tuple[_Ints, _Ints]:
    codes = pa.concat_arrays([src, dst]).dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64)
    return codes[: len(src)], codes[len(src) :]


def _starts(order: _Ints, key: list[_Ints], first: _Ints, last: _Ints) -> _Ints:
    """Where in the order a new conversation begins: another key, or a silence longer than the gap."""
    changed = np.zeros(len(order), np.bool_)
    changed[0] = True
    for part in key:
        sorted_part = part[order]
        changed[1:] |= sorted_part[1:] != sorted_part[:-1]
    group = np.cumsum(changed) - 1
    ends = last[order] - int(first.min())
    span = int(ends.max()) + SLICE_GAP_US + 1
    latest = _running_max(group, ends, span)
    changed[1:] |= first[order][1:] - int(first.min()) - latest[:-1] > SLICE_GAP_US
    return np.flatnonzero(changed)


def _running_max(group: _Ints, values: _Ints, span: int) -> _Ints:
    """The largest value so far inside each group."""
    if int(group[-1] + 1) * span >= 2**62:  # spans of years times millions of keys: fall back to the previous end
        return values
    return np.asarray(np.maximum.accumulate(values + group * span) - group * span, np.int64)


def _merge(
    r: dict[str, pa.Array],
    n: dict[str, _Ints],
    order: _Ints,
    starts: _Ints,
    swap: npt.NDArray[np.bool_],
    icmp: npt.NDArray[np.bool_],
) -> tuple[Columns, _Ints]:
    side = swap[order]
    first, last = n["first"][order], n["last"][order]
    never = np.int64(2**62)
    began = [np.minimum.reduceat(np.where(mask, first, never), starts) for mask in (~side, side)]
    flags = [np.bitwise_or.reduceat(np.where(mask, n["flags"][order], 0), starts) for mask in (~side, side)]
    lead = order[starts]  # the earliest record of each conversation
    turned = _client_is_second(began, flags, n, lead, swap)
    sums = {}
    for name in ("bytes", "packets"):
        halves = [np.add.reduceat(np.where(mask, n[name][order], 0), starts) for mask in (~side, side)]
        sums[name] = np.where(turned, halves[1], halves[0]), np.where(turned, halves[0], halves[1])
    ends = _ends(r, n, lead, swap[lead] != turned, icmp)
    begin = np.minimum.reduceat(first, starts)
    client, server = np.where(turned, flags[1], flags[0]), np.where(turned, flags[0], flags[1])
    lines = np.minimum.reduceat(n["line"][order], starts)
    rank = np.argsort(lines, kind="stable")
    protocol = n["protocol"][lead]
    columns: Columns = {
        **ends,
        "time": pa.array(begin, schema.TIME),
        "transport": pa.array([flow_state.PROTOCOL_NAMES.get(p, str(p)) for p in protocol.tolist()], pa.string()),
        "duration_us": pa.array(np.maximum.reduceat(last, starts) - begin),
        "src_bytes": pa.array(sums["bytes"][0]), "dst_bytes": pa.array(sums["bytes"][1]),
        "src_packets": pa.array(sums["packets"][0]), "dst_packets": pa.array(sums["packets"][1]),
        "state": flow_state.states(protocol, client, server, sums["packets"][0], sums["packets"][1]),
        "open": pa.array(np.zeros(len(starts), np.bool_)),
    }  # fmt: skip
    return {name: column.take(pa.array(rank)) for name, column in columns.items()}, lines[rank]


def _client_is_second(
    began: list[_Ints], flags: list[_Ints], n: dict[str, _Ints], lead: _Ints, swap: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Whether the client is the larger endpoint of the key, per conversation."""
    only_first, only_second = began[1] >= 2**62, began[0] >= 2**62
    low = np.where(swap[lead], n["dst_port"][lead], n["src_port"][lead])
    high = np.where(swap[lead], n["src_port"][lead], n["dst_port"][lead])
    missed = (n["protocol"][lead] == 6) & (((flags[0] | flags[1]) & flow_state.SYN) == 0)
    by_port = (missed & (low != high) & (np.minimum(low, high) < 1024)) | (began[0] == began[1])
    second = np.where(by_port & (low != high), high > low, began[1] < began[0])
    one_sided = only_first | only_second
    return np.asarray(np.where(one_sided & ~(missed & by_port), only_second, second), np.bool_)


def _ends(
    r: dict[str, pa.Array],
    n: dict[str, _Ints],
    lead: _Ints,
    exchanged: npt.NDArray[np.bool_],
    icmp: npt.NDArray[np.bool_],
) -> Columns:
    """Addresses and ports as client and server; ``exchanged`` rows have the server as the record's source."""
    import pyarrow.compute as pc

    rows, mask = pa.array(lead), pa.array(exchanged)
    src_ip, dst_ip = r["src_ip"].take(rows), r["dst_ip"].take(rows)
    # NetFlow writes ICMP type and code into the destination port: type * 256 + code.
    both = np.where(n["src_port"][lead] > 0, n["src_port"][lead], n["dst_port"][lead])
    plain = icmp[lead] & ((n["src_port"][lead] == 0) | (n["dst_port"][lead] == 0)) & (both > 255)
    src_port = np.where(plain, both >> 8, n["src_port"][lead])
    dst_port = np.where(plain, both & 0xFF, n["dst_port"][lead])
    client_port, server_port = np.where(exchanged, dst_port, src_port), np.where(exchanged, src_port, dst_port)
    keep = icmp[lead]
    return {
        "src_ip": pc.if_else(mask, dst_ip, src_ip), "dst_ip": pc.if_else(mask, src_ip, dst_ip),
        "src_port": pa.array(np.where(keep, src_port, client_port)),
        "dst_port": pa.array(np.where(keep, dst_port, server_port)),
    }  # fmt: skip
