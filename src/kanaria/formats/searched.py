"""Rows of lines that no reader understood, or passed over, and in which the search found a word.

In: such lines. Out: a row of ``http`` for what a client sent (a mining message, a request, what is written to make a
program that logs it run something), with the client where the line names one, and a row of ``process`` for what this
machine runs: cron's commands, a service's name, a statement of a database; of kind ``text`` for what people only wrote
about. What the words mean is for the rules to say.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

import numpy as np
import pyarrow as pa

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.core.senders import sender
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.text import without_colours
from kanaria.core.zone import LocalTime, Zoneless
from kanaria.formats import prose
from kanaria.formats.carriers.unwrapping import unwrap
from kanaria.formats.host.messages import of_any_program
from kanaria.formats.logons.emit import Taken, tables_of
from kanaria.formats.text_log import iso_time
from kanaria.formats.web import prefix, tables, values
from kanaria.formats.web.careful import inside_row
from kanaria.formats.web.escapes import to_text, unescape
from kanaria.formats.web.values import Row

SENSOR = "text"
LONGEST = 16_384
"""Bytes of a line that are looked at: requests and commands in logs are shorter, what is longer is a dump."""
_NESTING = 3
_REQUEST = late_regex(
    rb"\b((?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|PROPFIND|MOVE) (?!or Host: commands)\S.*?)(?:\"|'|\s*$)",
    re.DOTALL,
)
_ENCODED = late_regex(rb"%[2-7][0-9A-Fa-f]\S*(?:%[2-7][0-9A-Fa-f]|\+)|\?\S+=\S*\+|HTTP/[012]")
_SAYS = late_regex(
    r"(?:\b(?:from|client|rhost)\b[\s:=\"'(\[]{1,3}(?:[\w.-]{0,64}\[)?|^)(?P<address>\d{1,3}(?:\.\d{1,3}){3}(?=:\d)|"
    r"(?<!^)(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{2,40}))"
)
"""Who said what a line tells, where it says so: the words of mail servers, web servers and logons, or an address with a
port in front. What is connected to (``to``, ``peer``, ``host``) is nobody who speaks."""
_EXECUTED = late_regex(
    rb"\bLOG:\s+(?:duration: [\d.]+ ms\s+)?(?:statement|execute [^:]{1,60}):\s+COPY\b.{1,200}?\bFROM PROGRAM\b"
)
"""PostgreSQL's word for a statement that it carried out and that runs a program."""
_REFUSED = late_regex(rb"SECURITY ATTACK detected\. It looks like somebody is sending POST or Host: commands to Redis")
"""Redis' word for a client that spoke HTTP to it; newer versions name the client."""
_CLAIMED = late_regex(
    rb"\b(?:access denied|(?:log[io]n|auth|authentication|password|bind)[ :]{1,2}(?:was )?"
    rb"(?:incorrect|fail|invalid|denied|reject|refuse)"
    rb"|(?:failed|invalid|illegal|unknown|unsuccessful|incorrect|bad|no such) "
    rb"(?:log[io]n|user|password|authentication|bind|community)"
    rb"|snmp\w{0,16}\b.{1,200}\bcommunity\b|bind dn=|[eh][eh]lo\b)",
    re.IGNORECASE | re.DOTALL,
)
"""Words of a service about somebody who gives a name to get in: what follows is whatever that somebody wrote."""
_ENCLOSED = late_regex(
    r"(?:\\n|#012|\\x0a|\\u000a)(?=(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d))"
)
"""A whole line of a log behind an escaped line break: quoted, or put there so as to be taken for one."""
_STAMP = late_regex(
    r"\W{0,3}(\d{10}(?:\.\d{1,6})?(?=\W)"
    r"|\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?\d*(?: ?Z| ?[+-]\d\d:?\d\d)?)"
)
"""The time that nearly every program puts first."""
_CLOCK = late_regex(r"\W{0,3}\d\d:\d\d:\d\d\b|\W{0,3}[A-Z]{4,7}\b")
_INJECTED = late_regex(
    rb"\$\{(?:jndi:|\$\{|(?:lower|upper|env|sys|date|main|java|ctx):\S{0,40}\}|::-)|[%$]\{\s?\(?[#@(]|\(\)\s?\{\s?:;\s?\}|_memberAccess|#context\["
    rb"|@java\.lang\.(?:Runtime|Process)|T\(java\.lang|\$class\.inspect|getRuntime\(\)\.exec|__class__\.__|\{\{.{0,40}(?:constructor|groovy)",
    re.IGNORECASE,
)
"""What nobody writes but to make a program that reads it run something: lookups, OGNL, SpEL, Shellshock, templates."""
_SENT_IN_URL = late_regex(
    rb"(?:\bhttps?://[^\s\"'|/?]+(?:/[^\s\"'?]*)?\?|(?<=[\s\"'|,=:])/[^\s\"'?]*\?(?=[\w.\[\]-]{0,64}[= ]))"
    rb"(?:[^\s\"']*?[=&;|`(])?\s?"
    rb"(?:(?:curl|wget|cd|sh|bash|busybox|tftp|ftpget|nc|python[23]?|perl|php|powershell|certutil|chmod|echo|nohup)\b"
    rb"|(?:/[\w.-]+){1,8}(?:\s|%20|\+)+-)"
    rb"|\bhttps?://[^\s\"'|/?]+/[^\s\"'?]*(?:\$\(|`)",
    re.IGNORECASE,
)
"""A command inside an address that was asked for: in its parameters, or where a shell puts what a command says."""
_ASKS_ITSELF = late_regex(
    rb"\b(?:curl|wget|fetch|aria2c|iwr|irm|invoke-\w+|certutil|bitsadmin|git|(?:ba|da|z)?sh|python[23]?|perl|php|node)\s",
    re.IGNORECASE,
)
"""In front of an address: a program of this machine asks for it, commands in it or not."""
_HOST_MEMBER = late_regex(rb':\s*"((?:[a-z+]{2,12}://)?[\w-]+(?:\.[\w-]+)+(?::\d{1,5})?[./]?)"')


