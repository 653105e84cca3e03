"""Flow records as delimited text with a header: nfdump, argus, ipfixprobe and whatever else names its columns sensibly.

Column names are recognised by a list of aliases, in any order and subset. Files with a column for the way back give one
connection per row; files of one-way records are stitched. Times without a zone are of the writer's clock (nfdump,
argus), but for UniRec's, which are UTC; numbers may be seconds, milliseconds or microseconds since 1970 (told apart by
their size).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from kanaria.core import schema
from kanaria.core.distinct import map_distinct
from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.core.zone import LocalTime
from kanaria.formats import columns as cols
from kanaria.formats import flow_state
from kanaria.formats.local_times import local_to_utc
from kanaria.formats.netflow_stitch import RECORD, stitch
from kanaria.formats.spans import Lines, Part, Spans

_ALIASES = {
    "first": "first ts timefirst firstseen starttime stime start datefirstseen flowstart flowstartmilliseconds "
             "flowstarttime timestamp firstswitched time flowstartmicroseconds flowstartseconds starttimestamp "
             "timestampstart",
    "last": "last te timelast lastseen endtime ltime end datelastseen flowend flowendmilliseconds lastswitched "
            "flowendtime flowendmicroseconds flowendseconds endtimestamp timestampend etime",
    "duration": "duration td dur",
    "protocol": "protocol pr pro proto prot protocolidentifier transport ipprotocol ipproto",
    "src_ip": "srcip sa srcaddr sourceip srcipaddr sip saddr sourceipv4address sourceaddress sourceipaddress idorigh "
              "srcaddress ipsrc srchost clientip sourceipv6address src4addr ipv4srcaddr",
    "dst_ip": "dstip da dstaddr destip dstipaddr dip daddr destinationipv4address destinationaddress destinationip "
              "destinationipaddress idresph dstaddress ipdst destaddr serverip destinationipv6address dst4addr "
              "ipv4dstaddr destipaddr",
    "src_port": "srcport sp sport sourceport sourcetransportport idorigp srcpt clientport l4srcport spt",
    "dst_port": "dstport dp dport destport destinationport destinationtransportport idrespp dstpt serverport l4dstport "
                "dpt",
    "bytes": "bytes byt ibyt inbytes octets octetdeltacount srcbytes bytesin doctets bytesfwd sbytes octettotalcount "
             "sourcebytes",
    "packets": "packets pkt ipkt inpackets inpkts pkts packetdeltacount srcpkts srcpackets dpkts packetsfwd spkts "
               "packettotalcount sourcepackets",
    "bytes_rev": "bytesrev obyt outbytes dstbytes bytesout dbytes reverseoctetdeltacount destinationbytes bytesbwd",
    "packets_rev": "packetsrev opkt outpackets outpkts dstpkts dstpackets reversepacketdeltacount destinationpackets "
                   "packetsbwd",
    "bytes_total": "totbytes totalbytes", "packets_total": "totpkts totalpkts totpackets totalpackets",
    "flags": "flags flg tcpflags tcpcontrolbits", "flags_rev": "tcpflagsrev reversetcpcontrolbits",
    "state": "state connstate", "dir": "dir", "service": "service appname application appproto",
    "ppi_lengths": "ppipktlengths", "ppi_directions": "ppipktdirections", "ppi_times": "ppipkttimes",
    "sni": "tlssni sni",
}  # fmt: skip
_CANONICAL = {alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()}
_ZEEK_STATES = {"S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"}
_ARGUS_FLAGS = late_regex(r"^([FSRPAUEC]*)_([FSRPAUEC]*)$")


_UTC = late_regex(rb"\btime TIME_FIRST\b")
"""UniRec's header (ipfixprobe, NEMEA), whose times are UTC."""


