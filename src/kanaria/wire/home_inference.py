"""Which addresses are ours when nobody said so and no private address space is in sight.

A capture taken on a rented server shows only public addresses. The machine it was taken on takes part in nearly every
connection; strangers take part in few. Comes in: spooled tables; goes out: those addresses, or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.core.network import HomeNetworks
from kanaria.core.types import Text
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import duckdb

# An address that takes part in at least this share of all connections is where the sensor stands. On the captures the
# project was developed with, the vantage point took part in 97-100 % and the busiest stranger in less than half, except
# when there was one conversation only: then the client is taken, because who opens a connection is at home somewhere.
SHARE = 0.9
# Unless the conversation is about getting in: of one stranger guessing passwords on one server, the server is ours.
ENTRANCES = frozenset({"rdp", "smb", "logon"})
# Nor is a client at home that speaks JSON and is not answered in kind: it does not know whom it found, or nobody is
# there. So many such conversations are looked at, those with the longest answers first.
_LOOKED_AT = 200
_SPOKEN = """
    SELECT dst_first FROM spool_connection WHERE src_first >= '{'::BLOB AND src_first < '|'::BLOB
    ORDER BY octet_length(dst_first) DESC NULLS LAST, event_id LIMIT ?"""
_GIVEN = re.compile(rb'"result"\s*:\s*(?!null\b|false\b)|"method"\s*:')
_REFUSED = re.compile(rb'"error"\s*:\s*(?!null\b)|"result"\s*:\s*(?:null|false)\b')


@dataclass(frozen=True)
class Inferred(HomeNetworks):
    """Home addresses that nobody named. ``asked`` says that they only were asked something, and gave nothing;
    ``certain``, that no other address takes part in as much: with one conversation either side could be ours."""

    asked: bool = False
    certain: bool = False


def infer(engine: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> Inferred | None:
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
    asked = "connection" in names and _in_vain(engine)
    first = "ASC" if ENTRANCES & set(names) or asked else "DESC"
    shares = engine.execute(
        f"""SELECT ip, count(*)::DOUBLE / {total}, count(*) FILTER (client) FROM (
                SELECT src_ip AS ip, true AS client FROM ({union}) UNION ALL SELECT dst_ip, false FROM ({union})
            ) WHERE ip IS NOT NULL GROUP BY ip ORDER BY 2 DESC, 3 {first}, 1 LIMIT 2"""  # noqa: S608
    ).fetchall()
    if not shares or shares[0][1] < SHARE:
        return None
    found = HomeNetworks.parse([shares[0][0]], where="the addresses seen")
    certain = all(share < SHARE for _address, share, _opened in shares[1:])
    return Inferred(networks=found.networks, inferred=True, asked=asked, certain=certain)


def note(home: Inferred) -> Text:
    """Says whose side was taken, and why."""
    named = ", ".join(str(network) for network in home.networks)
    if home.asked:
        return Text(
            en=f"Only addresses of strangers were seen, and {named} gave no answer to what it was asked: which side is "
            f"yours cannot be told. This is read as a probe of {named} (use --home to say otherwise).",
            ja=f"見えたのは外部のアドレスだけで、{named} は問いかけに応じていません。どちらがご自身の側かは"
            f"判断できないため、{named} への探索として扱いました(異なる場合は --home で指定してください)。",
        )
    return Text(
        en=f"No private addresses were seen; {named} takes part in nearly every connection and counts as yours "
        "(use --home to say otherwise).",
        ja=f"プライベートアドレスが見当たらないため、ほぼすべての通信に現れる {named} をご自身のものとみなしました"
        "(異なる場合は --home で指定してください)。",
    )


def asked_in_vain(connections: pa.Table) -> pa.Table:
    """Connections between strangers, those that spoke JSON and got nothing for it turned into what came from outside.

    Whoever is not answered mines nothing, so nobody's device is accused; that the port was asked is all that is known.
    """
    import pyarrow.compute as pc  # 40 ms to import; only batches need it

    if not pc.any(pc.equal(connections["direction"], "external")).as_py():
        return connections
    spoken = pc.starts_with(connections["src_first"], b"{")
    chosen = pc.fill_null(pc.and_(spoken, pc.equal(connections["direction"], "external")), False).to_numpy()
    for row in np.flatnonzero(chosen).tolist():
        chosen[row] = not answered(connections["dst_first"][row].as_py() or b"")
    if not chosen.any():
        return connections
    turned = pa.array(chosen)
    came_in = pa.scalar("inbound", pa.string())
    inbound = {"direction": came_in, "device": connections["dst_ip"], "remote": connections["src_ip"]}
    for name, values in inbound.items():
        place = connections.schema.get_field_index(name)
        connections = connections.set_column(place, name, pc.if_else(turned, values, connections[name]))
    return connections


def answered(told: bytes) -> bool:
    """Whether bytes of a server are JSON that gives what was asked: no refusal, and no words of another protocol."""
    if not told.startswith((b"{", b"[")):
        return False
    return _GIVEN.search(told) is not None or _REFUSED.search(told) is None


def _in_vain(engine: duckdb.DuckDBPyConnection) -> bool:
    """Whether clients spoke JSON and none was answered."""
    answers = engine.execute(_SPOKEN, [_LOOKED_AT]).fetchall()
    return bool(answers) and not any(answered(told or b"") for (told,) in answers)
