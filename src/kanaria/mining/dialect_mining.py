"""The ``mining.*`` family: Bitcoin's Stratum v1 and its descendants for Ethereum, Zcash, Ravencoin, Kaspa and others.

One method name serves many coins; which dialect it is shows in the number and form of the parameters. Sources: the
Stratum v1 documentation of 2012, BIP 310, NiceHash's EthereumStratum/1.0.0, EIP-1571, ZIP 301, and public captures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kanaria.mining.json_scan import CutText
from kanaria.mining.shapes import Direction, Message, Shape, is_hex, item, named, text

# Who sends a method. Anything else under ``mining.`` is taken as unknown direction.
CLIENT_METHODS = frozenset(
    "mining." + name
    for name in (
        "subscribe", "authorize", "auth", "submit", "extranonce.subscribe", "configure", "suggest_difficulty",
        "suggest_target", "get_transactions", "get_multiple_blobs", "ping", "hello", "noop", "bye", "hashrate",
        "submit_hashrate", "capabilities", "get_version", "term", "resume", "get_job", "login", "submit_bulk",
    )
)  # fmt: skip
SERVER_METHODS = frozenset(
    "mining." + name
    for name in (
        "notify", "set_difficulty", "set_target", "set_extranonce", "set_version_mask", "set", "set_goal",
        "multi_version", "set_algo", "set_height", "ping_reply", "pong",
    )
) | {"client.get_version", "client.reconnect", "client.show_message"}  # fmt: skip

_HASH = 64  # hexadecimal digits of a 256-bit value
# An Equihash solution is 1344 bytes (200,9), 400 (192,7), 100 (144,5) or 36 (125,4, with its length byte), in hex.
_SOLUTION = 70


def recognise(message: Message) -> Shape | None:
    """The shape of a ``mining.*`` or ``client.*`` message, or of an answer that carries one's signature."""
    if isinstance(message.value.get("method"), CutText):
        message = _with_whole_method(message)
    method = message.method
    if not method:
        return _answer(message)
    listed = method in CLIENT_METHODS or method in SERVER_METHODS
    if not listed and not _acceptable(message, method):
        return None
    if method.startswith("client."):
        return _client_call(message)
    reader = _READERS.get(method, _other)
    return reader(message, message.items)


def _with_whole_method(message: Message) -> Message:
    """A method cut behind enough letters to be only one of the known ones."""
    fits = [name for name in CLIENT_METHODS | SERVER_METHODS if name.startswith(message.method)]
    if len(message.method) < len("mining.n") or len(fits) != 1:
        return message
    return Message({**message.value, "method": fits[0]}, False, message.flat)


def _acceptable(message: Message, method: str) -> bool:
    """An unknown or cut ``mining.*`` method in a JSON-RPC envelope with parameters of a possible form."""
    if not method.startswith("mining.") or not method[7:].replace("_", "").replace(".", "").isalpha():
        return isinstance(message.value.get("method"), CutText) and len(method) > 7 and method.startswith("mining.")
    return message.envelope and (message.params is None or isinstance(message.params, (list, dict)))


def _client_call(message: Message) -> Shape | None:
    """``client.*`` calls are few words that other services may use too: the parameters must fit."""
    method, items = message.method, message.items
    if not message.envelope or not isinstance(message.params, (list, type(None))):
        return None
    if method == "client.reconnect" and items and not isinstance(items[0], str):
        return None
    fields = {"text": item(items, 0) or ""} if method == "client.show_message" else {}
    if method == "client.reconnect" and len(items) > 1:
        fields = {"host": item(items, 0) or "", "port": item(items, 1) or ""}
    return Shape(dialect="stratum_v1", method=method, direction="server", confidence=0.7, fields=fields)


def _direction(method: str) -> Direction:
    return "client" if method in CLIENT_METHODS else "server" if method in SERVER_METHODS else "unknown"


