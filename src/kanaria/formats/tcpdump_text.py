"""What ``tcpdump`` prints (``-n``, ``-A``, ``-X``, ``-xx``, ``-v``), as people paste it: lines in, ``connection`` out.

A packet is a line with its ends, and below it perhaps its bytes as text or in hexadecimal. Packets of one flow are one
row, with the first payload of each side, which says whether a miner spoke. Who began is who sent SYN alone; without
one, the end with the higher port. Names in place of addresses (without ``-n``) are kept: of the server as ``sni``, of
the client as ``device``. A clock without a date gives rows without a time.
"""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import field
from datetime import datetime

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.text import decimal
from kanaria.core.types import Batch
from kanaria.core.values import dataclass
from kanaria.formats.logons.emit import Taken, address, batches
from kanaria.formats.logons.text_input import open_text
from kanaria.formats.mapped.clock import Clock
from kanaria.formats.tcpdump_payload import printed_length, rest_of_payload
from kanaria.formats.text_log import Row, first_lines

_CLAIM = 0.96
_FLOWS = 100_000
"""Flows kept at a time, 100 MB at most; then they are told of, and what follows of them is a flow of its own."""
_MISSES = 100
"""Packets whose printed bytes do not come out, before nobody looks any more: the capture holds beginnings only."""
_FIRST = 4096
"""Bytes of a side's payload that are kept: a login and its answer with the first job are 2 kB."""
_HEADERS = 120
"""Bytes of an IP and a TCP header at most: what stands in front of the payload in the printed text."""
_TIME = r"(?:(?P<time>(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{1,9}|\d{9,10}\.\d{1,9})\s+)?"
_INTERFACE = r"(?:[\w.@-]{1,20}\s+(?:In|Out|B|M|P)\s+)?"
_END = r"(?P<{0}>[0-9A-Za-z_.:-]{{2,253}}?)\.(?P<{0}_port>\d{{1,5}}|[a-z][a-z0-9-]{{1,20}})"
_LINK = (
    r"(?:(?:ifindex \d{1,6} )?[0-9a-f:]{17} (?:> [0-9a-f:]{17}, )?.{0,160}?ethertype IPv[46] \(0x[0-9a-f]{4}\), "
    r"(?:length \d{1,6}: )?|IP6? )"
)
"""The link header that ``-e`` prints, perhaps with tags, which ends with the kind of packet; or the kind alone."""
_PACKET = late_regex(
    r"^" + _TIME + _INTERFACE + _LINK + r"?(?:\(.{0,200}\))?\s*"
    + _END.format("src") + " > " + _END.format("dst")
    + r": (?:Flags \[(?P<flags>[^\]]*)\]|(?P<udp>UDP)).*?\blength:? (?P<length>\d{1,6})"
)  # fmt: skip
_HEAD = late_regex(r"^" + _TIME + _INTERFACE + _LINK + r"\(")
"""The first of the two lines that ``-v`` prints of a packet."""
_HEX = late_regex(r"^\s*0x[0-9a-f]{4}:\s+((?:(?:[0-9a-f]{2}){1,2} ?){1,8})(?:\s|$)")
_OTHER = late_regex(
    r"^(?:tcpdump: |listening on |\d+ packets? (?:captured|received|dropped)|reading from file|dropped privs|\s*$)|^"
    + _TIME.replace("?P<time>", "?:") + _INTERFACE + r"(?:ARP|IP6?|STP|LLDP|IGMP|ethertype|[0-9a-f:]{17} >)(?!\w)"
)  # fmt: skip
"""What tcpdump prints beside flows of TCP and UDP."""
_STAMPED = late_regex(r"^(?:(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d|\d{9,10}\.\d)")
"""How a line begins that is of another packet, so that neither it nor what follows is payload of the one before."""


@dataclass(slots=True)
class _Packet:
    """One packet: its ends, and what is printed below it."""

    time: datetime | None
    src: tuple[str, str]
    dst: tuple[str, str]
    flags: str | None
    length: int
    line: str
    quoted: bool
    text: list[str] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)

    def wants(self, line: str) -> bool:
        """Whether a line below it may still be its payload."""
        if not self.text and _HEX.match(line):
            return True
        return not self.data and self.length > 0 and sum(map(len, self.text)) < self.length + _HEADERS

    def add(self, line: str) -> None:
        found = None if self.text else _HEX.match(line)  # a payload printed as text may hold such lines
        if found:
            self.data += bytes.fromhex(found[1].replace(" ", ""))
        else:
            self.text.append(line)

    def rest(self, ahead: Iterable[str]) -> int:
        """How many of the lines ahead, of which the first looks like another packet's, are its payload all the same."""
        if self.data or not self.text:
            return 0
        whole = printed_length(self.line, self.text[0], self.length, tcp=self.flags is not None)
        return 0 if whole is None else rest_of_payload(self.text, ahead, whole, _is_new)

    def is_short(self) -> bool:
        """Whether less was printed than its length says."""
        return bool(self.text) and sum(map(len, self.text)) + len(self.text) < self.length

    def payload(self) -> bytes:
        """Its payload: the last bytes of what is printed. A paste that lost bytes is read from a brace on."""
        if self.data:
            return _behind_headers(bytes(self.data), self.flags is not None)[: self.length]
        whole = "\n".join(self.text)
        begin = whole.find("{")
        if begin >= 0:
            return whole[begin : begin + self.length].encode()
        return whole[-self.length :].encode() if self.length and len(whole) > self.length else b""


