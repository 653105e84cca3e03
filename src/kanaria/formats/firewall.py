"""Packet filter logs into the ``connection`` table: netfilter LOG lines (iptables, nftables, ufw, firewalld), pf's
``filterlog`` (OPNsense, pfSense), and connection tracking (``conntrack -E``, ``conntrack -L``, ``nf_conntrack``).

A LOG line is one packet, usually the first of its flow: it becomes a connection with what that packet shows. Dropped
and rejected ones get the states ``S0`` and ``REJ``. A packet to or from the machine itself says so by the interface
that it lacks, and then that machine is the device, also where all addresses are public ones. Times without a zone are
of the zone told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from kanaria.core.late_regex import late_regex
from kanaria.core.network import ip16, is_global, parse_address
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats.flow_state import PROTOCOL_NAMES
from kanaria.formats.text_log import Row, Years, read_lines, share, without_syslog

_CLAIM = 0.9
_PAIR = late_regex(r"(\w+)=(\S*)")
_STAMP = late_regex(r"^\[\s*\d+\.\d+\]\s*")
_DROPPED = late_regex(r"(?<![a-z])(?:drop|block|deny|denied)", re.IGNORECASE)
_REJECTED = late_regex(r"(?<![a-z])reject", re.IGNORECASE)


def _transport(text: str) -> str:
    lowered = {"icmpv6": "icmp6", "ipv6-icmp": "icmp6"}.get(text.lower(), text.lower())
    return (
        PROTOCOL_NAMES.get(int(lowered), lowered)
        if lowered.isascii() and lowered.isdigit() and len(lowered) < 4
        else lowered
    )


def _number(text: str | None, limit: int = 2**62) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 and int(text) < limit else None


def _ends(line: int, when: datetime | None, src: str, dst: str, transport: str) -> Row | None:
    """The endpoints as a row, or None when one is no address."""
    addresses = parse_address(src), parse_address(dst)
    if None in addresses:
        return None
    kind = "icmp6" if transport == "icmp" and addresses[0] and addresses[0].version == 6 else transport
    return {"line": line, "time": when, "src_ip": str(addresses[0]), "dst_ip": str(addresses[1]), "transport": kind}


class NetfilterLog:
    """Kernel LOG lines, from kern.log, syslog, ufw.log or ``journalctl -k``."""

    name = "netfilter"
    title = "iptables, nftables, ufw or firewalld log lines"
    example = (
        "Jan 10 09:00:00 gw kernel: [UFW BLOCK] IN=eth0 OUT= SRC=198.51.100.7 DST=192.0.2.1 PROTO=TCP SPT=5000 DPT=3389"
    )
    tables: tuple[str, ...] = ("connection",)

    def sniff(self, head: bytes, name: str) -> float:
        if b" SRC=" not in head or b" PROTO=" not in head:
            return 0.0
        fraction = share(head, lambda line: " SRC=" in line and " DST=" in line and " PROTO=" in line)
        return _CLAIM if fraction >= 0.2 else 0.6 if fraction else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        years = Years(context)

        def take(text: str, line: int) -> Row | str | None:
            if " SRC=" not in text or "IN=" not in text:
                return None
            when, _tag, message = without_syslog(text, years)
            return (
                netfilter_row(message, when, line)
                or "expected SRC=, DST= and PROTO= of a netfilter line; it is cut off"
            )

        return read_lines(stream, context, name=self.name, table="connection", sensor="netfilter", take=take)


def netfilter_row(message: str, when: datetime | None, line: int) -> Row | None:
    """One LOG line. The packet an ICMP error quotes (in brackets) is left out; it is another packet."""
    message = _STAMP.sub("", message)
    prefix, _in, rest = message.partition("IN=")
    outer = re.sub(r"\[SRC=.*$", "", "IN=" + rest)
    pairs = {key: value for key, value in reversed(_PAIR.findall(outer))}
    if not {"SRC", "DST", "PROTO"} <= set(pairs):
        return None
    row = _ends(line, when, pairs["SRC"], pairs["DST"], _transport(pairs["PROTO"]))
    if row is None:
        return None
    icmp = str(row["transport"]).startswith("icmp")
    ports = ("TYPE", "CODE") if icmp else ("SPT", "DPT")
    return {
        **row,
        **_own_side(pairs, str(row["src_ip"]), str(row["dst_ip"])),
        "src_port": _number(pairs.get(ports[0]), 65536), "dst_port": _number(pairs.get(ports[1]), 65536),
        "src_bytes": _number(pairs.get("LEN")), "src_packets": 1,
        "state": _state(prefix),
        "open": True,
    }  # fmt: skip


def _own_side(pairs: dict[str, str], src: str, dst: str) -> Row:
    """Direction and ends, where the packet has one interface only: it is for this machine (no ``OUT``) or from it (no
    ``IN``), and the other side is on the Internet. Of what is passed on, and of neighbours, the networks decide."""
    came, left = pairs.get("IN"), pairs.get("OUT")
    if not (is_global(src) and is_global(dst)) or _neighbours(src, dst):
        return {}
    if came and left == "":
        return {"direction": "inbound", "device": dst, "remote": src}
    if left and came == "":
        return {"direction": "outbound", "device": src, "remote": dst}
    return {}


def _neighbours(one: str, other: str) -> bool:
    """Whether both are of one IPv6 network, whose interface identifiers take 64 bits (RFC 4291, 2.5.1)."""
    return ":" in one and ":" in other and (ip16(one) or b"")[:8] == (ip16(other) or b"")[:8]


def _state(said: str) -> str | None:
    """What the log says happened to the packet; of one that was let through nobody knows yet what came of it."""
    if _REJECTED.search(said):
        return "REJ"
    return "S0" if _DROPPED.search(said) else None


class PfFilterLog:
    """``filterlog`` of pf firewalls (OPNsense, pfSense)."""

    name = "filterlog"
    title = "pf filterlog (OPNsense, pfSense)"
    example = "Jan 10 09:00:00 gw filterlog[1]: 4,,,0,igb0,match,block,in,4,0x0,,64,1,0,none,6,tcp,60,198.51.100.7,…"
    tables: tuple[str, ...] = ("connection",)

    def sniff(self, head: bytes, name: str) -> float:
        return _CLAIM if b"filterlog" in head and share(head, lambda line: "filterlog" in line) >= 0.2 else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        years = Years(context)

        def take(text: str, line: int) -> Row | str | None:
            when, tag, message = without_syslog(text, years)
            if "filterlog" not in tag:
                return None
            return (
                filterlog_row(message, when, line) or "expected the comma separated fields of filterlog; it is cut off"
            )

        return read_lines(stream, context, name=self.name, table="connection", sensor="filterlog", take=take)


def filterlog_row(message: str, when: datetime | None, line: int) -> Row | None:
    """Field order is that of pfSense's raw filter log format, IP version 4 and 6."""
    cells = message.split(",")
    if len(cells) < 9 or cells[8] not in ("4", "6"):
        return None
    number, name, length, src, dst = (15, 16, 17, 18, 19) if cells[8] == "4" else (13, 12, 14, 15, 16)
    if len(cells) <= dst:
        return None
    transport = _transport(cells[number]) if cells[number].isdigit() else _transport(cells[name])
    row = _ends(line, when, cells[src], cells[dst], transport)
    if row is None:
        return None
    more = cells[dst + 1 :] + [""] * 5
    ported = transport in ("tcp", "udp")
    return {
        **row,
        "src_port": _number(more[0], 65536) if ported else None,
        "dst_port": _number(more[1], 65536) if ported else None,
        "src_bytes": _number(cells[length]), "src_packets": 1, "open": True,
        "state": _state(cells[6]),
    }  # fmt: skip


