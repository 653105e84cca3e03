"""Work comes first: a miner that was seen from its beginning had a job before its first share, others need not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kanaria import mining
from kanaria.core.facts import Knowledge
from kanaria.lab import framing
from kanaria.lab.dialects import DIALECTS
from kanaria.lab.mining import Plan, script
from kanaria.lab.scenario import Message
from kanaria.mining import grammar

Judge = Callable[..., Any]
Packet = tuple[bool, int, float]

ALERT = 7.0


@pytest.fixture
def seen_whole(facts: Knowledge, table_of: Callable[..., pa.Table], judged_rows: Any) -> Callable[..., Any]:
    """Judges a connection as a sensor reports it that saw its first packet, or its TLS handshake."""

    def judge(sent: Sequence[Packet], *, service: str | None = None, history: str | None = "ShADad") -> Any:
        table = table_of([sent])
        for name, value in (("service", service), ("history", history)):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, pa.array([value], table.schema.field(at).type))
        return judged_rows(grammar.read(table, facts))[0]

    return judge


def _packets(said: Sequence[Message]) -> list[Packet]:
    return [(m.from_client, len(m.data), m.time) for m in said]


def _subscriber(seed: int, first: float) -> list[Packet]:
    """A service over TLS that is told of changes of one form and reports now and then, each report confirmed. Sizes as
    PostgreSQL, NATS and message brokers sent them; the first change comes ``first`` seconds after it subscribed."""
    rng = np.random.default_rng(seed)
    opening = [
        (True, 336, 0.0), (False, 774, 0.05), (True, 80, 0.06), (True, 76, 0.061), (False, 271, 0.09),
        (False, 271, 0.091), (False, 45, 0.12), (True, 72, 0.13), (False, 39, 0.16),
    ]  # fmt: skip
    changes = [first, *(first + np.cumsum(rng.exponential(40.0, 60)))]
    reports = 30 + np.cumsum(rng.exponential(20.0, 100))
    body = [(False, 245, float(at)) for at in changes]
    body += [m for at in reports for m in ((True, 183, float(at)), (False, 62, float(at) + 0.01))]
    return sorted([*opening, *body], key=lambda m: m[2])


@pytest.mark.parametrize("seed", range(4))
def test_who_subscribes_and_is_told_when_something_happens_is_no_miner(
    seen_whole: Callable[..., Any], seed: int
) -> None:
    assert seen_whole(_subscriber(seed, 20.0), service="tls").bits <= 0
    # What tells them apart is the beginning alone: told at once, it looks the same.
    assert seen_whole(_subscriber(seed, 0.5), service="tls").bits >= ALERT


def test_acknowledgements_of_a_few_bytes_are_seen_in_tls_that_was_joined_in_the_middle(
    facts: Knowledge, table_of: Callable[..., pa.Table], judged_rows: Any
) -> None:
    """A thing that reports its state over MQTT: four bytes confirm it, 26 in TLS 1.3, which is shorter than a receipt."""
    rng = np.random.default_rng(3)
    reports = 2 + np.cumsum(rng.exponential(30.0, 80))
    states = 9 + np.cumsum(rng.exponential(70.0, 40))
    sent = [m for at in reports for m in ((True, 210, float(at)), (False, 26, float(at) + 0.03))]
    whole = sorted([*sent, *((False, 330, float(at)) for at in states)], key=lambda m: m[2])
    table = table_of([[m for m in whole if m[2] < 1800]])
    assert judged_rows(grammar.read(table, facts))[0].bits >= ALERT  # nothing says that this is TLS
    for name in ("src_first", "dst_first"):
        at = table.schema.get_field_index(name)
        sealed = table.set_column(at, name, pa.array([b"\x17\x03\x03\x00\x15" + bytes(21)], pa.binary()))
        assert judged_rows(grammar.read(sealed, facts))[0].bits <= 0


def test_a_connection_whose_beginning_nobody_saw_is_judged_by_the_rest(seen_whole: Callable[..., Any]) -> None:
    sent = [m for m in _subscriber(1, 20.0) if m[2] > 5]
    assert seen_whole(sent, service=None, history=None).bits >= ALERT
    assert seen_whole(sent, service=None, history="ShADad").bits <= 0


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize("tickets", [(), (271, 271), (255,)], ids=["no ticket", "two tickets", "one"])
def test_miners_seen_from_their_beginning_are_found(
    seen_whole: Callable[..., Any], dialect: str, version: str, tickets: tuple[int, ...]
) -> None:
    said = script(Plan(dialect=dialect, seconds=3600, share_seconds=25, seed=11))
    sealed = _packets(framing.tls(said, np.random.default_rng(1), version=version))
    at = 1 + max(n for n, m in enumerate(sealed[:6]) if m[0] and m[1] == 64)  # the client's end of the handshake
    behind = [(False, size, sealed[at - 1][2] + 0.0001 * n) for n, size in enumerate(tickets, 1)]
    whole = sealed[:at] + behind + sealed[at:]
    assert seen_whole(whole, service="tls").bits >= ALERT


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize("tickets", [(), (271, 271), (255,)], ids=["no ticket", "two tickets", "one"])
def test_miners_that_find_shares_at_once_are_found(
    seen_whole: Callable[..., Any], dialect: str, version: str, tickets: tuple[int, ...]
) -> None:
    """Pools begin with easy shares: fast machines hand in several within the first second, whose receipts follow."""
    said = script(Plan(dialect=dialect, seconds=3600, share_seconds=25, seed=11))
    share = next(n for n, m in enumerate(said) if m.from_client and m.time > 20 and not said[n + 1].from_client)
    size, receipt = (len(said[share + step].data) for step in (0, 1))
    begun = max(m.time for m in said if m.time < 5 and not m.from_client and len(m.data) > receipt)
    soon = [
        m for at in (0.2, 0.5, 0.7) for m in (
            Message(begun + at, True, bytes(size)), Message(begun + at + 0.04, False, bytes(receipt))
        )
    ]  # fmt: skip
    whole = tuple(sorted([*said, *soon], key=lambda m: m.time))
    sealed = _packets(framing.tls(whole, np.random.default_rng(1), version=version))
    at = 1 + max(n for n, m in enumerate(sealed[:6]) if m[0] and m[1] == 64)
    behind = [(False, length, sealed[at - 1][2] + 0.0001 * n) for n, length in enumerate(tickets, 1)]
    assert seen_whole(sealed[:at] + behind + sealed[at:], service="tls").bits >= ALERT


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_miners_in_the_clear_and_behind_a_proxy_are_given_work_first(
    seen_whole: Callable[..., Any], dialect: str
) -> None:
    said = _packets(script(Plan(dialect=dialect, seconds=3600, share_seconds=25, seed=11)))
    asked = [(True, 70, 0.0), (False, 39, 0.6)]
    behind = [*asked, *((client, size, at + 0.7) for client, size, at in said)]
    assert seen_whole(said).bits >= ALERT
    assert seen_whole(behind, service="http").bits >= ALERT


@pytest.mark.parametrize("size", [1, 62, 350])
@pytest.mark.parametrize("dialect", ["cryptonote", "stratum_v1", "ethereum_stratum", "zcash", "kawpow"])
def test_a_miner_that_answers_every_job_at_once_is_found_all_the_same(
    seen_whole: Callable[..., Any], dialect: str, size: int
) -> None:
    """A line end behind every job costs a miner nothing, and no pool answers it."""
    said = script(Plan(dialect=dialect, seconds=3600, share_seconds=25, seed=4))
    job = len(DIALECTS[dialect].job(np.random.default_rng(0), 3))
    answers = [
        Message(m.time + 0.01, True, bytes(size)) for m in said if not m.from_client and abs(len(m.data) - job) < 6
    ]
    whole = tuple(sorted([*said, *answers], key=lambda m: m.time))
    assert seen_whole(_packets(framing.tls(whole, np.random.default_rng(2))), service="tls").bits >= ALERT


def _poller(seed: int, *, clock: float) -> list[Packet]:
    """A consumer that asks for new records and, when they come or nothing does for 2.5 seconds, asks again; every
    ``clock`` seconds it says that it is there. Lengths as Kafka's in TLS."""
    rng = np.random.default_rng(seed)
    at, sent = 0.3, [(True, 520, 0.0), (False, 770, 0.05), (True, 80, 0.06), (False, 472, 0.2)]
    while at < 900:
        came = float(rng.exponential(6.0))
        sent += [(True, 120, at), (False, 472, at + came) if 1.0 < came < 2.5 else (False, 101, at + 0.4)]
        at = sent[-1][2] + 0.01
    if clock:
        beats = np.arange(1.0, 900, clock)
        sent += [m for beat in beats for m in ((True, 61, float(beat)), (False, 55, float(beat) + 0.02))]
    return sorted(sent, key=lambda m: m[2])