class FlowCsv:
    """Flow records with a header line."""

    name = "flow-csv"
    title = "Flow records as CSV with a header (nfdump -o csv, argus, ipfixprobe, …)"
    example = "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,…"
    tables: tuple[str, ...] = ("connection",)

    def sniff(self, head: bytes, name: str) -> float:
        header, _rest = _first_line(head)
        found = set(canonical(header)[1])
        ends = {"src_ip", "dst_ip"} <= found or {"src_port", "dst_port", "bytes_rev"} <= found
        volume = found & {"bytes", "packets", "bytes_total", "packets_total"}
        return 0.85 if ends and volume and "first" in found else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        header: tuple[str, list[str]] | None = None
        ended, zone = False, None
        for chunk in cols.chunks(stream):
            data, first = chunk.data, chunk.first
            if header is None:
                line, rest = _first_line(data)
                first += data.count(b"\n", 0, len(data) - len(rest))
                header, data = canonical(line), rest
                zone = None if _UTC.search(line) else context.zone
            data, ended = (b"", True) if ended else _before_summary(data)
            columns, numbers, part = _connections(data, first, header, zone)
            done = cols.finish("connection", columns, numbers, stream=stream, context=context, sensor="flow")
            rows = len(part.lines) + len(part.rejects)
            yield cols.make_batch(stream, self.name, chunk, {"connection": done}, rows, part.rejects)


def canonical(header: bytes) -> tuple[str, list[str]]:
    """The delimiter of a header line and our name (or "") for each of its columns, repeats left out."""
    text = header.decode("utf-8", "replace").lstrip("\ufeff#").strip("\n")
    delimiter = max(",;\t|", key=text.count)
    if delimiter not in text:  # the header of AWS VPC Flow Logs
        delimiter = " "
    names: list[str] = []
    for cell in text.split(delimiter):
        word = re.sub(r"[^a-z0-9]", "", cell.strip().rsplit(" ", 1)[-1].lower())
        whole = re.sub(r"[^a-z0-9]", "", cell.lower())
        name = _CANONICAL.get(whole) or _CANONICAL.get(word, "")
        names.append(name if name not in names else "")
    return delimiter, names


def _first_line(data: bytes) -> tuple[bytes, bytes]:
    """The first line that is not blank, without its end, and everything after it."""
    start = len(data) - len(data.lstrip())
    line, _newline, rest = data[start:].partition(b"\n")
    return line.rstrip(b"\r"), rest


def _before_summary(data: bytes) -> tuple[bytes, bool]:
    """nfdump ends its CSV with a summary of its own; what comes before it, and whether it came."""
    at = 0 if data.startswith(b"Summary\n") else data.find(b"\nSummary\n") + 1
    if at or data.startswith(b"Summary\n"):
        return data[:at], True
    return data, False


def _connections(
    data: bytes, first: int, header: tuple[str, list[str]], zone: LocalTime | None
) -> tuple[dict[str, Any], Lines, Part]:
    delimiter, names = header
    if not data.strip() or not any(names):
        nothing = Part(pa.table({}), Spans.of(b"", first))
        return {}, nothing.lines, nothing
    types = {name: pa.string() for name in names if name}
    part = cols.read_delimited(Spans.of(data, first), names, types, delimiter=delimiter, nulls=("", "-"), quote='"')
    table = _Table(part.table, zone)
    if {"bytes_total", "flags_rev", "ppi_lengths"} & set(names) or table.any_reverse():
        return _rows(table), part.lines, part
    columns, numbers = stitch(_records(table, part.lines))
    return columns, numbers, part


