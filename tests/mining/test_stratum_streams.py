"""Flows: answers are read by their requests, alike messages are counted, frames of WebSocket and Stratum V2 are opened."""

from __future__ import annotations

import json
import random
import struct
import zlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.facts import Coin, Knowledge, MinerAgent, Provenance, SampleValue
from kanaria.core.types import Text
from kanaria.mining.json_scan import scan
from kanaria.mining.stratum import decode, decode_stream
from kanaria.mining.stratum_v2 import looks_random, noise_handshake, setup_connection
from kanaria.mining.websocket import unframe
from tests.encoding import frame_text

H64 = "ab" * 32
HERE = Provenance(source="test", date=date(2026, 1, 1))


def lines(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def submit(number: int) -> dict[str, object]:
    return {"id": number, "method": "submit", "params": {"id": "1", "job_id": "7", "nonce": "98024001", "result": H64}}


def sample(kind: str, value: str, name: str) -> SampleValue:
    return SampleValue(kind=kind, value=value, name=name, meaning=Text(en="", ja=""), provenance=HERE)


KNOWLEDGE = Knowledge(
    vulnerabilities={}, pools=(), techniques={}, weights={}, caps={},
    coins={
        "XMR": Coin(symbol="XMR", name="Monero", family="cryptonote", algorithms=("rx/0",), provenance=HERE),
        "WOW": Coin(symbol="WOW", name="Wownero", family="cryptonote", algorithms=("rx/wow",), provenance=HERE),
    },
    agents=(MinerAgent(name="XMRig", pattern=r"^xmrig/", coins=("XMR",), provenance=HERE),),
    samples=(sample("ntime", "504e86ed", "stratum-documentation"), sample("worker", "miner1", "common-worker"), sample("wallet", "bf", "no-wallet")),
)  # fmt: skip


def test_answers_take_their_meaning_from_the_request() -> None:
    client = lines(
        {"id": 1, "method": "mining.subscribe", "params": []},
        {"id": 2, "method": "mining.authorize", "params": ["a.b", "x"]},
        {"id": 3, "method": "mining.submit", "params": ["a.b", "1", "0a", "504e86ed", "b2957c02"]},
    )
    server = lines(
        {"id": 2, "result": True, "error": None},
        {"id": 3, "result": None, "error": [23, "Low difficulty share", None]},
        {"id": 99, "result": True, "error": None},
    )
    answers = [m for m in decode_stream(client, server) if m.direction == "server"]
    assert [(m.method, m.fields["accepted"]) for m in answers] == [
        ("mining.authorize", "true"),
        ("mining.submit", "false"),
    ]
    assert "Low difficulty share" in answers[1].fields["error"]


def test_thousands_of_shares_are_counted_not_listed() -> None:
    client = lines(*(submit(n) for n in range(2, 3002)))
    server = lines(*({"id": n, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}} for n in range(2, 3002)))
    found = decode_stream(client, server)
    assert [(m.method, m.direction, m.fields["count"]) for m in found] == [
        ("submit", "client", "3000"),
        ("submit", "server", "3000"),
    ]


def test_a_flow_that_begins_and_ends_inside_messages() -> None:
    data = lines(submit(1), submit(2), submit(3))
    found = decode_stream(data[40:-40], b"")
    assert sum(int(m.fields.get("count", "1")) for m in found) == 3
    assert {m.method for m in found} == {"submit"}


def test_general_messages_take_dialect_and_coin_of_their_flow() -> None:
    client = lines(
        {"id": 1, "method": "mining.subscribe", "params": ["miner/1.0", None, "pool.example.com", "3333"]},
        {"id": 2, "method": "mining.authorize", "params": ["account.rig", "x"]},
    )
    assert {(m.dialect, m.coin) for m in decode_stream(client, b"")} == {("zcash", "ZEC")}


def test_bare_booleans_prove_nothing() -> None:
    assert decode_stream(b"", lines(*({"id": n, "result": True, "error": None} for n in range(9)))) == ()


def test_a_http_request_names_user_and_miner() -> None:
    body = b'{"method": "getwork", "params": [], "id":0}'
    head = b"POST / HTTP/1.1\r\nAuthorization: Basic cmlnOnB3\r\nUser-Agent: bfgminer/5.2.0\r\n"
    (found,) = decode(head + b"\r\n" + body)
    assert (found.wallet, found.password, found.agent, found.agent_version) == ("rig", "pw", "bfgminer/5.2.0", "5.2.0")
    (found,) = decode(head + b"X-Mining-Extensions: longpoll midstate\r\nContent-Length: 44\r\n\r\n")
    assert (found.dialect, found.truncated, found.fields["extensions"]) == ("getwork", True, "longpoll midstate")
    assert decode(head + b"\r\n") == ()


