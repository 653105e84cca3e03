"""Normalised tables in, the integer rows of ``program.ROWS`` out, with the texts behind the integers.

Every table is turned into the same shape: who acted, on which side, with whom, over what, how much. ``row`` is the
number of the table (its place in ``TABLES``) shifted by ``ROW_SHIFT`` plus the row's number, so that results find their
way back. Ids are the engine's 63-bit hash of kind, side and text; the store checks that the hash has not changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.baseline.shape import PEAKS

if TYPE_CHECKING:
    from kanaria.baseline.statements import Statements

TABLES = ("connection", "dns", "tls", "rdp", "smb", "logon", "http")
ROW_SHIFT = 40
SCANNED_ROWS = 16_384
"""DuckDB gives each of its threads a whole Arrow batch at a time: small enough that all of them have work."""

UNANSWERED = ("S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR")
"""Zeek connection states in which the other side never agreed to talk. ``OTH``, the middle of something, is one too
where nothing came back: the echoes of floods and scans elsewhere."""

# Second-level labels under which names are registered in many countries (co.jp, com.au, …).
_SECOND_LEVEL = ("ac", "ad", "co", "com", "ed", "edu", "go", "gov", "gr", "lg", "mil", "ne", "net", "or", "org")

# What scoring leaves in a table, so that learning need not score again.
_FOUND = ("endpoint", "network", "name", "account", "agent", "service", "volume", "hour", "rate", "surprise")
_COLUMNS = {
    "src_ip": "VARCHAR", "dst_ip": "VARCHAR", "dst_port": "INTEGER", "device": "VARCHAR", "remote": "VARCHAR",
    "direction": "VARCHAR", "time": "TIMESTAMPTZ", "transport": "VARCHAR", "state": "VARCHAR", "duration_us": "BIGINT",
    "src_bytes": "BIGINT", "dst_bytes": "BIGINT", "sni": "VARCHAR", "query": "VARCHAR", "host": "VARCHAR",
    "cookie": "VARCHAR", "user": "VARCHAR", "user_agent": "VARCHAR", "knowledge.asn": "VARCHAR", "event_id": "BIGINT",
    **{f"baseline.{name}_bits": "DOUBLE" for name in _FOUND},
}  # fmt: skip
_ARROW: Mapping[str, pa.DataType] = {
    "VARCHAR": pa.string(), "INTEGER": pa.int32(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
}  # fmt: skip
_NOTHING = pa.schema(
    [
        pa.field("kind", pa.string()),
        pa.field("row_number", pa.int64()),
        *(pa.field(name, _ARROW[kind]) for name, kind in _COLUMNS.items()),
    ]
).empty_table()
"""Every column in its place, for slices of any tables."""
_NAME = {"connection": "sni", "tls": "sni", "dns": "query", "http": "host"}
_ACCOUNT = {"rdp": "cookie", "smb": "user", "logon": "user"}
# The server port where a table does not carry one: what these protocols run on.
_PORT = {"tls": 443, "rdp": 3389, "smb": 445}


def encode(statements: Statements, tables: Mapping[str, pa.Table], devices: str) -> None:
    """Leave the batch in the temporary table ``encoded`` and its devices in ``actors``.

    ``devices`` names a table (actor, device, role, grp, first) of what is known about actors. The texts behind the
    integers stay in the Arrow tables until ``release``: few are ever asked for (``want_texts``).
    """
    given = {name: tables[name] for name in TABLES if name in tables and len(tables[name])}
    narrow = {name: table.select(_narrowed(table)) for name, table in given.items()}
    rows = sum(len(table) for table in narrow.values())
    release(statements)
    statements.suit(rows)
    with _read(statements, narrow) as sides:
        if rows <= SCANNED_ROWS:
            # Few rows are written down once: preparing the same long query for each reader would take longer.
            statements.fill("few_sides", sides)
            sides = "FROM few_sides"
    statements.view("encoded_sides", sides)
    statements.make_empty("wanted", "row BIGINT")
    statements.view("encoded_texts", f"{EVERY_TEXT} SEMI JOIN wanted USING (row)")
    statements.fill("actors", _ACTORS.format(devices=devices))
    statements.fill("encoded", _ids({column for table in narrow.values() for column in table.column_names}))


@contextmanager
def _read(statements: Statements, narrow: Mapping[str, pa.Table]) -> Iterator[str]:
    """Let the engine have the tables, few rows only meanwhile; a query for all. Large tables stay where they are."""
    if not narrow:
        yield _sides(_select("nothing", 0, set(), "(SELECT NULL::BIGINT AS row_number WHERE false)"))
        return
    numbered = {name: _numbered(table) for name, table in narrow.items()}
    if not statements.few:
        for name, table in numbered.items():
            statements.lend(f"encode_{name}", pa.Table.from_batches(table.to_batches(SCANNED_ROWS), table.schema))
        yield _union(narrow, {name: f"encode_{name}" for name in narrow})
        return
    named = [_declared(name, table) for name, table in numbered.items()]
    with statements.handed(pa.concat_tables([_NOTHING, *named], promote_options="permissive")) as all_:
        yield _union(narrow, {name: f"{all_} WHERE kind = '{name}'" for name in narrow})


def _union(narrow: Mapping[str, pa.Table], sources: Mapping[str, str]) -> str:
    parts = [
        _select(name, TABLES.index(name), set(table.column_names), sources[name]) for name, table in narrow.items()
    ]
    return _sides(" UNION ALL ".join(parts))


def _narrowed(table: pa.Table) -> list[str]:
    there = set(table.column_names)
    return [column for column in _COLUMNS if column in there]


def _declared(name: str, table: pa.Table) -> pa.Table:
    """The table under its name, its columns of the types that are the same for all tables."""
    fields = [_NOTHING.schema.field(column) for column in table.column_names]
    return table.cast(pa.schema(fields)).append_column("kind", pa.array([name] * len(table)))


def _numbered(table: pa.Table) -> pa.Table:
    return table.append_column("row_number", pa.array(np.arange(len(table), dtype=np.int64)))


def want_texts(statements: Statements, rows: str) -> None:
    """Choose the rows of the view ``encoded_texts`` by a query for their numbers."""
    statements.fill("wanted", rows)


def release(statements: Statements) -> None:
    """Let go of the batch's Arrow tables."""
    statements.release(*(f"encode_{name}" for name in TABLES))


