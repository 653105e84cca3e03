"""Ordinary traffic that shares something with mining stays quiet, from its first minute to its last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kanaria import mining
from kanaria.core.facts import Knowledge
from kanaria.lab import framing
from kanaria.lab.lookalikes import LOOKALIKES
from kanaria.lab.mining import Plan, script
from kanaria.lab.pushes import PUSHES, TEXT
from kanaria.lab.scenario import Message
from kanaria.mining import grammar

Judge = Callable[..., Any]

ALERT = 7.0


def _script(name: str, seed: int, seconds: float = 2400.0) -> tuple[tuple[Message, ...], str]:
    transport, make = LOOKALIKES[name]
    return make(np.random.default_rng(seed), seconds), transport


@pytest.mark.parametrize("name", sorted(LOOKALIKES))
def test_lookalikes_are_quiet(judge: Judge, name: str) -> None:
    for seed in range(4):
        sent, transport = _script(name, seed)
        assert (judge(sent, transport=transport).bits or 0.0) < ALERT, (name, seed)


@pytest.mark.parametrize("name", sorted(LOOKALIKES))
def test_lookalikes_are_quiet_at_every_early_look(judge: Judge, name: str) -> None:
    sent, transport = _script(name, 99, 900.0)
    for until in (20, 60, 180, 420):
        assert (judge(sent, until=until, transport=transport).bits or 0.0) < ALERT, (name, until)


@pytest.mark.parametrize("name", sorted(name for name, (transport, _) in LOOKALIKES.items() if transport == "tcp"))
def test_lookalikes_are_quiet_inside_tls(judge: Judge, name: str) -> None:
    sent, _ = _script(name, 5)
    assert (judge(framing.tls(sent, np.random.default_rng(0))).bits or 0.0) < ALERT


def test_a_download_is_not_mining(judge: Judge) -> None:
    packets = [(True, 420, 0.1)] + [(False, 1448, 2 + i * 0.01) for i in range(300)]
    assert (judge(packets).bits or 0.0) <= 0


def test_an_exact_beacon_is_not_mining(judge: Judge) -> None:
    # Detectors of regular beacons exist; mining is irregular, and a clock is evidence against it.
    regular = [item for i in range(60) for item in ((True, 184, 30.0 * i + 5), (False, 65, 30.0 * i + 5.04))]
    times = 5 + np.cumsum(np.random.default_rng(2).exponential(30.0, 60))
    by_chance = [item for at in times for item in ((True, 184, float(at)), (False, 65, float(at) + 0.04))]
    assert (judge(regular).bits or 0.0) <= 0
    assert (judge(by_chance).bits or 0.0) < ALERT  # nobody sent a job


def test_keystrokes_are_not_mining(judge: Judge) -> None:
    rng = np.random.default_rng(1)
    times = 2 + np.cumsum(rng.exponential(0.4, 90))
    packets = [item for at in times for item in ((True, 36, float(at)), (False, 36, float(at) + 0.03))]
    assert (judge(packets).bits or 0.0) <= 0


def telephone(seed: int, every: float, hours: float, *, ours: float, asks: bool) -> list[tuple[bool, int, float]]:
    """Calls over one connection inside TLS (RFC 3261, 17): of one in ``every`` seconds a share of ``ours`` is made by
    the client. Who is called says that it rings, and when it is taken; that is confirmed at once, and nobody answers.
    ``asks``: in between, each side asks whether the other is there."""
    rng = np.random.default_rng(seed)
    said: list[tuple[bool, int, float]] = []
    at = 5.0
    while at < hours * 3600:
        at += float(rng.exponential(every))
        caller, taken = bool(rng.random() < ours), at + 1.0 + float(rng.exponential(8.0))
        over, more = taken + float(rng.exponential(90.0)), int(rng.integers(0, 4))
        ends = bool(rng.random() < 0.7) == caller
        said += [
            (caller, 527 + more, at), (not caller, 310 + more, at + 0.02), (not caller, 340 + more, at + 0.3),
            (not caller, 490 + more, taken), (caller, 378 + more, taken + 0.005),
            (ends, 378 + more, over), (not ends, 320 + more, over + 0.02),
        ]  # fmt: skip
        if asks:
            side = bool(rng.random() < 0.5)
            said += [(side, 430, at + every / 2), (not side, 335, at + every / 2 + 0.02)]
    return sorted(said, key=lambda one: one[2])


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("ours", [1.0, 0.5, 0.0], ids=["calls out", "calls out and in", "calls in"])
@pytest.mark.parametrize("every", [30.0, 120.0, 300.0])
def test_a_telephone_exchange_is_no_miner(judge: Judge, every: float, ours: float, asks: bool) -> None:
    """Asked, answered, told unasked, few lengths, by chance and for hours: only its long answers tell it from mining."""
    for seed in range(4):
        for hours in (0.5, 2.0, 6.0):
            judged = judge(telephone(seed, every, hours, ours=ours, asks=asks))
            assert (judged.bits or 0.0) <= 0, (seed, hours, judged)


SWEPT = [(name, wrapping, seed) for name in PUSHES for wrapping in ("", "1.2", "1.3") for seed in range(6)]
"""Every protocol that pushes and acknowledges, in the clear and in either TLS, with six draws of its parameters."""


@pytest.fixture(scope="module")
def swept(facts: Knowledge, table_of: Callable[..., pa.Table], judged_rows: Any) -> dict[tuple[str, str, int], Any]:
    """All of them in one table, looked at when they ended."""
    sent = []
    for name, wrapping, seed in SWEPT:
        said = PUSHES[name](np.random.default_rng(1000 + seed), 2400.0)
        inside = framing.tls(said, np.random.default_rng(seed), version=wrapping) if wrapping else said
        sent.append([(m.from_client, len(m.data), m.time) for m in inside])
    table = mining.read({"connection": _as_tls(table_of(sent))}, facts).tables["connection"]
    judged = judged_rows(grammar.read(table, facts))
    return dict(zip(SWEPT, judged, strict=True))


def _as_tls(table: pa.Table) -> pa.Table:
    services = pa.array(["tls" if wrapping else None for _, wrapping, _ in SWEPT], pa.string())
    # The laboratory's bytes are random; what these protocols say in the clear is text.
    said = [
        b'{"jsonrpc":"2.0","method":"changed"}\n' if name in TEXT and not wrapping else None
        for name, wrapping, _ in SWEPT
    ]
    for column, values in (("service", services), ("dst_first", pa.array(said, pa.binary()))):
        table = table.set_column(table.schema.get_field_index(column), column, values)
    return table


@pytest.mark.parametrize("name", PUSHES)
def test_what_pushes_and_acknowledges_is_no_miner_whatever_its_parameters(
    swept: dict[tuple[str, str, int], Any], name: str
) -> None:
    bits = {key: one.bits for key, one in swept.items() if key[0] == name}
    assert len(bits) == 18
    assert {key: value for key, value in bits.items() if value is not None and value >= ALERT} == {}


def test_most_of_them_are_judged(swept: dict[tuple[str, str, int], Any]) -> None:
    judged = [key for key, one in swept.items() if one.bits is not None]
    assert len(judged) >= 0.6 * len(swept)


@pytest.mark.parametrize("gap", [0.5, 1.0, 2.0])
def test_a_block_a_second_and_a_balance_asked_for_is_no_miner(judge: Judge, gap: float) -> None:
    """What a real Ganache and its clients sent inside TLS: 22 bytes more than heads of 1,529, questions of 121 and
    answers of 41."""
    rng = np.random.default_rng(6)
    asked = 2 + np.cumsum(rng.exponential(gap, 60))
    heads = [(False, 1_551 + int(rng.integers(2)), 2.5 + n + float(rng.uniform(0, 0.03))) for n in range(60)]
    sent = [m for at in asked for m in ((True, 143, float(at)), (False, 63, float(at) + 0.004))]
    whole = sorted([*heads, *sent], key=lambda m: m[2])
    assert (judge(whole).bits or 0.0) <= 0
    rare = sorted(
        [*((c, n, 20 * at) for c, n, at in heads), *((c, n, 20 * at) for c, n, at in sent)], key=lambda m: m[2]
    )
    assert judge(rare).bits is not None  # jobs as long every 20 seconds can be a pool's: that is weighed


@pytest.mark.parametrize(
    ("packets", "why"),
    [
        ([(False, 322, 5.0), (False, 322, 20.0)], "two alike pushes"),
        ([(False, 333, 30.0 * n) for n in range(1, 6)], "five notices, the client silent"),
        ([m for n in range(1, 40) for m in ((False, 300, 31.0 * n), (True, 120, 31.0 * n + 0.1))], "asked and answering"),
        ([m for n in range(1, 9) for m in ((True, 150, 0.2 * n + 2), (False, 40, 0.2 * n + 2.04))]
         + [(False, 250, 60.0 + 70.0 * n) for n in range(20)], "a start in a burst, then only pushes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_too_little_for_a_miner_gives_no_bits_for_mining(judge: Judge, packets: Any, why: str) -> None:
    assert (judge(packets).bits or 0.0) <= 0, why


def test_datagrams_are_judged_only_inside_wireguard(judge: Judge) -> None:
    rng = np.random.default_rng(3)
    shares, jobs = 3 + np.cumsum(rng.exponential(25.0, 60)), 5 + np.cumsum(rng.exponential(40.0, 40))
    peers = [item for at in shares for item in ((True, 240, float(at)), (False, 128, float(at) + 0.04))]
    peers = sorted([*peers, *((False, 431, float(at)) for at in jobs)], key=lambda item: item[2])
    assert judge(peers, transport="udp").bits is None
    wireguard = [(client, length + -length % 16, at) for client, length, at in peers]
    assert (judge(wireguard, transport="udp").bits or 0.0) >= ALERT


@pytest.mark.parametrize(
    ("service", "first", "vetoed"),
    [
        (None, b'{"id":7,"method":"blockchain.headers.subscribe","params":[]}\n', True),
        (None, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x7e\x01\x1c" + b'{"jsonrpc":"2.0"}' * 9, True),
        (None, bytes(range(256)), False),
        (None, b"HTTP/1.1 200 Connection established\r\n\r\n" + bytes(range(256)), False),
        (None, b"", False),
        ("mqtt", b"", True),
        ("ssh", b"", True),
        ("tls", b"", False),
    ],
)  # fmt: skip
def test_what_can_be_read_and_is_not_mining_ends_the_matter(
    facts: Knowledge, table_of: Callable[..., pa.Table], service: str | None, first: bytes, vetoed: bool
) -> None:
    said = script(Plan(dialect="cryptonote", seconds=2400, seed=2))
    if service == "tls":
        said = framing.tls(said, np.random.default_rng(2))
    table = table_of([[(m.from_client, len(m.data), m.time) for m in said]])
    for name, value in (("service", service), ("dst_first", first)):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pa.array([value], table.schema.field(at).type))
    table = mining.read({"connection": table}, facts).tables["connection"]
    (row,) = grammar.read(table, facts).to_pylist()
    assert (row["mining.grammar_bits"] < 0) is vetoed