def carried(left: pa.Table) -> pa.Table:
    """The same lines without the JSON that carries them, if any does; what it says of them is put as syslog has it."""
    inside = [unwrap(raw, syslog=True) if raw[:1] in b"{d2" else raw for raw in left["raw"].to_pylist()]
    raw = [old if new is None else new for new, old in zip(inside, left["raw"].to_pylist(), strict=True)]
    return left.set_column(left.schema.get_field_index("raw"), "raw", pa.array(raw, pa.binary()))


def hosts_of_members(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Of each line the members of JSON that are a host or a URL of one without a path, and nothing else: what a record
    says in a field of its own, not what somebody sent."""
    found = [b"\n".join(_HOST_MEMBER.findall(raw[:LONGEST])) for raw in column.to_pylist()]
    return pa.chunked_array([pa.array(found, pa.binary())])


def rows(
    left: pa.Table,
    stream: Stream,
    context: ReadContext,
    *,
    naming: Container[int] = (),
    members: Container[int] = (),
    miners: Container[int] = (),
    quoted: Container[int] = (),
) -> Mapping[str, pa.Table]:
    """Tables of the lines ``left`` (``Batch.unparsed``); ``naming`` are rows that name a pool, ``members`` those of
    JSON in which a member is nothing but that name, ``miners`` those that name a miner and bring nothing, ``quoted``
    those that people wrote."""
    requests: list[tuple[int, bytes, Row]] = []
    commands: list[Taken] = []
    for place, (line, raw) in enumerate(zip(left["line"].to_pylist(), left["raw"].to_pylist(), strict=True)):
        found = _stamped_prefix(prefix_of(raw[:LONGEST], context.year), context.zone)
        written = place in quoted and (found.time is None or prose.quotes(found.line))
        request = None if written else _request(found, raw[:LONGEST])
        plain = place in members or b"{" not in found.line
        named = place in miners or (place in naming and plain)
        if _EXECUTED.search(found.line):
            request = None  # a client is named, and the database says that it did as told
        elif request is None and _claimed(found, raw[:LONGEST]):
            request = _of_nobody(found)
        elif (
            named
            and not _REQUEST.search(found.line)
            and not _INJECTED.search(found.line)
            and not _strangers(found.line, context)
            and _in_url(found.line) is None
            and not _claimed(found, raw[:LONGEST])
        ):
            request = None  # a client is named, and a pool that it asked for, or a program that it runs
        if request is not None:
            row = prefix.complete(request, found)
            if isinstance(row.get("time"), Zoneless):
                row["time"] = context.zone.micros(row["time"])  # type: ignore[arg-type]  # it is one
            requests.append((line, raw, row))
        else:
            commands.append(("process", {**_command(found, context.zone, text=written), "line": line}))
    return dict(_tables(requests, commands, stream, context))


def prefix_of(line: bytes, year: int | None) -> prefix.Prefix:
    """The line without what collectors put before it, and what they said."""
    found = prefix.Prefix(line.strip(b" \t\r\n\0"))
    for _ in range(_NESTING):
        inner = prefix.strip(found.line, year)
        if inner is None or not inner.line:
            break
        known = zip(inner[1:], found[1:], strict=True)
        found = prefix.Prefix(inner.line, *(new if old is None else old for new, old in known))  # type: ignore[arg-type]
    return found


def _strangers(line: bytes, context: ReadContext) -> bool:
    """Whether a line names somebody outside as the one whose words it tells: he may have written the pool's name."""
    found = _SAYS.search(to_text(line))
    return found is not None and parse_address(found["address"]) is not None and not context.home.has(found["address"])


def _claimed(found: prefix.Prefix, raw: bytes) -> bool:
    """Whether a line tells which name a client gave. What a known program says that it does, as cron, is its own deed,
    whatever words are in it."""
    if not _CLAIMED.search(raw):
        return False
    return of_any_program({}, found.program, to_text(found.line)) is None


def _of_nobody(found: prefix.Prefix) -> Row:
    """What a client sent that the line does not name where clients are named."""
    row: Row = {"src_ip": None, "src_port": None}
    values.set_request(row, unescape(found.line))
    return row


def _request(found: prefix.Prefix, raw: bytes) -> Row | None:
    """What a client sent, or None for what no client is named of and no request is written like."""
    line = raw if _INJECTED.search(raw) and not _INJECTED.search(found.line) else found.line
    row = inside_row(line)
    if row is not None:
        return row
    request = _REQUEST.search(line)
    begin, end = request.span(1) if request else _member(line)
    client, port = sender(to_text(line), (begin, end))
    told = _in_url(line) is not None or _ENCODED.search(line) or _REFUSED.search(line) or _logged_injection(found, line)
    if not request and client is None and not told:
        return None
    row = {"src_ip": client, "src_port": port}
    values.set_request(row, unescape(line[begin:end] or line))
    return row


def _in_url(line: bytes) -> re.Match[bytes] | None:
    """The command of a line where it stands in an address that somebody asked for, in whatever layout."""
    found = _SENT_IN_URL.search(line)
    return found if found and _ASKS_ITSELF.search(line, 0, found.start()) is None else None


def _member(line: bytes) -> tuple[int, int]:
    """From where to where a quoted address with a command in it stands: the quotation mark behind it is no shell's.
    Nowhere where the line holds an injection, too, which may stand in another member."""
    found = None if _INJECTED.search(line) else _in_url(line)
    if found is None or line[found.start() - 1 : found.start()] != b'"':
        return 0, 0
    end = line.find(b'"', found.end())
    return found.start(), len(line) if end < 0 else end


def _logged_injection(found: prefix.Prefix, line: bytes) -> bool:
    """Whether a service logged what somebody had sent it to make it run something."""
    logged = found.time is not None or found.program is not None or _CLOCK.match(to_text(line[:64])) is not None
    return logged and _INJECTED.search(line) is not None


def _stamped_prefix(found: prefix.Prefix, zone: LocalTime) -> prefix.Prefix:
    """The prefix with the time that stands first in the line, where no collector put one before it."""
    if found.time is None and (stamp := _STAMP.match(without_colours(to_text(found.line[:128])).strip())):
        return found._replace(time=_stamped(stamp[1], zone))
    return found


def _command(found: prefix.Prefix, zone: LocalTime, *, text: bool) -> Row:
    said = _ENCLOSED.split(without_colours(to_text(found.line)).strip(), maxsplit=1)[0]
    row: Row = {
        "time": values.as_datetime(None if found.time is None else zone.micros(found.time)),
        "device": found.host, "host_name": found.host,
    }  # fmt: skip
    if text:
        return {**row, "kind": "text", "command": said}
    return of_any_program(row, found.program, said) or {
        **row, "kind": "line", "process": found.program, "command": said
    }  # fmt: skip


def _stamped(text: str, zone: LocalTime) -> int | None:
    if "-" not in text and "/" not in text:
        return round(float(text) * 1e6)
    found = iso_time(text.replace("/", "-"), zone)
    return values.datetime_us(found) if found else None


def _tables(
    requests: list[tuple[int, bytes, Row]], commands: list[Taken], stream: Stream, context: ReadContext
) -> Iterator[tuple[str, pa.Table]]:
    if requests:
        columns = tables.from_rows([row for _line, _raw, row in requests], [raw for _line, raw, _row in requests])
        lines = np.array([line for line, _raw, _row in requests], np.int64)
        yield "http", tables.finish(columns, lines, stream.name, context, SENSOR)
    if commands:
        yield from tables_of(commands, stream, context, SENSOR).items()