def _select(name: str, number: int, given: set[str], source: str) -> str:
    """One table brought to the common columns."""

    def column(wanted: str) -> str:
        return f'"{wanted}"' if wanted in given else f"NULL::{_COLUMNS[wanted]}"

    named, account = _NAME.get(name, "sni"), _ACCOUNT.get(name, "user")
    account = column(account) if name in _ACCOUNT else "NULL::VARCHAR"
    measured = name == "connection"
    bits_before = ", ".join(f"{column(f'baseline.{bits}_bits')} AS found_{bits}" for bits in _FOUND)
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
            {str(name != "dns").lower()} AS has_endpoint,
            {column("user_agent")} AS raw_agent, {bits_before}
        FROM {source}"""  # noqa: S608


def _sides(union: str) -> str:
    """Who acts, on which side, with whom. Unanswered calls from outside are nobody's behaviour."""
    quiet = ", ".join(f"'{state}'" for state in UNANSWERED)
    return f"""
        SELECT * FROM (
            SELECT *, coalesce(direction = 'inbound', false) AS inbound, epoch_us(time) // 3600000000 AS hour,
                CASE WHEN direction = 'inbound' THEN coalesce(dst_ip, device)
                     WHEN direction IS NULL THEN device ELSE coalesce(src_ip, device) END AS actor_text,
                CASE WHEN direction = 'inbound' THEN coalesce(src_ip, remote)
                     WHEN direction IS NULL THEN remote ELSE coalesce(dst_ip, remote) END AS peer_text,
                coalesce(state IN ({quiet}) OR state = 'OTH' AND coalesce(dst_bytes, 0) = 0, false) AS quiet,
                CASE direction WHEN 'inbound' THEN 'in' WHEN 'outbound' THEN 'out' ELSE 'lan' END AS side
            FROM ({union})
            WHERE time IS NOT NULL AND coalesce(direction, '') <> 'external')
        WHERE actor_text IS NOT NULL AND NOT (inbound AND quiet)"""  # noqa: S608