def _behind_headers(data: bytes, tcp: bool) -> bytes:
    """What follows the headers of IP and TCP or UDP; a link header (``-XX``) is taken off."""
    if data[12:14] in (b"\x08\x00", b"\x86\xdd") and data[14:15] and data[14] >> 4 in (4, 6):
        data = data[14:]
    if not data or data[0] >> 4 not in (4, 6):
        return b""
    begin = 40 if data[0] >> 4 == 6 else (data[0] & 15) * 4
    if tcp and len(data) <= begin + 12:
        return b""  # cut before the length of its header
    offset = (data[begin + 12] >> 4) * 4 if tcp else 8
    return data[begin + offset :]


@dataclass(slots=True)
class _Flow:
    """One flow: ``begun`` is the end that opened it."""

    begun: tuple[str, str]
    met: tuple[str, str]
    transport: str
    first: datetime | None
    last: datetime | None
    flags: dict[bool, str] = field(default_factory=lambda: {True: "", False: ""})
    packets: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    payload: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    said: dict[bool, bytes] = field(default_factory=lambda: {True: b"", False: b""})

    def add(self, packet: _Packet) -> None:
        """``True`` is the side that began."""
        side = packet.src == self.begun
        self.packets[side] += 1
        self.payload[side] += packet.length
        self.flags[side] += packet.flags or ""
        self.last = packet.time or self.last
        if len(self.said[side]) < _FIRST:
            self.said[side] = (self.said[side] + packet.payload())[:_FIRST]

    def row(self) -> Row:
        client, server = address(self.begun[0]), address(self.met[0])
        lasted = round((self.last - self.first).total_seconds() * 1e6) if self.first and self.last else None
        said: Row = {
            "time": self.first, "transport": self.transport,
            "duration_us": None if lasted is None else max(lasted, 0),
            "src_ip": client, "dst_ip": server, "src_port": _port(self.begun[1]), "dst_port": _port(self.met[1]),
            "sni": None if server else self.met[0], "device": self._named(client, server),
            "src_packets": self.packets[True], "dst_packets": self.packets[False],
            "src_payload": self.payload[True], "dst_payload": self.payload[False],
            "src_first": self.said[True] or None, "dst_first": self.said[False] or None,
            "state": self._state(), "open": not any(flag in both for both in self.flags.values() for flag in "FR"),
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def _named(self, client: str | None, server: str | None) -> str | None:
        """The client by its name, or one of a private address whose server has but a name; else addresses decide."""
        if client is None:
            return self.begun[0]
        parsed = parse_address(client)
        return client if server is None and parsed is not None and parsed.is_private else None

    def _state(self) -> str | None:
        """Zeek's word, where the packets shown allow one."""
        if self.transport != "tcp" or "S" not in self.flags[True]:
            return None
        if not self.packets[False]:
            return "S0"
        return "REJ" if "R" in self.flags[False] and "S" not in self.flags[False] else None


# Names that tcpdump puts for ports (services(5)) where a server behind them matters here.
_SERVICES = {
    "http": 80,
    "https": 443,
    "ssh": 22,
    "domain": 53,
    "http-alt": 8080,
    "ms-wbt-server": 3389,
    "microsoft-ds": 445,
}


def _port(text: str) -> int | None:
    number = _SERVICES.get(text, decimal(text, 5))
    return number if number is not None and number < 65_536 else None


class TcpdumpText:
    """Packets as tcpdump prints them."""

    name = "tcpdump-text"
    title = "Printed output of tcpdump (-n, -A, -X)"
    example = (
        "09:00:00.123456 IP 192.0.2.7.50000 > 203.0.113.50.3333: Flags [P.], seq 1:250, ack 1, win 502, length 249"
    )
    tables: tuple[str, ...] = ("connection",)

    def sniff(self, head: bytes, name: str) -> float:
        if b" > " not in head or (b"Flags [" not in head and b"UDP" not in head):
            return 0.0
        lines = [line for line in first_lines(head) if line.strip()]
        packets = sum(_PACKET.match(line) is not None for line in lines)
        own = sum(bool(_PACKET.match(line) or _HEX.match(line) or _OTHER.match(line)) for line in lines)
        return _CLAIM if packets and (packets > 1 or 2 * own >= len(lines)) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        clock = Clock(context)
        with open_text(stream) as handle:
            yield from batches(_records(handle, clock), stream, context, name=self.name, sensor="tcpdump")


class _Lines:
    """The lines of an input; those ahead may be looked at."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._seen = lines, deque[str]()

    def __iter__(self) -> Iterator[str]:
        while (line := self._next()) is not None:
            yield line

    def ahead(self, *, quoted: bool) -> Iterator[str]:
        """Those that come, without being taken."""
        for place in itertools.count():
            while place >= len(self._seen):
                raw = next(self._lines, None)
                if raw is None:
                    return
                self._seen.append(raw.rstrip("\r\n"))
            yield _unquoted(self._seen[place], quoted=quoted)

    def skip(self, count: int) -> Iterator[str]:
        """So many lines are taken."""
        return itertools.islice(iter(self), count)

    def _next(self) -> str | None:
        if self._seen:
            return self._seen.popleft()
        raw = next(self._lines, None)
        return None if raw is None else raw.rstrip("\r\n")


def _unquoted(line: str, *, quoted: bool) -> str:
    return line.removeprefix("> ") if quoted else line


def _is_new(line: str) -> bool:
    """Whether a line looks like something else than payload."""
    return any(pattern.match(line) for pattern in (_PACKET, _HEAD, _STAMPED, _OTHER))


def _records(given: Iterator[str], clock: Clock) -> Iterator[list[Taken] | tuple[str, bytes]]:
    """As many records as packets, of which each flow takes one. Other lines are left to be searched."""
    flows: dict[tuple[object, ...], _Flow] = {}
    packet: _Packet | None = None
    packets = missed = 0
    lines = _Lines(given)
    said: str | None = None
    for raw in lines:
        if packet is not None and missed < _MISSES and _is_new(line := _unquoted(raw, quoted=packet.quoted)):
            rest = packet.rest(itertools.chain([line], lines.ahead(quoted=packet.quoted)))
            missed += not rest and packet.is_short()
            if rest:
                packet.text += [line, *(_unquoted(one, quoted=packet.quoted) for one in lines.skip(rest - 1))]
                continue
        line = _unquoted(raw, quoted=True)
        head, found = _HEAD.match(line), _PACKET.match(line)
        said = head["time"] if head and not found else said
        if found is not None:
            if packet is not None:
                _take(packet, flows)
            packet, packets = _packet(found, raw, said, clock), packets + 1
            said = None
            if len(flows) >= _FLOWS:
                yield from _rows(flows, packets - 1)
                packets = 1
            continue
        if packet is not None and _STAMPED.match(line):
            _take(packet, flows)
            packet = None
        if packet is not None and packet.wants(line):
            packet.add(_unquoted(raw, quoted=packet.quoted))
        elif not _OTHER.match(line):
            yield "", line.encode("utf-8", "backslashreplace")
    if packet is not None:
        _take(packet, flows)
    yield from _rows(flows, packets)


def _packet(found: re.Match[str], raw: str, said: str | None, clock: Clock) -> _Packet:
    time = found["time"] or said
    return _Packet(
        time=clock.when(time) if time and (" " in time or ":" not in time) else None,
        src=(found["src"], found["src_port"]), dst=(found["dst"], found["dst_port"]),
        flags=found["flags"], length=int(found["length"]), line=raw, quoted=raw.startswith("> "),
    )  # fmt: skip


def _take(packet: _Packet, flows: dict[tuple[object, ...], _Flow]) -> None:
    transport = "udp" if packet.flags is None else "tcp"
    key = (transport, *sorted((packet.src, packet.dst)))
    flow = flows.get(key)
    if flow is None:
        begun, met = (packet.src, packet.dst) if _began(packet) else (packet.dst, packet.src)
        flow = flows[key] = _Flow(begun, met, transport, packet.time, packet.time)
    flow.add(packet)


def _began(packet: _Packet) -> bool:
    """Whether the sender of a flow's first packet is who opened it."""
    if packet.flags is not None and "S" in packet.flags:
        return "." not in packet.flags
    source, target = _port(packet.src[1]), _port(packet.dst[1])
    return source is not None and (target is None or source >= target)


def _rows(flows: dict[tuple[object, ...], _Flow], packets: int) -> Iterator[list[Taken]]:
    """The flows, and for the rest of the packets records without rows."""
    yield from ([("connection", flow.row())] for flow in flows.values())
    yield from ([] for _ in range(packets - len(flows)))
    flows.clear()
