"""Whole conversations of miners and pools, flavour by flavour: who said what, what was accepted, which coin it is for;
answers alone prove nothing, and nobody is called a miner for what the other side said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kanaria import knowledge
from kanaria.core.types import StratumMessage
from kanaria.mining.addresses import CRYPTONOTE_PREFIXES, eip55, identify
from kanaria.mining.keccak import keccak256
from kanaria.mining.stratum import decode, decode_stream
from tests.encoding import base58check_encode, cryptonote_encode

FACTS = knowledge.load()
H64 = "ab" * 32
X64 = f"0x{H64}"
BLOB = "1010" + "5a" * 74
ETH = eip55("0x" + bytes(range(60, 80)).hex())
RVN = base58check_encode(b"\x3c" + bytes(range(20)))
ZEC = base58check_encode(b"\x1c\xb8" + bytes(range(20)))
BTC = base58check_encode(b"\x00" + bytes(range(20)))
LTC = base58check_encode(b"\x30" + bytes(range(20)))


def cryptonote(prefix: int) -> str:
    data, number = bytearray(), prefix
    while number >= 0x80:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data += bytes([number]) + bytes(range(64))
    return cryptonote_encode(bytes(data) + keccak256(bytes(data))[:4])


XMR = cryptonote(18)


def lines(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def call(number: int | None, method: str, params: object, **more: object) -> dict[str, object]:
    return {"id": number, "method": method, "params": params, **more}


def yes(number: int, value: object = True) -> dict[str, object]:
    return {"id": number, "result": value, "error": None}


def no(number: int, error: object) -> dict[str, object]:
    return {"id": number, "result": None, "error": error}


def told(messages: tuple[StratumMessage, ...]) -> set[tuple[str, str, str]]:
    """Direction, method and verdict of each."""
    return {(m.direction[0], m.method, m.fields.get("accepted", "")) for m in messages}


# name: (what the client sends, what the server sends, what is told, dialect, coin)
TALKS: dict[str, tuple[list[object], list[object], set[tuple[str, str, str]], str, str]] = {
    "Bitcoin": (
        [call(1, "mining.configure", [["version-rolling"], {}]), call(2, "mining.subscribe", ["bosminer/1.0"]),
         call(3, "mining.authorize", [f"{BTC}.rig", "x"]),
         call(4, "mining.submit", [f"{BTC}.rig", "1", "00", "65000000", "deadbeef", "00002000"])],
        [yes(1, {"version-rolling": True}), yes(2, [[["mining.notify", "1"]], "08000002", 8]), yes(3),
         call(None, "mining.set_difficulty", [8192]),
         call(None, "mining.notify", ["1", H64, "01", "ff", [], "20000000", "1702", "65000000", True]), yes(4)],
        {("c", "mining.configure", ""), ("c", "mining.subscribe", ""), ("c", "mining.authorize", ""),
         ("c", "mining.submit", ""), ("s", "mining.configure", "true"), ("s", "mining.subscribe", "true"),
         ("s", "mining.authorize", "true"), ("s", "mining.set_difficulty", ""), ("s", "mining.notify", ""),
         ("s", "mining.submit", "true")},
        "stratum_v1", "BTC",
    ),
    "Litecoin by its wallet": (
        [call(1, "mining.subscribe", ["cpuminer/2.5.1"]), call(2, "mining.authorize", [f"{LTC}.rig", "x"])],
        [yes(1, [[["mining.set_difficulty", "1"], ["mining.notify", "2"]], "08", 4]), yes(2)],
        {("c", "mining.subscribe", ""), ("c", "mining.authorize", ""), ("s", "mining.subscribe", "true"),
         ("s", "mining.authorize", "true")},
        "stratum_v1", "LTC",
    ),
    "refused login": (
        [call(2, "mining.authorize", ["nobody.rig", "x"])], [no(2, [24, "Unauthorized worker", None])],
        {("c", "mining.authorize", ""), ("s", "mining.authorize", "false")}, "stratum_v1", "BTC",
    ),
    "stale share": (
        [call(4, "mining.submit", ["a.b", "1", "00", "65000000", "deadbeef"])], [no(4, [21, "Job not found", None])],
        {("c", "mining.submit", ""), ("s", "mining.submit", "false")}, "stratum_v1", "BTC",
    ),
    "Monero": (
        [call(1, "login", {"login": XMR, "pass": "x", "agent": "XMRig/6.21.0", "algo": ["rx/0", "cn/r"]}, jsonrpc="2.0"),
         call(2, "submit", {"id": "a", "job_id": "1", "nonce": "98024001", "result": H64}, jsonrpc="2.0"),
         call(3, "keepalived", {"id": "a"}, jsonrpc="2.0")],
        [{"id": 1, "jsonrpc": "2.0", "error": None,
          "result": {"id": "a", "job": {"blob": BLOB, "job_id": "1", "target": "b88d0600", "algo": "rx/0"}, "status": "OK"}},
         {"id": 2, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}},
         {"id": 3, "jsonrpc": "2.0", "error": None, "result": {"status": "KEEPALIVED"}},
         {"jsonrpc": "2.0", "method": "job", "params": {"blob": BLOB, "job_id": "2", "target": "b88d0600", "algo": "rx/0"}}],
        {("c", "login", ""), ("c", "submit", ""), ("c", "keepalived", ""), ("s", "login", "true"), ("s", "submit", "true"),
         ("s", "keepalived", "true"), ("s", "job", "")},
        "cryptonote", "XMR",
    ),
    "Monero, refused": (
        [call(1, "login", {"login": "x", "pass": "x", "agent": "XMRig/6.21.0"}, jsonrpc="2.0")],
        [{"id": 1, "jsonrpc": "2.0", "error": {"code": -1, "message": "Invalid payment address provided"}}],
        {("c", "login", ""), ("s", "login", "false")}, "cryptonote", "XMR",
    ),
    "Wownero by its algorithm": (
        [call(1, "login", {"login": "account", "pass": "x", "agent": "XMRig/6.21.0"}, jsonrpc="2.0")],
        [{"id": 1, "jsonrpc": "2.0", "error": None,
          "result": {"id": "a", "job": {"blob": BLOB, "job_id": "1", "target": "b88d0600", "algo": "rx/wow"}, "status": "OK"}}],
        {("c", "login", ""), ("s", "login", "true")}, "cryptonote", "WOW",
    ),
    "Raptoreum by its algorithm": (
        [call(1, "login", {"login": "account", "pass": "x", "agent": "XMRig/6.21.0"}, jsonrpc="2.0")],
        [{"jsonrpc": "2.0", "method": "job", "params": {"blob": BLOB, "job_id": "2", "target": "b88d0600", "algo": "ghostrider"}}],
        {("c", "login", ""), ("s", "job", "")}, "cryptonote", "RTM",
    ),
    "eth-proxy": (
        [call(1, "eth_submitLogin", [ETH, "x"], worker="rig"), call(2, "eth_getWork", []),
         call(3, "eth_submitWork", ["0x0000000000000001", X64, X64]), call(4, "eth_submitHashrate", ["0x1", X64])],
        [yes(1), {"id": 2, "jsonrpc": "2.0", "result": [X64, X64, X64]}, yes(3), yes(4)],
        {("c", "eth_submitLogin", ""), ("c", "eth_getWork", ""), ("c", "eth_submitWork", ""), ("c", "eth_submitHashrate", ""),
         ("s", "eth_submitLogin", "true"), ("s", "eth_getWork", "true"), ("s", "eth_submitWork", "true"),
         ("s", "eth_submitHashrate", "true")},
        "eth_proxy", "ETH",
    ),
    "work that repeats its method": (
        [call(2, "eth_getWork", [])], [{"id": 2, "jsonrpc": "2.0", "method": "eth_getWork", "result": [X64, X64, X64]}],
        {("c", "eth_getWork", ""), ("s", "eth_getWork", "")}, "eth_proxy", "ETH",
    ),
    "NiceHash": (
        [call(1, "mining.subscribe", ["NBMiner/42.3", "EthereumStratum/1.0.0"]),
         call(2, "mining.authorize", [f"{ETH}.rig", "x"]), call(3, "mining.submit", [f"{ETH}.rig", "bf04", "6a909d9bbc0f"])],
        [yes(1, [["mining.notify", "ae68", "EthereumStratum/1.0.0"], "080c"]), yes(2),
         call(None, "mining.set_difficulty", [4.0]), call(None, "mining.notify", ["bf04", H64, H64, True]), yes(3)],
        {("c", "mining.subscribe", ""), ("c", "mining.authorize", ""), ("c", "mining.submit", ""),
         ("s", "mining.subscribe", "true"), ("s", "mining.authorize", "true"), ("s", "mining.set_difficulty", ""),
         ("s", "mining.notify", ""), ("s", "mining.submit", "true")},
        "ethereum_stratum", "ETH",
    ),
    "Zcash": (
        [call(1, "mining.subscribe", ["lolMiner 1.88", None, "pool.example.org", "3333"]),
         call(2, "mining.authorize", [f"{ZEC}.rig", "x"]),
         call(3, "mining.submit", [f"{ZEC}.rig", "8c", "a9cc405a", "3e27" + "0" * 36, "fd4005" + "ab" * 1344])],
        [yes(1, [None, "0800"]), yes(2), call(None, "mining.set_target", [H64]), yes(3)],
        {("c", "mining.subscribe", ""), ("c", "mining.authorize", ""), ("c", "mining.submit", ""),
         ("s", "mining.subscribe", "true"), ("s", "mining.authorize", "true"), ("s", "mining.set_target", ""),
         ("s", "mining.submit", "true")},
        "zcash", "ZEC",
    ),
    "Ravencoin": (
        [call(1, "mining.subscribe", ["T-Rex/0.26.8"]), call(2, "mining.authorize", [f"{RVN}.rig", "x"]),
         call(3, "mining.submit", [f"{RVN}.rig", "1f2e", "0x00000000a1b2c3d4", X64, X64])],
        [yes(1, [None, "08"]), yes(2),
         call(None, "mining.notify", ["1f2e", X64, X64, X64, True, 2812345, "1b00c9a4"]), yes(3)],
        {("c", "mining.subscribe", ""), ("c", "mining.authorize", ""), ("c", "mining.submit", ""),
         ("s", "mining.subscribe", "true"), ("s", "mining.authorize", "true"), ("s", "mining.notify", ""),
         ("s", "mining.submit", "true")},
        "kawpow", "RVN",
    ),
    "Kaspa": (
        [call(1, "mining.subscribe", ["bzminer/21.2.1", "EthereumStratum/1.0.0"])],
        [yes(1, [True, "EthereumStratum/1.0.0"]), call(None, "set_extranonce", ["08", 6]),
         call(None, "mining.notify", ["7", [2**63, 1, 2, 3], 1_767_225_600_000])],
        {("c", "mining.subscribe", ""), ("s", "mining.subscribe", "true"), ("s", "mining.notify", "")},
        "ethereum_stratum", "KAS",
    ),
    "Grin": (
        [call("Stratum", "login", {"login": "a@example.com", "pass": "x", "agent": "grin-miner"}),  # type: ignore[arg-type]
         call("Stratum", "getjobtemplate", None)],  # type: ignore[arg-type]
        [{"id": "Stratum", "jsonrpc": "2.0", "method": "login", "result": "ok", "error": None},
         {"id": "Stratum", "jsonrpc": "2.0", "method": "job", "params": {"difficulty": 4, "height": 1, "job_id": 0, "pre_pow": "00" * 100}}],
        {("c", "login", ""), ("c", "getjobtemplate", ""), ("s", "login", ""), ("s", "job", "")}, "grin", "GRIN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TALKS)
def test_who_said_what_and_what_was_accepted(name: str) -> None:
    client, server, expected, _dialect, _coin = TALKS[name]
    assert told(decode_stream(lines(*client), lines(*server), knowledge=FACTS)) == expected


@pytest.mark.parametrize("name", TALKS)
def test_one_talk_is_of_one_dialect_and_one_coin(name: str) -> None:
    client, server, _expected, dialect, coin = TALKS[name]
    found = decode_stream(lines(*client), lines(*server), knowledge=FACTS)
    assert {m.dialect for m in found} == {dialect}
    assert {m.coin for m in found} == {coin}


@pytest.mark.parametrize("name", TALKS)
def test_what_the_pool_said_is_nobodys_mining(name: str) -> None:
    """Without the client's bytes there is no message of a client, whatever the server repeats."""
    _client, server, _expected, _dialect, _coin = TALKS[name]
    assert {m.direction for m in decode_stream(b"", lines(*server))} <= {"server", "unknown"}