def test_knowledge_names_miner_coin_and_sample() -> None:
    text = json.dumps({"method": "mining.submit", "params": ["miner1", "bf", "00000001", "504e86ed", "b2957c02"]})
    assert decode(text, knowledge=KNOWLEDGE)[0].sample == "stratum-documentation"
    assert decode(text)[0].sample is None
    text = json.dumps({"method": "mining.authorize", "params": ["miner1", "password"]})
    assert decode(text, knowledge=KNOWLEDGE)[0].sample == "common-worker"
    params = {"login": "w", "pass": "x", "agent": "XMRig/6.22.0", "algo": ["rx/wow"]}
    (found,) = decode(json.dumps({"method": "login", "params": params}), knowledge=KNOWLEDGE)
    assert (found.coin, found.fields["coin_from"], found.fields["miner"]) == ("WOW", "algorithm", "XMRig")
    params["algo"] = ["rx/0", "rx/wow"]
    (found,) = decode(json.dumps({"method": "login", "params": params}), knowledge=KNOWLEDGE)
    assert (found.coin, found.fields["coin_from"]) == ("XMR", "dialect")


UPGRADE = b"GET /proxy HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\r\n"
AUTH = json.dumps({"type": "auth", "params": {"site_key": "k" * 32, "type": "anonymous"}}).encode()
SHARE = json.dumps({"type": "submit", "params": {"job_id": "1", "nonce": "0000abcd", "result": H64}}).encode()


@pytest.mark.parametrize("head", [b"", UPGRADE])
@pytest.mark.parametrize("mask", [None, b"\x01\x02\x03\x04"])
def test_websocket_frames_are_opened(head: bytes, mask: bytes | None) -> None:
    found = decode(head + frame_text(AUTH, mask) + frame_text(b"", mask) + frame_text(SHARE, mask))
    assert [m.method for m in found] == ["auth", "submit"]
    assert {m.dialect for m in found} == {"websocket"}


def test_any_dialect_may_stand_in_frames() -> None:
    (found,) = decode(frame_text(lines({"id": 1, "method": "mining.subscribe", "params": []}), b"abcd"))
    assert (found.dialect, found.fields["over"]) == ("stratum_v1", "websocket")


def test_compressed_frames_are_inflated() -> None:
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(AUTH) + packer.flush(zlib.Z_SYNC_FLUSH)
    frame = frame_text(packed[:-4], b"abcd")
    (found,) = decode(bytes([frame[0] | 0x40]) + frame[1:])
    assert found.method == "auth"


@given(st.binary(max_size=70_000), st.none() | st.binary(min_size=4, max_size=4))
def test_framing_is_undone(payload: bytes, mask: bytes | None) -> None:
    assert unframe(frame_text(payload, mask)) == payload + b"\n"


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_not(data: bytes) -> None:
    assert isinstance(unframe(data), (bytes, type(None)))
    setup_connection(data)
    setup_connection(b"\0\0\0" + data)


def word(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def setup(protocol: int = 0) -> bytes:
    body = struct.pack("<BHHI", protocol, 2, 2, 0) + word("pool.example.com") + struct.pack("<H", 3333)
    body += word("Example") + word("S1") + word("fw 1.0") + word("rig7")
    return b"\0\0\0" + len(body).to_bytes(3, "little") + body


def test_a_clear_stratum_v2_setup_is_read() -> None:
    (found,) = decode(setup())
    assert (found.dialect, found.method, found.agent, found.worker) == (
        "stratum_v2", "SetupConnection", "Example fw 1.0", "rig7",
    )  # fmt: skip
    assert found.fields["host"] == "pool.example.com"
    assert decode(setup(protocol=9)) == ()
    # NetBIOS and other protocols begin with zero bytes, too.
    assert decode(b"\0\0\0\x55\xffSMB" + bytes(80)) == ()


def test_the_noise_handshake_is_known_by_its_lengths() -> None:
    key = random.Random(1).randbytes(64)
    found = noise_handshake([(True, 64), (False, 234), (True, 120)], key)
    assert found is not None
    assert (found.dialect, found.confidence) == ("stratum_v2", 0.9)
    assert noise_handshake([(True, 64), (False, 235)], key) is None
    assert noise_handshake([(False, 64), (True, 234)], key) is None
    assert noise_handshake([(True, 64), (False, 234), (True, 5)], key) is None
    assert noise_handshake([(True, 64), (False, 234)], b"GET / HTTP/1.1\r\nHost: example.com\r\n" + b" " * 30) is None
    assert not looks_random(b"a" * 64)


@given(st.integers(0, 2**32))
def test_random_keys_look_random(seed: int) -> None:
    assert looks_random(random.Random(seed).randbytes(64))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(min_size=1, max_size=5), JSON, min_size=1, max_size=4)


@given(st.lists(OBJECTS, min_size=1, max_size=5), st.sampled_from(["", "\n", " ", ", ", " - x: "]))
def test_every_object_of_a_text_is_found(values: list[dict[str, object]], separator: str) -> None:
    text = separator.join(json.dumps(value) for value in values)
    assert [(found.value, found.complete) for found in scan(text)] == [(value, True) for value in values]


@given(OBJECTS, st.data())
def test_a_cut_object_keeps_only_what_was_there(value: dict[str, object], data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    for found in scan(cut):
        assert not found.complete or found.value in list(value.values()) or found.value == {}
        assert text.startswith(cut[: found.start]) and found.end <= len(cut)
