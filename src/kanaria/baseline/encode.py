"""Normalised tables in, the integer rows of ``program.ROWS`` out, with the texts behind the integers.

Every table is turned into the same shape: who acted, on which side, with whom, over what, how much. ``row`` is the
number of the table (its place in ``TABLES``) shifted by ``ROW_SHIFT`` plus the row's number, so that results find their
way back. Ids are the engine's 63-bit hash of kind, side and text; the store checks that the hash has not changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.baseline.shape import KINDS

if TYPE_CHECKING:
    import duckdb

TABLES = ("connection", "dns", "tls", "rdp", "smb", "logon", "http")
ROW_SHIFT = 40

UNANSWERED = ("S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR")
"""Zeek connection states in which the other side never agreed to talk."""

# Second-level labels under which names are registered in many countries (co.jp, com.au, …).
_SECOND_LEVEL = ("ac", "ad", "co", "com", "ed", "edu", "go", "gov", "gr", "lg", "mil", "ne", "net", "or", "org")

_COLUMNS = {
    "src_ip": "VARCHAR", "dst_ip": "VARCHAR", "dst_port": "INTEGER", "device": "VARCHAR", "remote": "VARCHAR",
    "direction": "VARCHAR", "time": "TIMESTAMPTZ", "transport": "VARCHAR", "state": "VARCHAR", "duration_us": "BIGINT",
    "src_bytes": "BIGINT", "dst_bytes": "BIGINT", "sni": "VARCHAR", "query": "VARCHAR", "host": "VARCHAR",
    "cookie": "VARCHAR", "user": "VARCHAR", "knowledge.asn": "VARCHAR", "event_id": "BIGINT",
    "baseline.surprise_bits": "DOUBLE",
}  # fmt: skip
_NAME = {"connection": "sni", "tls": "sni", "dns": "query", "http": "host"}
_ACCOUNT = {"rdp": "cookie", "smb": "user", "logon": "user"}
# The server port where a table does not carry one: what these protocols run on.
_PORT = {"tls": 443, "rdp": 3389, "smb": 445}


def encode(
    engine: duckdb.DuckDBPyConnection,
    tables: Mapping[str, pa.Table],
    devices: str,
    withheld: tuple[frozenset[int], frozenset[tuple[str, str | None]]] | None = None,
) -> None:
    """Leave the batch in the temporary table ``encoded``, ordered by row.

    ``devices`` names a table (actor, grp, first) of what is known about actors. ``withheld`` are event ids and
    (device, remote or None) pairs that are not to be learned.
    """
    parts = []
    for number, name in enumerate(TABLES):
        table = tables.get(name)
        if table is None or not len(table):
            continue
        narrow = table.select([column for column in _COLUMNS if column in table.column_names])
        numbered = narrow.append_column("row_number", pa.array(np.arange(len(table), dtype=np.int64)))
        engine.register(f"encode_{name}", numbered)
        parts.append(_select(name, number, set(narrow.column_names)))
    union = " UNION ALL ".join(parts) if parts else _select("nothing", 0, set()) + " LIMIT 0"
    if not parts:
        engine.register("encode_nothing", pa.table({"row_number": pa.array([], pa.int64())}))
    gate = _gate(engine, *withheld) if withheld else "true"
    engine.execute(f"CREATE OR REPLACE TEMP TABLE encoded AS {_outer(union, devices, gate)}")
    for name in (*tables, "nothing"):
        engine.unregister(f"encode_{name}")


def _select(name: str, number: int, given: set[str]) -> str:
    """One table brought to the common columns."""

    def column(wanted: str) -> str:
        return f'"{wanted}"' if wanted in given else f"NULL::{_COLUMNS[wanted]}"

    named, account = _NAME.get(name, "sni"), _ACCOUNT.get(name, "user")
    account = column(account) if name in _ACCOUNT else "NULL::VARCHAR"
    measured = name == "connection"
    return f"""
        SELECT ({number}::BIGINT << {ROW_SHIFT}) + row_number AS row, {column("event_id")} AS event_id,
            {column("time")} AS time, {column("direction")} AS direction, {column("src_ip")} AS src_ip,
            {column("dst_ip")} AS dst_ip, {column("device")} AS device, {column("remote")} AS remote,
            coalesce({column("transport")}, 'tcp') AS transport,
            coalesce({column("dst_port")}, {_PORT.get(name, "NULL")}) AS port, {column("state")} AS state,
            {column(named)} AS raw_name, {account} AS raw_account, {column("knowledge.asn")}::VARCHAR AS asn,
            {column("src_bytes")} AS src_bytes, {column("dst_bytes")} AS dst_bytes,
            {column("duration_us")} AS duration_us, {str(measured).lower()} AS measured,
            {str(name not in ("dns", "logon", "http")).lower()} AS has_service,
            {str(name != "dns").lower()} AS has_endpoint, {column("baseline.surprise_bits")} AS peak
        FROM encode_{name}"""  # noqa: S608


def _outer(union: str, devices: str, gate: str) -> str:
    """Who acts and what was chosen, as text and as ids. Unanswered calls from outside are nobody's behaviour."""
    quiet = ", ".join(f"'{state}'" for state in UNANSWERED)
    ids = ", ".join(_id(kind) for kind in KINDS)
    return f"""
        WITH sides AS (
            SELECT *, direction = 'inbound' AS inbound, epoch_us(time) // 3600000000 AS hour,
                CASE WHEN direction = 'inbound' THEN coalesce(dst_ip, device)
                     WHEN direction IS NULL THEN device ELSE coalesce(src_ip, device) END AS actor_text,
                CASE WHEN direction = 'inbound' THEN coalesce(src_ip, remote)
                     WHEN direction IS NULL THEN remote ELSE coalesce(dst_ip, remote) END AS peer_text,
                coalesce(state IN ({quiet}), false) AS quiet,
                CASE direction WHEN 'inbound' THEN 'in' WHEN 'outbound' THEN 'out' ELSE 'lan' END AS side
            FROM ({union})
            WHERE time IS NOT NULL AND coalesce(direction, '') <> 'external'
        ), texts AS (
            SELECT *,
                CASE WHEN has_endpoint THEN peer_text END AS endpoint_text,
                CASE WHEN has_endpoint AND direction <> 'internal' THEN {_NETWORK} END AS network_text,
                CASE WHEN has_service THEN {_SERVICE} END AS service_text,
                {_registered("raw_name")} AS name_text,
                nullif(lower(raw_account), '') AS account_text,
                hour % 24 + CASE WHEN (hour // 24 + 3) % 7 >= 5 THEN 24 ELSE 0 END AS slot_text
            FROM sides WHERE actor_text IS NOT NULL AND NOT (coalesce(inbound, false) AND quiet)
        ), numbers AS (
            SELECT *, (hash('device', actor_text) >> 1)::BIGINT AS actor, {ids} FROM texts
        )
        SELECT row, event_id, numbers.actor, coalesce(known.grp, {NEWCOMER_SQL}) AS grp, hour,
            coalesce(inbound, false) AS inbound, {", ".join(KINDS)},
            CASE WHEN measured THEN log2(1 + CASE WHEN inbound THEN dst_bytes ELSE src_bytes END) END AS up,
            CASE WHEN measured THEN log2(1 + CASE WHEN inbound THEN src_bytes ELSE dst_bytes END) END AS down,
            CASE WHEN measured THEN log2(1 + duration_us / 1000.0) END AS duration,
            measured::BIGINT AS connection, (measured AND quiet)::BIGINT AS failed,
            CASE WHEN measured THEN coalesce(CASE WHEN inbound THEN dst_bytes ELSE src_bytes END, 0)::DOUBLE
                 ELSE 0 END AS sent,
            peak, known.first AS first, numbers.device, remote, actor_text, side,
            endpoint_text, network_text, service_text, name_text, account_text, {gate} AS learn
        FROM numbers LEFT JOIN {devices} known ON known.actor = numbers.actor
        ORDER BY row"""  # noqa: S608