@pytest.mark.parametrize("name", TALKS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"", b"\0", b" \n\n"])
def test_the_ends_of_lines_make_no_difference(name: str, end: bytes) -> None:
    client, server, expected, _dialect, _coin = TALKS[name]
    said = [
        b"".join(json.dumps(value, separators=(",", ":")).encode() + end for value in side) for side in (client, server)
    ]
    assert told(decode_stream(said[0], said[1], knowledge=FACTS)) == expected


@pytest.mark.parametrize("name", TALKS)
def test_members_in_another_order_make_no_difference(name: str) -> None:
    client, server, expected, _dialect, _coin = TALKS[name]

    def turned(value: Any) -> Any:
        return dict(reversed(value.items())) if isinstance(value, dict) else value

    found = decode_stream(lines(*map(turned, client)), lines(*map(turned, server)), knowledge=FACTS)
    assert told(found) == expected


REPLIES: dict[str, object] = {
    "yes": yes(1), "no": no(1, [20, "Other", None]), "false": {"id": 1, "result": False, "error": None},
    "unauthorized": no(2, [24, "Unauthorized worker", None]), "stale": no(4, [21, "Job not found", None]),
    "low": no(4, [23, "Low difficulty share", None]), "duplicate": no(4, [22, "Duplicate share", None]),
    "ok": {"id": 2, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}},
    "banned": {"id": 1, "jsonrpc": "2.0", "error": {"code": -1, "message": "IP Address currently banned"}},
    "bad wallet": {"id": 1, "jsonrpc": "2.0", "error": {"code": -1, "message": "Invalid payment address provided"}},
    "not logged in": {"id": 1, "jsonrpc": "2.0", "error": {"code": -1, "message": "Unauthenticated"}},
    "null": {"id": 1, "result": None, "error": None}, "text": {"id": 1, "result": "ok", "error": None},
    "number": {"id": 1, "result": 1, "error": None}, "a list": {"id": 1, "result": [1, 2, 3], "error": None},
}  # fmt: skip


