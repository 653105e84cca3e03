"""Hosts that stop writing into logs while others go on: tables come in, rows about silence are added.

Watched is who writes into which log (``host_name`` of the ``logon`` table, by the file it stands in; numbers in file
names are rotation). In a log that several hosts write into, the end of a file is no silence: time passes only while
other hosts of the same log write. Hosts with a file of their own are compared at the end of a run (``silent_files``).
A host has a rhythm when it wrote often enough for long enough; it is silent when it waited three times as long as ever
before, two others or more go on, and they are the majority: if most stop together, the collector is in trouble. Each
silence is one row of the ``host`` table (``kind`` silence), at the place of the last record the host wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kanaria.baseline.silent_files import LEAST_OTHERS, GivenFile, silent_files
from kanaria.core.conversion import made, plain
from kanaria.core.logs import log_of
from kanaria.core.schema import from_rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

HOUR = 3_600_000_000  # microseconds
# A night or a weekend must have been seen before the next one can be told from silence: a host that pauses for hours
# needs a week of history, one that never paused for an hour needs a day.
STEADY_GAP, STEADY_HISTORY, ANY_HISTORY = HOUR, 24 * HOUR, 7 * 24 * HOUR
LEAST_RECORDS = 50
# Judgement: three times the longest pause ever seen is no chance any more; hosts with steady chance between records
# gave no alarm in the tests, at two to six hosts over ten days.
FACTOR, SHORTEST = 3, 2 * HOUR
# Beyond this many hosts in one log the longest silent are forgotten: bounded memory, some 200 bytes each.
MOST_HOSTS = 20_000
COLUMNS = {
    "baseline.silent_hours": pa.float64(),
    "baseline.longest_pause_hours": pa.float64(),
    "baseline.others_writing": pa.int64(),
}


@dataclass
class Host:
    """What is known of one host in one log. Times in microseconds.

    ``shared``: others have written into the same file. The last three say where its last record stands.
    """

    first: int
    last: int = 0
    records: int = 0
    longest: int = 0
    told: bool = False
    shared: bool = False
    event_id: int = 0
    source: str = ""
    line: int = 0

    def hear(self, times: npt.NDArray[np.int64], newest: Mapping[str, Any]) -> None:
        """Sorted times of further records, and where the newest of them stands."""
        import numpy as np

        since = [self.last] if self.records and not self.told else [times[0]]  # a silence is no part of the rhythm
        self.longest = max(self.longest, int(np.diff(np.concatenate([since, times])).max()))
        self.records += len(times)
        self.told = False
        if times[-1] >= self.last:
            self.last = int(times[-1])
            self.event_id, self.source, self.line = newest["event_id"], newest["source"], newest["line"]

    @property
    def patience(self) -> int:
        """How long a pause must be to be called silence."""
        return max(FACTOR * self.longest, SHORTEST)

    @property
    def regular(self) -> bool:
        history = self.last - self.first
        steady = self.longest <= STEADY_GAP and history >= STEADY_HISTORY
        return self.records >= LEAST_RECORDS and (steady or (history >= ANY_HISTORY and 4 * self.longest <= history))


class Silence:
    """Remembers who writes how often; ``kept`` is what ``dump`` of an earlier run gave."""

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        self._logs = made(dict[str, dict[str, Host]], kept or {})

    def dump(self) -> dict[str, Any]:
        """What is known, as JSON values."""
        kept: dict[str, Any] = plain(self._logs)
        return kept

    def watch(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The tables of a slice, with rows of ``host`` for hosts that turned out to be silent by its end."""
        logon = tables.get("logon")
        if logon is None or not len(logon):
            return dict(tables)
        heard = self._hear(logon)
        rows = [row for log in sorted(heard) for row in self._silent(self._logs[log])]
        if not rows:
            return dict(tables)
        parts = [tables["host"]] if "host" in tables else []
        return {**tables, "host": pa.concat_tables([*parts, _table(rows)], promote_options="permissive")}

    def at_the_end(self, files: Mapping[str, GivenFile]) -> pa.Table | None:
        """Rows of ``host`` for hosts whose own files ended while those of others go on; ``files`` by path."""
        rows = []
        for name, host, pause, others in silent_files(self._logs, files):
            host.told = True
            rows.append(_row(name, host, pause, others))
        return _table(rows) if rows else None

    def _hear(self, logon: pa.Table) -> set[str]:
        """Take in the records in order of time; the logs they stood in."""
        import numpy as np

        known = logon.select(["time", "source", "host_name", "event_id", "line"])
        known = known.filter(known["time"].is_valid()).drop_null()
        logs: set[str] = set()
        groups = list(_groups(known))
        writers = Counter(source for source, _, _ in groups)
        for source, host, part in groups:
            log = log_of(source)
            logs.add(log)
            times = part["time"].cast(pa.int64()).to_numpy()
            newest = int(np.argmax(times))
            row = {name: part[name][newest].as_py() for name in ("event_id", "source", "line")}
            heard = self._logs.setdefault(log, {}).setdefault(host, Host(first=int(times.min())))
            heard.hear(np.sort(times), row)
            heard.shared = heard.shared or writers[source] > 1
        for log in logs:
            _forget(self._logs[log])
        return logs

    def _silent(self, known: dict[str, Host]) -> Iterator[dict[str, object]]:
        hosts = {name: host for name, host in known.items() if host.shared}
        if not hosts:
            return
        now = max(host.last for host in hosts.values())
        regular = [host for host in hosts.values() if host.regular]
        for name, host in hosts.items():
            pause = now - host.last
            if host.told or not host.regular or pause <= host.patience:
                continue
            others = sum(other.last > host.last and now - other.last <= other.patience for other in regular)
            if others < LEAST_OTHERS or 2 * others <= len(regular) - 1:
                continue
            host.told = True
            yield _row(name, host, pause, others)


def _groups(known: pa.Table) -> Iterator[tuple[str, str, pa.Table]]:
    """The rows of every host in every file: a few hosts, however many rows."""
    import pyarrow.compute as pc

    pairs = known.group_by(["source", "host_name"]).aggregate([]).to_pylist()
    for pair in pairs:
        both = pc.and_(pc.equal(known["source"], pair["source"]), pc.equal(known["host_name"], pair["host_name"]))
        yield pair["source"], pair["host_name"], known.filter(both)


def _forget(hosts: dict[str, Host]) -> None:
    if len(hosts) > MOST_HOSTS:
        for name in sorted(hosts, key=lambda name: hosts[name].last)[: len(hosts) - MOST_HOSTS]:
            del hosts[name]


def _row(name: str, host: Host, pause: int, others: int) -> dict[str, object]:
    return {
        "event_id": host.event_id, "time": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=host.last),
        "source": host.source, "line": host.line, "device": name, "kind": "silence",
        "baseline.silent_hours": pause / HOUR, "baseline.longest_pause_hours": host.longest / HOUR,
        "baseline.others_writing": others,
    }  # fmt: skip


def _table(rows: list[dict[str, object]]) -> pa.Table:
    plain = from_rows("host", [{key: value for key, value in row.items() if key not in COLUMNS} for row in rows])
    for name, type_ in COLUMNS.items():
        plain = plain.append_column(name, pa.array([row[name] for row in rows], type_))
    return plain