NEWCOMER_SQL = "(hash('role', 'unknown') >> 1)::BIGINT"

_NETWORK = """coalesce('AS' || asn, CASE WHEN contains(peer_text, ':')
    THEN split_part(peer_text, ':', 1) || ':' || split_part(peer_text, ':', 2) || '::/32'
    ELSE split_part(peer_text, '.', 1) || '.' || split_part(peer_text, '.', 2) || '.0.0/16' END)"""

# Ports from 49152 are handed out at random (RFC 6335); their numbers mean nothing.
_SERVICE = """side || ' ' || transport || CASE WHEN port IS NULL THEN ''
    WHEN port >= 49152 THEN '/ephemeral' ELSE '/' || port END"""


def _registered(column: str) -> str:
    """Last two labels of a name, three under a country's second level; null for addresses."""
    labels = f"string_split(rtrim(lower({column}), '.'), '.')"
    second = ", ".join(f"'{label}'" for label in _SECOND_LEVEL)
    return f"""CASE WHEN {column} IS NULL OR {column} = '' OR contains({column}, ':')
            OR regexp_full_match({column}, '[0-9.]+') THEN NULL
        WHEN len({labels}) > 2 AND len({labels}[-1]) = 2 AND {labels}[-2] IN ({second})
            THEN array_to_string({labels}[-3:], '.')
        ELSE array_to_string({labels}[-2:], '.') END"""


def _id(kind: str) -> str:
    if kind == "slot":
        return "(hash('slot', slot_text) >> 1)::BIGINT AS slot"
    text = f"{kind}_text"
    return f"CASE WHEN {text} IS NOT NULL THEN (hash('{kind}', side, {text}) >> 1)::BIGINT END AS {kind}"


def _gate(engine: duckdb.DuckDBPyConnection, events: Iterable[int], entities: Iterable[tuple[str, str | None]]) -> str:
    """The condition for learning a row, over temporary tables of what is withheld."""
    pairs = list(entities)
    held = pa.table({"id": pa.array(list(events), pa.int64())})
    both = pa.table(
        {"d": pa.array([pair[0] for pair in pairs], pa.string()), "r": pa.array([p[1] for p in pairs], pa.string())}
    )
    for name, table in (("held_events", held), ("held_entities", both)):
        engine.register("encode_held", table)
        engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM encode_held")  # noqa: S608
        engine.unregister("encode_held")
    return """coalesce(event_id NOT IN (FROM held_events), true)
        AND NOT EXISTS (FROM held_entities WHERE d = numbers.device AND (r IS NULL OR r = numbers.remote))"""