@pytest.mark.parametrize("name", REPLIES)
def test_an_answer_alone_means_nothing(name: str) -> None:
    assert decode(json.dumps(REPLIES[name])) == ()
    assert decode_stream(b"", lines(REPLIES[name])) == ()


@pytest.mark.parametrize("name", REPLIES)
def test_an_answer_to_something_else_means_nothing_either(name: str) -> None:
    asked = lines(
        {"id": 1, "method": "getblockchaininfo", "params": []}, {"id": 2, "method": "getinfo"}, {"id": 4, "method": "x"}
    )
    assert decode_stream(asked, lines(REPLIES[name])) == ()


@pytest.mark.parametrize("prefix", sorted(CRYPTONOTE_PREFIXES))
def test_a_login_names_the_coin_by_its_wallet(prefix: int) -> None:
    (found,) = decode(
        json.dumps(call(1, "login", {"login": f"{cryptonote(prefix)}.rig", "pass": "x"})), knowledge=FACTS
    )
    assert (found.coin, found.wallet_valid, found.worker) == (CRYPTONOTE_PREFIXES[prefix], True, "rig")


@pytest.mark.parametrize("prefix", [0, 1, 127, 65_535])
def test_a_wallet_of_an_unknown_coin_is_valid_and_of_no_known_coin(prefix: int) -> None:
    found = identify(cryptonote(prefix))
    assert found is not None
    assert found.valid
    assert found.coin is None or found.text[0] in "48"