@pytest.mark.parametrize("clock", [0.0, 15.0], ids=["alone", "with a heartbeat"])
@pytest.mark.parametrize("seed", range(4))
def test_who_asks_again_whenever_an_answer_came_polls(seen_whole: Callable[..., Any], seed: int, clock: float) -> None:
    assert seen_whole(_poller(seed, clock=clock), service="tls").bits <= 0


@pytest.mark.parametrize("size", [60, 150, 330])
@pytest.mark.parametrize("dialect", ["cryptonote", "stratum_v1", "ethereum_stratum", "zcash", "kawpow"])
def test_a_miner_that_asks_something_behind_every_job_is_found_all_the_same(
    seen_whole: Callable[..., Any], dialect: str, size: int
) -> None:
    """A question that the pool answers, a keepalive say, is said more often than shares are; these come by chance."""
    said = script(Plan(dialect=dialect, seconds=3600, share_seconds=25, seed=4))
    job = len(DIALECTS[dialect].job(np.random.default_rng(0), 3))
    jobs = [m.time for m in said if not m.from_client and abs(len(m.data) - job) < 6]
    asked = [m for at in jobs for m in (Message(at + 0.01, True, bytes(size)), Message(at + 0.05, False, bytes(40)))]
    whole = tuple(sorted([*said, *asked], key=lambda m: m.time))
    assert seen_whole(_packets(framing.tls(whole, np.random.default_rng(2))), service="tls").bits >= ALERT


