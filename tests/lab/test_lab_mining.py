"""Scripted miners and what they travel in: every dialect says what its protocol says, at the pace of the plan."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.lab import framing
from kanaria.lab.dialects import DIALECTS
from kanaria.lab.lookalikes import LOOKALIKES
from kanaria.lab.mining import WRAPPINGS, Plan, conversation, script
from kanaria.lab.scenario import Host, Message

METHODS = {
    "stratum_v1": {"mining.configure", "mining.subscribe", "mining.authorize", "mining.submit"},
    "cryptonote": {"login", "submit", "keepalived"},
    "eth_proxy": {"eth_submitLogin", "eth_getWork", "eth_submitWork", "eth_submitHashrate"},
    "ethereum_stratum": {"mining.subscribe", "mining.authorize", "mining.submit"},
    "zcash": {"mining.subscribe", "mining.authorize", "mining.submit"},
    "kawpow": {"mining.subscribe", "mining.authorize", "mining.submit"},
}


@pytest.mark.parametrize("dialect", sorted(METHODS))
def test_the_client_says_what_the_protocol_says(dialect: str) -> None:
    sent = script(Plan(dialect=dialect, seconds=900, share_seconds=20))
    assert all(m.data.endswith(b"\n") for m in sent)
    assert {json.loads(m.data)["method"] for m in sent if m.from_client} == METHODS[dialect]


def test_the_browser_speaks_websocket() -> None:
    sent = script(Plan(dialect="browser", seconds=900, share_seconds=20))
    assert sent[0].data.startswith(b"GET ")
    assert sent[1].data.startswith(b"HTTP/1.1 101 ")
    assert all(m.data[0] == 0x81 for m in sent[2:])
    assert all(bool(m.data[1] & 0x80) == m.from_client for m in sent[2:])  # clients mask, servers do not


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_every_share_has_its_receipt(dialect: str) -> None:
    speaks = DIALECTS[dialect]
    plan = Plan(dialect=dialect, seconds=3600, share_seconds=30, vardiff=False, keepalive=False)
    sizes = [len(m.data) for m in script(plan) if m.from_client]
    share = len(speaks.share(np.random.default_rng(0), 10)) + (8 if speaks.websocket else 0)
    shares = sum(abs(size - share) <= 4 for size in sizes)
    assert 80 < shares < 165  # 120 expected, four standard deviations of a Poisson process


def test_shares_come_by_chance() -> None:
    plan = Plan(dialect="ethereum_stratum", seconds=40_000, share_seconds=40, vardiff=False)
    times = np.array([m.time for m in script(plan) if m.from_client][2:])
    gaps = np.diff(times)
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.15)


def test_difficulty_settles() -> None:
    times = [m.time for m in script(Plan(dialect="kawpow", seconds=3600, share_seconds=20)) if m.from_client]
    assert sum(at < 600 for at in times) > 1.5 * sum(3000 <= at for at in times)


def test_a_plan_is_repeatable_and_seeds_differ() -> None:
    plan = Plan(dialect="cryptonote", wrapping="tls", seconds=600)
    assert script(plan) == script(plan)
    assert script(plan) != script(Plan(dialect="cryptonote", wrapping="tls", seconds=600, seed=1))


@pytest.mark.parametrize("wrapping", sorted(WRAPPINGS))
def test_wrapped_messages_are_in_order_and_none_is_empty(wrapping: str) -> None:
    sent = script(Plan(dialect="cryptonote", wrapping=wrapping, seconds=900))
    times = [m.time for m in sent]
    assert times == sorted(times)
    assert all(m.data for m in sent)


@pytest.mark.parametrize(("version", "overhead"), sorted(framing.TLS_OVERHEAD.items()))
def test_tls_adds_its_record_overhead(version: str, overhead: int) -> None:
    said = (Message(0, True, b"x" * 184), Message(1, False, b"y" * 65))
    sent = framing.tls(said, np.random.default_rng(0), version=version)
    assert [len(m.data) for m in sent[-2:]] == [184 + overhead, 65 + overhead]
    assert [m.data[:3] for m in sent[-2:]] == [b"\x17\x03\x03"] * 2


def test_tls_begins_with_a_client_hello_without_a_name_unless_given() -> None:
    said = (Message(0, True, b"x"),)
    assert (
        framing.tls(said, np.random.default_rng(0))[0].data[:6]
        == b"\x16\x03\x01"[:1] + b"\x03\x03" + (framing.tls(said, np.random.default_rng(0))[0].data[3:6])
    )
    assert b"pool.example.net" in framing.tls(said, np.random.default_rng(0), sni="pool.example.net")[0].data


def _records(data: bytes) -> list[int]:
    sizes, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("!H", data, at + 3)
        sizes.append(size)
        at += 5 + size
    assert at == len(data)
    return sizes


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 100_000))
def test_tls_records_hold_at_most_16_kib(size: int) -> None:
    body = framing.tls((Message(0, False, bytes(size)),), np.random.default_rng(0))[-1].data
    sizes = _records(body)
    assert max(sizes) <= (1 << 14) + 17
    assert sum(sizes) == size + 17 * len(sizes)


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=0, max_size=70_000))
def test_a_masked_frame_unmasks_to_the_message(data: bytes) -> None:
    made = framing.frame(data, np.random.default_rng(1))
    head = {126: 4, 127: 10}.get(made[1] & 0x7F, 2)
    mask, body = made[head : head + 4], made[head + 4 :]
    assert bytes(byte ^ mask[i % 4] for i, byte in enumerate(body)) == data


def test_padding_to_blocks_and_at_random() -> None:
    said = tuple(Message(i, True, bytes(100 + i)) for i in range(50))
    blocks = framing.padded(said, np.random.default_rng(0), block=128)
    assert {len(m.data) for m in blocks} <= {128, 256}
    noise = framing.padded(said, np.random.default_rng(0), noise=48)
    more = [len(a.data) - len(b.data) for a, b in zip(noise, said, strict=True)]
    assert min(more) >= 0
    assert 30 < max(more) <= 48


def test_a_proxy_keeps_the_order_of_the_servers_messages() -> None:
    said = tuple(Message(i * 0.1, bool(i % 2), bytes([i])) for i in range(100))
    late = framing.delayed(said, np.random.default_rng(0), mean=0.5)
    assert [m.data for m in late if not m.from_client] == [m.data for m in said if not m.from_client]
    assert [m for m in late if m.from_client] == [m for m in said if m.from_client]


def test_a_conversation_says_what_it_is() -> None:
    plan = Plan(dialect="zcash", wrapping="vpn", seconds=300)
    made = conversation(plan, Host("a", "192.0.2.1"), Host("b", "192.0.2.2"), 51820, start=5.0)
    assert (made.transport, made.start, made.label) == ("udp", 5.0, "mining")
    assert made.tags == {"dialect": "zcash", "wrapping": "vpn"}


@pytest.mark.parametrize("name", sorted(LOOKALIKES))
def test_lookalikes_are_repeatable_and_in_order(name: str) -> None:
    _, make = LOOKALIKES[name]
    sent = make(np.random.default_rng(3), 1200.0)
    assert sent == make(np.random.default_rng(3), 1200.0)
    assert len(sent) >= 3
    assert [m.time for m in sent] == sorted(m.time for m in sent)
    assert sent[-1].time < 1300
