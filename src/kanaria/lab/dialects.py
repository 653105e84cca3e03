"""The mining dialects as messages: from a dialect and a random generator to the bytes of each kind of message.

Shapes and sizes follow the protocols' public descriptions (Stratum v1 and BIP 310, CryptoNote's pool protocol with
XMRig's extensions, eth-proxy, EthereumStratum 1.0, Zcash ZIP 301, KawPoW, browser miners). All values are random.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np

from kanaria.core.values import dataclass

Rng = np.random.Generator
Sent = tuple[bool, bytes]
"""Who sends (True: the client) and the bytes."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One mining protocol.

    ``opening`` is login to first job. ``job``, ``share`` and ``receipt`` make the steady part; ``beat`` is a keepalive
    (or hash rate report) and its answer, ``poll`` a request for work that is answered with a job. Each takes the random
    generator and a running number. ``job_seconds`` is how often the pool sends new work, measured in captures or the
    coin's block time; ``websocket`` says that the dialect lives in a browser.
    """

    name: str
    coin: str
    opening: Callable[[Rng], list[Sent]]
    job: Callable[[Rng, int], bytes]
    share: Callable[[Rng, int], bytes]
    receipt: Callable[[Rng, int], bytes]
    job_seconds: float
    beat: Callable[[Rng, int], tuple[bytes, bytes]] | None = None
    beat_seconds: float = 60.0
    poll: Callable[[Rng, int], bytes] | None = None
    poll_seconds: float = 10.0
    websocket: bool = False


def _hex(rng: Rng, size: int) -> str:
    return rng.bytes(size).hex()


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _call(number: int, method: str, params: object, **more: object) -> bytes:
    return _line({"id": number, "method": method, "params": params, **more})


def _result(number: int | None, value: object, **more: object) -> bytes:
    return _line({"id": number, "result": value, "error": None, **more})


# Bitcoin Stratum v1 ---------------------------------------------------------------------------------------------------


def _bitcoin_opening(rng: Rng) -> list[Sent]:
    return [
        (True, _call(1, "mining.configure", [["version-rolling"], {"version-rolling.mask": "1fffe000"}])),
        (False, _result(1, {"version-rolling": True, "version-rolling.mask": "1fffe000"})),
        (True, _call(2, "mining.subscribe", ["lab-miner/1.0"])),
        (False, _result(2, [[["mining.notify", _hex(rng, 4)]], _hex(rng, 4), 8])),
        (True, _call(3, "mining.authorize", ["lab.worker1", "x"])),
        (False, _result(3, True)),
        (False, _call(0, "mining.set_difficulty", [8192])),
        (False, _bitcoin_job(rng, 0)),
    ]


def _bitcoin_job(rng: Rng, number: int) -> bytes:
    branches = [_hex(rng, 32) for _ in range(12)]
    return _line(
        {
            "id": None,
            "method": "mining.notify",
            "params": [
                _hex(rng, 4), _hex(rng, 32), _hex(rng, 60), _hex(rng, 110), branches, "20000000", "170331db",
                _hex(rng, 4), number % 5 == 0,
            ],
        }
    )  # fmt: skip


def _bitcoin_share(rng: Rng, number: int) -> bytes:
    return _call(
        number + 4, "mining.submit", ["lab.worker1", _hex(rng, 4), _hex(rng, 8), _hex(rng, 4), _hex(rng, 4), "00802000"]
    )


def _true(rng: Rng, number: int) -> bytes:
    return _result(number + 4, True)


# CryptoNote (Monero) --------------------------------------------------------------------------------------------------

_MONERO_ALGORITHMS = ["rx/0", "cn/2", "cn/r", "cn/fast", "cn/half", "cn/xao", "cn/rto", "cn/rwz", "cn/zls", "cn/double"]


def _monero_work(rng: Rng) -> dict[str, object]:
    return {
        "blob": _hex(rng, 76), "job_id": _hex(rng, 8), "target": _hex(rng, 4), "algo": "rx/0",
        "height": 3_000_000 + int(rng.integers(99_999)), "seed_hash": _hex(rng, 32),
    }  # fmt: skip


def _monero_opening(rng: Rng) -> list[Sent]:
    login = {
        "login": "4" + _hex(rng, 47), "pass": "x", "agent": "LabMiner/1.0 (Linux x86_64)", "algo": _MONERO_ALGORITHMS,
    }  # fmt: skip
    extensions = ["algo", "nicehash", "connect", "tls", "keepalive"]
    work = {"id": _hex(rng, 8), "job": _monero_work(rng), "extensions": extensions, "status": "OK"}
    return [
        (True, _call(1, "login", login, jsonrpc="2.0")),
        (False, _result(1, work, jsonrpc="2.0")),
    ]


def _monero_job(rng: Rng, number: int) -> bytes:
    return _line({"jsonrpc": "2.0", "method": "job", "params": _monero_work(rng)})


def _monero_share(rng: Rng, number: int) -> bytes:
    params = {"id": _hex(rng, 8), "job_id": _hex(rng, 8), "nonce": _hex(rng, 4), "result": _hex(rng, 32)}
    return _line({"id": number + 2, "jsonrpc": "2.0", "method": "submit", "params": params})


def _monero_receipt(rng: Rng, number: int) -> bytes:
    return _result(number + 2, {"status": "OK"}, jsonrpc="2.0")


def _monero_beat(rng: Rng, number: int) -> tuple[bytes, bytes]:
    asked = {"id": number + 2, "jsonrpc": "2.0", "method": "keepalived", "params": {"id": _hex(rng, 8)}}
    return _line(asked), _result(number + 2, {"status": "KEEPALIVED"}, jsonrpc="2.0")


# Ethereum family ------------------------------------------------------------------------------------------------------


def _ether_hashes(rng: Rng) -> list[str]:
    return ["0x" + _hex(rng, 32), "0x" + _hex(rng, 32), "0x" + "0" * 24 + _hex(rng, 20)]


def _proxy_opening(rng: Rng) -> list[Sent]:
    login = _call(1, "eth_submitLogin", ["0x" + _hex(rng, 20), "x"], worker="rig1", jsonrpc="2.0")
    return [
        (True, login),
        (False, _line({"id": 1, "jsonrpc": "2.0", "result": True})),
        (True, _proxy_poll(rng, 0)),
        (False, _proxy_job(rng, 0)),
    ]


def _proxy_poll(rng: Rng, number: int) -> bytes:
    return _line({"id": 5, "method": "eth_getWork", "params": []})


def _proxy_job(rng: Rng, number: int) -> bytes:
    return _line({"id": 0, "jsonrpc": "2.0", "result": _ether_hashes(rng)})


def _proxy_share(rng: Rng, number: int) -> bytes:
    proof = ["0x" + _hex(rng, 8), "0x" + _hex(rng, 32), "0x" + _hex(rng, 32)]
    return _line({"id": 4, "method": "eth_submitWork", "params": proof})


def _proxy_receipt(rng: Rng, number: int) -> bytes:
    return _line({"id": 4, "jsonrpc": "2.0", "result": True})


def _proxy_beat(rng: Rng, number: int) -> tuple[bytes, bytes]:
    rate = ["0x" + _hex(rng, 32), "0x" + _hex(rng, 32)]
    asked = _line({"id": 6, "jsonrpc": "2.0", "method": "eth_submitHashrate", "params": rate})
    return asked, _line({"id": 6, "jsonrpc": "2.0", "result": True})


def _nicehash_opening(rng: Rng) -> list[Sent]:
    return [
        (True, _call(1, "mining.subscribe", ["lab-miner/1.0", "EthereumStratum/1.0.0"])),
        (False, _result(1, [["mining.notify", _hex(rng, 16), "EthereumStratum/1.0.0"], _hex(rng, 3)])),
        (True, _call(2, "mining.authorize", ["0x" + _hex(rng, 20) + ".rig1", "x"])),
        (False, _result(2, True)),
        (False, _call(0, "mining.set_difficulty", [4.0])),
        (False, _nicehash_job(rng, 0)),
    ]


def _nicehash_job(rng: Rng, number: int) -> bytes:
    return _line(
        {"id": None, "method": "mining.notify", "params": [_hex(rng, 4), _hex(rng, 32), _hex(rng, 32), number % 4 == 0]}
    )


def _nicehash_share(rng: Rng, number: int) -> bytes:
    return _call(number + 4, "mining.submit", ["0x" + _hex(rng, 20) + ".rig1", _hex(rng, 4), _hex(rng, 5)])


# Equihash and KawPoW --------------------------------------------------------------------------------------------------


def _zcash_opening(rng: Rng) -> list[Sent]:
    return [
        (True, _call(1, "mining.subscribe", ["lab-miner/1.0", None, "pool.example.net", 3333])),
        (False, _result(1, [None, _hex(rng, 4)])),
        (True, _call(2, "mining.authorize", ["t1" + _hex(rng, 16) + ".rig1", "x"])),
        (False, _result(2, True)),
        (False, _call(0, "mining.set_target", [_hex(rng, 32)])),
        (False, _zcash_job(rng, 0)),
    ]


def _zcash_job(rng: Rng, number: int) -> bytes:
    header = ["04000000", _hex(rng, 32), _hex(rng, 32), _hex(rng, 32), _hex(rng, 4), _hex(rng, 4), True]
    return _line({"id": None, "method": "mining.notify", "params": [_hex(rng, 4), *header]})


def _zcash_share(rng: Rng, number: int) -> bytes:
    proof = [_hex(rng, 4), _hex(rng, 4), _hex(rng, 28), "fd4005" + _hex(rng, 1344)]
    return _call(number + 4, "mining.submit", ["t1" + _hex(rng, 16) + ".rig1", *proof])


def _kawpow_opening(rng: Rng) -> list[Sent]:
    return [
        (True, _call(1, "mining.subscribe", ["lab-miner/1.0"])),
        (False, _result(1, [None, _hex(rng, 2)])),
        (True, _call(2, "mining.authorize", ["R" + _hex(rng, 16) + ".rig1", "x"])),
        (False, _result(2, True)),
        (False, _call(0, "mining.set_target", [_hex(rng, 32)])),
        (False, _kawpow_job(rng, 0)),
    ]


def _kawpow_job(rng: Rng, number: int) -> bytes:
    params = [_hex(rng, 4), _hex(rng, 32), _hex(rng, 32), _hex(rng, 32), True, 3_200_000 + number, "1b00c9a4"]
    return _line({"id": None, "method": "mining.notify", "params": params})


def _kawpow_share(rng: Rng, number: int) -> bytes:
    proof = [_hex(rng, 4), "0x" + _hex(rng, 8), "0x" + _hex(rng, 32), "0x" + _hex(rng, 32)]
    return _call(number + 4, "mining.submit", ["R" + _hex(rng, 16) + ".rig1", *proof])


# Browser --------------------------------------------------------------------------------------------------------------


def _typed(kind: str, params: Mapping[str, object]) -> bytes:
    return json.dumps({"type": kind, "params": dict(params)}, separators=(",", ":")).encode()


def _browser_opening(rng: Rng) -> list[Sent]:
    return [
        (True, _typed("auth", {"site_key": _hex(rng, 16), "type": "anonymous", "user": None, "goal": 0})),
        (False, _typed("authed", {"token": "", "hashes": 0})),
        (False, _browser_job(rng, 0)),
    ]


def _browser_job(rng: Rng, number: int) -> bytes:
    return _typed("job", {"job_id": _hex(rng, 8), "blob": _hex(rng, 76), "target": "ffffff00"})


def _browser_share(rng: Rng, number: int) -> bytes:
    return _typed("submit", {"job_id": _hex(rng, 8), "nonce": _hex(rng, 4), "result": _hex(rng, 32)})


def _browser_receipt(rng: Rng, number: int) -> bytes:
    return _typed("hash_accepted", {"hashes": 256 * (number + 1)})


DIALECTS: Mapping[str, Dialect] = {
    one.name: one
    for one in (
        Dialect(
            name="stratum_v1", coin="BTC", opening=_bitcoin_opening, job=_bitcoin_job, share=_bitcoin_share,
            receipt=_true, job_seconds=30,
        ),
        Dialect(
            name="cryptonote", coin="XMR", opening=_monero_opening, job=_monero_job, share=_monero_share,
            receipt=_monero_receipt, job_seconds=75, beat=_monero_beat,
        ),
        Dialect(
            name="eth_proxy", coin="ETC", opening=_proxy_opening, job=_proxy_job, share=_proxy_share,
            receipt=_proxy_receipt, job_seconds=6, beat=_proxy_beat, poll=_proxy_poll,
        ),
        Dialect(
            name="ethereum_stratum", coin="ETC", opening=_nicehash_opening, job=_nicehash_job, share=_nicehash_share,
            receipt=_true, job_seconds=12,
        ),
        Dialect(
            name="zcash", coin="ZEC", opening=_zcash_opening, job=_zcash_job, share=_zcash_share, receipt=_true,
            job_seconds=60,
        ),
        Dialect(
            name="kawpow", coin="RVN", opening=_kawpow_opening, job=_kawpow_job, share=_kawpow_share, receipt=_true,
            job_seconds=25,
        ),
        Dialect(
            name="browser", coin="XMR", opening=_browser_opening, job=_browser_job, share=_browser_share,
            receipt=_browser_receipt, job_seconds=60, websocket=True,
        ),
    )
}  # fmt: skip
"""Every dialect the lab speaks, by name."""
