"""Protocol rows of flows: from ``connection`` columns and first bytes to tls, http, rdp, smb, dns, logon rows.

Only flows whose service is one of those are looked at one by one. A row has the event id of its connection; further
rows of the same connection count up in the bits above the packet number, so that a re-reported flow gives the same ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from kanaria.core.proxies import proxied
from kanaria.core.schema import TABLES
from kanaria.formats.packets import layout as L
from kanaria.formats.packets.flowset import Array, FlowSet
from kanaria.formats.packets.protocols import dns, ftp, http, rdp, smb, ssh, tls

ROW_SHIFT = 32  # ids leave 40 bits for a source: 4 billion packets, and 255 rows of one connection above them
Found = tuple[str, int, dict[str, object]]
"""Table, microseconds since the flow began, columns."""

_SHARED = ("time", "source", "line", "sensor", "src_ip", "src_port", "dst_ip", "dst_port", "community_id")


def protocol_tables(flows: FlowSet, columns: dict[str, Any]) -> dict[str, pa.Table]:
    """Tables of protocol rows; tables without rows are left out. Fills ``columns["sni"]`` for the connection table."""
    import pyarrow.compute as pc

    read = pc.is_in(columns["service"], pa.array(_READERS, pa.string()))
    wanted = np.flatnonzero(read.to_numpy(zero_copy_only=False))
    services = columns["service"].take(pa.array(wanted)).to_pylist()
    rows: dict[str, list[dict[str, object]]] = {}
    names: list[str | None] = [None] * len(read)
    shared = [(name, columns[name].take(pa.array(wanted)).to_pylist()) for name in (*_SHARED, "event_id", "transport")]
    for place, index in enumerate(wanted.tolist()):
        flow = _Flow(flows, index)
        facts = list(_READERS[services[place]](flow))
        names[index] = _destination(flow)
        if facts:
            base = {name: values[place] for name, values in shared}
            names[index] = names[index] or _server_name(facts)
            for number, (table, offset, values) in enumerate(facts):
                rows.setdefault(table, []).append(_row(table, base, number, offset, values))
    columns["sni"] = pa.array(names, pa.string())
    return {name: pa.Table.from_pylist(facts, schema=TABLES[name].arrow) for name, facts in rows.items()}


def _row(
    table: str, base: Mapping[str, Any], number: int, offset: int, values: Mapping[str, object]
) -> dict[str, object]:
    row: dict[str, object] = {name: base[name] for name in _SHARED}
    row["event_id"] = base["event_id"] + (min(number, 255) << ROW_SHIFT)
    row["time"] = base["time"] + timedelta(microseconds=offset)
    if table == "dns":
        row["transport"] = base["transport"]
    return {**row, **values}


def _destination(flow: _Flow) -> str | None:
    """The name that the client asked a proxy for."""
    way = proxied(flow.client, flow.server) if flow.client[:1] in (b"C", b"\4", b"\5") else None
    return way.host if way and any(map(str.isalpha, way.host)) and ":" not in way.host else None


def _server_name(found: list[Found]) -> str | None:
    """The name the client called the server by: TLS server name or HTTP host without its port."""
    for table, _, values in found:
        if table == "tls" and values["sni"]:
            return str(values["sni"])
        if table == "http" and values["host"]:
            host = str(values["host"])
            return host if host.startswith("[") else host.rpartition(":")[0] or host
    return None


class _Flow:
    """One flow of a set."""

    def __init__(self, flows: FlowSet, index: int) -> None:
        self.client, self.server = (side[index].as_py() or b"" for side in flows.first)
        self.record: Any = flows.flows[index]
        span = slice(flows.offsets[index], flows.offsets[index + 1])
        self._lengths, self._times = flows.lengths[span], flows.times[span]

    def messages(self) -> list[tuple[bool, int]]:
        return [(length > 0, abs(length)) for length in self._lengths.tolist()]

    def time_at(self, offset: int) -> int:
        """When the client's message with that stream offset began."""
        own: Array = self._lengths > 0
        if offset == 0:
            return int(self._times[own.argmax()]) if len(own) else 0
        behind = np.cumsum(self._lengths[own])
        place = int(np.searchsorted(behind, offset, side="right"))
        times = self._times[own]
        return int(times[min(place, len(times) - 1)]) if len(times) else 0


def _tls(flow: _Flow) -> Iterator[Found]:
    row = tls.parse(flow.client, flow.server)
    if row:
        yield "tls", flow.time_at(0), row


def _http(flow: _Flow) -> Iterator[Found]:
    for offset, row in http.exchanges(flow.client, flow.server):
        yield "http", flow.time_at(offset), row
    yield from _behind_proxy(flow)


def _behind_proxy(flow: _Flow) -> Iterator[Found]:
    """The TLS handshake with whom a proxy was asked for."""
    way = proxied(flow.client, flow.server)
    inner = tls.parse(flow.client[way.client :], flow.server[way.server :]) if way else None
    if way and inner:
        yield "tls", flow.time_at(way.client), inner


def _rdp(flow: _Flow) -> Iterator[Found]:
    sent = flow.record["sent"]
    ended = bool((sent[0] | sent[1]) & (L.DID_FIN | L.DID_RST))
    row = rdp.parse(flow.client, flow.server, int(flow.record["payload"][1]), flow.messages(), ended=ended)
    if row is None:
        return
    yield "rdp", flow.time_at(0), row
    behind = int.from_bytes(flow.client[2:4], "big")
    answer = int.from_bytes(flow.server[2:4], "big")
    inner = tls.parse(flow.client[behind:], flow.server[answer:])
    if inner:
        yield "tls", flow.time_at(behind), inner


_LOGON_PENDING = "MORE_PROCESSING_REQUIRED"


def _smb(flow: _Flow) -> Iterator[Found]:
    rows = smb.rows(flow.client, flow.server)
    for offset, row in rows:
        yield "smb", flow.time_at(offset), row
    for offset, row in rows:
        if row["action"] == "session_setup" and row["user"] and row["status"] != _LOGON_PENDING:
            status = row["status"]
            yield "logon", flow.time_at(offset), {
                "service": "smb", "user": row["user"], "domain": row["domain"], "client_name": row["client_name"],
                "method": "ntlm", "success": None if status is None else status == "SUCCESS", "reason": status,
                "logon_type": 3,
            }  # fmt: skip


def _ssh(flow: _Flow) -> Iterator[Found]:
    outcome = ssh.infer(flow.client, flow.server, flow.messages())
    if outcome:
        reason = f"inferred from packet sizes, {outcome.attempts} authentication answers"
        yield "logon", 0, {"service": "ssh", "success": outcome.success, "reason": reason}


def _ftp(flow: _Flow) -> Iterator[Found]:
    for offset, row in ftp.attempts(flow.client, flow.server):
        yield "logon", flow.time_at(offset), {"service": "ftp", **row}


def _dns(flow: _Flow) -> Iterator[Found]:
    if flow.record["proto"] == 6:  # datagrams became rows one by one when they were read
        for offset, row in dns.tcp_exchanges(flow.client, flow.server):
            yield "dns", flow.time_at(offset), row


_READERS = {
    "tls": _tls, "http": _http, "websocket": _http, "rdp": _rdp, "smb": _smb, "ssh": _ssh, "ftp": _ftp, "dns": _dns,
    "socks": _behind_proxy,
}  # fmt: skip