_ACTOR = "(hash('device', actor_text) >> 1)::BIGINT"
NEWCOMER_SQL = "(hash('role', 'unknown') >> 1)::BIGINT"

_ACTORS = f"""
    SELECT {_ACTOR} AS actor, actor_text, coalesce(known.grp, {NEWCOMER_SQL}) AS grp,
        coalesce(known.role, 'unknown') AS role, known.first, known.actor IS NOT NULL AS known
    FROM (SELECT DISTINCT actor_text FROM encoded_sides) LEFT JOIN {{devices}} known ON known.actor = {_ACTOR}"""  # noqa: S608

# The first two numbers of an IPv4 address, the first two groups of an IPv6 address.
_PREFIX = "regexp_extract(peer_text, '^[0-9]+[.][0-9]+|^[^:]*:[^:]*')"
_NETWORK = f"""coalesce('AS' || asn, {_PREFIX} || CASE WHEN contains(peer_text, ':') THEN '::/32' ELSE '.0.0/16' END)"""

# Ports from 49152 are handed out at random (RFC 6335); their numbers mean nothing.
_SERVICE = """side || ' ' || transport || CASE WHEN port IS NULL THEN ''
    WHEN port >= 49152 THEN '/ephemeral' ELSE '/' || port END"""
_SERVED = "CASE WHEN port >= 49152 THEN 49152 ELSE coalesce(port, -1) END"


def _registered(column: str) -> str:
    """Last two labels of a name, three under a country's second level; null for addresses."""
    labels = f"string_split(rtrim(lower({column}), '.'), '.')"
    second = ", ".join(f"'{label}'" for label in _SECOND_LEVEL)
    return f"""CASE WHEN {column} IS NULL OR {column} = '' OR contains({column}, ':')
            OR regexp_full_match({column}, '[0-9.]+') THEN NULL
        WHEN len({labels}) > 2 AND len({labels}[-1]) = 2 AND {labels}[-2] IN ({second})
            THEN array_to_string({labels}[-3:], '.')
        ELSE array_to_string({labels}[-2:], '.') END"""


# Which program, not which release: browsers and libraries change their numbers every few weeks.
_AGENT = "left(regexp_replace(raw_agent, '[0-9][0-9._]*', '', 'g'), 120)"

_PEAKS = """greatest(found_endpoint, found_network, found_name, found_account, found_agent) AS novelty_peak,
            CASE WHEN found_surprise IS NOT NULL THEN coalesce(found_service, 0) END AS service_peak,
            CASE WHEN found_surprise IS NOT NULL THEN coalesce(found_volume, 0) END AS volume_peak,
            greatest(found_hour, found_rate) AS rhythm_peak, found_surprise AS together_peak"""

_HAS_NETWORK = "has_endpoint AND direction <> 'internal'"

EVERY_TEXT = f"""
    SELECT row, event_id, device, remote, actor_text, side,
        CASE WHEN has_endpoint THEN peer_text END AS endpoint_text,
        CASE WHEN {_HAS_NETWORK} THEN {_NETWORK} END AS network_text,
        CASE WHEN has_service THEN {_SERVICE} END AS service_text,
        {_registered("raw_name")} AS name_text,
        nullif(lower(raw_account), '') AS account_text,
        {_AGENT} AS agent_text
    FROM encoded_sides"""  # noqa: S608
"""The words behind the integers of all encoded rows."""


def _id(kind: str, *parts: str) -> str:
    return f"(hash('{kind}', {', '.join(parts)}) >> 1)::BIGINT"


_SLOT = "hour % 24 + CASE WHEN (hour // 24 + 3) % 7 >= 5 THEN 24 ELSE 0 END"
_NAME_TEXT, _ACCOUNT_TEXT = _registered("raw_name"), "nullif(lower(raw_account), '')"

# Counters that ran over are negative in some exports: that is no amount. One more than the largest integer is a float.
_LOG = "log2(1 + CASE WHEN ({0}) >= 0 THEN ({0})::DOUBLE END)"

