"""What a slice says of rows that were handed on before it: the same flow by another sensor, and names asked for later.

In: a slice, and the rows that earlier runs kept (a service's own, too). Out: the slice as it would be, had all been
read at once, as far as that can still be had. Who saw a flow best stands for it: a row that a better sensor's kept row
is about is left out, and a better row takes the place, and the id, of a kept one. A kept connection whose name is known
only now comes again with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from kanaria.core.arrow_rows import arrow_table
from kanaria.core.ids import ROW_BITS
from kanaria.core.schema import Tables, conform
from kanaria.core.values import dataclass
from kanaria.wire.flow_linking import (
    AGREE,
    DOUBLED,
    RANK,
    REMEMBERED,
    SAID,
    SAME_FLOW,
    SLACK,
    SOON,
    Linker,
    content,
    ends,
)
from kanaria.wire.flows_before import FlowsBefore, slim

if TYPE_CHECKING:
    import duckdb


class Past(Protocol):
    """Rows that were handed on before."""

    def touched(self, kind: str, query: str, beside: pa.Table, since: datetime, until: datetime) -> pa.Table | None:
        """What a query gives that names the rows of a table ``{rows}``, the table ``beside`` them ``asked_about``, and
        the times ``$since`` and ``$until``; None where there are no rows of that time."""


class NothingBefore:
    """For a run that is the first."""

    def touched(self, _kind: str, _query: str, _beside: pa.Table, _since: datetime, _until: datetime) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class Linked:
    """A slice, linked."""

    tables: Tables
    doubles: int = 0
    """Rows left out because a better sensor saw the same flow."""
    again: Tables = field(default_factory=dict)
    """Rows that were handed on before and are not in ``tables``, as they are now."""
    before: Tables = field(default_factory=dict)
    """Rows as they were handed on before, of which ``tables`` or ``again`` have others now, under the same ids."""
    withdrawn: Tables = field(default_factory=dict)
    """``event_id`` and ``time`` of rows handed on before that were doubles, with nothing in their place."""

    @property
    def revised(self) -> frozenset[int]:
        """Ids of the rows that are others now."""
        return frozenset(event for table in self.before.values() for event in table["event_id"].to_pylist())


_BEFORE = timedelta(days=1)
"""Flows that began longer before a slice are not looked for among the kept rows: each slice would read all of them."""
_WITHIN = "time >= $since AND time <= $until"
_ALWAYS = datetime(9999, 12, 31, tzinfo=UTC)
_HANDED_ON = f"SELECT community_id, time, source, {{length}} AS duration_us FROM {{rows}} WHERE {_WITHIN}"  # noqa: S608
_WHOLE = f"SELECT * FROM {{rows}} SEMI JOIN asked_about USING (event_id) WHERE {_WITHIN}"  # noqa: S608
_FLOWS = f"""SELECT event_id, time, source, sensor, community_id, {{length}} AS length, {{said}} AS said
    FROM {{rows}} SEMI JOIN asked_about USING (community_id) WHERE {_WITHIN}"""  # noqa: S608
_SLIM = "SELECT event_id, time, src_ip, dst_ip, community_id, duration_us, sni, names"
_ASKED_FOR = f"{_SLIM} FROM {{rows}} SEMI JOIN asked_about USING (src_ip, dst_ip) WHERE {_WITHIN}"
_GREETED = f"{_SLIM} FROM {{rows}} SEMI JOIN asked_about USING (community_id) WHERE {_WITHIN}"
_OTHERWISE = f"""SELECT event_id FROM (FROM {{rows}} WHERE {_WITHIN}) AS kept JOIN asked_about AS now USING (event_id)
    WHERE now.sni IS DISTINCT FROM kept.sni OR now.names IS DISTINCT FROM kept.names"""  # noqa: S608
_RELATED = f"""
    WITH here AS (
        SELECT event_id, source, sensor, community_id, epoch_us(time) AS t, coalesce(length, 0) AS length, said,
            {RANK} AS rank
        FROM handed_rows WHERE community_id IS NOT NULL AND time IS NOT NULL),
    past AS (
        SELECT event_id, source, sensor, community_id, epoch_us(time) AS t, coalesce(length, 0) AS length, said,
            {RANK} AS rank
        FROM handed_past)
    SELECT a.event_id AS here, b.event_id AS past, a.source <> b.source AND (b.rank, b.source) < (a.rank, a.source),
        abs(a.t - b.t) AS apart
    FROM here AS a JOIN past AS b USING (community_id)
    WHERE a.event_id >> {ROW_BITS} <> b.event_id >> {ROW_BITS}
        AND CASE WHEN a.source = b.source THEN a.t = b.t ELSE {SAME_FLOW} END AND {AGREE}
    ORDER BY apart, here, past"""  # noqa: S608


class Continuing:
    """Links slices of a run, or of a service, that goes on from others."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, past: Past, *, endless: bool) -> None:
        """The ``past`` of a run is what earlier runs kept; of one that is ``endless`` also what it handed on itself."""
        self._engine, self._past, self._endless = engine, past, endless
        self._done = np.zeros(0, np.int64)
        """Kept rows that this run has dealt with: the past shows them as they were."""
        self._flows: dict[str, FlowsBefore] = {}
        """Of a run without an end, by table: what the past would show of the last days."""

    def linked(self, linker: Linker, tables: Mapping[str, pa.Table]) -> Linked:
        """The slice, linked with the run's own rows and with those that were handed on before."""
        linked, doubles = linker.link(tables)
        before: dict[str, list[pa.Table]] = {}
        withdrawn: dict[str, pa.Table] = {}
        for name in sorted(DOUBLED & set(linked)):
            kept = self._once(name, linked[name], before, withdrawn)
            doubles += len(linked[name]) - len(kept)
            linked[name] = kept
        if "connection" in linked and not self._endless:
            self._named_otherwise(linked["connection"], before)
        again = self._named_now(linker, linked, before)
        kept_rows = {name: pa.concat_tables(parts, promote_options="default") for name, parts in before.items()}
        for name in self._flows.keys() & linked.keys():
            self._flows[name].add(slim(name, linked))
        return Linked(
            tables=linked, doubles=doubles, again={"connection": again} if again is not None else {},
            before=kept_rows, withdrawn=withdrawn,
        )  # fmt: skip

    # ---- the same flow by another sensor ----------------------------------------------------------------------------

    def _once(
        self, name: str, table: pa.Table, before: dict[str, list[pa.Table]], withdrawn: dict[str, pa.Table]
    ) -> pa.Table:
        """The rows that no kept row of a better sensor is about; those that are better have the kept row's id."""
        import pyarrow.compute as pc

        timed = "duration_us" in table.column_names
        length = table["duration_us"] if timed else pa.nulls(len(table), pa.int64())
        rows = table.select(["event_id", "time", "source", "sensor", "community_id"]).append_column("length", length)
        rows = rows.append_column("said", content(name, table))
        times = ends(table)
        if not times:
            return table
        longest = timedelta(microseconds=pc.max(length).as_py() or 0)
        since, until = min(times) - _BEFORE - SLACK, max(times) + longest + SLACK
        met = self._met(name, slim(name, {name: table}), since)
        if met is None:
            return table
        rows, since = rows.take(met[0]), met[1]
        query = _FLOWS.replace("{length}", "coalesce(duration_us, 0)" if timed else "0")
        query = query.replace("{said}", SAID.get(name, "NULL::VARCHAR"))
        past = self._undone(self._past.touched(name, query, rows.select(["community_id"]), since, until))
        if past is None:
            return table
        related = self._related(rows, past)
        worse = {here for here, _past, better, _apart in related if better}
        places, superseded = _places((here, past) for here, past, _better, _apart in related if here not in worse)
        if places:
            before.setdefault(name, []).append(self._whole(name, places.values(), since, until))
            table = _renumbered(table, places)
        if superseded:
            chosen = pc.is_in(past["event_id"], pa.array(superseded, pa.int64()))
            withdrawn[name] = past.filter(chosen).select(["event_id", "time"])
        self._deal_with([*places.values(), *superseded])
        return table.filter(pc.invert(pc.is_in(table["event_id"], pa.array(sorted(worse), pa.int64()))))

    def _met(
        self, name: str, rows: pa.Table, since: datetime, *, by_anybody: bool = False
    ) -> tuple[pa.Array, datetime] | None:
        """Places of the rows that may be about a flow handed on before, and since when these are; None without any."""
        if not self._endless:
            return pa.array(np.arange(len(rows))), since
        if name not in self._flows or since < self._flows[name].since:
            self._flows[name] = self._read_before(name, since - _BEFORE)
        match = self._flows[name].like(rows, by_anybody=by_anybody)
        return (pa.array(match[0]), max(since, match[1])) if match else None

    def _read_before(self, name: str, since: datetime) -> FlowsBefore:
        """The flows that were handed on since then, by this run and those before it."""
        made = FlowsBefore(self._engine, since)
        query = _HANDED_ON.replace("{length}", "duration_us" if name == "connection" else "0::BIGINT")
        kept = self._past.touched(name, query, pa.table({"nothing": pa.array([], pa.int64())}), since, _ALWAYS)
        if kept is not None:
            made.add(kept)
        return made

    def _related(self, rows: pa.Table, past: pa.Table) -> list[tuple[int, int, bool, int]]:
        """Pairs of a row and a kept one about the same flow, whether the kept one is better, and their distance."""
        self._engine.register("handed_rows", rows)
        self._engine.register("handed_past", past)
        pairs: list[tuple[int, int, bool, int]] = self._engine.execute(_RELATED).fetchall()
        self._engine.unregister("handed_rows")
        self._engine.unregister("handed_past")
        return pairs

    # ---- names that are known now -----------------------------------------------------------------------------------

    def _named_now(self, linker: Linker, linked: Tables, before: dict[str, list[pa.Table]]) -> pa.Table | None:
        """Kept connections that the slice's answers or handshakes give another name, with it."""
        import pyarrow.compute as pc

        slim = self._undone(self._mentioned(linker, linked))
        if slim is None:
            return None
        since, until = min(ends(slim)), max(ends(slim))
        looked_up = pc.is_valid(slim["names"])
        at = slim.schema.get_field_index("sni")
        bare = slim.set_column(at, "sni", pc.if_else(looked_up, pa.scalar(None, pa.string()), slim["sni"]))
        named = linker.named(bare)
        self._engine.register("handed_named", named.select(["event_id", "sni", "names"]))
        self._engine.register("handed_slim", slim)
        changed = self._engine.execute(
            """SELECT event_id FROM handed_named AS now JOIN handed_slim AS kept USING (event_id)
            WHERE now.sni IS DISTINCT FROM kept.sni OR now.names IS DISTINCT FROM kept.names ORDER BY event_id"""
        ).fetchall()
        self._engine.unregister("handed_named")
        self._engine.unregister("handed_slim")
        if not changed:
            return None
        events = [event for (event,) in changed]
        whole = self._whole("connection", events, since, until)
        before.setdefault("connection", []).append(whole)
        self._deal_with(events)
        row = pc.index_in(whole["event_id"], named["event_id"].combine_chunks()).combine_chunks()
        for column in ("sni", "names"):
            at = whole.schema.get_field_index(column)
            whole = whole.set_column(at, whole.schema.field(at), named[column].combine_chunks().take(row))
        return whole.sort_by([("time", "ascending"), ("event_id", "ascending")])

    def _mentioned(self, linker: Linker, linked: Tables) -> pa.Table | None:
        """Kept connections to addresses that the slice's answers name, or of its handshakes, each once."""
        candidates = []
        if "dns" in linked and (times := ends(linked["dns"])):
            pairs = _answers(linked["dns"])
            if len(pairs):
                since, until = min(times) - SOON, max(times) + REMEMBERED
                candidates.append(self._past.touched("connection", _ASKED_FOR, pairs, since, until))
        if "tls" in linked and (times := ends(linked["tls"])):
            since, until = min(times) - _BEFORE - SLACK, max(times) + SLACK
            met = self._met("connection", slim("tls", linked), since, by_anybody=True)
            if met is not None:
                greeted = linked["tls"].select(["community_id"]).take(met[0])
                candidates.append(self._past.touched("connection", _GREETED, greeted, met[1], until))
        tables = [table for table in candidates if table is not None and len(table)]
        if not tables:
            return None
        together = pa.concat_tables(tables)
        self._engine.register("handed_mentioned", together)
        own = (
            "" if self._endless or "connection" not in linker.spooled else "ANTI JOIN spool_connection USING (event_id)"
        )
        asked = self._engine.execute(f"SELECT DISTINCT ON (event_id) * FROM handed_mentioned {own}")  # noqa: S608
        once = arrow_table(asked, len(together))
        self._engine.unregister("handed_mentioned")
        return once

    def _named_otherwise(self, connection: pa.Table, before: dict[str, list[pa.Table]]) -> None:
        """Note connections that were read before, and by now have another name."""
        times = ends(connection)
        if not times:
            return
        rows = connection.select(["event_id", "sni", "names"])
        other = self._undone(self._past.touched("connection", _OTHERWISE, rows, min(times), max(times)))
        if other is not None:
            events = other["event_id"].to_pylist()
            before.setdefault("connection", []).append(self._whole("connection", events, min(times), max(times)))
            self._deal_with(events)

    # ---- the past ---------------------------------------------------------------------------------------------------

    def _undone(self, past: pa.Table | None) -> pa.Table | None:
        """Without the rows that were dealt with; None where there are no others."""
        if past is not None and len(past) and len(self._done):
            past = past.filter(pa.array(~np.isin(past["event_id"].to_numpy(), self._done)))
        return past if past is not None and len(past) else None

    def _deal_with(self, events: Iterable[int]) -> None:
        if not self._endless:
            self._done = np.concatenate([self._done, np.fromiter(events, np.int64)])

    def _whole(self, name: str, events: Iterable[int], since: datetime, until: datetime) -> pa.Table:
        """These kept rows with all columns."""
        wanted = pa.table({"event_id": pa.array(sorted(set(events)), pa.int64())})
        rows = self._past.touched(name, _WHOLE, wanted, since, until)
        return conform(name, rows) if rows is not None else conform(name, {}, 0)


def _places(pairs: Iterable[tuple[int, int]]) -> tuple[dict[int, int], list[int]]:
    """Which row takes the place of which kept one, the nearest first and each once; and kept ones that are left."""
    places: dict[int, int] = {}
    taken: set[int] = set()
    left: dict[int, None] = {}
    for here, past in pairs:
        if here not in places and past not in taken:
            places[here] = past
            taken.add(past)
        left[past] = None
    return places, [past for past in left if past not in taken]


def _renumbered(table: pa.Table, places: Mapping[int, int]) -> pa.Table:
    events = table["event_id"].to_numpy().copy()
    for row in np.flatnonzero(np.isin(events, list(places))).tolist():
        events[row] = places[int(events[row])]
    at = table.schema.get_field_index("event_id")
    return table.set_column(at, table.schema.field(at), pa.array(events))


def _answers(dns: pa.Table) -> pa.Table:
    """Who asked, and each address of the answer."""
    import pyarrow.compute as pc

    rows = pc.list_parent_indices(dns["answers"])
    return pa.table({"src_ip": dns["src_ip"].take(rows), "dst_ip": pc.list_flatten(dns["answers"])})
