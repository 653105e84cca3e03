"""Ethereum's eth-proxy and Nervos' ``ckb_*``, Bitcoin's getwork and getblocktemplate, and miners inside browsers.

Ethereum nodes answer many ``eth_*`` calls; only the handful that hand out or take work is mining. Sources: the
Ethereum JSON-RPC and eth-proxy documents, BIP 22/23, the Bitcoin wiki on getwork, and the browser miners' own scripts.
"""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.mining.shapes import Message, Shape, is_hex, item, named, text

_ETHEREUM = {
    "eth_submitlogin": "eth_submitLogin", "eth_login": "eth_login", "eth_getwork": "eth_getWork",
    "eth_submitwork": "eth_submitWork", "eth_submithashrate": "eth_submitHashrate",
}  # fmt: skip
_CKB = {"ckb_submitlogin": "ckb_submitLogin", "ckb_getwork": "ckb_getWork", "ckb_submitwork": "ckb_submitWork"}
_GETWORK = frozenset(("getwork", "getworkex", "getblocktemplate", "submitblock", "get_block_template", "submit_block"))
METHODS = frozenset((*_ETHEREUM.values(), *_CKB.values(), *_GETWORK))
_KEYS = ("site_key", "sitekey", "siteKey", "site-key")
_AUTH_KINDS = frozenset(("anonymous", "user", "token", "guest"))


def recognise(message: Message) -> Shape | None:
    """The shape of an Ethereum, getwork or browser miner's message, or None."""
    method = message.method.lower()
    if method in _ETHEREUM:
        return _work(message) or _ethereum(message, _ETHEREUM[method])
    if method in _CKB:
        return _ckb(message, _CKB[method])
    if method in _GETWORK:
        return _getwork(message, method)
    if not method:
        return _work(message) or _template(message) or _typed(message) or _identified(message)
    return None


def _ethereum(message: Message, method: str) -> Shape:
    login = password = nonce = None
    fields: dict[str, str] = {}
    items = message.items
    if method in ("eth_submitLogin", "eth_login"):
        login, password = item(items, 0), item(items, 1)
    elif method == "eth_submitWork":
        nonce = item(items, 0)
        fields = {name: value for name, at in (("header", 1), ("mix", 2)) if (value := item(items, at))}
    elif method == "eth_submitHashrate":
        fields = {"hashrate": value} if (value := item(items, 0)) else {}
    return Shape(
        dialect="eth_proxy",
        method=method,
        direction="client",
        login=login,
        password=password,
        worker=text(message.value.get("worker")) or None,
        nonce=nonce,
        fields=fields,
    )


def _ckb(message: Message, method: str) -> Shape:
    names = message.mapping
    return Shape(
        dialect="ckb",
        method=method,
        direction="client",
        login=text(names.get("login")) or item(message.items, 0),
        agent=text(names.get("agent")),
        worker=text(names.get("worker")),
        nonce=text(names.get("nonce")),
        coin="CKB",
    )


def _getwork(message: Message, method: str) -> Shape | None:
    """Node calls that ask for or return work; Monero's carries the wallet by name."""
    names = message.mapping
    if not message.envelope and not message.flat:
        return None
    first = message.items[0] if message.items else None
    if method in ("submitblock", "submit_block") and not is_hex(first, 160):
        return None
    by_name = isinstance(names.get("wallet_address"), str)
    if method == "get_block_template" and not by_name:
        return None
    return Shape(
        dialect="getwork",
        method=method,
        direction="client",
        login=text(names.get("wallet_address")),
        coin="XMR" if by_name else None,
        fields={"capabilities": ",".join(map(str, capabilities[:20]))}
        if isinstance(first, dict) and isinstance(capabilities := first.get("capabilities"), list)
        else {},
    )


def _work(message: Message) -> Shape | None:
    """Work pushed or answered: three or four 256-bit values (header, seed, target), maybe a height behind them."""
    result = message.result
    if not isinstance(result, list) or len(result) < 3:
        return None
    if not all(isinstance(value, str) and value[:2] == "0x" and is_hex(value, 64, 64) for value in result[:2]):
        return None
    if not is_hex(result[2], 8, 64):
        return None
    return Shape(dialect="eth_proxy", method="eth_getWork", direction="server", fields={"target": str(result[2])[:70]})