_PARTS = {
    "name": f"CASE WHEN raw_name IS NOT NULL AND {_NAME_TEXT} IS NOT NULL THEN {_id('name', 'side', _NAME_TEXT)} END",
    "account": f"""CASE WHEN raw_account IS NOT NULL AND {_ACCOUNT_TEXT} IS NOT NULL
        THEN {_id("account", "side", _ACCOUNT_TEXT)} END""",
    "agent": f"CASE WHEN raw_agent IS NOT NULL THEN {_id('agent', 'side', _AGENT)} END",
}


def _ids(given: set[str]) -> str:
    """The encoded rows. What no table has (flows carry no names) is not worked out: preparing it takes milliseconds."""
    there = {
        "name": given & set(_NAME.values()),
        "account": given & set(_ACCOUNT.values()),
        "agent": given & {"user_agent"},
    }
    texts = ", ".join(f"{sql if there[kind] else 'NULL::BIGINT'} AS {kind}" for kind, sql in _PARTS.items())
    scored = any(f"baseline.{name}_bits" in given for name in _FOUND)
    peaks = _PEAKS if scored else ", ".join(f"NULL::DOUBLE AS {name}" for name in PEAKS)
    return f"""
    SELECT row, numbers.actor, actors.grp, hour, inbound, endpoint, network, service, name, account, agent, slot,
        up, down, duration, connection, failed, sent, {", ".join(PEAKS)}
    FROM (
        SELECT row, {_ACTOR} AS actor, hour, inbound,
            CASE WHEN has_endpoint THEN {_id("endpoint", "side", "peer_text")} END AS endpoint,
            CASE WHEN {_HAS_NETWORK} THEN CASE WHEN asn IS NULL THEN {_id("network", "side", _PREFIX)}
                ELSE {_id("network", "side", "'AS'", "asn")} END END AS network,
            CASE WHEN has_service THEN {_id("service", "side", "transport", _SERVED)} END AS service,
            {texts},
            {_id("slot", _SLOT)} AS slot,
            CASE WHEN measured THEN {_LOG.format("CASE WHEN inbound THEN dst_bytes ELSE src_bytes END")} END AS up,
            CASE WHEN measured THEN {_LOG.format("CASE WHEN inbound THEN src_bytes ELSE dst_bytes END")} END AS down,
            CASE WHEN measured THEN {_LOG.format("duration_us / 1000.0::DOUBLE")} END AS duration,
            measured::BIGINT AS connection, (measured AND quiet)::BIGINT AS failed,
            CASE WHEN measured
                THEN greatest(coalesce(CASE WHEN inbound THEN dst_bytes ELSE src_bytes END, 0), 0)::DOUBLE
                ELSE 0 END AS sent,
            {peaks}
        FROM encoded_sides) numbers LEFT JOIN actors USING (actor)"""  # noqa: S608


def withhold(statements: Statements, events: Iterable[int], entities: Iterable[tuple[str, str | None]]) -> None:
    """Move rows of these events or (device, remote or None) pairs from ``encoded`` to the temporary table ``held``."""
    name_held(statements, events, entities)
    want_texts(statements, f"SELECT row FROM encoded_sides WHERE {HELD}")  # noqa: S608
    peaks = ", ".join(PEAKS)
    statements.fill("held", f"SELECT * EXCLUDE ({peaks}) FROM encoded_texts JOIN encoded USING (row)")  # noqa: S608
    statements.run("DELETE FROM encoded WHERE row IN (SELECT row FROM held)")


# Two joins by equality: of thousands of pairs and a million rows, every row would be compared with every pair.
HELD = """(event_id IN (SELECT id FROM held_events)
    OR (device, remote) IN (SELECT (d, r) FROM held_entities WHERE r IS NOT NULL)
    OR device IN (SELECT d FROM held_entities WHERE r IS NULL))"""
"""The condition that a row is of the events or (device, remote or None) pairs that were named."""


def name_held(statements: Statements, events: Iterable[int], entities: Iterable[tuple[str, str | None]]) -> None:
    """Name events and pairs for ``HELD``."""
    pairs = list(entities)
    both = {"d": [pair[0] for pair in pairs], "r": [pair[1] for pair in pairs]}
    statements.take_in("held_events", pa.table({"id": pa.array(list(events), pa.int64())}))
    statements.take_in("held_entities", pa.table({name: pa.array(side, pa.string()) for name, side in both.items()}))
