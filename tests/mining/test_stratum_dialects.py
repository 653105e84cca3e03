"""Every dialect's messages, whole: what comes out is compared field by field, so nothing extra can slip in."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from kanaria.core.types import StratumMessage
from kanaria.mining.addresses import eip55
from kanaria.mining.keccak import keccak256
from kanaria.mining.stratum import decode
from tests.encoding import base58check_encode, cryptonote_encode

_BODY = b"\x12" + bytes(range(64))
XMR = cryptonote_encode(_BODY + keccak256(_BODY)[:4])
BTC = base58check_encode(b"\x00" + bytes(range(20)))
ZEC = base58check_encode(b"\x1c\xb8" + bytes(range(20)))
RVN = base58check_encode(b"\x3c" + bytes(range(20)))
ETH = eip55("0x" + bytes(range(170, 190)).hex())
H64 = "ab" * 32
X64 = "0x" + H64
BLOB = "0c0c" + "5a" * 74


def rpc(method: str, params: object, **more: object) -> dict[str, object]:
    return {"id": 1, "method": method, "params": params, **more}


def result(value: object, **more: object) -> dict[str, object]:
    return {"id": 1, "result": value, "error": None, **more}


def seen(message: StratumMessage) -> dict[str, Any]:
    """The message without what is empty."""
    values = {field.name: getattr(message, field.name) for field in dataclasses.fields(message)}
    return {
        name: value
        for name, value in values.items()
        if value not in (None, (), {}, False, 0) or (name == "wallet_valid" and value is False)
    }


# name: (object on the wire, what must come out; direction is "c" or "s" for short)
TABLE: dict[str, tuple[dict[str, object], dict[str, Any]]] = {
    "v1 subscribe": (rpc("mining.subscribe", []), {"dialect": "stratum_v1", "direction": "c", "coin": "BTC"}),
    "v1 subscribe with agent": (
        rpc("mining.subscribe", ["cgminer/4.10.0", "0001"]),
        {"dialect": "stratum_v1", "direction": "c", "coin": "BTC", "agent": "cgminer/4.10.0", "agent_version": "4.10.0"},
    ),
    "v1 authorize": (
        rpc("mining.authorize", [f"{BTC}.rig1", "x"]),
        {
            "dialect": "stratum_v1", "direction": "c", "coin": "BTC", "wallet": BTC, "wallet_valid": True,
            "worker": "rig1", "password": "x", "fields": {"coin_from": "wallet"},
        },
    ),
    "v1 authorize of an account": (
        rpc("mining.authorize", ["account.rig", "123"]),
        {
            "dialect": "stratum_v1", "direction": "c", "coin": "BTC", "wallet": "account", "worker": "rig",
            "password": "123",
        },
    ),
    "v1 submit": (
        rpc("mining.submit", ["miner1", "bf", "00000001", "504e86ed", "b2957c02"]),
        {
            "dialect": "stratum_v1", "direction": "c", "coin": "BTC", "worker": "miner1", "job_id": "bf",
            "nonce": "b2957c02", "fields": {"coin_from": "dialect", "extranonce2": "00000001", "ntime": "504e86ed"},
        },
    ),
    "v1 submit with version rolling": (
        rpc("mining.submit", ["a.b", "1f", "0a", "504e86ed", "b2957c02", "1fffe000"]),
        {
            "dialect": "stratum_v1", "direction": "c", "coin": "BTC", "wallet": "a", "worker": "b", "job_id": "1f",
            "nonce": "b2957c02",
            "fields": {"coin_from": "dialect", "extranonce2": "0a", "ntime": "504e86ed", "version_bits": "1fffe000"},
        },
    ),
    "v1 notify": (
        rpc("mining.notify", ["bf", H64, "01000000", "ffffffff", [H64], "00000002", "1c2ac4af", "504e86b9", False]),
        {"dialect": "stratum_v1", "direction": "s", "coin": "BTC", "job_id": "bf"},
    ),
    "v1 set_difficulty": (
        rpc("mining.set_difficulty", [4096], id=None),
        {
            "dialect": "stratum_v1", "direction": "s", "coin": "BTC",
            "fields": {"coin_from": "dialect", "difficulty": "4096"},
        },
    ),
    "v1 configure (BIP 310)": (
        rpc("mining.configure", [["version-rolling"], {"version-rolling.mask": "ffffffff"}]),
        {
            "dialect": "stratum_v1", "direction": "c", "coin": "BTC",
            "fields": {"coin_from": "dialect", "extensions": "version-rolling"},
        },
    ),
    "v1 reconnect": (
        rpc("client.reconnect", ["pool.example.com", 3333, 0]),
        {
            "dialect": "stratum_v1", "direction": "s", "coin": "BTC",
            "fields": {"coin_from": "dialect", "host": "pool.example.com", "port": "3333", "confidence": "0.7"},
        },
    ),
    "ethereum_stratum subscribe": (
        rpc("mining.subscribe", ["NBMiner/42.3", "EthereumStratum/1.0.0"]),
        {
            "dialect": "ethereum_stratum", "direction": "c", "coin": "ETH", "agent": "NBMiner/42.3",
            "agent_version": "42.3", "fields": {"coin_from": "dialect", "protocol": "EthereumStratum/1.0.0"},
        },
    ),
    "ethereum_stratum submit": (
        rpc("mining.submit", [f"{ETH}.rig", "bf0488aa", "6a909d9bbc0f"]),
        {
            "dialect": "ethereum_stratum", "direction": "c", "coin": "ETH", "wallet": ETH, "wallet_valid": True,
            "worker": "rig", "job_id": "bf0488aa", "nonce": "6a909d9bbc0f", "fields": {"coin_from": "wallet"},
        },
    ),
    "ethereum_stratum notify": (
        rpc("mining.notify", ["bf0488aa", H64, H64, True]),
        {"dialect": "ethereum_stratum", "direction": "s", "coin": "ETH", "job_id": "bf0488aa"},
    ),
    "ethereum_stratum 2 hello": (
        rpc("mining.hello", {"agent": "ethminer-0.17", "host": "pool.example.com", "port": "1a0a", "proto": "EthereumStratum/2.0.0"}),
        {
            "dialect": "ethereum_stratum", "direction": "c", "coin": "ETH", "agent": "ethminer-0.17",
            "fields": {
                "coin_from": "dialect", "host": "pool.example.com", "port": "1a0a", "proto": "EthereumStratum/2.0.0",
            },
        },
    ),
    "zcash subscribe": (
        rpc("mining.subscribe", ["lolMiner 1.88", None, "pool.example.com", "3333"]),
        {
            "dialect": "zcash", "direction": "c", "coin": "ZEC", "agent": "lolMiner 1.88", "agent_version": "1.88",
            "fields": {"coin_from": "dialect", "host": "pool.example.com", "port": "3333"},
        },
    ),
    "zcash submit": (
        rpc("mining.submit", [f"{ZEC}.rig4", "8c6f", "a9cc405a", "3e27" + "0" * 36, "fd4005" + "ab" * 1344]),
        {
            "dialect": "zcash", "direction": "c", "coin": "ZEC", "wallet": ZEC, "wallet_valid": True, "worker": "rig4",
            "job_id": "8c6f", "nonce": "3e27" + "0" * 36, "fields": {"coin_from": "wallet", "ntime": "a9cc405a"},
        },
    ),
    "zcash set_target": (
        rpc("mining.set_target", [H64]),
        {"dialect": "zcash", "direction": "s", "coin": "ZEC", "fields": {"coin_from": "dialect", "value": H64}},
    ),
    "kawpow submit": (
        rpc("mining.submit", [f"{RVN}.rig", "1f2e", "0x00000000a1b2c3d4", X64, X64]),
        {
            "dialect": "kawpow", "direction": "c", "coin": "RVN", "wallet": RVN, "wallet_valid": True, "worker": "rig",
            "job_id": "1f2e", "nonce": "0x00000000a1b2c3d4", "fields": {"coin_from": "wallet", "result": X64},
        },
    ),
    "alephium notify": (
        rpc("mining.notify", [{"jobId": "7", "fromGroup": 0, "toGroup": 1, "headerBlob": "00", "txsBlob": "00"}]),
        {"dialect": "stratum_v1", "direction": "s", "coin": "ALPH", "job_id": "7", "fields": {"coin_from": "shape"}},
    ),
    "cryptonote login": (
        rpc("login", {"login": f"{XMR}.rig", "pass": "x", "agent": "XMRig/6.22.0 (Linux)", "algo": ["rx/0"], "rigid": "r"}),
        {
            "dialect": "cryptonote", "direction": "c", "coin": "XMR", "algorithms": ("rx/0",), "wallet": XMR,
            "wallet_valid": True, "worker": "rig", "password": "x", "agent": "XMRig/6.22.0 (Linux)",
            "agent_version": "6.22.0", "fields": {"coin_from": "wallet", "rigid": "r"},
        },
    ),
    "cryptonote login of nobody": (
        rpc("login", {"login": "bob", "pass": "x"}),
        {
            "dialect": "cryptonote", "direction": "c", "coin": "XMR", "wallet": "bob", "password": "x",
            "fields": {"coin_from": "dialect", "confidence": "0.6"},
        },
    ),
    "cryptonote submit": (
        rpc("submit", {"id": "4790", "job_id": "7221", "nonce": "98024001", "result": H64}),
        {
            "dialect": "cryptonote", "direction": "c", "coin": "XMR", "job_id": "7221", "nonce": "98024001",
            "fields": {"coin_from": "dialect", "result": H64, "id": "4790"},
        },
    ),
    "cryptonote keepalived": (
        rpc("keepalived", {"id": "4790"}),
        {
            "dialect": "cryptonote", "direction": "c", "coin": "XMR",
            "fields": {"coin_from": "dialect", "confidence": "0.9"},
        },
    ),
    "cryptonote job": (
        {"jsonrpc": "2.0", "method": "job", "params": {"blob": BLOB, "job_id": "q7", "target": "b88d0600", "algo": "rx/0", "height": 9}},
        {
            "dialect": "cryptonote", "direction": "s", "coin": "XMR", "algorithms": ("rx/0",), "job_id": "q7",
            "fields": {"coin_from": "dialect", "target": "b88d0600", "height": "9"},
        },
    ),
    "grin login": (
        rpc("login", {"login": "me@example.com", "pass": "x", "agent": "grin-miner"}, id="Stratum"),
        {
            "dialect": "grin", "direction": "c", "coin": "GRIN", "wallet": "me@example.com", "password": "x",
            "agent": "grin-miner", "fields": {"coin_from": "shape"},
        },
    ),
    "grin getjobtemplate": (
        rpc("getjobtemplate", None, id="Stratum"),
        {"dialect": "grin", "direction": "c", "coin": "GRIN", "fields": {"coin_from": "shape"}},
    ),
    "grin submit": (
        rpc("submit", {"edge_bits": 32, "height": 16419, "job_id": 0, "nonce": 8895699060858340771, "pow": [1, 2]}),
        {
            "dialect": "grin", "direction": "c", "coin": "GRIN", "job_id": "0", "nonce": "8895699060858340771",
            "fields": {"coin_from": "shape", "height": "16419", "edge_bits": "32"},
        },
    ),
    "beam login": (
        {"method": "login", "api_key": "skjd", "id": "login", "jsonrpc": "2.0"},
        {
            "dialect": "beam", "direction": "c", "coin": "BEAM", "wallet": "skjd",
            "fields": {"coin_from": "shape", "confidence": "0.9"},
        },
    ),
    "beam job": (
        {"jsonrpc": "2.0", "id": "212", "method": "job", "input": H64, "difficulty": 123},
        {
            "dialect": "beam", "direction": "s", "coin": "BEAM", "job_id": "212",
            "fields": {"coin_from": "shape", "difficulty": "123"},
        },
    ),
    "beam solution": (
        {"method": "solution", "id": "212", "nonce": "0bb11009afc29dbe", "output": "ab" * 104, "jsonrpc": "2.0"},
        {
            "dialect": "beam", "direction": "c", "coin": "BEAM", "job_id": "212", "nonce": "0bb11009afc29dbe",
            "fields": {"coin_from": "shape"},
        },
    ),
    "eth_submitLogin": (
        rpc("eth_submitLogin", [ETH, "me@example.org"], worker="rig"),
        {
            "dialect": "eth_proxy", "direction": "c", "coin": "ETH", "wallet": ETH, "wallet_valid": True,
            "worker": "rig", "password": "me@example.org", "fields": {"coin_from": "wallet"},
        },
    ),
    "eth_getWork": (rpc("eth_getWork", []), {"dialect": "eth_proxy", "direction": "c", "coin": "ETH"}),
    "eth_submitWork": (
        rpc("eth_submitWork", ["0x0000000000000001", X64, X64]),
        {
            "dialect": "eth_proxy", "direction": "c", "coin": "ETH", "nonce": "0x0000000000000001",
            "fields": {"coin_from": "dialect", "header": X64, "mix": X64},
        },
    ),
    "ckb login": (
        rpc("ckb_submitLogin", {"login": "account", "agent": "Miner/1.0", "worker": "rig"}),
        {
            "dialect": "ckb", "direction": "c", "coin": "CKB", "wallet": "account", "worker": "rig",
            "agent": "Miner/1.0", "agent_version": "1.0", "fields": {"coin_from": "shape"},
        },
    ),
    "getwork": (rpc("getwork", []), {"dialect": "getwork", "direction": "c", "coin": "BTC"}),
    "getblocktemplate": (
        rpc("getblocktemplate", [{"capabilities": ["coinbasetxn", "workid"]}]),
        {
            "dialect": "getwork", "direction": "c", "coin": "BTC",
            "fields": {"coin_from": "dialect", "capabilities": "coinbasetxn,workid"},
        },
    ),
    "monero getblocktemplate": (
        rpc("get_block_template", {"wallet_address": XMR, "reserve_size": 60}),
        {
            "dialect": "getwork", "direction": "c", "coin": "XMR", "wallet": XMR, "wallet_valid": True,
            "fields": {"coin_from": "wallet"},
        },
    ),
    "browser auth": (
        {"type": "auth", "params": {"site_key": "k" * 32, "type": "anonymous", "user": None, "goal": 0}},
        {
            "dialect": "websocket", "method": "auth", "direction": "c", "coin": "XMR", "wallet": "k" * 32,
            "fields": {"coin_from": "dialect", "type": "anonymous", "goal": "0", "confidence": "0.9"},
        },
    ),
    "browser job": (
        {"type": "job", "params": {"job_id": "1", "blob": BLOB, "target": "ffffff00"}},
        {
            "dialect": "websocket", "method": "job", "direction": "s", "coin": "XMR", "job_id": "1",
            "fields": {"coin_from": "dialect", "target": "ffffff00"},
        },
    ),
    "browser submit": (
        {"type": "submit", "params": {"job_id": "1", "nonce": "0000abcd", "result": H64}},
        {
            "dialect": "websocket", "method": "submit", "direction": "c", "coin": "XMR", "job_id": "1",
            "nonce": "0000abcd", "fields": {"coin_from": "dialect", "result": H64},
        },
    ),
    "browser accepted": (
        {"type": "hash_accepted", "params": {"hashes": 256}},
        {
            "dialect": "websocket", "method": "hash_accepted", "direction": "s", "coin": "XMR",
            "fields": {"coin_from": "dialect", "hashes": "256"},
        },
    ),
    "webminer handshake": (
        {"identifier": "handshake", "pool": "pool.example.com", "login": XMR, "password": "p", "userid": "", "version": 7},
        {
            "dialect": "websocket", "method": "handshake", "direction": "c", "coin": "XMR", "wallet": XMR,
            "wallet_valid": True, "password": "p",
            "fields": {"coin_from": "wallet", "pool": "pool.example.com", "version": "7"},
        },
    ),
    "webminer solved": (
        {"identifier": "solved", "job_id": "9", "nonce": "0000abcd", "result": H64},
        {
            "dialect": "websocket", "method": "solved", "direction": "c", "coin": "XMR", "job_id": "9",
            "nonce": "0000abcd", "fields": {"coin_from": "dialect", "result": H64},
        },
    ),
}  # fmt: skip

ANSWERS: dict[str, tuple[object, str, str]] = {
    "v1": ([[["mining.set_difficulty", "1"], ["mining.notify", "2"]], "08000002", 4], "stratum_v1", "mining.subscribe"),
    "nicehash": ([["mining.notify", "ae68", "EthereumStratum/1.0.0"], "080c"], "ethereum_stratum", "mining.subscribe"),
    "kaspa": ([True, "EthereumStratum/1.0.0"], "ethereum_stratum", "mining.subscribe"),
    "bip310": ({"version-rolling": True, "version-rolling.mask": "18000000"}, "stratum_v1", "mining.configure"),
    "cryptonote": ({"id": "1", "job": {"blob": BLOB, "job_id": "q", "target": "b88d0600"}, "status": "OK"}, "cryptonote", "login"),
    "keepalive": ({"status": "KEEPALIVED"}, "cryptonote", "keepalived"),
    "work": ([X64, X64, X64], "eth_proxy", "eth_getWork"),
    "getwork": ({"data": "00" * 128, "target": H64, "midstate": H64}, "getwork", "getwork"),
    "template": ({"previousblockhash": H64, "bits": "1d00ffff", "target": H64, "height": 1}, "getwork", "getblocktemplate"),
    "monero template": ({"blocktemplate_blob": BLOB, "difficulty": 1, "height": 2}, "getwork", "getblocktemplate"),
    "grin": ({"pre_pow": "00" * 100, "job_id": 0, "height": 1, "difficulty": 1}, "grin", "getjobtemplate"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_a_message_comes_out_whole(name: str) -> None:
    wire, expected = TABLE[name]
    (found,) = decode(json.dumps(wire))
    wanted = {"method": wire.get("method"), "fields": {"coin_from": "dialect"}, **expected}
    wanted["direction"] = {"c": "client", "s": "server"}[wanted["direction"]]
    assert seen(found) == wanted


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_proves_itself_is_recognised(name: str) -> None:
    value, dialect, method = ANSWERS[name]
    (found,) = decode(json.dumps(result(value)))
    assert (found.dialect, found.method, found.direction) == (dialect, method, "server")
    assert found.fields["accepted"] == "true"


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("separator", ["\n", "", ",", " | "])
def test_several_messages_stand_in_one_line(name: str, separator: str) -> None:
    wire = json.dumps(TABLE[name][0])
    assert [m.method for m in decode(separator.join([wire] * 3))] == [decode(wire)[0].method] * 3


@pytest.mark.parametrize("name", TABLE)
def test_spaces_and_member_order_do_not_matter(name: str) -> None:
    wire = TABLE[name][0]
    backwards = dict(reversed(list(wire.items())))
    assert decode(json.dumps(backwards, indent=2)) == decode(json.dumps(wire, separators=(",", ":")))


UNMISTAKABLE = [
    name for name, (wire, _) in TABLE.items() if str(wire.get("method", "")).startswith(("mining.", "eth_", "ckb_"))
]


@pytest.mark.parametrize("name", UNMISTAKABLE)
def test_a_message_cut_behind_its_method_is_still_recognised(name: str) -> None:
    wire = {"method": TABLE[name][0]["method"], **TABLE[name][0]}
    text = json.dumps(wire)
    for end in range(text.index(",") + 1, len(text), 7):
        (found,) = decode(text[:end])
        assert (found.method, found.truncated) == (wire["method"], True)


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ('{"id":1,"method":"mining.subscr', "mining.subscribe"),
        ('{"id":1,"method":"mining.n', "mining.n"),
        ('{"id":1,"method":"mining.noti', "mining.notify"),
    ],
)
def test_a_method_cut_in_the_middle_is_completed_when_only_one_fits(text: str, method: str) -> None:
    (found,) = decode(text)
    assert (found.dialect, found.method, found.truncated) == ("stratum_v1", method, True)


def test_work_of_a_dero_node_is_recognised() -> None:
    wire = {"blockhashing_blob": "00ff", "blocktemplate_blob": BLOB, "jobid": "1.0", "difficulty": "1", "height": 1}
    (found,) = decode(json.dumps(wire))
    assert (found.dialect, found.coin, found.direction, found.job_id) == ("getwork", "DERO", "server", "1.0")


def test_a_login_cut_inside_the_wallet_keeps_what_is_there() -> None:
    text = json.dumps(rpc("login", {"login": XMR, "pass": "x", "agent": "XMRig/6.22.0"}))
    (found,) = decode(text[: text.index(XMR) + 60])
    assert (found.dialect, found.wallet, found.truncated) == ("cryptonote", XMR[:60], True)


def test_the_tail_of_a_share_is_recognised() -> None:
    text = json.dumps(rpc("submit", {"id": "4790", "job_id": "7221", "nonce": "98024001", "result": H64}))
    (found,) = decode(text[text.index("7221") - 3 :])
    assert (found.dialect, found.method, found.nonce, found.truncated) == ("cryptonote", "submit", "98024001", True)
    (found,) = decode('ner1", "bf", "00000001"], "id": 4, "method": "mining.submit"}\n')
    assert (found.dialect, found.method, found.truncated) == ("stratum_v1", "mining.submit", True)


def test_login_parameters_alone_need_a_wallet() -> None:
    (found,) = decode(json.dumps({"login": XMR, "pass": "x", "agent": "XMRig/6.22.0"}))
    assert (found.dialect, found.method, found.wallet) == ("cryptonote", "login", XMR)
    broken = XMR[:50] + ("2" if XMR[50] != "2" else "3") + XMR[51:]
    (found,) = decode(json.dumps({"login": broken, "pass": "x"}))
    assert (found.wallet, found.wallet_valid) == (broken, False)
    assert decode(json.dumps({"login": "bob", "pass": "x"})) == ()


def test_a_batch_gives_each_of_its_messages() -> None:
    batch = [rpc("mining.subscribe", []), rpc("web3_clientVersion", []), rpc("eth_getWork", [])]
    assert [found.method for found in decode(json.dumps(batch))] == ["mining.subscribe", "eth_getWork"]


def test_a_structured_log_around_the_message_is_looked_through() -> None:
    line = {"ts": 1, "http": {"body": rpc("mining.authorize", ["a.b", "x"])}, "method": "POST"}
    assert [found.worker for found in decode(json.dumps(line))] == ["b"]