_TRACKED = late_regex(r"\bsrc=[0-9a-fA-F.:]+ dst=[0-9a-fA-F.:]+ ")
_TRACK_TIME = late_regex(r"^\s*\[(\d{9,11})\.(\d{1,6})\d*\]")
_EVENT = late_regex(r"\[(NEW|UPDATE|DESTROY)\]")
_KINDS = late_regex(r"\b(tcp|udp|udplite|icmp|icmpv6|sctp|dccp|gre|unknown)\s+(\d{1,3})\b")
_TCP_STATES = {
    "SYN_SENT": "S0", "SYN_RECV": "S1", "ESTABLISHED": "S1", "FIN_WAIT": "S2", "CLOSE_WAIT": "S3", "LAST_ACK": "SF",
    "TIME_WAIT": "SF", "CLOSE": "RSTO",
}  # fmt: skip


class Conntrack:
    """Linux connection tracking: events with time stamps, and listings."""

    name = "conntrack"
    title = "conntrack -E or -L, /proc/net/nf_conntrack"
    example = "[1768035600.123456] [DESTROY] tcp 6 src=192.0.2.10 dst=203.0.113.5 sport=50000 dport=443 …"
    tables: tuple[str, ...] = ("connection",)

    def sniff(self, head: bytes, name: str) -> float:
        fraction = share(head, lambda line: len(_TRACKED.findall(line)) == 2 and _KINDS.search(line))
        return 0.95 if fraction >= 0.3 else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        begun: Begun = {}

        def take(text: str, line: int) -> Row | list[Row] | str | None:
            if "src=" not in text:
                return None
            row = conntrack_row(text, line, begun)
            return "expected src=, dst= and a protocol of a conntrack line; it is cut off" if row is None else row

        return read_lines(
            stream, context, name=self.name, table="connection", sensor="conntrack", take=take,
            ending=lambda: list(begun.values()),
        )  # fmt: skip


