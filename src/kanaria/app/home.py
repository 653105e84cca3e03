"""Which addresses are ours when nobody said so and no private address space is in sight.

A capture taken on a rented server shows only public addresses. The machine it was taken on takes part in nearly every
connection; strangers take part in few. Comes in: spooled tables; goes out: those addresses, or none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kanaria.core.network import HomeNetworks

if TYPE_CHECKING:
    import duckdb

# An address that takes part in at least this share of all connections is where the sensor stands. On the captures the
# project was developed with, the vantage point took part in 97-100 % and the busiest stranger in less than half, except
# when there was one conversation only: then the client is taken, because who opens a connection is at home somewhere.
SHARE = 0.9
# Unless the conversation is about getting in: of one stranger guessing passwords on one server, the server is ours.
ENTRANCES = frozenset({"rdp", "smb", "logon"})
# Nor is a client at home that speaks JSON to a server which answers in something else: it does not know whom it found.
_MISUNDERSTOOD = """
    SELECT count(*) > 0 AND count(*) = count(*) FILTER (NOT (dst_first >= '{'::BLOB AND dst_first < '|'::BLOB))
    FROM spool_connection WHERE src_first >= '{'::BLOB AND src_first < '|'::BLOB AND octet_length(dst_first) > 0"""


def infer(engine: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> HomeNetworks | None:
    """Home addresses of a run whose connections are all between strangers, else None.

    ``tables`` are names of spooled tables with ``src_ip``, ``dst_ip`` and ``direction``.
    """
    names = list(tables)
    union = " UNION ALL ".join(f"SELECT src_ip, dst_ip, direction FROM spool_{name}" for name in names)  # noqa: S608
    if not union:
        return None
    row = engine.execute(
        f"SELECT count(*), count(*) FILTER (direction <> 'external') FROM ({union}) WHERE src_ip IS NOT NULL"  # noqa: S608
    ).fetchone()
    total, oriented = row or (0, 0)
    if not total or oriented:
        return None
    first = "ASC" if ENTRANCES & set(names) or _misunderstood(engine, names) else "DESC"
    shares = engine.execute(
        f"""SELECT ip, count(*)::DOUBLE / {total}, count(*) FILTER (client) FROM (
                SELECT src_ip AS ip, true AS client FROM ({union}) UNION ALL SELECT dst_ip, false FROM ({union})
            ) WHERE ip IS NOT NULL GROUP BY ip ORDER BY 2 DESC, 3 {first}, 1 LIMIT 2"""  # noqa: S608
    ).fetchall()
    if not shares or shares[0][1] < SHARE:
        return None
    return HomeNetworks.parse([shares[0][0]], where="the addresses seen")


def _misunderstood(engine: duckdb.DuckDBPyConnection, names: Iterable[str]) -> bool:
    row = engine.execute(_MISUNDERSTOOD).fetchone() if "connection" in names else None
    return bool(row and row[0])
