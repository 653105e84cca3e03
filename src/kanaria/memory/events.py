"""Rows of what crossed the wire, of this run and of those before it: what questions about the past are asked of.

In: slices as they were linked, each once. Out: rows for ``ask``, whose queries name them as ``{rows}``: the parts that
the store lists (``listed_parts``), those that this run has written, and the newest in memory (``own_rows``). A commit
makes parts of what is new (``keep``, ``keeping_events``), lists them in its transaction, and only then they take the
place of what was in memory (``settle``). Without a store the rows of this run are all there is, in parts of its own
scratch folder where they are many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kanaria.core.arrow_rows import arrow_table
from kanaria.core.limits import EventLimits
from kanaria.core.schema import TABLES, Tables
from kanaria.core.words import Text
from kanaria.memory.keeping_events import Keeping
from kanaria.memory.listed_parts import ASKED, ASKED_LIVE, ListedParts, ends_of, moment
from kanaria.memory.own_rows import LEFT_OUT, OwnRows, RunRows, without
from kanaria.store.events import FOLDER, NO_CHANGES, Changes, EventFiles, Part

if TYPE_CHECKING:
    import duckdb

KINDS = tuple(name for name in TABLES if name != "stratum")
"""Mining messages are in the rows they were found in."""
ROWS_IN_MEMORY, BYTES_IN_MEMORY = 100_000, 32 << 20
"""Of one table; what is more is written to a part."""
_EARLIER = {
    "dns": "SELECT event_id, time, src_ip, dst_ip, query, answers FROM {rows}",
    "tls": "SELECT event_id, time, community_id, sni FROM {rows} ",
}
"""What linking asks of the rows of earlier runs."""
_BETWEEN = f" WHERE time >= $since AND time <= $until ORDER BY time DESC LIMIT {ASKED_LIVE}"
_WANTED = "FROM {rows} SEMI JOIN asked_about USING (event_id) ORDER BY time, event_id"
_SAME = "SELECT event_id FROM {rows} SEMI JOIN asked_about USING (event_id) WHERE time >= $since AND time <= $until"
KEPT = timedelta(days=2)
MOST_ROWS = 1_000_000
"""What a run without a store and without an end remembers of a table: as ``wire.recent``."""


class Events:
    """Everything of one network that may still be asked for. Only who owns the store adds rows."""

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        scratch: Path,
        *,
        folder: Path | None = None,
        listed: Iterable[Part] = (),
        limits: EventLimits = EventLimits(),  # noqa: B008  (frozen)
    ) -> None:
        """``folder`` is the store's, ``listed`` what its database lists."""
        self._engine = engine
        self._scratch = EventFiles(scratch / FOLDER, "lz4")
        self._files = EventFiles(folder / FOLDER) if folder else None
        self._run, self._listed = RunRows(), ListedParts(self._files, listed)
        self._keeping = Keeping(self._files, self._listed, self._run, limits) if self._files else None
        self.size = self._listed.size()
        """How much is kept: files, rows, bytes, and the time of the first row in microseconds since 1970."""
        self.endless = False
        """Whether the run has no end: a question reads less then, and without a store what is old is forgotten."""

    # ---- what comes ------------------------------------------------------------------------------------------------

    def add(
        self,
        tables: Tables,
        fresh: Callable[[pa.Table], pa.Table] | None = None,
        revised: frozenset[int] = frozenset(),
        *,
        doubtful: bool = False,
    ) -> None:
        """Take in a slice. ``fresh`` gives those of a table's rows that no earlier run has had: only these are kept,
        the others stand for what was kept of them as long as this run lasts. Rows that are ``revised`` take the place
        of the kept ones for good. Where it is ``doubtful`` whether a row was read before, the kept rows are asked."""
        for kind in KINDS:
            if kind not in tables or not len(tables[kind]):
                continue
            table = tables[kind]
            rows = table.select([c for c in TABLES[kind].arrow.names if c in table.column_names and c not in LEFT_OUT])
            rows = self._revise(kind, rows, revised)
            new = fresh(rows) if fresh else rows
            new = self._unkept_of(kind, new) if doubtful else new
            self._take(kind, self._run.new[kind], new)
            if len(new) < len(rows):
                self._take(kind, self._run.again[kind], without(rows, new["event_id"]))

    def _unkept_of(self, kind: str, rows: pa.Table) -> pa.Table:
        """Those of the rows that no earlier commit has kept under the same id."""
        since, until = ends_of(rows)
        if since is None or until is None:
            return rows
        kept = self.touched(kind, _SAME, rows.select(["event_id"]), since, until)
        return without(rows, kept["event_id"]) if kept is not None and len(kept) else rows

    def _revise(self, kind: str, rows: pa.Table, revised: frozenset[int]) -> pa.Table:
        """Put those that are revised in the place of what was kept of them; returns the others."""
        import pyarrow.compute as pc

        if not revised:
            return rows
        now = rows.filter(pc.is_in(rows["event_id"], pa.array(sorted(revised), pa.int64())))
        if not len(now):
            return rows
        self._run.revised[kind].add(now)
        self._take(kind, self._run.again[kind], now)
        return without(rows, now["event_id"])

    def drop(self, kind: str, rows: pa.Table) -> None:
        """Rows handed on before, with ``event_id`` and ``time``, are no more: others take their place, or they were
        doubles. The next commit writes the files anew that they are in."""
        if len(rows):
            self._run.drop(kind, rows)

    def _take(self, kind: str, own: OwnRows, rows: pa.Table) -> None:
        if not len(rows):
            return
        own.add(rows)
        if own.rows <= ROWS_IN_MEMORY and own.bytes <= BYTES_IN_MEMORY:
            return
        with suppress(OSError):  # no room: they stay in memory, and a commit will say so
            self._write(kind, own)

    def _write(self, kind: str, own: OwnRows) -> None:
        """Make parts of what is in memory: the store's of what is new, else this run's."""
        files = self._keeping if self._keeping and own is self._run.new[kind] else self._scratch
        own.move_to(files.write(kind, own.rows_together()))
        if self.endless and self._files is None:
            self._scratch.remove(own.forget(KEPT, MOST_ROWS))

    # ---- what is asked ---------------------------------------------------------------------------------------------

    def has(self, kind: str) -> bool:
        """Whether there are rows of this table."""
        return bool(self._listed.of(kind)) or self._run.has(kind)

    def ask(
        self,
        query: str,
        values: Mapping[str, Any] | None = None,
        *,
        of: str,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = -1,
        beside: pa.Table | None = None,
    ) -> list[tuple[Any, ...]]:
        """What a query gives whose ``{rows}`` are those of a table, and which may name the table ``beside`` it
        ``asked_about``.

        Of earlier commits only parts with rows between ``since`` and ``until`` that were listed after the moment
        ``after`` (``now``) are read, and of too many the newest. What cannot be read is left out and named (``notes``).
        """
        parts = self._listed.chosen(of, since, until, after, self._most)
        if beside is not None:
            self._engine.register("asked_about", beside)
        table = self._asked(query, values or {}, of, parts)
        if beside is not None:
            self._engine.unregister("asked_about")
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def earlier(self, kind: str, since: datetime, until: datetime) -> pa.Table | None:
        """Rows of earlier commits between two times, of too many the newest; None where there are none."""
        parts = self._listed.chosen(kind, since, until, most=self._most)
        if not parts:
            return None
        query = _EARLIER[kind] + _BETWEEN
        return self._asked(query, {"since": since, "until": until}, kind, parts, own=False)

    def touched(self, kind: str, query: str, beside: pa.Table, since: datetime, until: datetime) -> pa.Table | None:
        """What a query gives whose ``{rows}`` are those handed on before, by earlier runs (of a run without an end also
        by itself), and which names the table ``beside`` them ``asked_about``, ``$since`` and ``$until``. None where
        there are no rows of that time."""
        parts = self._listed.chosen(kind, since, until, most=self._most)
        own = self.endless and self._run.has(kind)
        if not parts and not own:
            return None
        self._engine.register("asked_about", beside)
        try:
            return self._asked(query, {"since": since, "until": until}, kind, parts, own=own)
        finally:
            self._engine.unregister("asked_about")

    def rows_of(self, event_ids: Iterable[int]) -> Iterator[tuple[str, pa.Table]]:
        """The rows of these records by table, in order of time."""
        self._engine.register("asked_about", pa.table({"event_id": pa.array(sorted(event_ids), pa.int64())}))
        for kind in sorted(KINDS):
            if self.has(kind):
                yield kind, self._asked(_WANTED, {}, kind, self._listed.chosen(kind, None, None, most=self._most))
        self._engine.unregister("asked_about")

    @property
    def _most(self) -> int:
        return ASKED_LIVE if self.endless else ASKED

    def _asked(
        self, query: str, values: Mapping[str, Any], kind: str, parts: list[Part], *, own: bool = True
    ) -> pa.Table:
        """As Arrow: a time with a zone as a Python value would ask for pytz, which is no part of an installation."""
        import duckdb

        while True:
            try:
                asked = query.replace("{rows}", self._rows(kind, parts, own=own))
                return arrow_table(self._engine.execute(asked, values))
            except duckdb.Error:
                lost = self._listed.lose(parts)
                if not lost:
                    raise
                parts = [part for part in parts if part not in lost]

    def span(self, kind: str, *, until: datetime) -> tuple[datetime | None, datetime | None]:
        """Times of the first and the last row that a question about the time until then may see."""
        own = [own for owns in (self._run.new, self._run.again) if (own := owns.get(kind))]
        parts = [
            *self._listed.chosen(kind, None, until, most=self._most),
            *(part for each in own for part in each.parts),
        ]
        times = [(part.begins, part.ends) for part in parts] + [each.span() for each in own if each.rows]
        spans = [(low, high) for low, high in times if low is not None and high is not None]
        if not spans:
            return None, None
        return moment(min(low for low, _ in spans)), moment(max(high for _, high in spans))

    @property
    def now(self) -> int:
        """A moment: what is listed after it is what ``ask(after=…)`` reads."""
        return self._listed.now

    def notes(self) -> list[Text]:
        """What of the store could not be read or kept, in words."""
        return [*self._listed.notes(), *(self._keeping.notes() if self._keeping else ())]

    def _rows(self, kind: str, listed: list[Part], *, own: bool) -> str:
        """The rows as a relation, without those of this run where it is not its ``own`` that are asked for."""
        kept = [self._path(self._files, part) for part in listed] if self._files else []
        if not own and kept:
            return f"(FROM {_read(kept)})"
        new, again = self._run.new[kind], self._run.again[kind]
        self._engine.register(f"events_{kind}", _together(kind, new, again))
        here = [f"FROM events_{kind}"]
        here += [f"FROM {_read([self._path(self._scratch, part) for part in again.parts])}"] if again.parts else []
        older = [*kept, *(self._path(self._files or self._scratch, part) for part in new.parts)]
        if not older:
            return f"({' UNION ALL BY NAME '.join(here)})"
        replaced = self._replaced(kind)
        without = f" ANTI JOIN ({' UNION ALL '.join(replaced)}) USING (event_id)" if replaced else ""
        return f"({' UNION ALL BY NAME '.join([*here, f'(FROM {_read(older)}{without})'])})"

    def _replaced(self, kind: str) -> list[str]:
        """Relations with the ids of rows in files that count no more: this run has others for them, or none."""
        again, relations = self._run.again[kind], []
        if again.rows or again.parts:
            self._engine.register(f"events_again_{kind}", again.table(kind).select(["event_id"]))
            relations.append(f"FROM events_again_{kind}")
        if again.parts:
            paths = [self._path(self._scratch, part) for part in again.parts]
            relations.append(f"FROM (FROM {_read(paths)} SELECT event_id)")
        if self._run.dropped[kind]:
            self._engine.register(f"events_dropped_{kind}", self._run.dropped_ids(kind).select(["event_id"]))
            relations.append(f"FROM events_dropped_{kind}")
        return relations

    @staticmethod
    def _path(files: EventFiles, part: Part) -> str:
        return "'" + str(files.folder / part.file).replace("'", "''") + "'"

    # ---- what is kept ----------------------------------------------------------------------------------------------

    def keep(self, newest: datetime | None) -> Changes:
        """Write what is new to parts and say what the commit's transaction is to change about the list. Raises
        OSError."""
        return self._keeping.changes(newest, endless=self.endless) if self._keeping else NO_CHANGES

    def too_old(self, newest: datetime | None) -> list[Text]:
        """What of this run the next commit will not keep because of its age, in words."""
        return self._keeping.too_old(newest) if self._keeping else []

    def shed(self, missing: float) -> None:
        """So many bytes more must be free on the disk: with the next commit the oldest rows go. None are missing: as
        much is kept as the settings say."""
        if self._keeping:
            self._keeping.shed(missing)

    def settle(self) -> None:
        """What ``keep`` said is committed."""
        if self._keeping is None:
            return
        self._keeping.settle()
        for own in self._run.again.values():
            self._scratch.remove(own.parts)
        self._run.clear()
        self.size = self._listed.size()


def _together(kind: str, *owns: OwnRows) -> pa.Table:
    return pa.concat_tables([own.table(kind) for own in owns])


def _read(paths: Iterable[str]) -> str:
    return f"read_parquet([{', '.join(paths)}], union_by_name => true)"