class _Table:
    """Text columns by our name, with numbers and times read out of them: without a zone, they are of ``zone``."""

    def __init__(self, table: pa.Table, zone: LocalTime | None) -> None:
        self._table, self._zone = table, zone
        self.count = table.num_rows

    def text(self, name: str) -> pa.Array:
        import pyarrow.compute as pc

        if name not in self._table.column_names:
            return pa.nulls(self.count, pa.string())
        return pc.utf8_trim_whitespace(cols.flat(self._table[name]))

    def whole(self, name: str) -> pa.Array:
        """Whole numbers; hexadecimal as argus writes ICMP ports, fractions as others write bytes."""
        return map_distinct(self.text(name), _whole, pa.int64())

    def any_reverse(self) -> bool:
        import pyarrow.compute as pc

        return bool(pc.any(pc.greater(self.whole("bytes_rev"), 0)).as_py())

    def time(self, name: str) -> pa.Array:
        """Epoch microseconds of a time column, however it is written."""
        import pyarrow.compute as pc

        text = pc.replace_substring_regex(self.text(name), r"^(\d{4})/(\d\d)/(\d\d)", r"\1-\2-\3")
        number = cols.lenient(text, pa.float64())
        scale = pc.if_else(pc.greater(number, 1e14), 1e-6, pc.if_else(pc.greater(number, 1e11), 1e-3, 1.0))
        seconds = pc.multiply(number, scale)
        written = cols.iso_to_time(text).cast(pa.int64())
        written = local_to_utc(text, written, self._zone) if self._zone else written
        return pc.coalesce(written, cols.seconds_to_time(seconds).cast(pa.int64()))

    def span(self) -> pa.Array:
        """Duration in microseconds: of its own column, else from first to last."""
        import pyarrow.compute as pc

        seconds = map_distinct(self.text("duration"), _seconds, pa.float64())
        said = cols.seconds_to_us(seconds)
        return pc.coalesce(said, pc.subtract(self.time("last"), self.time("first")))


_CLOCK = late_regex(r"(?:(\d{1,6}) ?d(?:ays?)?,? ?)?(\d{1,9}):(\d\d):(\d\d(?:\.\d+)?)")


def _seconds(text: str) -> float | None:
    """``298.5``, or ``00:04:58.500`` as nfdump 1.7 writes it."""
    if found := _CLOCK.fullmatch(text):
        days, hours, minutes = (int(found[part] or 0) for part in (1, 2, 3))
        return 86_400.0 * days + 3_600.0 * hours + 60.0 * minutes + float(found[4])
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < 1e12 else None


def _whole(text: str) -> int | None:
    try:
        number = int(text, 16) if text[:2].lower() == "0x" else int(float(text)) if "." in text else int(text)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < 2**62 else None


def protocol_number(text: str) -> int | None:
    """``TCP``, ``6`` or ``ICMP6`` as the IANA number."""
    lowered = text.lower()
    numbers = {name: number for number, name in flow_state.PROTOCOL_NAMES.items()}
    numbers |= {"icmpv6": 58, "ipv6-icmp": 58, "ipv6icmp": 58}
    return numbers.get(lowered, int(lowered) if lowered.isascii() and lowered.isdigit() and len(lowered) < 4 else None)


def _records(t: _Table, lines: Lines) -> pa.Table:
    import pyarrow.compute as pc

    first = t.time("first")
    last = pc.coalesce(pc.add(first, t.span()), first)
    flags = map_distinct(t.text("flags"), flow_state.parse_flags, pa.int64())
    protocol = map_distinct(t.text("protocol"), protocol_number, pa.int64())
    values = [first, last, protocol, t.text("src_ip"), t.whole("src_port"), t.text("dst_ip"), t.whole("dst_port"),
              t.whole("bytes"), t.whole("packets"), flags, pa.array(lines)]  # fmt: skip
    return pa.table(dict(zip(RECORD.names, values, strict=True)), schema=RECORD)


def _rows(t: _Table) -> dict[str, Any]:
    """Rows that already hold both directions."""
    import pyarrow.compute as pc

    protocol = map_distinct(t.text("protocol"), protocol_number, pa.int64())
    names = map_distinct(t.text("protocol"), _protocol_name, pa.string())
    src_bytes, dst_bytes = t.whole("bytes"), t.whole("bytes_rev")
    src_packets, dst_packets = t.whole("packets"), t.whole("packets_rev")
    dst_bytes = pc.coalesce(dst_bytes, pc.subtract(t.whole("bytes_total"), src_bytes))
    dst_packets = pc.coalesce(dst_packets, pc.subtract(t.whole("packets_total"), src_packets))
    columns = {
        "time": t.time("first").cast(schema.TIME), "transport": names, "duration_us": t.span(),
        "src_ip": t.text("src_ip"), "dst_ip": t.text("dst_ip"), "src_port": _port(t.whole("src_port")),
        "dst_port": _port(t.whole("dst_port")), "src_bytes": src_bytes, "dst_bytes": dst_bytes,
        "src_packets": src_packets, "dst_packets": dst_packets, "service": pc.utf8_lower(t.text("service")),
        "sni": pc.utf8_lower(t.text("sni")), "state": _state(t, protocol, src_packets, dst_packets),
        "open": pa.array(np.zeros(t.count, np.bool_)),
    }  # fmt: skip
    if pc.any(pc.is_valid(t.text("ppi_lengths"))).as_py():
        columns |= _messages(t)
    return _turn(columns, pc.fill_null(pc.match_substring_regex(t.text("dir"), r"^<\??-?$"), False))


