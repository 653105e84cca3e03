"""One flow is one row, whichever sensors saw it, and it carries the name its server was known by.

Comes in: a slice of tables. Goes out: the same tables without doubles (rows of a second sensor about a flow that a
better-placed sensor also saw), and connections with ``sni`` filled from TLS handshakes and DNS answers. Flows are
recognised by their Community ID.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

DOUBLED = ("connection", "dns", "tls", "rdp", "smb")

# Who knows more of a flow wins: packets show messages and payload, Zeek and Suricata protocols, exporters only totals.
_RANK = "CASE sensor WHEN 'pcap' THEN 0 WHEN 'zeek' THEN 1 WHEN 'suricata' THEN 2 ELSE 3 END"
# Two sensors' clocks and time-outs differ; Zeek and Suricata both give up an idle UDP flow after a minute or less.
_SLACK_US = 60_000_000


def link(engine: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table]) -> tuple[dict[str, pa.Table], int]:
    """The tables without doubles and with names; and how many rows were doubles."""
    linked, dropped = dict(tables), 0
    for name in DOUBLED:
        if name in linked:
            kept = _once(engine, linked[name])
            dropped += len(linked[name]) - len(kept)
            linked[name] = kept
    if "connection" in linked and ("tls" in linked or "dns" in linked):
        linked["connection"] = _named(engine, linked)
    if "dns" in linked:
        linked["dns"] = _asker_is_device(linked["dns"])
    return linked, dropped


def _asker_is_device(dns: pa.Table) -> pa.Table:
    """``device`` and ``remote`` swapped for questions to a resolver of our own: what matters is who asked.

    ``orient`` takes the server for the device between two of ours, which is right for attacks on a service.
    """
    import pyarrow.compute as pc

    internal = pc.fill_null(pc.equal(dns["direction"], "internal"), False)
    for name, side in (("device", "src_ip"), ("remote", "dst_ip")):
        dns = dns.set_column(dns.schema.get_field_index(name), name, pc.if_else(internal, dns[side], dns[name]))
    return dns


def _once(engine: duckdb.DuckDBPyConnection, table: pa.Table) -> pa.Table:
    """Rows that no better sensor also has."""
    import pyarrow.compute as pc

    if pc.count_distinct(table["source"]).as_py() < 2:
        return table
    slim = table.select(["event_id", "time", "source", "sensor", "community_id"])
    length = table["duration_us"] if "duration_us" in table.column_names else pa.nulls(len(table), pa.int64())
    engine.register("linking_rows", slim.append_column("length", length))
    doubles = engine.execute(
        f"""WITH flows AS (
                SELECT event_id, source, community_id, epoch_us(time) AS t, coalesce(length, 0) AS length,
                       {_RANK} AS rank
                FROM linking_rows WHERE community_id IS NOT NULL AND time IS NOT NULL)
            SELECT DISTINCT worse.event_id FROM flows AS worse JOIN flows AS better USING (community_id)
            WHERE better.source <> worse.source
              AND (better.rank, better.source) < (worse.rank, worse.source)
              AND better.t - {_SLACK_US} <= worse.t + worse.length
              AND worse.t - {_SLACK_US} <= better.t + better.length"""  # noqa: S608
    ).to_arrow_table()
    engine.unregister("linking_rows")
    if not len(doubles):
        return table
    return table.filter(pc.invert(pc.is_in(table["event_id"], doubles["event_id"].combine_chunks())))


def _named(engine: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Connections with ``sni`` from the TLS handshake of the same flow, else from what the client had resolved."""
    connection = tables["connection"]
    engine.register("linking_connection", connection.select(["event_id", "sni", "community_id", "src_ip", "dst_ip"]))
    names = {"linking_tls": "SELECT NULL::VARCHAR AS community_id, NULL::VARCHAR AS sni WHERE false"}
    names["linking_dns"] = "SELECT NULL::VARCHAR AS src_ip, NULL::VARCHAR AS ip, NULL::VARCHAR AS query WHERE false"
    if "tls" in tables:
        engine.register("linking_handshakes", tables["tls"].select(["community_id", "sni"]))
        names["linking_tls"] = (
            "SELECT community_id, min(sni) AS sni FROM linking_handshakes WHERE sni IS NOT NULL GROUP BY community_id"
        )
    if "dns" in tables:
        engine.register("linking_answers", tables["dns"].select(["src_ip", "query", "answers", "time"]))
        names["linking_dns"] = """SELECT src_ip, ip, arg_max(query, time) AS query FROM
            (SELECT src_ip, query, time, unnest(answers) AS ip FROM linking_answers) GROUP BY src_ip, ip"""
    named = engine.execute(
        f"""SELECT c.event_id, any_value(coalesce(c.sni, t.sni, d.query)) AS sni FROM linking_connection AS c
            LEFT JOIN ({names["linking_tls"]}) AS t USING (community_id)
            LEFT JOIN ({names["linking_dns"]}) AS d ON d.src_ip = c.src_ip AND d.ip = c.dst_ip
            GROUP BY c.event_id"""  # noqa: S608
    ).to_arrow_table()
    for view in ("linking_connection", "linking_handshakes", "linking_answers"):
        engine.unregister(view)
    import pyarrow.compute as pc

    rows = pc.index_in(connection["event_id"], named["event_id"].combine_chunks())
    at = connection.schema.get_field_index("sni")
    return connection.set_column(at, "sni", named["sni"].combine_chunks().take(rows.combine_chunks()))
