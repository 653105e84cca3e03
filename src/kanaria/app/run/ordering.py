"""Batches to slices: what stages work on at once, in order of time.

Two ways, with the same two methods. ``Files`` waits for the end: web servers' logs are handed on as they come, for
they can be larger than memory and need no neighbours, everything else afterwards, in slices of a day or less. ``Live``
waits no longer than its lateness: what is older than that, by the newest record or by the clock, is handed on in order
of time; what comes later still is handed on at once and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.core.clock import steady
from kanaria.core.direction import orient, orient_strange_alerts
from kanaria.core.network import HomeNetworks
from kanaria.core.schema import Tables
from kanaria.core.types import Batch, Text
from kanaria.core.values import dataclass
from kanaria.wire.flow_linking import Earlier, Linker, no_earlier
from kanaria.wire.handed_on import Continuing, Linked, NothingBefore, Past
from kanaria.wire.home_inference import Inferred, Tally, asked_in_vain, infer, note
from kanaria.wire.recent import Recent
from kanaria.wire.spool import STREAMED, Gathered, Spool
from kanaria.wire.vouching import NOBODY, Trusted

if TYPE_CHECKING:
    from kanaria.app.run.workspace import Workspace

ORIENTED = frozenset({"connection", "dns", "tls", "rdp", "smb"})
"""Tables whose rows are conversations between two addresses."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Rows of one time. ``span`` is the time all inputs cover; ``home`` whose networks were taken for ours."""

    tables: Tables
    home: HomeNetworks
    on_the_wire: bool
    span: timedelta = timedelta(0)
    doubles: int = 0
    late: int = 0
    notes: tuple[Text, ...] = ()
    anew: Linked | None = None
    """The slice as it was linked, where it has others now for rows that were handed on before it."""


class Files:
    """For inputs that end."""

    def __init__(
        self,
        work: Workspace,
        home: HomeNetworks | None,
        on_the_wire: Callable[[Batch], bool],
        trusted: Trusted = NOBODY,
        earlier: Earlier = no_earlier,
        counted: Callable[[Collection[str]], Tally] = lambda _tables: Tally(),
        past: Past | None = None,
    ) -> None:
        """``home`` are the networks somebody named; without, they may be inferred from what is ``counted`` of spooled
        tables, those of other runs included. ``earlier`` are names that other runs kept, ``past`` all their rows."""
        self._past = past or NothingBefore()
        self._earlier, self._counted = earlier, counted
        self._work, self._given, self._on_the_wire, self._trusted = work, home, on_the_wire, trusted
        self._gathered = Gathered()
        self._spool: Spool | None = None

    def arrived(self, batches: Iterable[Batch]) -> Iterator[Slice]:
        """Take in batches; web servers' requests are handed on when there are enough of them."""
        for batch in batches:
            logged = frozenset() if self._on_the_wire(batch) else STREAMED
            streamed = {name: table for name, table in batch.tables.items() if name in logged}
            if streamed and (enough := self._gathered.add(streamed)):
                yield self._logged(enough)
            if len(streamed) < len(batch.tables):
                self._spool = self._spool or Spool(self._work.engine, self._work.scratch)
                self._spool.add({name: table for name, table in batch.tables.items() if name not in logged})

    def rest(self) -> Iterator[Slice]:
        """Everything else: nothing more comes."""
        if requests := self._gathered.take():
            yield self._logged(requests)
        if self._spool:
            yield from self._spooled(self._spool)

    def _logged(self, tables: Tables) -> Slice:
        return Slice(tables=tables, home=self._given or HomeNetworks(), on_the_wire=False)

    def _spooled(self, spool: Spool) -> Iterator[Slice]:
        spool.settle()
        engine, span = self._work.engine, spool.span()
        inferred = None if self._given else infer(self._counted(ORIENTED & set(spool.names)))
        home = inferred or self._given or HomeNetworks()
        linker = Linker(engine, spool.names, trusted=replace(self._trusted, home=home), earlier=self._earlier)
        continuing = Continuing(engine, self._past, endless=False)
        for tables in spool.slices():
            linked = continuing.linked(linker, tables)
            yield Slice(
                tables=_sided(linked.tables, inferred),
                home=home,
                on_the_wire=True,
                span=span,
                doubles=linked.doubles,
                anew=linked if linked.before or linked.withdrawn else None,
                notes=(note(inferred),) if inferred else (),
            )


