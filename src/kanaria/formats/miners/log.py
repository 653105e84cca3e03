"""A mining program's own log: as it stands, or as Docker, Compose, Kubernetes and journald keep it.

From bytes to rows of ``miner``, one a run. What no miner said is searched; what other programs said in
the same log is unread.
"""

from __future__ import annotations

from collections.abc import Iterator

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.core.zone import LocalTime
from kanaria.formats import columns as cols
from kanaria.formats.carriers.messages import of_json
from kanaria.formats.logons.emit import tables_of
from kanaria.formats.logons.windows_event import time_of
from kanaria.formats.miners.phrases import read
from kanaria.formats.miners.runs import Runs
from kanaria.formats.prose import reads_as_prose
from kanaria.formats.text_log import Row, Years, first_lines, is_log_line, iso_time, without_syslog

_CRI = late_regex(
    r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d)) (?:stdout|stderr) [FP] (?P<rest>.*)$"
)
_COMPOSE = late_regex(r"^(?P<name>[\w.-]{1,120}?)(?:@(?P<host>[\w.-]{1,120}))?\s+\| ?(?P<rest>.*)$")
_KUBECTL = late_regex(r"^(?:\[?pod/)?(?P<name>[\w.-]{1,200}/[\w.-]{1,200})\]? (?P<rest>.*)$")
_STERN = late_regex(
    r"^(?:\x1b\[[0-9;]*m)*(?P<name>[a-z0-9][a-z0-9.-]{0,252} [a-z0-9][a-z0-9-]{0,62})"
    r"(?:\x1b\[[0-9;]*m)* (?P<rest>.*)$"
)
_DOCKER_TIME = late_regex(r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z) (?P<rest>.*)$")
_OWN_TIME = late_regex(r"^\s*\[?(?P<day>\d{4}-\d\d-\d\d)[ T](?P<clock>\d\d:\d\d:\d\d)(?P<part>\.\d{1,6})?\]?")
_OWN_COMPACT = late_regex(r"^\s*\[?(?P<stamp>20\d{6} \d\d:\d\d:\d\d)\]?")
_SURE, _SEEN = 0.94, 0.7
_SENTENCE = 8
"""Words of a sentence of prose; miners' hints and warnings have fewer."""

Line = tuple[str, Row, str | None]
"""A miner's message, what its carrier says about it (time, host), and the container."""


def carried(line: str, years: Years) -> Line:
    """The message inside a line; a line of the program itself is its own message."""
    if line.lstrip().startswith("{"):
        entry = of_json(line.lstrip())
        return (entry.text, {"time": entry.time, "host_name": entry.host, "device": entry.host},
                entry.program) if entry else (line, {}, None)  # fmt: skip
    if match := _CRI.match(line) or _DOCKER_TIME.match(line):
        return match["rest"], {"time": time_of(match["time"])}, None
    for pattern in (_COMPOSE, _KUBECTL, _STERN):
        if (match := pattern.match(line)) and read(match["rest"]):
            host = match.groupdict().get("host")
            inner, more, _container = carried(match["rest"], years)
            return inner, {**more, "host_name": host, "device": host}, match["name"].replace(" ", "/")
    time, tag, rest = without_syslog(line, years)
    return (rest, {"time": time}, tag if tag != "-" else None) if tag else (line, {}, None)


def own_time(message: str, zone: LocalTime) -> Row:
    """The time that the program itself wrote, which is that of its machine."""
    if match := _OWN_TIME.match(message):
        return {"time": iso_time(f"{match['day']}T{match['clock']}{(match['part'] or '')}", zone)}
    match = _OWN_COMPACT.match(message)
    if not match:
        return {}
    day, _blank, clock = match["stamp"].partition(" ")
    return {"time": iso_time(f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock}", zone)}


class MinerLog:
    """The log of a mining program."""

    name = "miner-log"
    title = "Own log of a mining program (XMRig, T-Rex, TeamRedMiner, lolMiner, SRBMiner, cgminer, bfgminer, …)"
    example = "[2026-01-10 09:00:31.500]  cpu      accepted (1/0) diff 50000 (54 ms)"
    tables: tuple[str, ...] = ("miner",)

    def sniff(self, head: bytes, name: str) -> float:
        years = Years(ReadContext(year=2000))
        lines = [line for line in first_lines(head, 1000) if line.strip()]
        phrases = [phrase for line in lines if (phrase := read(carried(line, years)[0]))]
        if not any(one.sure for one in phrases):
            return 0.0
        return _SURE if len(phrases) >= 0.05 * len(lines) else _SEEN

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        years, runs = Years(context), Runs()
        miners: set[str | None] = set()
        """Programs and containers that have spoken as miners; what others say in the same log is not theirs."""
        chunk = None
        for chunk in cols.chunks(stream):
            unparsed: list[tuple[int, bytes]] = []
            names: list[str | None] = []
            count = 0
            for number, line in enumerate(chunk.data.split(b"\n")[:-1], start=chunk.first):
                if line.strip():
                    count += 1
                    is_own, name = _take(line.decode("utf-8", "backslashreplace"), number, years, runs)
                    if is_own:
                        miners.add(name)
                    else:
                        unparsed.append((number, line))
                        names.append(name)
            strange = sum(
                name not in miners if name else is_log_line(line) or _is_prose(line)
                for name, (_number, line) in zip(names, unparsed, strict=True)
            )
            rows = [] if stream.size is not None else runs.unreported()
            tables = tables_of([("miner", row) for row in rows], stream, context, "miner")
            yield cols.make_batch(stream, self.name, chunk, tables, count, [], passed_over=strange, unparsed=unparsed)
        if chunk is not None and (rows := runs.unreported()):
            tables = tables_of([("miner", row) for row in rows], stream, context, "miner")
            yield cols.make_batch(stream, self.name, chunk, tables, 0, [])


def _is_prose(line: bytes) -> bool:
    """Whether somebody wrote the line around what a miner did; a miner's own words are shorter or end in no stop."""
    text = line.decode("utf-8", "replace")
    return (len(text.split()) >= _SENTENCE or not text.isascii()) and reads_as_prose(text)


def _take(line: str, number: int, years: Years, runs: Runs) -> tuple[bool, str | None]:
    """Whether the line is a miner's, and the program or container that it is of, where one is named."""
    message, around, container = carried(line, years)
    given = {name: value for name, value in around.items() if value is not None}
    return runs.take(
        {"line": number, **own_time(message, years.zone), **given}, message, container=container
    ), container
