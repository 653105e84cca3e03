"""Messages that end before their parameters say enough: everything seen so far is what a miner or pool sends.

The dialects ask for members that a log's limit may have cut off: ``{"method":"login","params":{"login":"4`` is the
beginning of a miner's login and of nothing a web server is often sent. Here a cut object with a method of theirs is a
message as long as no member that is there speaks against it; ``confidence`` says that it is a guess. Without this a cut
log would be read as one without mining.
"""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.core.values import dataclass
from kanaria.mining.json_scan import CutText
from kanaria.mining.shapes import Direction, Message, Shape, is_hex, item, text

# Less sure than a login with ``login`` and ``pass`` alone (0.6): judgement, no capture counts these.
_CONFIDENCE = 0.5
_ENVELOPE = frozenset(("id", "jsonrpc", "method", "params", "worker"))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Call:
    """What a method's message may hold: members of its parameters, and members beside the method."""

    dialect: str
    direction: Direction
    params: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()


def _call(dialect: str, direction: Direction, params: str = "", beside: str = "") -> _Call:
    return _Call(
        dialect=dialect, direction=direction, params=frozenset(params.split()), beside=frozenset(beside.split())
    )


# The first one that fits is meant. Sources: as in the modules of the dialects.
_CALLS: Mapping[tuple[str, str], tuple[_Call, ...]] = {
    ("method", "login"): (
        _call("cryptonote", "client", "login pass agent algo algo-perf algo-min-time rigid rig-id sig"),
        _call("beam", "client", beside="api_key"),
    ),
    ("method", "submit"): (
        _call("cryptonote", "client", "id job_id nonce result algo"),
        _call("grin", "client", "edge_bits height job_id nonce pow"),
    ),
    ("method", "job"): (
        _call("cryptonote", "server", "blob job_id target algo height seed_hash next_seed_hash id"),
        _call("grin", "server", "pre_pow height difficulty job_id"),
        _call("beam", "server", beside="input difficulty height nonceprefix"),
    ),
    **{("method", f"client.{name}"): (_call("stratum_v1", "server"),) for name in ("reconnect", "show_message")},
    ("method", "solution"): (_call("beam", "client", beside="nonce output"),),
    ("method", "get_block_template"): (
        _call("getwork", "client", "wallet_address reserve_size prev_block extra_nonce"),
    ),
    ("method", "submitblock"): (_call("getwork", "client"),),
    ("method", "submit_block"): (_call("getwork", "client"),),
    ("type", "auth"): (_call("websocket", "client", "site_key sitekey siteKey site-key type user goal version"),),
    ("type", "job"): (_call("websocket", "server", "blob job_id target algo height variant id"),),
    ("type", "submit"): (_call("websocket", "client", "job_id nonce result version"),),
    ("type", "hash_accepted"): (_call("websocket", "server", "hashes"),),
    ("identifier", "handshake"): (
        _call("websocket", "client", beside="pool login password userid version goal rightalgo"),
    ),
    ("identifier", "job"): (_call("websocket", "server", beside="blob job_id target algo variant height"),),
    ("identifier", "solved"): (_call("websocket", "client", beside="job_id nonce result"),),
}
# Digits of members that are hexadecimal, fewest and most; what was cut may have less.
_DIGITS = {
    "nonce": (8, 18), "result": (64, 66), "blob": (78, 1 << 20), "target": (4, 64), "pre_pow": (64, 1 << 20),
    "seed_hash": (64, 64), "next_seed_hash": (64, 64), "input": (64, 64), "output": (64, 1 << 20),
}  # fmt: skip


def recognise(message: Message) -> Shape | None:
    """The shape of a cut message whose members, as far as they go, are those of a method's; else None."""
    if message.complete or message.flat:
        return None
    for name in ("method", "type", "identifier"):
        kind = message.value.get(name)
        if isinstance(kind, str) and not isinstance(kind, CutText):
            fitting = (call for call in _CALLS.get((name, kind), ()) if _fits(message, call, name))
            call = next(fitting, None)
            return None if call is None else _shape(message, call, kind)
    return None


def _fits(message: Message, call: _Call, name: str) -> bool:
    value, params = message.value, message.params
    beside = {member: one for member, one in value.items() if member not in _ENVELOPE and member != name}
    if not set(beside) <= call.beside or not _possible(beside):
        return False
    if isinstance(params, list):
        # A login by place is known by the address in front, unless the cut is in it; a block is one long text.
        return name == "method" and len(params) <= 1 and all(isinstance(one, CutText) for one in params)
    if isinstance(params, dict):
        return set(params) <= call.params and _possible(params)
    return params is None or _rest_of_line(params)


def _possible(members: Mapping[str, object]) -> bool:
    """Whether no member has a value that its name never has in mining; the last one may have been cut."""
    last = next(reversed(list(members)), None)
    for member, value in members.items():
        if isinstance(value, (dict, list)) and member not in ("algo", "algo-perf", "pow"):
            return False
        fewest, most = _DIGITS.get(member, (0, 0))
        if not most or not isinstance(value, str) or is_hex(value, 0 if member == last else fewest, most):
            continue
        if member != last or not _rest_of_line(value):
            return False
    return True


def _rest_of_line(value: object) -> bool:
    """Whether a string is what a log writes behind the cut: its own quotation mark was read as the string's."""
    return isinstance(value, str) and value.startswith(" ")


def _shape(message: Message, call: _Call, kind: str) -> Shape:
    names = message.mapping or message.value
    dialect = "grin" if message.value.get("id") == "Stratum" and call.dialect == "cryptonote" else call.dialect
    login = next((names[name] for name in ("login", "wallet_address", "api_key", "site_key") if name in names), None)
    return Shape(
        dialect=dialect,
        method=kind,
        direction=call.direction,
        login=text(login) or (item(message.items, 0) if kind == "login" else None),
        password=text(names.get("pass")),
        agent=text(names.get("agent")),
        job_id=text(names.get("job_id")),
        nonce=text(names.get("nonce")),
        confidence=_CONFIDENCE,
    )
