"""Query logs of DNS servers into the ``dns`` table: BIND, unbound, dnsmasq (Pi-hole) and the Windows DNS debug log.

The client is ``src``; the server is ours and mostly not named in its own log: then ``dst_ip`` is null, ``dst_port`` 53.
Questions and the lines that answer them are joined. These logs carry local times: they are of the zone told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats.packets.protocols.dns import TYPES
from kanaria.formats.text_log import MONTHS, Row, Years, iso_time, read_lines, share, without_syslog

_CLAIM = 0.9
"""How sure a share of 1 of recognised lines is; a third of the lines is enough, servers log other things between."""


def _sure(fraction: float) -> float:
    return _CLAIM if fraction >= 1 / 3 else fraction * _CLAIM if fraction >= 0.05 else 0.0


def _name(text: str) -> str:
    return text.lower().rstrip(".") or "."


def _kind(text: str) -> str:
    """A type by its name; dnsmasq writes those it has no name for as ``type=65``, others as ``TYPE65`` (RFC 3597)."""
    kind = text.upper()
    number = kind.removeprefix("TYPE").lstrip("=") if kind.startswith("TYPE") else ""
    return TYPES.get(int(number), f"TYPE{number}") if number.isdecimal() and len(number) < 6 else kind


def _question(line: int, when: datetime | None, client: str, name: str, kind: str, **more: object) -> Row | None:
    """A row, or None when the client is no address."""
    address = parse_address(client)
    if address is None:
        return None
    row: Row = {"line": line, "time": when, "src_ip": str(address), "dst_port": 53, "transport": "udp"}
    return {**row, "query": _name(name), "query_type": _kind(kind), **more}


class _Joined:
    """Questions waiting for their answer within a chunk, in order."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._open: dict[object, Row] = {}

    def ask(self, key: object, row: Row) -> None:
        self._rows.append(row)
        self._open[key] = row

    def find(self, key: object) -> Row | None:
        return self._open.get(key)

    def flush(self) -> list[Row]:
        rows, self._rows, self._open = self._rows, [], {}
        return rows


