"""The coin told by lengths, which encryption does not hide, and the miner told by the mining."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core import schema
from kanaria.mining.grammar_coin import Pair, coin_of, miner_is_device, read


def pair(request: int, answer: int, count: int = 20) -> Pair:
    return {"request": request, "answer": answer, "count": count}


XMRIG = [pair(185, 65, 94), pair(184, 64, 88), pair(183, 63, 8), pair(489, 417, 1)]


def test_xmrig_in_the_clear() -> None:
    assert coin_of(XMRIG, encrypted=False) == "XMR"


@pytest.mark.parametrize("overhead", [22, 29])
def test_tls_adds_the_same_to_both_sides(overhead: int) -> None:
    hidden = [pair(p["request"] + overhead, p["answer"] + overhead, p["count"]) for p in XMRIG]
    assert coin_of(hidden, encrypted=True) == "XMR"


def test_sessions_named_by_uuid() -> None:
    assert coin_of([pair(233, 63)], encrypted=False) == "XMR"


def test_equihash_solutions_are_long() -> None:
    assert coin_of([pair(2878, 25, 45), pair(98, 62, 1)], encrypted=False) == "ZEC"


@pytest.mark.parametrize(
    ("pairs", "encrypted"),
    [
        ([pair(120, 38)], False),  # Bitcoin: a share with a short worker name, and a bare true
        ([pair(145, 63)], True),  # the same under TLS
        ([pair(261, 40)], False),  # eth-proxy
        ([pair(289, 68)], True),
        ([pair(81, 243)], False),  # answers longer than questions are no receipts
        ([pair(36, 36)], True),  # keystrokes
        ([pair(185, 65, 1)], False),  # one share
        ([], False),
    ],
)
def test_other_lengths_are_not_called_monero(pairs: list[Pair], encrypted: bool) -> None:
    assert coin_of(pairs, encrypted=encrypted) is None


LENGTHS = st.integers(min_value=1, max_value=65_535)


@given(st.lists(st.builds(pair, LENGTHS, LENGTHS, st.integers(1, 1000)), max_size=8), st.booleans())
def test_any_lengths_give_an_answer_that_does_not_depend_on_their_order(pairs: list[Pair], encrypted: bool) -> None:
    coin = coin_of(pairs, encrypted=encrypted)
    assert coin in {None, "XMR", "ZEC"}
    assert coin_of(list(reversed(pairs)), encrypted=encrypted) == coin


def connection(**columns: object) -> pa.Table:
    row = {"event_id": 1, "src_ip": "203.0.113.5", "dst_ip": "198.51.100.9", "device": "198.51.100.9",
           "remote": "203.0.113.5", "direction": "external", "service": "tls", "pairs": XMRIG}  # fmt: skip
    table = schema.from_rows("connection", [row | {k: v for k, v in columns.items() if "." not in k}])
    bits, dialect = columns.get("mining.grammar_bits"), columns.get("mining.dialect")
    table = table.append_column("mining.grammar_bits", pa.array([bits], pa.float64()))
    return table.append_column("mining.dialect", pa.array([dialect], pa.string()))


def test_a_table_gets_the_column() -> None:
    table = read(connection(**{"service": None, "mining.grammar_bits": 9.0}))
    assert table["mining.grammar_coin"].to_pylist() == ["XMR"]


def test_lengths_of_what_does_not_mine_are_not_looked_at() -> None:
    assert read(connection(**{"service": None, "mining.grammar_bits": 1.0}))["mining.grammar_coin"].to_pylist() == [
        None
    ]
    assert read(connection())["mining.grammar_coin"].to_pylist() == [None]


def test_an_empty_table_keeps_its_columns() -> None:
    empty = read(connection().slice(0, 0))
    assert "mining.grammar_coin" in empty.column_names
    assert empty.num_rows == 0


@pytest.mark.parametrize(
    ("columns", "device"),
    [
        ({"mining.dialect": "cryptonote"}, "203.0.113.5"),
        ({"mining.grammar_bits": 9.0, "direction": "internal"}, "203.0.113.5"),
        ({"mining.dialect": "cryptonote", "direction": "inbound"}, "198.51.100.9"),
        ({"mining.grammar_bits": -3.0}, "198.51.100.9"),
        ({}, "198.51.100.9"),
    ],
)
def test_of_two_strangers_the_client_is_the_miner(columns: dict[str, object], device: str) -> None:
    table = miner_is_device(connection(**columns))
    other = {"203.0.113.5", "198.51.100.9"} - {device}
    assert (table["device"][0].as_py(), {table["remote"][0].as_py()}) == (device, other)
