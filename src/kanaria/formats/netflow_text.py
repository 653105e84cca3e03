"""What ``nfdump`` prints for people (``-o line``, ``long``, ``extended``, ``biline``, ``bilong``) into connections.

Its header says which columns follow; sizes may be rounded (``1.2 M``), which is the best this output can give. Times
are local to where nfdump ran. Addresses that nfdump shortened (``2001:db..0:10``) are rejected.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.core.zone import LocalTime
from kanaria.formats import columns as cols
from kanaria.formats.flow_state import parse_flags
from kanaria.formats.netflow_csv import protocol_number
from kanaria.formats.netflow_stitch import RECORD, stitch
from kanaria.formats.text_log import iso_time

_HEADER = b"Date first seen"
_FLOW = late_regex(
    r"^(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\s+(?:\S+\s+){0,2}?"
    r"(?:(?P<hours>\d{1,9}):(?P<minutes>\d\d):)?(?P<seconds>\d{1,9}\.\d{1,9})\s+(?P<protocol>\S+)\s+(?P<src>\S+)\s+(?P<way><?->)\s+"
    r"(?P<dst>\S+)\s+(?P<rest>\S.*)$"
)
_SIZE = late_regex(r"(\d+(?:\.\d+)?)(?:\s([KMGT])(?=\s|$))?")
_PORT = late_regex(r"[0-9]{1,5}")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_MOST = 1 << 53  # 9 PB: no flow ever had so much, and a thousand slices of it still fit a 64-bit column
_EXPECTED = "expected a flow as nfdump prints it, with whole addresses (nfdump -6)"
_Record = dict[str, object]


class NfdumpText:
    """nfdump's printed records."""

    name = "nfdump-text"
    title = "nfdump printed output (line, long, extended, biline, bilong)"
    example = "2026-01-10 09:00:00.123 00:00:12.250 TCP 192.0.2.10:50000 -> 203.0.113.5:443 ...AP.SF 0 5 400 1"
    tables: tuple[str, ...] = ("connection",)

    def sniff(self, head: bytes, name: str) -> float:
        line = next((line for line in head.split(b"\n") if line.strip()), b"")
        return 0.95 if line.lstrip(b"\xef\xbb\xbf").startswith(_HEADER) and b"IP Addr" in line else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        header = ""
        for chunk in cols.chunks(stream):
            records: list[_Record] = []
            rejects: list[tuple[int, str, bytes]] = []
            rows = 0
            for number, raw in enumerate(chunk.data.split(b"\n")[:-1], start=chunk.first):
                if raw.startswith(_HEADER):
                    header = raw.decode("utf-8", "replace")
                if not raw[:4].isdigit():
                    continue  # header, summary
                rows += 1
                found = flow_records(raw.decode("utf-8", "replace"), header, number, context.zone)
                records += found
                if not found:
                    rejects.append((number, _EXPECTED, raw))
            columns, lines = stitch(pa.Table.from_pylist(records, schema=RECORD))
            done = cols.finish("connection", columns, lines, stream=stream, context=context, sensor="netflow")
            yield cols.make_batch(stream, self.name, chunk, {"connection": done}, rows, rejects)


def flow_records(text: str, header: str, line: int, zone: LocalTime | None = None) -> list[_Record]:
    """One printed flow as one or, when both directions are printed, two one-way records; none when it is broken."""
    found = _FLOW.match(text)
    when = iso_time(found["when"], zone) if found else None
    ends = [_endpoint(found[side]) for side in ("src", "dst")] if found else []
    if not found or when is None or None in ends:
        return []
    words = found["rest"].split()
    flags = parse_flags(words[0]) if "Flags" in header and words else 0
    rest = " ".join(words[("Flags" in header) + ("Tos" in header) :])
    scaled = [float(size) * _UNITS[unit] for size, unit in _SIZE.findall(rest)]
    both = "Out Pkt" in header
    if len(scaled) < (4 if both else 2) or max(scaled) > _MOST:
        return []
    sizes = [round(size) for size in scaled]
    seconds = int(found["hours"] or 0) * 3600 + int(found["minutes"] or 0) * 60 + float(found["seconds"])
    first = round(when.timestamp() * 1e6)
    (src_ip, src_port), (dst_ip, dst_port) = (end for end in ends if end is not None)
    base: _Record = {
        "first": first, "last": first + round(seconds * 1e6), "protocol": protocol_number(found["protocol"]) or 0,
        "flags": flags, "line": line, "src_ip": src_ip, "src_port": src_port, "dst_ip": dst_ip, "dst_port": dst_port,
    }  # fmt: skip
    if not both:
        return [{**base, "packets": sizes[0], "bytes": sizes[1]}]
    back = {"src_ip": dst_ip, "src_port": dst_port, "dst_ip": src_ip, "dst_port": src_port, "first": first + 1}
    there = {**base, "packets": sizes[0], "bytes": sizes[2]}
    return [there, {**base, **back, "packets": sizes[1], "bytes": sizes[3]}] if sizes[1] else [there]


def _endpoint(text: str) -> tuple[str, int] | None:
    """``192.0.2.1:443``, ``2001:db8::1.443`` (IPv6), ``192.0.2.1:8.0`` (ICMP type and code)."""
    six = text.count(":") > 1
    for address, _mark, port in (text.rpartition("."), text.partition(":")) if six else (text.partition(":"),):
        parsed = parse_address(address)
        kind, _dot, code = port.partition(".")
        if parsed is not None and _PORT.fullmatch(kind) and _PORT.fullmatch(code or "0"):
            return str(parsed), int(kind) * 256 + int(code) if code else int(kind)
    return None