_BIND = late_regex(
    r"client (?:@0x[0-9a-fA-F]+ )?(?P<ip>[0-9a-fA-F.:]+)(?:%\S+)?#(?P<port>\d{1,5})(?:/key \S+)?(?: \([^)]*\))?:"
    r"(?: view \S+:)? query: (?P<name>\S+) (?P<cls>[A-Z0-9]+) (?P<type>[A-Za-z0-9]+) (?P<flags>[-+]\S*)"
    r"(?: \((?P<server>[0-9a-fA-F.:]+)(?:%\S+)?\))?"
)
_BIND_RPZ = late_regex(
    r"client (?:@0x[0-9a-fA-F]+ )?(?P<ip>[0-9a-fA-F.:]+)(?:%\S+)?#(?P<port>\d{1,5})(?: \([^)]*\))?:(?: view \S+:)? "
    r"(?:disabled )?rpz \S+ (?P<policy>\S+) rewrite (?P<name>[^/\s]+)/(?P<type>[A-Z0-9]+)/(?P<cls>[A-Z0-9]+) via"
)
"""A question that a response policy zone answered in its own way; it was asked all the same."""
_BIND_TIME = late_regex(r"^(\d{1,2})-([A-Z][a-z]{2})-(\d{4}) (\d\d:\d\d:\d\d)(\.\d+)?\s")
_ISO_TIME = late_regex(r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\s")


class BindQueryLog:
    """BIND's ``queries`` category, from its own file or syslog."""

    name = "bind"
    title = "BIND query log"
    example = (
        "10-Jan-2026 09:00:00.123 client @0x7f01 192.0.2.10#5353 (example.com): query: example.com IN A + (192.0.2.53)"
    )
    tables: tuple[str, ...] = ("dns",)

    def sniff(self, head: bytes, name: str) -> float:
        told = b" query: " in head or b": rpz " in head
        return _sure(share(head, lambda text: _BIND.search(text) or _BIND_RPZ.search(text))) if told else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        years = Years(context)

        def take(text: str, line: int) -> Row | str | None:
            found = _BIND.search(text)
            if not found and (blocked := _BIND_RPZ.search(text)):
                when, port = _bind_time(text, years), int(blocked["port"])
                rcode = "NXDOMAIN" if blocked["policy"] == "NXDOMAIN" else None
                return _question(line, when, blocked["ip"], blocked["name"], blocked["type"], rcode=rcode,
                                 src_port=port if port < 65536 else None)  # fmt: skip
            if not found:
                return "expected a BIND query line; it looks cut off" if " query: " in text else None
            transport = "tcp" if "T" in found["flags"] else "udp"
            port = int(found["port"])
            when = _bind_time(text, years)
            return _question(
                line, when, found["ip"], found["name"], found["type"], transport=transport,
                src_port=port if port < 65536 else None, dst_ip=found["server"],
            ) or f"expected a client address, got {found['ip']}"  # fmt: skip

        return read_lines(stream, context, name=self.name, table="dns", sensor="bind", take=take, own=_of_bind)


def _of_bind(text: str) -> bool:
    return "named[" in text or _BIND_TIME.match(text) is not None


def _bind_time(text: str, years: Years) -> datetime | None:
    own = _BIND_TIME.match(text)
    if own:
        return years.time(own[2], own[1], own[4], own[5], own[3])
    iso = _ISO_TIME.match(text)
    return iso_time(iso[1], years.zone) if iso else without_syslog(text, years)[0]


_UNBOUND = late_regex(
    r"(?:info: |(?:query|reply): |unbound\[[\d:]+\]: )(?:\[[\d:]+\] )?(?:info: )?(?:(?:query|reply): )?"
    r"(?P<ip>[0-9a-fA-F.:]{2,45}) (?P<name>\S+) (?P<type>[A-Z][A-Z0-9]*) (?P<cls>IN|CH|HS|ANY|CLASS\d+)"
    r"(?: (?P<rcode>[A-Z]+) (?P<took>[\d.]+) (?P<cached>\d) \d+(?:(?: \S{1,64}){1,6})?)?\s*$"
)
"""``log-destaddr`` (1.21) writes behind a reply where the question had come in."""
_EPOCH = late_regex(r"^\[(\d{9,11})(?:\.(\d+))?\]\s")


class UnboundLog:
    """unbound with ``log-queries`` and/or ``log-replies``."""

    name = "unbound"
    title = "unbound query and reply log"
    example = "[1768003200] unbound[123:0] info: 192.0.2.10 example.com. A IN NOERROR 0.012 0 45"
    tables: tuple[str, ...] = ("dns",)

    def sniff(self, head: bytes, name: str) -> float:
        return _sure(share(head, _UNBOUND.search)) if b"unbound" in head or b" info: " in head else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        years, joined = Years(context), _Joined()

        def take(text: str, line: int) -> str | None:
            found = _UNBOUND.search(text)
            if not found:
                return None
            row = _question(line, _unbound_time(text, years), found["ip"], found["name"], found["type"])
            if row is None:
                return f"expected a client address, got {found['ip']}"
            key = row["src_ip"], row["query"], row["query_type"]
            asked = joined.find(key)
            if found["rcode"] and asked is not None and asked.get("rcode") is None:
                asked["rcode"] = found["rcode"]
            else:
                joined.ask(key, {**row, "rcode": found["rcode"]})
            return None

        return read_lines(
            stream, context, name=self.name, table="dns", sensor="unbound", take=take, flush=joined.flush,
            own=lambda text: "unbound" in text or _EPOCH.match(text) is not None or " info: " in text,
        )  # fmt: skip


def _unbound_time(text: str, years: Years) -> datetime | None:
    epoch = _EPOCH.match(text)
    if epoch:
        from datetime import UTC

        return datetime.fromtimestamp(int(epoch[1]), UTC)
    iso = _ISO_TIME.match(text)
    return iso_time(iso[1], years.zone) if iso else without_syslog(text, years)[0]


_DNSMASQ = late_regex(
    r"^(?:(?P<serial>\d+) (?P<who>[0-9a-fA-F.:]+)/(?P<port>\d+) )?"
    r"(?:query\[(?P<type>[A-Za-z0-9=]+)\] (?P<asked>\S+) from (?P<client>[0-9a-fA-F.:]+)"
    r"|(?P<what>reply|cached|config|regex blacklisted|regex denied|exactly blacklisted|exactly denied|gravity blocked|"
    r"special domain|Rate-limiting|\S*hosts\S*|\S*\.list|DHCP) (?P<name>\S+) is (?P<answer>.+?))\s*$"
)
_DNSMASQ_ASKS = late_regex(r"dnsmasq.*\bquery\[")
"""What a question of any frame has: one that cannot be read is told, not taken for another word of the program."""
_RCODES = {
    "NXDOMAIN": "NXDOMAIN",
    "NODATA": "NOERROR",
    "SERVFAIL": "SERVFAIL",
    "REFUSED": "REFUSED",
    "FORMERR": "FORMERR",
}


class DnsmasqLog:
    """dnsmasq with ``log-queries``, which is also Pi-hole's ``pihole.log``."""

    name = "dnsmasq"
    title = "dnsmasq or Pi-hole query log"
    example = "Jan 10 09:00:00 dnsmasq[123]: query[A] example.com from 192.0.2.10"
    tables: tuple[str, ...] = ("dns",)

    def sniff(self, head: bytes, name: str) -> float:
        return _sure(share(head, lambda line: "dnsmasq" in line)) if b"dnsmasq" in head and b"query[" in head else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        years, joined = Years(context), _Joined()
        alias: dict[str, str] = {}

        def take(text: str, line: int) -> str | None:
            when, tag, message = without_syslog(text, years)
            found = _DNSMASQ.match(message) if tag.startswith("dnsmasq") else None
            if not found:
                return "expected a dnsmasq query line; it looks cut off" if _DNSMASQ_ASKS.search(text) else None
            if found["asked"]:
                row = _question(line, when, found["client"], found["asked"], found["type"])
                if row is None:
                    return f"expected a client address, got {found['client']}"
                row["src_port"] = int(found["port"]) if found["port"] and int(found["port"]) < 65536 else None
                joined.ask(found["serial"] or row["query"], row)
                alias.clear()
                return None
            _answer(joined, alias, found)
            return None

        return read_lines(
            stream, context, name=self.name, table="dns", sensor="dnsmasq", take=take, flush=joined.flush,
            own=lambda text: "dnsmasq" in text,
        )  # fmt: skip


def _answer(joined: _Joined, alias: dict[str, str], found: re.Match[str]) -> None:
    """Add what a reply line says to the question it belongs to; names behind a CNAME belong to the name asked for."""
    name = _name(found["name"])
    owner = alias.get("*", name) if joined.find(found["serial"] or name) is None else name
    row = joined.find(found["serial"] or owner)
    if row is None:
        return
    answer = found["answer"]
    if answer == "<CNAME>":
        alias["*"] = owner
        return
    word = answer.split("-")[0].split(" ")[0].upper()
    if word in _RCODES:
        row["rcode"] = _RCODES[word]
        return
    row["rcode"] = row.get("rcode") or "NOERROR"
    answers = row.setdefault("answers", [])
    if isinstance(answers, list) and answer not in answers:
        answers.append(answer)


_WINDOWS = late_regex(
    r"^(?P<date>\d{1,4}[/.-]?\d{1,2}[/.-]?\d{1,4}) (?P<clock>\d{1,2}:\d\d:\d\d)(?: (?P<half>[AaPp]\.?[Mm]\.?))?"
    r"\s+[0-9A-Fa-f]+\s+PACKET\s+[0-9A-Fa-f]+\s+(?P<transport>UDP|TCP)\s+(?P<way>Rcv|Snd)\s+(?P<ip>[0-9a-fA-F.:]+)(?:%\d+)?\s+"
    r"(?P<xid>[0-9a-fA-F]{4})\s+(?P<reply>R)?\s*(?P<op>[QNU?])\s+\[(?P<flags>[^\]]*)\]\s+(?P<type>\S+)\s+"
    r"(?P<name>(?:\(\S*)?\(0\))\s*$"
)


_OF_WINDOWS = late_regex(
    r"\s|(?:UDP|TCP) \w+ info at |DNS |Log file |Message logging |Time:|[^\x00-\x7f]"
    r"|\d{1,4}[/.-]?\d{1,2}[/.-]?\d{1,4} \d{1,2}:\d\d:\d\d(?: [AaPp]\.?[Mm]\.?)?\s+[0-9A-Fa-f]{3,}\s+[A-Z]"
)
"""Its head, which other languages write in their own letters, the details that stand below a packet, other events."""


class WindowsDnsLog:
    """The debug log of the Windows DNS server (packets, with or without details)."""

    name = "windows-dns"
    title = "Windows DNS server debug log"
    example = "1/10/2026 9:00:00 AM 0E44 PACKET 01D3 UDP Rcv 192.0.2.10 0002 Q [0001 D NOERROR] A (7)example(3)com(0)"
    tables: tuple[str, ...] = ("dns",)

    def sniff(self, head: bytes, name: str) -> float:
        if b" PACKET " not in head or b"(0)" not in head:
            return 0.0
        return _sure(max(share(head, _WINDOWS.match), 1 / 3 if b"DNS Server log file creation" in head else 0.0))

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        years, joined = Years(context), _Joined()

        def take(text: str, line: int) -> str | None:
            found = _WINDOWS.match(text)
            if not found or found["op"] != "Q":
                return "expected a DNS packet line; it looks cut off" if not found and " PACKET " in text else None
            name = _labels(found["name"])
            key = found["ip"], found["xid"].lower(), name
            if found["way"] == "Snd" and found["reply"]:
                asked = joined.find(key)
                if asked is not None:
                    asked["rcode"] = found["flags"].split()[-1] if found["flags"].split() else None
                return None
            if found["way"] == "Snd" or found["reply"]:
                return None  # what the server itself asked others, and their answers
            when = _windows_time(found["date"], found["clock"], found["half"], years)
            row = _question(line, when, found["ip"], name, found["type"], transport=found["transport"].lower())
            if row is None:
                return f"expected a client address, got {found['ip']}"
            joined.ask(key, row)
            return None

        return read_lines(
            stream, context, name=self.name, table="dns", sensor="windows-dns", take=take, flush=joined.flush,
            own=lambda text: _OF_WINDOWS.match(text) is not None,
        )  # fmt: skip


def _labels(text: str) -> str:
    """``(3)www(7)example(3)com(0)`` as ``www.example.com``."""
    return ".".join(part for part in re.split(r"\(\d+\)", text) if part) or "."


def _windows_time(date: str, clock: str, half: str | None, years: Years) -> datetime | None:
    """The server writes its locale's short date: with AM/PM month first, year first as such, otherwise day first."""
    if date.isdigit() and len(date) == 8:
        year, month, day = date[:4], date[4:6], date[6:]
    else:
        parts = re.split(r"[/.-]", date)
        if len(parts) != 3:
            return None
        month_first = half is not None and int(parts[0]) <= 12
        year, month, day = (
            parts if len(parts[0]) == 4 else (parts[2], *parts[:2]) if month_first else (parts[2], parts[1], parts[0])
        )
    hour, minute, second = (int(text) for text in clock.split(":"))
    if half:
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    month_name = next((name for name, number in MONTHS.items() if number == int(month)), "")
    return years.time(month_name, day, f"{hour % 24:02}:{minute:02}:{second:02}", None, year)
