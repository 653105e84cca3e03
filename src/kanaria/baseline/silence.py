"""Hosts that stop writing into logs while others go on: tables come in, rows about silence are added.

Watched is who writes into which log (``host_name`` of the ``logon`` table, by the file it stands in; numbers in file
names are rotation). In a log that several hosts write into, the end of a file is no silence: time passes only while
other hosts of the same log write. Hosts with a file of their own are compared at the end of a run (``silent_files``).
A host has a rhythm when it wrote often enough for long enough; it is silent when it waited three times as long as ever
before, two others or more go on, and they are the majority: if most stop together, the collector is in trouble. Each
silence is one row of the ``host`` table (``kind`` silence), at the place of the last record the host wrote.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from kanaria.baseline.log_writers import HOUR, Host
from kanaria.baseline.silent_files import LEAST_OTHERS, GivenFile, silent_files
from kanaria.core.conversion import made, plain
from kanaria.core.limits import Limits
from kanaria.core.logs import log_of
from kanaria.core.schema import from_rows

COLUMNS = {
    "baseline.silent_hours": pa.float64(),
    "baseline.longest_pause_hours": pa.float64(),
    "baseline.others_writing": pa.int64(),
}


class Silence:
    """Remembers who writes how often, of ``most`` hosts; ``kept`` is what ``dump`` of an earlier run gave."""

    def __init__(self, kept: Mapping[str, Any] | None = None, most: int = Limits.hosts) -> None:
        self._logs = made(dict[str, dict[str, Host]], kept or {})
        self._most = most
        self.forgotten = 0
        """Hosts that were let go of for want of room."""

    def dump(self) -> dict[str, Any]:
        """What is known, as JSON values."""
        kept: dict[str, Any] = plain(self._logs)
        return kept

    def watch(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The tables of a slice, with rows of ``host`` for hosts that turned out to be silent by its end."""
        logon = tables.get("logon")
        if logon is None or not len(logon):
            return dict(tables)
        logs = self._hear(logon)
        rows = [row for log in sorted(logs & self._logs.keys()) for row in self._silent(self._logs[log])]
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

        records = logon.select(["time", "source", "host_name", "event_id", "line"])
        records = records.filter(records["time"].is_valid()).drop_null()
        logs: set[str] = set()
        groups = list(_groups(records))
        writers = Counter(source for source, _, _ in groups)
        for source, host, part in groups:
            log = log_of(source)
            logs.add(log)
            times = part["time"].cast(pa.int64()).to_numpy()
            newest = int(np.argmax(times))
            row = {name: part[name][newest].as_py() for name in ("event_id", "source", "line")}
            writer = self._logs.setdefault(log, {}).setdefault(host, Host(first=int(times.min())))
            writer.hear(np.sort(times), row)
            writer.shared = writer.shared or writers[source] > 1
        self._forget()
        return logs

    def _forget(self) -> None:
        """Let go of too many: first who has no rhythm, then who is silent for longest. Names in logs are written by
        strangers, too, who must not drive out hosts of ours."""
        beyond = sum(map(len, self._logs.values())) - self._most
        if beyond <= 0:
            return
        for _regular, _last, log, name in heapq.nsmallest(beyond, self._by_importance()):
            del self._logs[log][name]
            if not self._logs[log]:
                del self._logs[log]
        self.forgotten += beyond

    def _by_importance(self) -> Iterator[tuple[bool, int, str, str]]:
        for log, hosts in self._logs.items():
            yield from ((host.regular, host.last, log, name) for name, host in hosts.items())

    def _silent(self, named: dict[str, Host]) -> Iterator[dict[str, object]]:
        hosts = {name: host for name, host in named.items() if host.shared}
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


def _groups(records: pa.Table) -> Iterator[tuple[str, str, pa.Table]]:
    """The rows of every host in every file: a few hosts, however many rows."""
    import pyarrow.compute as pc

    pairs = records.group_by(["source", "host_name"]).aggregate([]).to_pylist()
    for pair in pairs:
        both = pc.and_(pc.equal(records["source"], pair["source"]), pc.equal(records["host_name"], pair["host_name"]))
        yield pair["source"], pair["host_name"], records.filter(both)


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
