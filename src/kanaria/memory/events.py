"""Rows of what crossed the wire, of this run and of those before it: what questions about the past are asked of.

In: slices as they were linked, each once. Out: rows for ``ask``, whose queries name them as ``{rows}``: the parts that
the store lists (``store.events``), those that this run has written, and the newest in memory. A commit makes parts of
what is new (``keep``), lists them in its transaction, and only then they take the place of what was in memory
(``settle``). Without a store the rows of this run are all there is, in parts of its own scratch folder where they are
many.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kanaria.core.arrow_rows import arrow_table
from kanaria.core.limits import EventLimits
from kanaria.core.schema import TABLES, TIME, Tables
from kanaria.core.text import printable
from kanaria.core.words import Text
from kanaria.store.events import FOLDER, NO_CHANGES, Changes, EventFiles, Part, parts_of, to_join, too_old

if TYPE_CHECKING:
    import duckdb

KINDS = tuple(name for name in TABLES if name != "stratum")
"""Mining messages are in the rows they were found in."""
_LEFT_OUT = frozenset(
    ("request", "request_body", "response_body", "messages", "pairs", "src_first", "dst_first", "payload")
)
"""Texts and bytes, looked at when they come: nobody asks for them afterwards, and they are most of what there is."""
ROWS_IN_MEMORY, BYTES_IN_MEMORY = 100_000, 32 << 20
"""Of one table; what is more is written to a part."""
ASKED, ASKED_LIVE = 5_000_000, 1_000_000
"""Rows of earlier commits that one question reads at most, the newest first: a million takes 60 ms of processor time
for the columns of a question. A service asks with every incident that changes, a run once."""
_EARLIER = {
    "dns": "SELECT event_id, time, src_ip, dst_ip, query, answers FROM {rows}",
    "tls": "SELECT event_id, time, community_id, sni FROM {rows} ",
}
"""What linking asks of the rows of earlier runs."""
_BETWEEN = f" WHERE time >= $since AND time <= $until ORDER BY time DESC LIMIT {ASKED_LIVE}"
_WANTED = "FROM {rows} SEMI JOIN asked_about USING (event_id) ORDER BY time, event_id"
_UNKEPT = Text(
    en="For want of disk space, rows of connections could not be kept; questions about that time are answered without.",
    ja="ディスクの空きが足りず、接続などの記録を一部保存できませんでした。その期間については、保存できた分だけで判断します。",
)
_TOO_OLD = Text(
    en="{n} records were analysed and are not kept for questions of later runs: they are older than the {days:g} days "
    "up to the newest record that the store knows of (events.days).",
    ja="{n}件の記録は解析しましたが、今後の解析のためには保存しません。ストアにある最も新しい記録から{days:g}日より前の"
    "ものです(events.days)。",
)
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
        self._engine, self._limits = engine, limits
        self._scratch = EventFiles(scratch / FOLDER, "lz4")
        self._files = EventFiles(folder / FOLDER) if folder else None
        self._listed: dict[str, list[Part]] = defaultdict(list)
        self._since: dict[str, int] = {}
        self._now = 0
        self._lost: dict[str, tuple[Part, str]] = {}
        for part in listed:
            self._listed[part.kind].append(part)
            if self._files and (wrong := self._files.whole(part)):
                self._lost[part.file] = part, wrong
        self._new: dict[str, _Own] = defaultdict(_Own)
        self._again: dict[str, _Own] = defaultdict(_Own)
        self._revised: dict[str, _Own] = defaultdict(_Own)
        self._dropped: dict[str, list[pa.Table]] = defaultdict(list)
        self._written_over: list[Part] = []
        self._pending: list[Part] = []
        self._changes, self._swept = NO_CHANGES, False
        self._most, self._unkept = int(limits.megabytes * 1e6), False
        self.size = self._size()
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
            rows = table.select([c for c in TABLES[kind].arrow.names if c in table.column_names and c not in _LEFT_OUT])
            rows = self._revise(kind, rows, revised)
            new = fresh(rows) if fresh else rows
            new = self._unkept_of(kind, new) if doubtful else new
            self._take(kind, self._new[kind], new)
            if len(new) < len(rows):
                self._take(kind, self._again[kind], without(rows, new["event_id"]))

    def _unkept_of(self, kind: str, rows: pa.Table) -> pa.Table:
        """Those of the rows that no earlier commit has kept under the same id."""
        since, until = _ends(rows)
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
        self._revised[kind].add(now)
        self._take(kind, self._again[kind], now)
        return without(rows, now["event_id"])

    def drop(self, kind: str, rows: pa.Table) -> None:
        """Rows handed on before, with ``event_id`` and ``time``, are no more: others take their place, or they were
        doubles. The next commit writes the files anew that they are in."""
        if not len(rows):
            return
        for own in (self._new[kind], self._again[kind], self._revised[kind]):
            own.leave_out(rows["event_id"])
        self._dropped[kind].append(rows.select(["event_id", "time"]))

    def _take(self, kind: str, own: _Own, rows: pa.Table) -> None:
        if not len(rows):
            return
        own.add(rows)
        if own.rows <= ROWS_IN_MEMORY and own.bytes <= BYTES_IN_MEMORY:
            return
        with suppress(OSError):  # no room: they stay in memory, and a commit will say so
            self._write(kind, own)

    def _write(self, kind: str, own: _Own) -> None:
        """Make parts of what is in memory: the store's of what is new, else this run's."""
        if self._files and own is self._new[kind]:
            self._sweep(self._files)
            made = self._files.write(kind, own.rows_together())
            self._pending += made
        else:
            made = self._scratch.write(kind, own.rows_together())
        own.written(made)
        if self.endless and self._files is None:
            self._scratch.remove(own.forget(KEPT, MOST_ROWS))

    def _sweep(self, files: EventFiles) -> None:
        """Once: delete what a run left that was killed."""
        if not self._swept:
            files.sweep(part for parts in self._listed.values() for part in parts)
            self._swept = True

    # ---- what is asked ---------------------------------------------------------------------------------------------

    def has(self, kind: str) -> bool:
        """Whether there are rows of this table."""
        return any(part.file not in self._lost for part in self._listed[kind]) or any(
            own[kind].rows or own[kind].parts for own in (self._new, self._again)
        )

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
        parts = self._chosen(of, since, until, after)
        if beside is not None:
            self._engine.register("asked_about", beside)
        found = self._asked(query, values or {}, of, parts)
        if beside is not None:
            self._engine.unregister("asked_about")
        return list(zip(*(column.to_pylist() for column in found.columns), strict=True))

    def earlier(self, kind: str, since: datetime, until: datetime) -> pa.Table | None:
        """Rows of earlier commits between two times, of too many the newest; None where there are none."""
        parts = self._chosen(kind, since, until, -1)
        if not parts:
            return None
        query = _EARLIER[kind] + _BETWEEN
        return self._asked(query, {"since": since, "until": until}, kind, parts, own=False)

    def touched(self, kind: str, query: str, beside: pa.Table, since: datetime, until: datetime) -> pa.Table | None:
        """What a query gives whose ``{rows}`` are those handed on before, by earlier runs (of a run without an end also
        by itself), and which names the table ``beside`` them ``asked_about``, ``$since`` and ``$until``. None where
        there are no rows of that time."""
        parts = self._chosen(kind, since, until, -1)
        own = self.endless and any(owns[kind].rows or owns[kind].parts for owns in (self._new, self._again))
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
                yield kind, self._asked(_WANTED, {}, kind, self._chosen(kind, None, None, -1))
        self._engine.unregister("asked_about")

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
                lost = self._lose(parts)
                if not lost:
                    raise
                parts = [part for part in parts if part not in lost]

    def span(self, kind: str, *, until: datetime) -> tuple[datetime | None, datetime | None]:
        """Times of the first and the last row that a question about the time until then may see."""
        own = [own for owns in (self._new, self._again) if (own := owns.get(kind))]
        parts = [*self._chosen(kind, None, until, -1), *(part for each in own for part in each.parts)]
        times = [(part.begins, part.ends) for part in parts] + [each.span() for each in own if each.rows]
        known = [(low, high) for low, high in times if low is not None and high is not None]
        if not known:
            return None, None
        return _moment(min(low for low, _ in known)), _moment(max(high for _, high in known))

    @property
    def now(self) -> int:
        """A moment: what is listed after it is what ``ask(after=…)`` reads."""
        return self._now

    def notes(self) -> list[Text]:
        """What of the store could not be read or kept, in words."""
        return [*(_unread(part, wrong) for part, wrong in self._lost.values()), *([_UNKEPT] if self._unkept else ())]

    def _chosen(self, kind: str, since: datetime | None, until: datetime | None, after: int) -> list[Part]:
        low, high = _us(since), _us(until)
        left, chosen = ASKED_LIVE if self.endless else ASKED, list[Part]()
        for part in sorted(self._listed[kind], key=lambda part: (-part.ends, part.file)):
            outside = (low is not None and part.ends < low) or (high is not None and part.begins > high)
            if outside or part.file in self._lost or self._since.get(part.file, 0) <= after:
                continue
            left -= part.records
            if left < 0 and chosen:
                break
            chosen.append(part)
        return chosen

    def _rows(self, kind: str, listed: list[Part], *, own: bool) -> str:
        """The rows as a relation, without those of this run where it is not its ``own`` that are asked for."""
        kept = [self._path(self._files, part) for part in listed] if self._files else []
        if not own and kept:
            return f"(FROM {_read(kept)})"
        new, again = self._new[kind], self._again[kind]
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
        again, found = self._again[kind], []
        if again.rows or again.parts:
            self._engine.register(f"events_again_{kind}", again.table(kind).select(["event_id"]))
            found.append(f"FROM events_again_{kind}")
        if again.parts:
            paths = [self._path(self._scratch, part) for part in again.parts]
            found.append(f"FROM (FROM {_read(paths)} SELECT event_id)")
        if self._dropped[kind]:
            self._engine.register(f"events_dropped_{kind}", self._gone(kind).select(["event_id"]))
            found.append(f"FROM events_dropped_{kind}")
        return found

    def _gone(self, kind: str) -> pa.Table:
        return pa.concat_tables(self._dropped[kind])

    @staticmethod
    def _path(files: EventFiles, part: Part) -> str:
        return "'" + str(files.folder / part.file).replace("'", "''") + "'"

    def _lose(self, parts: Iterable[Part]) -> list[Part]:
        """Those of the parts that cannot be read: they are left out from now on."""
        lost = []
        for part in parts if self._files else ():
            wrong = self._files.whole(part) or self._files.readable(part) if self._files else None
            if wrong:
                self._lost[part.file] = part, wrong
                lost.append(part)
        return lost

    # ---- what is kept ----------------------------------------------------------------------------------------------

    def keep(self, newest: datetime | None) -> Changes:
        """Write what is new to parts and say what the commit's transaction is to change about the list: they come, and
        what is joined, older than the limit by the ``newest`` record, or too much goes. Raises OSError."""
        if self._files is None:
            return NO_CHANGES
        self._sweep(self._files)
        self._files.remove(part for part in self._changes.added if part not in self._pending)  # it was not committed
        self._pending = [part for part in self._pending if part not in self._written_over]
        for kind, own in self._new.items():
            if own.rows and self._most:
                self._kept(kind, own)
        rewritten = self._write_over(self._files)
        listed = [part for parts in self._listed.values() for part in parts if part.file not in self._lost]
        since = _us(newest - timedelta(days=self._limits.days)) if newest else None
        since = since if self._limits.days else sys.maxsize
        gone = set(too_old([*listed, *self._pending], since, self._most))
        gone |= rewritten
        left = [part for part in (*listed, *self._pending) if part not in gone]
        groups = to_join(left)
        made = [self._files.joined(group) for group in groups]
        if self._pending or made:
            self._files.settle()
        dropped = gone.union(*groups)
        self._changes = Changes(
            added=tuple(part for part in (*self._pending, *made) if part not in dropped),
            gone=tuple(part for part in listed if part in dropped),
        )
        return self._changes

    def _write_over(self, files: EventFiles) -> set[Part]:
        """Write parts anew without the rows that are no more, and those that have taken their place. Returns the parts
        that are no more."""
        over, made = set[Part](), list[Part]()
        for kind in [kind for kind, dropped in self._dropped.items() if dropped]:
            rows = self._gone(kind)
            low, high = (_us(end) for end in _ends(rows))
            for part in (*self._listed[kind], *(part for part in self._pending if part.kind == kind)):
                outside = (low is not None and part.ends < low) or (high is not None and part.begins > high)
                if outside or part.file in self._lost or self._lose([part]):
                    continue
                left = files.without(part, rows["event_id"])
                if left is not None:
                    over.add(part)
                    made += left
            revised = self._revised[kind]
            made += files.write(kind, revised.rows_together()) if revised.rows and self._most else []
        self._written_over = made
        self._pending += made
        return over

    def _kept(self, kind: str, own: _Own) -> None:
        try:
            self._write(kind, own)
        except OSError:
            if not self.endless:
                raise
            own.written(())  # a service goes on without them: incidents are worth more
            self._unkept = True

    def too_old(self, newest: datetime | None) -> list[Text]:
        """What of this run the next commit will not keep because of its age, in words."""
        if self._files is None or newest is None or not self._limits.days:
            return []
        since = _us(newest - timedelta(days=self._limits.days)) or 0
        count = sum(own.before(since) for own in self._new.values())
        words = {"n": f"{count:,}", "days": self._limits.days}
        return [Text(en=_TOO_OLD.en.format(**words), ja=_TOO_OLD.ja.format(**words))] if count else []

    def shed(self, missing: float) -> None:
        """So many bytes more must be free on the disk: with the next commit the oldest rows go. None are missing: as
        much is kept as the settings say."""
        most = int(self._limits.megabytes * 1e6)
        self._most = most if missing <= 0 else max(0, min(most, self.size["bytes"] - int(missing)))

    def settle(self) -> None:
        """The changes are committed: what was new is listed, and what is not listed any more is deleted."""
        if self._files is None:
            return
        changes, self._changes = self._changes, NO_CHANGES
        self._now += 1
        for part in changes.gone:
            self._listed[part.kind].remove(part)
        for part in changes.added:
            self._listed[part.kind].append(part)
            self._since[part.file] = self._now
        self._files.remove((*changes.gone, *(part for part in self._pending if part not in changes.added)))
        for own in self._again.values():
            self._scratch.remove(own.parts)
        self._pending, self._written_over = [], []
        for owns in (self._new, self._again, self._revised, self._dropped):
            owns.clear()
        self.size = self._size()

    def _size(self) -> dict[str, Any]:
        parts = [part for parts in self._listed.values() for part in parts]
        return {
            "files": len(parts), "rows": sum(part.records for part in parts),
            "bytes": sum(part.bytes for part in parts), "first": min((part.begins for part in parts), default=None),
        }  # fmt: skip


class _Own:
    """Rows of one table that this run has read: the newest in memory, the others in ``parts``."""

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []
        self.parts: list[Part] = []
        self.rows = self.bytes = 0

    def add(self, rows: pa.Table) -> None:
        """Thousands of small slices become few tables: two that are alike in size are put together."""
        self.rows, self.bytes = self.rows + len(rows), self.bytes + rows.nbytes
        while self._tables and len(self._tables[-1]) <= 2 * len(rows):
            rows = pa.concat_tables([self._tables.pop(), rows], promote_options="default").combine_chunks()
        self._tables.append(rows)

    def leave_out(self, event_ids: pa.ChunkedArray) -> None:
        """Let go of these rows, as far as they are in memory."""
        tables = [without(table, event_ids) for table in self._tables]
        self._tables = [table for table in tables if len(table)]
        self.rows = sum(len(table) for table in self._tables)
        self.bytes = sum(table.nbytes for table in self._tables)

    def table(self, kind: str) -> pa.Table:
        """All that is in memory."""
        columns = [field for field in TABLES[kind].arrow if field.name not in _LEFT_OUT]
        return pa.concat_tables([pa.schema(columns).empty_table(), *self._tables], promote_options="default")

    def span(self) -> tuple[int | None, int | None]:
        """Of the rows in memory, in microseconds since 1970."""
        import pyarrow.compute as pc

        times = pa.chunked_array([chunk for table in self._tables for chunk in table["time"].chunks], TIME)
        ends = pc.min_max(pc.cast(times, pa.int64())).as_py()
        return ends["min"], ends["max"]

    def before(self, since: int) -> int:
        """Rows of whole parts, those that will be made of what is in memory included, that end before this time."""
        written = sum(part.records for part in self.parts if part.ends < since)
        first = self.span()[0] if self.rows else None
        if first is None or first >= since:
            return written
        return written + sum(rows for last, rows in parts_of(self.rows_together()) if last < since)

    def rows_together(self) -> pa.Table:
        return pa.concat_tables(self._tables, promote_options="default")

    def written(self, parts: Iterable[Part]) -> None:
        """What was in memory is in these parts."""
        self.parts += parts
        self._tables, self.rows, self.bytes = [], 0, 0

    def forget(self, age: timedelta, most: int) -> list[Part]:
        """Let go of parts, and return them, that are older than the newest by this much, or of too many rows."""
        ordered = sorted(self.parts, key=lambda part: -part.ends)
        rows, since = 0, ordered[0].ends - age // timedelta(microseconds=1)
        self.parts = []
        for part in ordered:
            rows += part.records
            if part.ends >= since and (rows <= most or not self.parts):
                self.parts.append(part)
        return [part for part in ordered if part not in self.parts]


def _together(kind: str, *owns: _Own) -> pa.Table:
    return pa.concat_tables([own.table(kind) for own in owns])


def without(rows: pa.Table, event_ids: pa.ChunkedArray) -> pa.Table:
    """Those with other ids."""
    import pyarrow.compute as pc

    return rows.filter(pc.invert(pc.is_in(rows["event_id"], event_ids.combine_chunks())))


def _ends(rows: pa.Table) -> tuple[datetime | None, datetime | None]:
    import pyarrow.compute as pc

    ends = pc.min_max(rows["time"]).as_py()
    return ends["min"], ends["max"]


def _read(paths: Iterable[str]) -> str:
    return f"read_parquet([{', '.join(paths)}], union_by_name => true)"


def _us(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1_000_000)


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _unread(part: Part, wrong: str) -> Text:
    named, why, rows = printable(part.file), printable(wrong), f"{part.records:,}"
    return Text(
        en=f"{rows} earlier records cannot be read ({named}: {why}); what they would have said is missing here. "
        "kanaria restore --set-aside puts the file aside.",
        ja=f"以前の記録{rows}件を読めないため({named}: {why})、その内容はこの結果に含まれていません。"
        "kanaria restore --set-aside でこのファイルを退避できます。",
    )
