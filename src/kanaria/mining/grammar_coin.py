"""Which coin a connection with the grammar of mining mines, and which of its two ends is the miner.

In: a ``connection`` table that ``mining.read`` and ``mining.grammar.read`` have gone over. Out: the same table with the
string column ``mining.grammar_coin``, and with ``device`` the client of every mining connection of which both ends, or
neither, are ours: there only the mining itself tells whose trouble it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

import pyarrow as pa

COLUMN = "mining.grammar_coin"

JUDGED_FROM = 4.0
"""Bits of the grammar from which lengths are looked at; the rules ask for more before they believe them."""

TLS_OVERHEAD = 25
"""Bytes TLS adds to a message: 22 in version 1.3, 29 in 1.2 (AES-GCM; RFC 8446, RFC 5288), give or take ``SLACK``."""
SLACK = 5

CRYPTONOTE_ANSWER = (58, 72)
"""``{"id":7,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}`` and its variants: 63 to 66 bytes in 23 real
captures; other coins answer a bare ``true`` in 25 to 44."""
CRYPTONOTE_DIFFERENCE = (112, 190)
"""Length of a share less that of its receipt, which no encryption changes. 118 to 121 bytes in all 24 real captures,
whose session and job names take 15 characters together; a pool that names sessions by UUID adds 25 to 60."""
EQUIHASH_DIFFERENCE = (2_500, 3_200)
"""An Equihash 200,9 solution is 1,344 bytes, sent as 2,688 hexadecimal digits (2,853 in the real capture)."""

LEAST_PAIRS = 2
"""One message and its answer prove nothing about a rhythm of shares."""


class Pair(TypedDict):
    """One of the commonest (client length, next server length) pairs of a connection."""

    request: int
    answer: int
    count: int


def read(connection: pa.Table) -> pa.Table:
    """The table with the coin column, and with the miner as ``device``; rows and their order stay."""
    return miner_is_device(connection.append_column(COLUMN, _coins(connection)))


def coin_of(pairs: Iterable[Pair], *, encrypted: bool) -> str | None:
    """``XMR`` (CryptoNote and its sisters), ``ZEC`` (Equihash), or None where lengths do not tell."""
    counted = list(pairs)
    # Answers longer than the message are jobs that came in between; they are no receipts.
    receipts = [pair for pair in counted if pair["answer"] < pair["request"]]
    total = sum(pair["count"] for pair in receipts)
    if total < LEAST_PAIRS:
        return None
    votes = {
        "XMR": sum(pair["count"] for pair in receipts if _is_cryptonote(pair, encrypted)),
        "ZEC": sum(pair["count"] for pair in receipts if _within(_difference(pair), EQUIHASH_DIFFERENCE)),
    }
    coin = max(votes, key=lambda name: votes[name])
    return coin if 2 * votes[coin] > total else None


def _is_cryptonote(pair: Pair, encrypted: bool) -> bool:
    low, high = CRYPTONOTE_ANSWER
    if encrypted:
        low, high = low + TLS_OVERHEAD - SLACK, high + TLS_OVERHEAD + SLACK
    else:
        high += TLS_OVERHEAD + SLACK  # encryption that nobody recognised
    return low <= pair["answer"] <= high and _within(_difference(pair), CRYPTONOTE_DIFFERENCE)


def _difference(pair: Pair) -> int:
    return pair["request"] - pair["answer"]


def _within(value: int, span: tuple[int, int]) -> bool:
    return span[0] <= value <= span[1]


def _coins(connection: pa.Table) -> pa.Array:
    import pyarrow.compute as pc  # 40 ms to import; only batches need it

    likely = pc.fill_null(pc.greater_equal(connection["mining.grammar_bits"], JUDGED_FROM), False)
    rows = connection.select(["pairs", "service"]).filter(likely).to_pylist()
    coins = iter([coin_of(_pairs(row), encrypted=row["service"] == "tls") for row in rows])
    return pa.array([next(coins) if mask else None for mask in likely.to_pylist()], pa.string())


def _pairs(row: Mapping[str, Sequence[Pair] | None]) -> Sequence[Pair]:
    return row["pairs"] or ()


def miner_is_device(connection: pa.Table) -> pa.Table:
    """``device`` and ``remote`` swapped where mining runs between two ends that are both ours or both foreign.

    ``orient`` takes the server for the device there, which is right for attacks; of mining the client is the victim.
    """
    import pyarrow.compute as pc

    undecided = pc.is_in(connection["direction"], pa.array(["internal", "external"]))
    spoken = pc.is_valid(connection["mining.dialect"])
    shown = pc.fill_null(pc.greater_equal(connection["mining.grammar_bits"], JUDGED_FROM), False)
    swap = pc.and_(pc.fill_null(undecided, False), pc.or_(spoken, shown))
    for name, side in (("device", "src_ip"), ("remote", "dst_ip")):
        index = connection.schema.get_field_index(name)
        connection = connection.set_column(index, name, pc.if_else(swap, connection[side], connection[name]))
    return connection