class Live:
    """For inputs that go on. Rows wait until they are ``lateness`` older than the newest record or their arrival, which
    ``now`` measures in seconds that nobody can set."""

    def __init__(
        self,
        work: Workspace,
        home: HomeNetworks | None,
        on_the_wire: Callable[[Batch], bool],
        *,
        lateness: timedelta,
        now: Callable[[], float] = steady,
        trusted: Trusted = NOBODY,
        earlier: Earlier = no_earlier,
        inferred: Inferred | None = None,
        past: Past | None = None,
    ) -> None:
        """``inferred`` are the networks that earlier runs took for ours, where nobody named any."""
        self._inferred = None if home else inferred
        self._home, self._on_the_wire = home or inferred or HomeNetworks(), on_the_wire
        self.lateness, self._now = lateness, now
        self._recent = Recent(work.engine, replace(trusted, home=self._home), earlier, past)
        self._waiting: dict[bool, dict[str, list[pa.Table]]] = {False: {}, True: {}}
        self._newest: datetime | None = None
        """The newest record that waits or came while others did."""
        self._arrived: float | None = None
        self._handed_on: datetime | None = None
        self._first: datetime | None = None
        self._last: datetime | None = None

    def arrived(self, batches: Iterable[Batch]) -> Iterator[Slice]:
        """Take in batches and hand on what is due."""
        for batch in batches:
            self.take_in(batch)
        yield from self._due(self._watermark())

    def take_in(self, batch: Batch) -> None:
        """Let a batch wait for its turn."""
        waiting = self._waiting[self.crossed_the_wire(batch)]
        for name, table in batch.tables.items():
            if len(table):
                waiting.setdefault(name, []).append(table)
                self._look(table)

    def crossed_the_wire(self, batch: Batch) -> bool:
        """Whether its rows are linked with others and part of the pattern of life; what web servers log is not."""
        return self._on_the_wire(batch) or not set(batch.tables) <= STREAMED

    def beforehand(self, tables: Tables) -> Tables:
        """Rows as they will be when their turn comes, as far as that can be known now, and nothing is kept of them.

        Without those of which another sensor may have the same: which of the two counts is known when both came."""
        return _sided(self._recent.beforehand(tables), self._inferred)

    @property
    def waits(self) -> bool:
        """Whether anything waits for its turn."""
        return any(self._waiting.values())

    def rest(self) -> Iterator[Slice]:
        """Everything that still waits."""
        yield from self._due(None)

    def _look(self, table: pa.Table) -> None:
        import pyarrow.compute as pc

        self._arrived = self._arrived or self._now()
        ends = pc.min_max(table["time"]).as_py()
        if ends["max"] is not None:
            self._newest = max(ends["max"], self._newest or ends["max"])
            self._first = min(ends["min"], self._first or ends["min"])
            self._last = max(ends["max"], self._last or ends["max"])

    def _watermark(self) -> datetime | None:
        """The time up to which everything is handed on; None for everything that waits."""
        if self._arrived is None or self._now() - self._arrived >= self.lateness.total_seconds():
            return None
        return self._newest - self.lateness if self._newest else None

    def _due(self, until: datetime | None) -> Iterator[Slice]:
        moved = False
        for on_the_wire, waiting in self._waiting.items():
            now: dict[str, pa.Table] = {}
            late = 0
            for name in list(waiting):
                due, later = _parted(waiting.pop(name), until)
                if len(later):
                    waiting[name] = [later]
                if len(due):
                    now[name] = due.sort_by([("time", "ascending"), ("event_id", "ascending")])
                    late += _before(due, self._handed_on)
            if now:
                moved = True
                yield self._slice(now, on_the_wire, late)
        self._handed_on = max(filter(None, (until or self._newest, self._handed_on)), default=None)
        if until is None:  # nothing waits: a clock that was set back does not have to catch up first
            self._arrived = self._newest = None
        elif moved and self.waits:  # those that stay are younger; when nothing moves, their time runs on
            self._arrived = self._now()

    def _slice(self, tables: dict[str, pa.Table], on_the_wire: bool, late: int) -> Slice:
        linked = self._recent.linked(tables) if on_the_wire else Linked(tables=tables)
        if on_the_wire:
            tables = _sided(linked.tables, self._inferred)
        return Slice(
            tables=tables,
            home=self._home,
            on_the_wire=on_the_wire,
            span=self._last - self._first if self._last and self._first else timedelta(0),
            doubles=linked.doubles,
            late=late,
            anew=linked if linked.before or linked.withdrawn else None,
            notes=(note(self._inferred),) if on_the_wire and self._inferred else (),
        )


def _parted(tables: list[pa.Table], until: datetime | None) -> tuple[pa.Table, pa.Table]:
    """What is due, rows without a time among it, and what is not."""
    import pyarrow.compute as pc

    table = pa.concat_tables(tables, promote_options="default") if len(tables) > 1 else tables[0]
    if until is None:
        return table, table.slice(0, 0)
    due = pc.fill_null(pc.less_equal(table["time"], pa.scalar(until.astimezone(UTC), table["time"].type)), True)
    return table.filter(due), table.filter(pc.invert(due))


def _before(table: pa.Table, time: datetime | None) -> int:
    """Rows older than what was handed on already."""
    import pyarrow.compute as pc

    if time is None:
        return 0
    return int(pc.sum(pc.less(table["time"], pa.scalar(time, table["time"].type))).as_py() or 0)


def _sided(tables: Mapping[str, pa.Table], home: Inferred | None) -> dict[str, pa.Table]:
    """The tables with direction, device and remote worked out anew from inferred home addresses."""
    sided = dict(tables)
    if home:
        # A request says who serves whom, which is not put at risk for a guess.
        for name in (ORIENTED | {"http"} if home.certain else ORIENTED) & set(tables):
            table = tables[name]
            for side in ("direction", "device", "remote"):
                empty = pa.nulls(len(table), pa.string())
                table = table.set_column(table.schema.get_field_index(side), side, empty)
            sided[name] = orient(table, home)
        if "alert" in tables:
            sided["alert"] = orient_strange_alerts(tables["alert"], home)
    if "connection" in sided:
        sided["connection"] = asked_in_vain(sided["connection"])
    return sided