def test_answers_longer_than_any_receipt_are_no_receipts(seen_whole: Callable[..., Any]) -> None:
    said = _packets(
        framing.tls(script(Plan(dialect="zcash", seconds=3600, share_seconds=25, seed=4)), np.random.default_rng(2))
    )
    receipt = 59  # of the dialect, in TLS 1.3
    longer = [(client, 322 if (client, size) == (False, receipt) else size, at) for client, size, at in said]
    assert seen_whole(said, service="tls").bits >= ALERT
    assert seen_whole(longer, service="tls").bits <= 0


@pytest.mark.parametrize(
    ("first", "hidden"),
    [
        (b"eyJpZCI6MSwianNvbnJwYyI6IjIuMCIsIm1ldGhvZCI6ImpvYiJ9\n" * 9, True),
        (bytes(b ^ 0x5A for b in b'{"id":1,"jsonrpc":"2.0","method":"job"}\n' * 9), True),
        (b'{"id":1,"jsonrpc":"2.0","method":"changed"}\n' * 9, False),
        (b":irc.example.net 372 user :- welcome to the lab\r\n" * 9, False),
        (b"MSG jobs 1 214\r\n" + b'{"id": 1001, "state": "' + b"5e" * 90 + b'"}\r\n', False),
    ],
    ids=["base64", "each byte changed", "json", "chat", "long values"],
)  # fmt: skip
def test_text_that_hides_what_it_says_speaks_for_nobody(
    facts: Knowledge, table_of: Callable[..., pa.Table], first: bytes, hidden: bool
) -> None:
    table = table_of([_packets(script(Plan(dialect="cryptonote", seconds=2400, seed=2)))])
    at = table.schema.get_field_index("dst_first")
    table = table.set_column(at, "dst_first", pa.array([first], pa.binary()))
    (row,) = grammar.read(mining.read({"connection": table}, facts).tables["connection"], facts).to_pylist()
    assert (row["mining.grammar_bits"] >= ALERT) is hidden