def _other(message: Message, items: Sequence[object]) -> Shape:
    method = message.method
    dialect = "ethereum_stratum" if method in ("mining.bye", "mining.noop", "mining.hashrate") else "stratum_v1"
    if method in ("mining.set", "mining.set_target"):
        dialect = "ethereum_stratum" if method == "mining.set" else "zcash"
    fields = {"value": value} if (value := item(items, 0)) else {}
    return Shape(dialect=dialect, method=method, direction=_direction(method), fields=fields)


def _subscribe(message: Message, items: Sequence[object]) -> Shape:
    dialect, coin = "stratum_v1", None
    words = [text(value) or "" for value in items]
    fields: dict[str, str] = {}
    if any(word.startswith("EthereumStratum/") for word in words):
        dialect, fields = "ethereum_stratum", {"protocol": next(w for w in words if w.startswith("EthereumStratum/"))}
    elif len(items) >= 3 and (isinstance(items[2], str) and not is_hex(items[2])):
        # ZIP 301: [agent, session or null, host, port]
        dialect, fields = "zcash", {"host": words[2], "port": words[3] if len(words) > 3 else ""}
    agent = words[0] or None if words else text(message.mapping.get("agent"))
    return Shape(dialect=dialect, method=message.method, direction="client", agent=agent, coin=coin, fields=fields)


def _authorize(message: Message, items: Sequence[object]) -> Shape:
    names = message.mapping
    login = item(items, 0) or text(names.get("username") or names.get("login") or names.get("wallet"))
    password = item(items, 1) or text(names.get("password") or names.get("pass"))
    return Shape(
        dialect="stratum_v1",
        method=message.method,
        direction="client",
        login=login,
        password=password,
        worker=text(names.get("worker")),
    )


def _configure(message: Message, items: Sequence[object]) -> Shape:
    extensions = ",".join(str(value) for value in items[0][:16]) if items and isinstance(items[0], list) else ""
    return Shape(dialect="stratum_v1", method=message.method, direction="client", fields={"extensions": extensions})


def _hello(message: Message, items: Sequence[object]) -> Shape:
    return Shape(
        dialect="ethereum_stratum",
        method=message.method,
        direction="client",
        agent=text(message.mapping.get("agent")) or item(items, 0),
        fields=named(message.mapping, "proto", "host", "port"),
    )


def _submit(message: Message, items: Sequence[object]) -> Shape:
    """Shares: what follows the worker and the job tells the coins apart."""
    if not items:
        return _submit_by_name(message)
    login, job = item(items, 0), item(items, 1)
    dialect, coin, nonce = "stratum_v1", None, item(items, 4)
    fields: dict[str, str] = {}
    if len(items) >= 5 and is_hex(items[4], _SOLUTION):
        dialect, nonce, fields = "zcash", item(items, 3), {"ntime": item(items, 2) or ""}
    elif len(items) >= 5 and is_hex(items[3], _HASH, _HASH) and is_hex(items[4], _HASH, _HASH):
        dialect, coin, nonce = "kawpow", "RVN", item(items, 2)
        fields = {"result": item(items, 4) or ""}
    elif len(items) >= 5:
        fields = {"extranonce2": item(items, 2) or "", "ntime": item(items, 3) or ""}
        if len(items) > 5:
            fields["version_bits"] = item(items, 5) or ""
    elif len(items) in (3, 4) and message.complete:
        dialect, nonce = "ethereum_stratum", item(items, 2)
        if is_hex(items[1], 8, 18) and not is_hex(items[2]):
            # EIP-1571 puts the worker last: [job, nonce, worker]
            login, job, nonce = item(items, 2), item(items, 0), item(items, 1)
    return Shape(
        dialect=dialect,
        method=message.method,
        direction="client",
        login=login,
        job_id=job,
        nonce=nonce,
        coin=coin,
        fields=fields,
    )