def _port(ports: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.if_else(pc.less_equal(ports, 0xFFFF), ports, pa.scalar(None, pa.int64()))


def _protocol_name(text: str) -> str:
    number = protocol_number(text)
    return text.lower() if number is None else flow_state.PROTOCOL_NAMES.get(number, str(number))


def _state(t: _Table, protocol: pa.Array, src_packets: pa.Array, dst_packets: pa.Array) -> pa.Array:
    """Zeek states as they are; argus flags (``FSPA_FSPA``) and flag columns as the state they amount to."""
    import pyarrow.compute as pc

    said = t.text("state")
    sides = [map_distinct(said, lambda text, side=side: _argus(text, side), pa.int64()) for side in (1, 2)]  # type: ignore[misc]
    own = [map_distinct(t.text(name), flow_state.parse_flags, pa.int64()) for name in ("flags", "flags_rev")]
    flags = [pc.coalesce(a, b) for a, b in zip(own, sides, strict=True)]
    numbers = [column.fill_null(0).to_numpy(zero_copy_only=False) for column in
               (protocol, *flags, src_packets, dst_packets)]  # fmt: skip
    worked_out = flow_state.states(*numbers)
    return pc.if_else(pc.is_in(said, pa.array(sorted(_ZEEK_STATES))), said, worked_out)


def _argus(text: str, side: int) -> int | None:
    found = _ARGUS_FLAGS.match(text)
    return flow_state.parse_flags(found[side]) if found else None


def _turn(columns: dict[str, Any], mask: pa.Array) -> dict[str, Any]:
    """Client and server exchanged where argus says the flow went the other way."""
    import pyarrow.compute as pc

    if not pc.any(mask).as_py():
        return columns
    turned = dict(columns)
    for name in ("ip", "port", "bytes", "packets"):
        one, other = f"src_{name}", f"dst_{name}"
        turned[one] = pc.if_else(mask, columns[other], columns[one])
        turned[other] = pc.if_else(mask, columns[one], columns[other])
    return turned


def _messages(t: _Table) -> dict[str, Any]:
    """ipfixprobe's first packets (``[68|359]``, ``[1|-1]``, times) as our message sequence."""
    texts = [t.text(name).to_pylist() for name in ("ppi_lengths", "ppi_directions", "ppi_times")]
    starts = t.time("first").to_pylist()
    rows = [_sequence(*values) for values in zip(*texts, starts, strict=True)]
    clients = [None if row is None else sum(message["from_client"] for message in row) for row in rows]
    servers = [None if row is None else len(row) - count for row, count in zip(rows, clients, strict=True)]  # type: ignore[operator]
    return {"messages": pa.array(rows, schema.MESSAGES), "src_messages": clients, "dst_messages": servers}


def _sequence(lengths: str | None, directions: str | None, times: str | None, start: int | None) -> list[Any] | None:
    if not lengths or not directions:
        return None
    try:
        sizes = [int(text) for text in lengths.strip("[]").split("|") if text]
        sides = [int(text) for text in directions.strip("[]").split("|") if text]
    except ValueError:
        return None
    clocks = (times or "").strip("[]").split("|")
    whens = cols.iso_to_time(pa.array(clocks)).cast(pa.int64()).to_pylist() if len(clocks) == len(sizes) else []
    whens = [None if when is None or start is None else max(0, when - start) for when in whens] or [None] * len(sizes)
    triples = list(zip(sizes, sides, whens, strict=False))[:200]
    return [{"from_client": side > 0, "length": size, "time": when} for size, side, when in triples if 0 < size < 2**31]