def _template(message: Message) -> Shape | None:
    """Answers to getwork (``data``, ``target``, ``midstate``) and to getblocktemplate, Bitcoin's and Monero's."""
    result = message.result
    if is_hex(message.value.get("blocktemplate_blob"), 78) and "jobid" in message.value:
        # Dero's node pushes work over a WebSocket without any envelope.
        fields = named(message.value, "height", "difficulty")
        job = text(message.value["jobid"])
        return Shape(dialect="getwork", method="job", direction="server", coin="DERO", job_id=job, fields=fields)
    if not isinstance(result, dict):
        return None
    if is_hex(result.get("data"), 256) and is_hex(result.get("target"), 64, 64):
        return Shape(dialect="getwork", method="getwork", direction="server")
    if is_hex(result.get("previousblockhash"), 64, 64) and "bits" in result and "target" in result:
        return Shape(dialect="getwork", method="getblocktemplate", direction="server", fields=named(result, "height"))
    if is_hex(result.get("blocktemplate_blob"), 78):
        fields = named(result, "height", "difficulty")
        return Shape(dialect="getwork", method="getblocktemplate", direction="server", coin="XMR", fields=fields)
    if is_hex(result.get("pow_hash"), 64, 64) and is_hex(result.get("target"), 1, 64):
        return Shape(dialect="ckb", method="ckb_getWork", direction="server", coin="CKB")
    return None


def _typed(message: Message) -> Shape | None:
    """CoinHive's protocol and its imitations: ``type`` and ``params``."""
    kind, names = message.value.get("type"), message.mapping
    if kind == "auth":
        return _browser_auth(names)
    if kind == "authed" and "hashes" in names and ("token" in names or len(names) == 1):
        return _browser("authed", "server", names, "hashes")
    if kind == "job" and is_hex(names.get("blob"), 78) and "job_id" in names:
        return _browser("job", "server", names, "target", "algo", "height")
    if kind == "submit" and is_hex(names.get("result"), 64, 64) and is_hex(names.get("nonce"), 8, 16):
        return _browser("submit", "client", names, "result")
    if kind == "hash_accepted" and "hashes" in names:
        return _browser("hash_accepted", "server", names, "hashes")
    return None


def _browser_auth(names: Mapping[str, object]) -> Shape | None:
    key = next((value for name in _KEYS if (value := text(names.get(name)))), None)
    if key is None or not ("type" not in names or names["type"] in _AUTH_KINDS):
        return None
    return Shape(
        dialect="websocket",
        method="auth",
        direction="client",
        login=key,
        worker=text(names.get("user")),
        confidence=0.9,
        fields=named(names, "type", "goal", "version"),
    )


def _identified(message: Message) -> Shape | None:
    """The webminerpool protocol: ``identifier`` and everything beside it."""
    kind, value = message.value.get("identifier"), message.value
    if kind == "handshake" and isinstance(value.get("login"), str) and isinstance(value.get("pool"), str):
        return Shape(
            dialect="websocket",
            method="handshake",
            direction="client",
            login=text(value["login"]),
            password=text(value.get("password")),
            worker=text(value.get("userid")) or None,
            fields=named(value, "pool", "version"),
        )
    if kind == "job" and is_hex(value.get("blob"), 78):
        return _browser("job", "server", value, "target", "variant")
    if kind == "solved" and "job_id" in value and is_hex(value.get("nonce"), 8, 16):
        return _browser("solved", "client", value, "result")
    if kind == "hashsolved" and set(value) <= {"identifier", "hashes"}:
        return _browser("hashsolved", "server", value)
    return None


def _browser(method: str, direction: str, names: Mapping[str, object], *keep: str) -> Shape:
    return Shape(
        dialect="websocket",
        method=method,
        direction="client" if direction == "client" else "server",
        algorithms=(algo,) if (algo := text(names.get("algo"))) else (),
        job_id=text(names.get("job_id")),
        nonce=text(names.get("nonce")),
        fields=named(names, *keep),
    )