def _submit_by_name(message: Message) -> Shape:
    """Alephium's shares, and fragments whose head is lost."""
    names = message.mapping
    coin = "ALPH" if "fromGroup" in names else None
    return Shape(
        dialect="stratum_v1",
        method=message.method,
        direction="client",
        worker=text(names.get("worker")),
        job_id=text(names.get("jobId") or names.get("job_id")),
        nonce=text(names.get("nonce")),
        coin=coin,
    )


def _notify(message: Message, items: Sequence[object]) -> Shape:
    dialect, coin, fields = "stratum_v1", None, {}
    if items and isinstance(items[0], dict):
        coin = "ALPH" if "headerBlob" in items[0] else None
        job = text(items[0].get("jobId") or items[0].get("job_id"))
        return Shape(dialect=dialect, method=message.method, direction="server", job_id=job, coin=coin)
    if len(items) >= 8 and is_hex(items[1], 8, 8) and is_hex(items[2], _HASH, _HASH):
        dialect = "zcash"
    elif len(items) >= 6 and is_hex(items[1], _HASH, _HASH) and is_hex(items[2], _HASH, _HASH) and _is_flag(items[4]):
        dialect, coin, fields = "kawpow", "RVN", {"height": item(items, 5) or ""}
    elif 2 <= len(items) <= 5 and is_hex(items[1], _HASH, _HASH) and not isinstance(items[-1], list):
        dialect = "ethereum_stratum"
    elif len(items) == 3 and _is_kaspa(items[1]):
        dialect, coin = "ethereum_stratum", "KAS"
    return Shape(
        dialect=dialect, method=message.method, direction="server", job_id=item(items, 0), coin=coin, fields=fields
    )


def _is_kaspa(value: object) -> bool:
    """Kaspa's work: a 256-bit hash as four numbers of 64 bits, with a time in milliseconds behind it."""
    return isinstance(value, list) and len(value) == 4 and all(type(part) is int for part in value)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _difficulty(message: Message, items: Sequence[object]) -> Shape:
    return Shape(
        dialect="stratum_v1",
        method=message.method,
        direction=_direction(message.method),
        fields={"difficulty": value} if (value := item(items, 0)) else {},
    )


def _answer(message: Message) -> Shape | None:
    """Answers that name a method or a protocol version, and BIP 310's."""
    result = message.result
    if isinstance(result, dict) and any(str(name).startswith("version-rolling") for name in result):
        return Shape(dialect="stratum_v1", method="mining.configure", direction="server", fields=_plain(result))
    if not isinstance(result, list) or not result:
        return None
    words = list(_strings(result))
    protocol = next((word for word in words if word.startswith("EthereumStratum/")), None)
    if protocol:
        return Shape(
            dialect="ethereum_stratum", method="mining.subscribe", direction="server", fields={"protocol": protocol}
        )
    if any(word in ("mining.notify", "mining.set_difficulty", "mining.set_extranonce") for word in words):
        extranonce = text(result[1]) if len(result) > 1 else None
        fields = {"extranonce1": extranonce} if extranonce else {}
        return Shape(dialect="stratum_v1", method="mining.subscribe", direction="server", fields=fields)
    return None


def _plain(values: dict[str, object]) -> dict[str, str]:
    return {str(name)[:60]: str(value)[:60] for name, value in list(values.items())[:12]}


def _strings(value: object, depth: int = 0) -> list[str]:
    """Strings in the first few places of nested lists, three deep as in the answer to ``mining.subscribe``."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or depth > 2:
        return []
    return [word for entry in value[:6] for word in _strings(entry, depth + 1)]


_READERS: dict[str, Callable[[Message, Sequence[object]], Shape]] = {
    "mining.subscribe": _subscribe,
    "mining.authorize": _authorize,
    "mining.auth": _authorize,
    "mining.login": _authorize,
    "mining.configure": _configure,
    "mining.hello": _hello,
    "mining.submit": _submit,
    "mining.notify": _notify,
    "mining.set_difficulty": _difficulty,
    "mining.suggest_difficulty": _difficulty,
}
