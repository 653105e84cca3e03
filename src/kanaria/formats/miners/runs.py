"""Lines of mining programs summed up: from messages with host and process to one row of ``miner`` a run.

A run is what one process of one machine (or one container) wrote. A line that others write too counts only in a run
with one that nobody but a miner writes.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

from kanaria.core.values import dataclass
from kanaria.formats.logons.emit import address
from kanaria.formats.miners.phrases import MinerLine, read
from kanaria.formats.text_log import Row

_REMEMBERED = 4096
"""Runs held at once; the one that was silent longest is told first when there are more."""
_FACTS = ("version", "pool", "port", "address", "algorithm", "coin", "wallet")


@dataclass
class _Run:
    row: Row
    program: str = ""
    sure: bool = False
    line: int = 0
    raw: bytes = b""
    since: datetime | None = None
    until: datetime | None = None
    lines: int = 0
    jobs: int = 0
    accepted: int = 0
    rejected: int = 0
    rate: float | None = None
    facts: dict[str, str | int] | None = None
    weight: int = 0
    reported: bool = False


class Runs:
    """Collects; ``unreported`` gives the rows of the runs that have something new."""

    def __init__(self) -> None:
        self._runs: OrderedDict[tuple[object, ...], _Run] = OrderedDict()
        self._evicted: list[_Run] = []

    def take(self, row: Row, message: str, *, container: str | None = None, pid: str | None = None) -> bool:
        """Whether the message is a miner's. ``row`` has line, time and host of the record."""
        phrase = read(message)
        if phrase is None:
            return False
        key = (row.get("host_name"), container, pid)
        run = self._runs.setdefault(key, _Run({**row, "container": container, "pid": _number(pid)}))
        self._runs.move_to_end(key)
        _add(run, row, message, phrase)
        if len(self._runs) > _REMEMBERED:
            self._evicted.append(self._runs.popitem(last=False)[1])
        return True

    def unreported(self) -> list[Row]:
        """One row for every run with lines not reported yet; a run that goes on is reported again with its sums."""
        fresh = [run for run in (*self._evicted, *self._runs.values()) if run.sure and not run.reported]
        self._evicted.clear()
        for run in fresh:
            run.reported = True
        return [_row(run) for run in fresh]


def _number(pid: str | None) -> int | None:
    """The id of a process, or None for what is none."""
    return int(pid) if pid and pid.isascii() and pid.isdecimal() and len(pid) <= 10 else None


def _add(run: _Run, row: Row, message: str, phrase: MinerLine) -> None:
    time = row.get("time")
    if isinstance(time, datetime):
        run.since = min(run.since or time, time)
        run.until = max(run.until or time, time)
    run.reported, run.sure, run.lines = False, run.sure or phrase.sure, run.lines + 1
    if phrase.program and (not run.program or phrase.version):
        run.program = phrase.program
    facts = run.facts if run.facts is not None else {}
    run.facts = facts | {name: value for name in _FACTS if (value := getattr(phrase, name)) is not None}
    run.jobs += phrase.job
    run.accepted = max(run.accepted, phrase.accepted or 0) + (phrase.one and phrase.accepted is None)
    run.rejected = max(run.rejected, phrase.rejected or 0) + (phrase.refused and phrase.rejected is None)
    run.rate = phrase.rate if phrase.rate is not None else run.rate
    weight = 3 if phrase.accepted or phrase.one else 2 if phrase.pool else 1
    if weight > run.weight:
        run.weight, run.line, run.raw = weight, int(str(row["line"])), message.encode("utf-8", "backslashreplace")


def _row(run: _Run) -> Row:
    facts = run.facts or {}
    ip = address(facts.get("address"))
    return {
        **run.row, "line": run.line, "time": run.since, "program": run.program or "mining program",
        "version": facts.get("version"), "pool": facts.get("pool"), "dst_port": facts.get("port"),
        "remote": ip or facts.get("pool"), "direction": "outbound", "algorithm": facts.get("algorithm"),
        "coin": facts.get("coin"), "wallet": facts.get("wallet"), "hash_rate": run.rate, "accepted": run.accepted,
        "rejected": run.rejected, "jobs": run.jobs, "since": run.since, "until": run.until, "lines": run.lines,
        "raw": run.raw,
    }  # fmt: skip
