"""Finished flows become rows: from a ``FlowSet`` to normalised ``connection`` and protocol tables.

Columns are built for all flows at once; Python looks at single flows only for their first bytes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kanaria.core.community_id import community_ids
from kanaria.core.network import is_global
from kanaria.core.remembered import remembered
from kanaria.core.schema import MESSAGES, PAIRS, conform
from kanaria.formats.packets import layout as L
from kanaria.formats.packets.facts import protocol_tables
from kanaria.formats.packets.flowset import Array, FlowSet
from kanaria.formats.packets.services import services, wrong_way

TRANSPORTS = {
    1: "icmp",
    2: "igmp",
    6: "tcp",
    17: "udp",
    47: "gre",
    50: "esp",
    51: "ah",
    58: "icmp",
    89: "ospf",
    132: "sctp",
}
_TRANSPORT_NAMES = pa.array([TRANSPORTS.get(number, str(number)) for number in range(256)])


def connections(flows: FlowSet, *, source: str, sensor: str, first_id: int) -> Mapping[str, Any]:
    """Columns of the ``connection`` table, client and server put the right way round first."""
    table, count = flows.flows, len(flows.flows)
    # A place in the flow table is used again, and behind its own letters a flow has those of the one before.
    table["history"][np.arange(L.HISTORY) >= table["history_length"][:, None]] = 0
    turn(flows)
    ports = table["port"].astype(np.int32)
    columns: dict[str, Any] = {
        "event_id": pa.array(first_id + table["first_packet"]),
        "time": pa.array(table["start"]).cast(pa.timestamp("us", tz="UTC")),
        "source": pa.repeat(pa.scalar(source, pa.string()), count),
        "line": pa.array(table["first_packet"]),
        "sensor": pa.repeat(pa.scalar(sensor, pa.string()), count),
        "src_ip": addresses(table, 0),
        "src_port": pa.array(ports[:, 0]),
        "dst_ip": addresses(table, 1),
        "dst_port": pa.array(ports[:, 1]),
        "transport": _TRANSPORT_NAMES.take(pa.array(table["proto"])),
        "service": services(flows.first[0], flows.first[1], table["proto"], ports),
        "duration_us": pa.array(table["last"] - table["start"]),
        "state": states(table),
        "history": _histories(table),
        "open": pa.array(flows.open),
        "src_first": flows.first[0],
        "dst_first": flows.first[1],
        "messages": _messages(flows),
        "pairs": _pairs(flows),
    }
    for side, name in enumerate(("src", "dst")):
        for kind in ("bytes", "packets", "payload", "messages"):
            columns[f"{name}_{kind}"] = pa.array(np.ascontiguousarray(table[kind][:, side]))
    ends = (columns[name] for name in ("transport", "src_ip", "src_port", "dst_ip", "dst_port"))
    columns["community_id"] = community_ids(*ends)
    return columns | _gaps(table)


def addresses(flows: Array, side: int) -> pa.Array:
    """Addresses of one side as text, made once per distinct address."""
    keys = np.stack([flows["ip_hi"][:, side], flows["ip_lo"][:, side]], axis=1).astype(">u8")
    return _texts(keys, 16, packed_address)


def _texts(packed: Array, width: int, text: Callable[[bytes], str | None]) -> pa.Array:
    """A text for every ``width`` bytes, made once for each distinct value."""
    count = packed.nbytes // width
    values = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), count, [None, pa.py_buffer(packed.tobytes())])
    coded = values.dictionary_encode()
    return pa.array([text(value) for value in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def address(high: Any, low: Any) -> str:
    """An address from its two halves."""
    return packed_address(int(high).to_bytes(8, "big") + int(low).to_bytes(8, "big"))


@remembered
def packed_address(packed: bytes) -> str:
    """An address from its 16 bytes; IPv4-mapped ones as IPv4."""
    if packed[:12] == b"\0" * 10 + b"\xff\xff":
        return "%d.%d.%d.%d" % tuple(packed[12:])  # noqa: UP031 - four times faster than ipaddress
    return str(ipaddress.IPv6Address(packed))


def turn(flows: FlowSet) -> None:
    """Swap client and server of flows that were met in the middle when their bytes say that the guess was wrong."""
    guessed = np.flatnonzero(flows.flows["marks"] & L.GUESSED)
    wrong = guessed[wrong_way(flows.first[0], flows.first[1], guessed) | _from_outside(flows.flows[guessed])]
    if not len(wrong):
        return
    for index in wrong.tolist():
        _turn_one(flows, index)
    client, server = flows.first
    places = np.arange(len(flows.flows))
    places[wrong] += len(places)
    both = pa.concat_arrays([client, server, client])
    flows.first = both.take(pa.array(places)), both.take(pa.array(places + len(places)))


EPHEMERAL = 32_768
"""Linux takes a client's port from here on (ip_local_port_range), other systems higher: two such ports tell nothing."""