@pytest.mark.parametrize(
    ("method", "params", "fields"),
    [
        ("mining.suggest_difficulty", [1024], {"difficulty": "1024"}),
        ("mining.suggest_target", [H64], {"value": H64}),
        ("mining.set_version_mask", ["1fffe000"], {"value": "1fffe000"}),
        ("mining.get_transactions", ["bf"], {"value": "bf"}),
        ("mining.set_extranonce", ["08000002", 4], {"value": "08000002"}),
        ("mining.set_difficulty", [0.25], {"difficulty": "0.25"}),
        ("client.show_message", ["Pool moves on Monday"], {"text": "Pool moves on Monday"}),
        ("client.reconnect", ["b.example.org", 3333, 5], {"host": "b.example.org", "port": "3333"}),
        ("eth_submitHashrate", ["0x500000", X64], {"hashrate": "0x500000"}),
    ],
)
def test_what_small_messages_carry(method: str, params: list[object], fields: dict[str, str]) -> None:
    (found,) = decode(json.dumps(call(1, method, params)))
    assert found.method == method
    assert fields.items() <= found.fields.items()


@pytest.mark.parametrize(
    "params",
    [["7", [1, 2, 3], 9], ["7", [1, 2, 3, "4"], 9], ["7", [1, 2, 3, True], 9], ["7", [1, 2, 3, 4]], ["7", 4, 9]],
)
def test_what_only_looks_like_kaspas_work_is_not(params: list[object]) -> None:
    (found,) = decode(json.dumps(call(None, "mining.notify", params)))
    assert found.coin != "KAS"


def test_an_answer_that_says_no_without_an_error_is_a_refusal() -> None:
    asked = lines(call(4, "mining.submit", ["a.b", "1", "00", "65000000", "deadbeef"]), call(5, "mining.subscribe", []))
    answered = lines({"id": 4, "result": False, "error": None}, {"id": 5, "result": None, "error": None})
    assert {("s", "mining.submit", "false"), ("s", "mining.subscribe", "false")} <= told(decode_stream(asked, answered))


def test_a_pools_heartbeat_is_told_by_itself() -> None:
    (found,) = decode(json.dumps({"id": 3, "jsonrpc": "2.0", "error": None, "result": {"status": "KEEPALIVED"}}))
    assert (found.dialect, found.method, found.direction) == ("cryptonote", "keepalived", "server")