Begun = dict[tuple[object, ...], Row]
"""Connections that have begun and not ended yet, by 5-tuple."""


def conntrack_row(text: str, line: int, begun: Begun) -> Row | list[Row] | None:
    """One entry: a row when it ended or is listed, an empty list for an event that is kept in ``begun`` until then.

    None when the line is cut off. An end takes its begin from the event that announced it.
    """
    first, _, second = text.partition("src=")[2].partition("src=")
    kind = _KINDS.search(text.partition("src=")[0])
    there, back = _PAIR.findall("src=" + first), _PAIR.findall("src=" + second)
    one, other = dict(reversed(there)), dict(reversed(back))
    if not kind or "dst" not in one:
        return None
    transport = kind[1] if kind[1] != "unknown" else PROTOCOL_NAMES.get(int(kind[2]), kind[2])
    when = _track_time(text)
    row = _ends(line, when, one["src"], one["dst"], _transport(transport))
    if row is None:
        return None
    event = _EVENT.search(text)
    ports = ("type", "code") if "icmp" in transport else ("sport", "dport")
    row |= {"src_port": _number(one.get(ports[0]), 65536), "dst_port": _number(one.get(ports[1]), 65536)}
    key = tuple(row[name] for name in ("src_ip", "src_port", "dst_ip", "dst_port", "transport"))
    if event and event[1] in ("NEW", "UPDATE"):
        state = _track_state(text, str(row["transport"]), ended=False)
        begun[key] = {**begun.get(key, row), "state": state, "open": True}
        return [begun.pop(next(iter(begun)))] if len(begun) > _REMEMBERED else []
    begin = begun.pop(key, row)["time"]
    return {**row, **_volume(one, other), **_span(row, begin, event is not None, text)}


_REMEMBERED = 200_000
"""Most open connections remembered at a time (about 200 MB); beyond that the oldest are reported as open."""


def _track_time(text: str) -> datetime | None:
    found = _TRACK_TIME.match(text)
    if not found:
        return None
    return datetime.fromtimestamp(int(found[1]), UTC) + timedelta(microseconds=int(found[2].ljust(6, "0")))


def _volume(one: dict[str, str], other: dict[str, str]) -> Row:
    return {
        "src_packets": _number(one.get("packets")), "src_bytes": _number(one.get("bytes")),
        "dst_packets": _number(other.get("packets")), "dst_bytes": _number(other.get("bytes")),
    }  # fmt: skip


def _span(row: Row, begin: object, ended: bool, text: str) -> Row:
    """Begin, duration and state; ``begin`` is a time where one is known."""
    when = row["time"]
    delta = re.search(r"\bdelta-time=(\d{1,12})\b", text)
    if delta and isinstance(when, datetime) and begin in (None, when):
        begin = when - timedelta(seconds=int(delta[1]))
    known = isinstance(when, datetime) and isinstance(begin, datetime) and begin < when
    duration = (when - begin) // timedelta(microseconds=1) if known else None  # type: ignore[operator]
    return {
        "time": begin or when, "duration_us": duration,
        "state": _track_state(text, str(row["transport"]), ended), "open": not ended,
    }  # fmt: skip


def _track_state(text: str, transport: str, ended: bool) -> str:
    if "[UNREPLIED]" in text:
        return "S0"
    said = re.search(r"\b(" + "|".join(_TCP_STATES) + r")\b", text)
    if said:
        return _TCP_STATES[said[1]]
    return "SF" if ended or transport != "tcp" else "OTH"