def _from_outside(flows: Array) -> Array:
    """Flows between two such ports whose guessed client is on the Internet and whose server is not: home networks let
    nobody in by default, and servers that they do have listen on low ports."""
    chosen: Array = np.asarray((flows["port"] >= EPHEMERAL).all(axis=1))
    for index in np.flatnonzero(chosen).tolist():
        client, server = (address(flows["ip_hi"][index, side], flows["ip_lo"][index, side]) for side in (0, 1))
        chosen[index] = is_global(client) and not is_global(server)
    return chosen


def _turn_one(flows: FlowSet, index: int) -> None:
    flow = flows.flows[index]
    for name in L.FLOW.names or ():
        if L.FLOW[name].shape == (2,):
            flow[name] = flow[name][::-1].copy()
    flow["marks"] ^= L.RST0_FIRST
    letters = flow["history"].tobytes().rstrip(b"\0").swapcase()
    flow["history"] = np.frombuffer((b"^" + letters)[: L.HISTORY].ljust(L.HISTORY, b"\0"), np.uint8)
    start, end = flows.offsets[index], flows.offsets[index + 1]
    flows.lengths[start:end] *= -1
    _recount(flows, index, flows.lengths[start:end], flows.times[start:end])


def _recount(flows: FlowSet, index: int, lengths: Array, times: Array) -> None:
    """Gaps and pairs of a turned flow, from the messages kept one by one."""
    flow = flows.flows[index]
    gaps = np.diff(times[lengths > 0]).astype(float)
    flow["gaps"], flow["gap_sum"], flow["gap_squares"] = len(gaps), gaps.sum(), (gaps * gaps).sum()
    delays: dict[tuple[int, int], list[int]] = {}
    for at in np.flatnonzero((lengths[:-1] > 0) & (lengths[1:] < 0)).tolist():
        delays.setdefault((int(lengths[at]), int(-lengths[at + 1])), []).append(int(times[at + 1] - times[at]))
    flows.pairs[index] = np.zeros(L.PAIR_SLOTS, L.PAIR)
    commonest = sorted(delays.items(), key=lambda item: -len(item[1]))[: L.PAIR_SLOTS]
    for slot, ((request, answer), values) in enumerate(commonest):
        flows.pairs[index, slot] = (request, answer, len(values), 0, sorted(values)[len(values) // 2])


def states(flows: Array) -> pa.Array:
    """Zeek's conn_state from what each side sent (scripts/base/protocols/conn: the same order of questions)."""
    client, server = flows["sent"][:, 0], flows["sent"][:, 1]
    quiet_client, quiet_server = flows["packets"][:, 0] == 0, flows["packets"][:, 1] == 0
    syn, answer = (client & L.DID_SYN) != 0, (server & L.DID_SYNACK) != 0
    reset = [(side & L.DID_RST) != 0 for side in (client, server)]
    closed = [(side & L.DID_FIN) != 0 for side in (client, server)]
    other = flows["proto"] != L.TCP
    udp = flows["proto"] == L.UDP
    client_first = (flows["marks"] & L.RST0_FIRST) != 0
    refused = reset[1] & syn & ~answer & ((server & L.DID_DATA) == 0)
    conditions = [
        udp & quiet_server, udp & quiet_client, udp, other,
        refused & ~client_first, reset[1] & quiet_client, reset[1] & ~client_first,
        reset[0] & quiet_server, reset[0],
        closed[0] & closed[1], closed[0] & quiet_server, closed[0], closed[1] & quiet_client, closed[1],
        syn & quiet_server, syn & answer,
    ]  # fmt: skip
    names = pa.array([
        "S0", "SHR", "SF", "OTH", "REJ", "RSTRH", "RSTR", "RSTOS0", "RSTO", "SF", "SH", "S2", "SHR", "S3", "S0", "S1",
        "OTH",
    ])  # fmt: skip
    return names.take(pa.array(np.select(conditions, range(len(conditions)), len(conditions))))


def _histories(flows: Array) -> pa.Array:
    return _texts(flows["history"], L.HISTORY, lambda letters: letters.rstrip(b"\0").decode("ascii") or None)


def _messages(flows: FlowSet) -> pa.Array:
    kinds = MESSAGES.value_type
    values = pa.StructArray.from_arrays(
        [
            pa.array(flows.lengths > 0),
            pa.array(np.abs(flows.lengths).astype(np.int32)),
            pa.array(flows.times),
        ],
        fields=list(kinds),
    )
    return pa.ListArray.from_arrays(pa.array(flows.offsets.astype(np.int32)), values, type=MESSAGES)


def _pairs(flows: FlowSet) -> pa.Array:
    """Certain counts only (Space-Saving's error taken off), commonest first."""
    certain = np.where(flows.pairs["count"] > 0, flows.pairs["count"] - flows.pairs["error"], 0)
    used = certain > 0
    row, slot = np.nonzero(used)
    if len(row) > np.count_nonzero(used.any(axis=1)):
        order = np.lexsort((slot, -certain[row, slot], row))
        row, slot = row[order], slot[order]
    chosen = flows.pairs[row, slot]
    columns = [chosen["request"], chosen["answer"], certain[row, slot], chosen["delay"]]
    values = pa.StructArray.from_arrays(
        [pa.array(np.ascontiguousarray(column)) for column in columns], fields=list(PAIRS.value_type)
    )
    offsets = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=PAIRS)


def _gaps(flows: Array) -> dict[str, pa.Array]:
    """Mean and coefficient of variation of the gaps between client messages; null below one and two gaps."""
    count = flows["gaps"]
    mean = flows["gap_sum"] / np.maximum(count, 1)
    variance = np.maximum(flows["gap_squares"] / np.maximum(count, 1) - mean * mean, 0)
    spread = np.sqrt(variance) / np.where(mean > 0, mean, 1)
    return {
        "src_gap_mean_us": pa.array(np.rint(mean).astype(np.int64), mask=count < 1),
        "src_gap_cv": pa.array(spread, mask=(count < 2) | (mean <= 0)),
    }


def tables_of(flows: FlowSet, *, source: str, sensor: str, first_id: int) -> dict[str, pa.Table]:
    """Every table these flows have rows in."""
    columns = dict(connections(flows, source=source, sensor=sensor, first_id=first_id))
    protocols = protocol_tables(flows, columns)
    return {"connection": conform("connection", columns), **protocols}


def dns_table(rows: list[dict[str, Any]], *, source: str, sensor: str, first_id: int) -> pa.Table:
    """The ``dns`` table of exchanges seen in datagrams; each has the number of its question's packet."""
    numbers = [row["number"] for row in rows]
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0] if name not in ("number", "when")}
    columns |= {
        "event_id": [first_id + number for number in numbers],
        "line": numbers,
        "time": pa.array([row["when"] for row in rows], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "source": [source] * len(rows),
        "sensor": [sensor] * len(rows),
    }
    table = conform("dns", columns)
    ids = community_ids(*(table[name] for name in ("transport", "src_ip", "src_port", "dst_ip", "dst_port")))
    return table.set_column(table.schema.get_field_index("community_id"), "community_id", ids)
