"""One flow is one row, whichever sensors saw it, and it carries the name its server was known by.

In: a slice of tables, with everything else of the run in the engine, and names that earlier runs have kept.
Out: the same tables without doubles (rows of a second sensor about a flow that a better-placed sensor also saw), and
connections with ``sni`` filled from TLS handshakes and DNS answers. Flows are recognised by their Community ID.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.core.arrow_rows import arrow_table
from kanaria.wire.vouching import NOBODY, Trusted, vouched

if TYPE_CHECKING:
    import duckdb

Earlier = Callable[[str, datetime, datetime], pa.Table | None]
"""Rows of ``dns`` or ``tls`` between two times that earlier runs have kept; None where there are none."""


def no_earlier(_name: str, _since: datetime, _until: datetime) -> None:
    """For a run that knows of no other."""


DOUBLED = frozenset(("connection", "dns", "tls", "rdp", "smb"))

# Who knows more of a flow wins: packets show messages and payload, Zeek and Suricata protocols, exporters only totals.
RANK = "CASE sensor WHEN 'pcap' THEN 0 WHEN 'zeek' THEN 1 WHEN 'suricata' THEN 2 ELSE 3 END"
# Two sensors' clocks and time-outs differ; Zeek and Suricata both give up an idle UDP flow after a minute or less.
_SLACK_US = 60_000_000
SLACK = timedelta(microseconds=_SLACK_US)
# Two sensors of one kind time out alike, and what one of them has in several files is no double: an exporter reports a
# long flow piece by piece (a minute and more each), and ports are used again. Theirs are doubles that cover the same
# time for the most part, or begin within half a minute and last as long to a second.
SAME_FLOW = f"""
    CASE WHEN a.sensor IS NOT DISTINCT FROM b.sensor
    THEN (least(a.t + a.length, b.t + b.length) - greatest(a.t, b.t)) * 2 > least(a.length, b.length)
        OR (abs(a.t - b.t) <= {_SLACK_US // 2} AND abs(a.length - b.length) <= 1000000)
    ELSE b.t - {_SLACK_US} <= a.t + a.length AND a.t - {_SLACK_US} <= b.t + b.length END"""
# What both sensors have to have read, where both have read it: a client that uses one port for all its questions, or
# for one connection after the other, asks for different things within that time.
SAID = {"dns": "query", "tls": "sni"}
AGREE = "(a.said IS NULL OR b.said IS NULL OR a.said = b.said)"
# Resolvers and programs remember an answer for its time to live, seldom longer than a day (RFC 8767 caps it at a week).
_REMEMBERED_US = 86_400_000_000
_SOON_US = 3_600_000_000
REMEMBERED, SOON = timedelta(microseconds=_REMEMBERED_US), timedelta(microseconds=_SOON_US)


class Linker:
    """Links one slice of a run after the other. ``spooled`` are the tables of the run's ``Spool``, filled completely.

    A slice is a part of the run cut at some moment, and what belongs to a flow may lie beyond the cut: the answer that
    named its server, its handshake, or another sensor's record of it. So partners are looked for among all spooled
    rows, in the engine, which keeps its memory bounded by spilling to disk.
    """

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        spooled: Iterable[str],
        several: Iterable[str] | None = None,
        *,
        trusted: Trusted = NOBODY,
        earlier: Earlier = no_earlier,
    ) -> None:
        """``several`` are the tables with rows of more than one source, where that is known already. ``trusted`` says
        which names are to be vouched for by whom, and ``earlier`` where answers and handshakes of earlier runs are."""
        self._engine, self._trusted, self._earlier = engine, trusted, earlier
        self.spooled = frozenset(spooled)
        self._several = {name for name in self.spooled & DOUBLED if several is None and self._sources(name) > 1}
        self._several |= set(several or ())

    def link(self, tables: Mapping[str, pa.Table]) -> tuple[dict[str, pa.Table], int]:
        """The tables without doubles and with names; and how many rows were doubles."""
        linked, dropped = dict(tables), 0
        for name in self._several & set(linked):
            kept = _once(self._engine, name, linked[name])
            dropped += len(linked[name]) - len(kept)
            linked[name] = kept
        views = self._names_known(linked)
        if "connection" in linked and views:
            linked["connection"] = _named(self._engine, linked["connection"], views)
        if self._trusted.names and "dns" in views:
            linked |= vouched(self._engine, linked, self._trusted)
        if "dns" in linked:
            linked["dns"] = _asker_is_device(linked["dns"])
        return linked, dropped

    def named(self, connection: pa.Table) -> pa.Table:
        """Connections with ``sni`` and ``names`` by all that is known; the columns that this takes are enough."""
        return _named(self._engine, connection, self._names_known({"connection": connection}))

    def _names_known(self, tables: Mapping[str, pa.Table]) -> set[str]:
        """Which of the views ``linking_dns`` and ``linking_tls`` there are for a slice: rows of this run, and those of
        earlier ones that may name a connection of the slice."""
        times = [time for name in ("connection", "tls") if name in tables for time in ends(tables[name])]
        views = set()
        for name in ("tls", "dns") if times else ():
            since, until = min(times) - timedelta(microseconds=_REMEMBERED_US), max(times) + timedelta(hours=1)
            earlier = self._earlier(name, since, until)
            parts = [f"FROM spool_{name}"] if name in self.spooled else []
            if earlier is not None:
                self._engine.register(f"linking_earlier_{name}", earlier)
                parts.append(f"FROM linking_earlier_{name}")
            if parts:
                view = " UNION ALL BY NAME ".join(parts)
                self._engine.execute(f"CREATE OR REPLACE TEMP VIEW linking_{name} AS {view}")
                views.add(name)
        return views

    def _sources(self, name: str) -> int:
        row = self._engine.execute(f"SELECT count(DISTINCT source) FROM spool_{name}").fetchone()  # noqa: S608
        return int(row[0]) if row else 0


def ends(table: pa.Table) -> list[datetime]:
    """The first and the last time of a table, where it has any."""
    import pyarrow.compute as pc

    ends = pc.min_max(table["time"]).as_py()
    return [time for time in (ends["min"], ends["max"]) if time is not None]


def _asker_is_device(dns: pa.Table) -> pa.Table:
    """``device`` and ``remote`` swapped for questions to a resolver of our own: what matters is who asked.

    ``orient`` takes the server for the device between two of ours, which is right for attacks on a service.
    """
    import pyarrow.compute as pc

    internal = pc.fill_null(pc.equal(dns["direction"], "internal"), False)
    for name, side in (("device", "src_ip"), ("remote", "dst_ip")):
        dns = dns.set_column(dns.schema.get_field_index(name), name, pc.if_else(internal, dns[side], dns[name]))
    return dns


def content(name: str, table: pa.Table) -> pa.Array | pa.ChunkedArray:
    """What the rows of a table say that two sensors of one flow agree on; null where that is nothing."""
    return table[SAID[name]] if name in SAID else pa.nulls(len(table), pa.string())


def _once(engine: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> pa.Table:
    """Rows that no better sensor also has, in this slice or another."""
    import pyarrow.compute as pc

    timed = "duration_us" in table.column_names
    length = table["duration_us"] if timed else pa.nulls(len(table), pa.int64())
    slim = table.select(["event_id", "time", "source", "sensor", "community_id"]).append_column("length", length)
    engine.register("linking_rows", slim.append_column("said", content(name, table)))
    spooled = "coalesce(duration_us, 0)" if timed else "0"
    result = engine.execute(
        f"""WITH worse AS (
                SELECT event_id, source, sensor, community_id, epoch_us(time) AS t, coalesce(length, 0) AS length,
                    said, {RANK} AS rank
                FROM linking_rows WHERE community_id IS NOT NULL AND time IS NOT NULL),
            better AS (
                SELECT source, sensor, community_id, epoch_us(time) AS t, {spooled} AS length,
                    {SAID.get(name, "NULL")} AS said, {RANK} AS rank
                FROM spool_{name} WHERE community_id IS NOT NULL AND time IS NOT NULL
                    AND epoch_us(time) - {_SLACK_US} <= (SELECT max(t + length) FROM worse)
                    AND epoch_us(time) + {spooled} + {_SLACK_US} >= (SELECT min(t) FROM worse))
            SELECT DISTINCT a.event_id FROM worse AS a JOIN better AS b USING (community_id)
            WHERE b.source <> a.source AND (b.rank, b.source) < (a.rank, a.source) AND {SAME_FLOW} AND {AGREE}"""  # noqa: S608
    )
    doubles = arrow_table(result)
    engine.unregister("linking_rows")
    if not len(doubles):
        return table
    return table.filter(pc.invert(pc.is_in(table["event_id"], doubles["event_id"].combine_chunks())))


# The handshake of the flow itself: of several with the same ends, the one nearest to its start.
_HANDSHAKES = f"""
    SELECT c.event_id, first(t.sni ORDER BY coalesce(abs(epoch_us(t.time) - c.t), {_SLACK_US}), t.event_id) AS sni
    FROM linking_connection AS c JOIN linking_tls AS t USING (community_id)
    WHERE t.sni IS NOT NULL AND (t.time IS NULL OR c.t IS NULL
        OR epoch_us(t.time) BETWEEN c.t - {_SLACK_US} AND c.t + c.length + {_SLACK_US})
    GROUP BY c.event_id"""  # noqa: S608
# What the client had resolved last before it connected, else first afterwards (the capture began in between).
_ANSWERS = f"""
    WITH told AS (
        SELECT src_ip, query, epoch_us(time) AS t, unnest(answers) AS dst_ip FROM linking_dns
        WHERE query IS NOT NULL AND epoch_us(time) >= (SELECT min(t) FROM linking_connection) - {_REMEMBERED_US}
            AND epoch_us(time) <= (SELECT max(t) FROM linking_connection) + {_SOON_US}),
    asked AS MATERIALIZED (
        SELECT event_id, src_ip, dst_ip, t FROM linking_connection SEMI JOIN told USING (src_ip, dst_ip)
        WHERE t IS NOT NULL AND sni IS NULL),
    answered AS MATERIALIZED (
        SELECT src_ip, dst_ip, t, min(query) AS query FROM told SEMI JOIN asked USING (src_ip, dst_ip) GROUP BY ALL),
    earlier AS (SELECT asked.event_id, a.query FROM asked ASOF JOIN answered AS a
        ON asked.src_ip = a.src_ip AND asked.dst_ip = a.dst_ip AND asked.t >= a.t
        WHERE asked.t - a.t <= {_REMEMBERED_US}),
    later AS (SELECT asked.event_id, a.query FROM asked ASOF JOIN answered AS a
        ON asked.src_ip = a.src_ip AND asked.dst_ip = a.dst_ip AND asked.t < a.t
        WHERE a.t - asked.t <= {_SOON_US})
    SELECT event_id, coalesce(earlier.query, later.query) AS sni FROM earlier FULL JOIN later USING (event_id)"""  # noqa: S608
# Everything the client had resolved to that address: a name asked for later does not take the place of an earlier one.
_NAMES_KEPT = 64
_ALL_NAMES = f"""
    WITH told AS (
        SELECT src_ip, query, epoch_us(time) AS t, unnest(answers) AS dst_ip FROM linking_dns
        WHERE query IS NOT NULL AND epoch_us(time) >= (SELECT min(t) FROM linking_connection) - {_REMEMBERED_US}
            AND epoch_us(time) <= (SELECT max(t) FROM linking_connection) + {_SOON_US}),
    each AS (
        SELECT src_ip, dst_ip, query, min(t) AS first, max(t) AS last FROM told
        SEMI JOIN linking_connection USING (src_ip, dst_ip) GROUP BY src_ip, dst_ip, query),
    names AS (
        FROM each QUALIFY row_number() OVER (PARTITION BY src_ip, dst_ip ORDER BY first, query) <= {_NAMES_KEPT})
    SELECT c.event_id, list(n.query ORDER BY n.first, n.query) AS names
    FROM linking_connection AS c JOIN names AS n USING (src_ip, dst_ip)
    WHERE c.sni IS NULL AND n.first <= c.t + {_SOON_US} AND n.last >= c.t - {_REMEMBERED_US}
    GROUP BY c.event_id"""  # noqa: S608
_NO_NAMES = "SELECT NULL::BIGINT AS event_id, NULL::VARCHAR[] AS names WHERE false"
_NOBODY = "SELECT NULL::BIGINT AS event_id, NULL::VARCHAR AS sni WHERE false"


def _named(engine: duckdb.DuckDBPyConnection, connection: pa.Table, spooled: Collection[str]) -> pa.Table:
    """Connections with ``sni`` from the TLS handshake of the same flow, else from what the client had resolved."""
    import pyarrow.compute as pc

    slim = connection.select(["event_id", "sni", "community_id", "src_ip", "dst_ip"])
    slim = slim.append_column("t", pc.cast(connection["time"], pa.int64()))
    engine.register("linking_connection", slim.append_column("length", pc.fill_null(connection["duration_us"], 0)))
    result = engine.execute(
        f"""SELECT c.event_id, any_value(coalesce(c.sni, h.sni, a.sni)) AS sni,
                any_value(n.names) FILTER (coalesce(c.sni, h.sni) IS NULL) AS names
            FROM linking_connection AS c
            LEFT JOIN ({_HANDSHAKES if "tls" in spooled else _NOBODY}) AS h USING (event_id)
            LEFT JOIN ({_ANSWERS if "dns" in spooled else _NOBODY}) AS a USING (event_id)
            LEFT JOIN ({_ALL_NAMES if "dns" in spooled else _NO_NAMES}) AS n USING (event_id)
            GROUP BY c.event_id"""  # noqa: S608
    )
    named = arrow_table(result, len(connection))
    engine.unregister("linking_connection")
    rows = pc.index_in(connection["event_id"], named["event_id"].combine_chunks()).combine_chunks()
    for column in ("sni", "names"):
        at = connection.schema.get_field_index(column)
        connection = connection.set_column(at, column, named[column].combine_chunks().take(rows))
    return connection
