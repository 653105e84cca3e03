"""Which addresses are ours when nobody said so and no private address space is in sight.

A capture taken on a rented server shows only public addresses. The machine it was taken on takes part in nearly every
connection; strangers take part in few. A firewall's log may say itself which machine it was written on. ``tally``
counts what spooled tables show, on top of what earlier runs have counted, so that it makes no difference into how many
runs the records are divided; ``infer`` says which addresses are ours by such counts, if any.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.core.ids import ROW_BITS
from kanaria.core.late_regex import late_regex
from kanaria.core.network import HomeNetworks, is_global
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
# The same holds where more than half of what one stranger tried with one server were unanswered knocks at doors: ports
# of the system (RFC 6335) but those that clients ask every day, and the first registered ones that worms try.
_EVERYDAY = (53, 80, 123, 443, 853)
_DOORS = (1433, 2222, 2323, 2375, 3306, 3389, 5432, 5555, 5900, 6379, 7547, 8080, 27017)
_KNOCKED = ("S0", "REJ", "RSTOS0", "RSTRH", "SH")
_KNOCKS = f"""transport = 'tcp' AND state IN {_KNOCKED}
    AND (dst_port < 1024 AND dst_port NOT IN {_EVERYDAY} OR dst_port IN {_DOORS})"""
# A machine has a few addresses of its own, each in a good part of what its firewall tells; a line that somebody forged,
# or that came from another machine, is one of many.
_OWN_SHARE = 0.05
# Nor is a client at home that speaks JSON and is not answered in kind: it does not know whom it found, or nobody is
# there. So many such conversations are looked at, those with the longest answers first.
_LOOKED_AT = 200
_GIVEN = late_regex(rb'"result"\s*:\s*(?!null\b|false\b)|"method"\s*:')
_REFUSED = late_regex(rb'"error"\s*:\s*(?!null\b)|"result"\s*:\s*(?:null|false)\b')


@dataclass(frozen=True)
class Inferred(HomeNetworks):
    """Home addresses that nobody named. ``asked`` says that they only were asked something, and gave nothing;
    ``certain``, that no other address takes part in as much: with one conversation either side could be ours;
    ``stated``, that a firewall said so of the machine it runs on."""

    asked: bool = False
    certain: bool = False
    stated: bool = False


MOST_ADDRESSES = 1_000
"""Addresses that a tally names, those that take part in most: one in nine connections of ten is among them."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What was counted of connections: how many, and how many with one of our address spaces on a side. Of each address
    how many it took part in, and how many it opened, as long as no address was known for ours."""

    total: int = 0
    oriented: int = 0
    addresses: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    stated: Mapping[str, int] = field(default_factory=dict)
    """Public addresses of which a firewall says that they are those of its machine, with its records; these are not
    among the ``oriented``."""
    knocks: int = 0
    """How many were unanswered knocks at doors."""
    entrances: bool = False
    """Whether some of them are about getting in."""
    spoken: bool = False
    """Whether a client spoke JSON; ``answered``, whether one got an answer in kind."""
    answered: bool = False

    def with_(self, more: Tally) -> Tally:
        """Both together."""
        both = {
            address: tuple(map(sum, zip(self.addresses.get(address, (0, 0)), counts, strict=True)))
            for address, counts in more.addresses.items()
        }
        ordered = sorted({**self.addresses, **both}.items(), key=lambda item: (-item[1][0], item[0]))
        oriented = self.oriented + more.oriented
        stated = {name: self.stated.get(name, 0) + more.stated.get(name, 0) for name in {**self.stated, **more.stated}}
        most = sorted(stated.items(), key=lambda item: (-item[1], item[0]))[:MOST_ADDRESSES]
        return Tally(
            total=self.total + more.total,
            oriented=oriented,
            stated=dict(most),
            knocks=self.knocks + more.knocks,
            addresses={} if oriented else {name: (n, opened) for name, (n, opened) in ordered[:MOST_ADDRESSES]},
            entrances=self.entrances or more.entrances,
            spoken=self.spoken or more.spoken,
            answered=self.answered or more.answered,
        )


def tally(
    engine: duckdb.DuckDBPyConnection, tables: Collection[str], before: Tally, judged: pa.Table | None = None
) -> Tally:
    """What the spooled ``tables`` show (names of those with ``src_ip``, ``dst_ip`` and ``direction``) and what was
    counted ``before``. ``judged`` says of sources (``number``) up to which record (``row``) that has counted them."""
    if not tables:
        return before
    fresh = [_fresh(engine, name, judged) for name in sorted(tables)]
    union = " UNION ALL ".join(f"SELECT src_ip, dst_ip, direction, device FROM {rows}" for rows in fresh)  # noqa: S608
    row = engine.execute(
        f"SELECT count(*), count(*) FILTER (direction <> 'external') FROM ({union}) WHERE src_ip IS NOT NULL"  # noqa: S608
    ).fetchone()
    total, oriented = row or (0, 0)
    stated = _stated(engine, union) if oriented else {}
    oriented -= sum(stated.values())
    if not total or oriented or before.oriented:
        return before.with_(Tally(total=total, oriented=oriented, stated=stated))
    shares = engine.execute(
        f"""SELECT ip, count(*), count(*) FILTER (client) FROM (
                SELECT src_ip AS ip, true AS client FROM ({union}) UNION ALL SELECT dst_ip, false FROM ({union})
            ) WHERE ip IS NOT NULL GROUP BY ip ORDER BY 2 DESC, 1 LIMIT {MOST_ADDRESSES}"""  # noqa: S608
    ).fetchall()
    answers = _answers(engine, judged) if "connection" in tables else []
    knocks = _knocks(engine, judged) if "connection" in tables else 0
    return before.with_(
        Tally(
            total=total,
            stated=stated,
            knocks=knocks,
            addresses={address: (count, opened) for address, count, opened in shares},
            entrances=bool(ENTRANCES & set(tables)),
            spoken=bool(answers),
            answered=any(answered(answer) for answer in answers),
        )
    )


def infer(seen: Tally) -> Inferred | None:
    """Home addresses where all connections are between strangers, else None."""
    if not seen.total or seen.oriented:
        return None
    if seen.stated:
        total = sum(seen.stated.values())
        own = sorted(address for address, count in seen.stated.items() if count / total >= _OWN_SHARE)
        home = HomeNetworks.parse(own, where="the firewall's log")
        return Inferred(networks=home.networks, inferred=True, certain=True, stated=True) if own else None
    asked = seen.spoken and not seen.answered
    fewest = 1 if seen.entrances or asked or 2 * seen.knocks > seen.total else -1
    ordered = sorted(seen.addresses.items(), key=lambda item: (-item[1][0], fewest * item[1][1], item[0]))
    if not ordered or ordered[0][1][0] / seen.total < SHARE:
        return None
    home = HomeNetworks.parse([ordered[0][0]], where="the addresses seen")
    certain = all(count / seen.total < SHARE for _address, (count, _opened) in ordered[1:2])
    return Inferred(networks=home.networks, inferred=True, asked=asked, certain=certain)


def _stated(engine: duckdb.DuckDBPyConnection, union: str) -> dict[str, int]:
    """Public addresses that records name as the device themselves, with how many do."""
    devices = engine.execute(
        f"""SELECT device, count(*) FROM ({union}) WHERE direction IN ('inbound', 'outbound') AND src_ip IS NOT NULL
            AND device IS NOT NULL GROUP BY device"""  # noqa: S608
    ).fetchall()
    return {address: count for address, count in devices if is_global(address)}


def _knocks(engine: duckdb.DuckDBPyConnection, judged: pa.Table | None) -> int:
    rows = _fresh(engine, "connection", judged)
    row = engine.execute(f"SELECT count(*) FROM {rows} WHERE {_KNOCKS}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def _fresh(engine: duckdb.DuckDBPyConnection, name: str, judged: pa.Table | None) -> str:
    """The rows of a spooled table that no earlier run has judged, as a relation."""
    if judged is None or not len(judged):
        return f"spool_{name}"
    engine.register("home_judged", judged)
    return f"""(SELECT spooled.* FROM spool_{name} AS spooled
        LEFT JOIN home_judged ON event_id >> {ROW_BITS} = number
        WHERE number IS NULL OR event_id - (number << {ROW_BITS}) > row)"""  # noqa: S608


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
    if home.stated:
        return Text(
            en=f"No private addresses were seen; {named} is the machine whose firewall wrote a log, and counts as "
            "yours (use --home to say otherwise).",
            ja=f"プライベートアドレスが見当たらないため、ファイアウォールのログを記録した機器の {named} を"
            "ご自身のものとみなしました(異なる場合は --home で指定してください)。",
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


def answered(data: bytes) -> bool:
    """Whether bytes of a server are JSON that gives what was asked: no refusal, and no words of another protocol."""
    if not data.startswith((b"{", b"[")):
        return False
    return _GIVEN.search(data) is not None or _REFUSED.search(data) is None


def _answers(engine: duckdb.DuckDBPyConnection, judged: pa.Table | None) -> list[bytes]:
    """What clients that spoke JSON were told, the longest answers first."""
    rows = _fresh(engine, "connection", judged)
    rows_of = engine.execute(
        f"""SELECT dst_first FROM {rows} WHERE src_first >= '{{'::BLOB AND src_first < '|'::BLOB
            ORDER BY octet_length(dst_first) DESC NULLS LAST, event_id LIMIT {_LOOKED_AT}"""  # noqa: S608
    ).fetchall()
    return [answer or b"" for (answer,) in rows_of]
