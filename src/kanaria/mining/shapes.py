"""The words in which dialects describe a message: one JSON object in, a ``Shape`` out when it is a mining message.

A dialect looks at method, direction, form of the parameters and id together. ``confidence`` is how sure the shape alone
makes it: 1 when no other protocol uses it, less when another JSON-RPC service could send the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.mining.json_scan import CutText

Direction = Literal["client", "server", "unknown"]

_HEX = late_regex(r"(?:0[xX])?[0-9a-fA-F]*")
# Longest text kept of any field: wallets with suffixes stay below 250 characters, XMRig's agent below 120.
MAX_FIELD = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """A mining message as its dialect understood it; texts are as sent."""

    dialect: str
    method: str
    direction: Direction
    login: str | None = None
    worker: str | None = None
    password: str | None = None
    agent: str | None = None
    algorithms: tuple[str, ...] = ()
    job_id: str | None = None
    nonce: str | None = None
    coin: str | None = None
    confidence: float = 1.0
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A JSON object to be recognised. ``flat``: its head is missing and parameters stand beside the method."""

    value: Mapping[str, object]
    complete: bool = True
    flat: bool = False

    @property
    def method(self) -> str:
        method = self.value.get("method")
        return method if isinstance(method, str) else ""

    @property
    def params(self) -> object:
        return self.value.get("params")

    @property
    def mapping(self) -> Mapping[str, object]:
        """Parameters by name; those of a flat fragment stand in the object itself."""
        if isinstance(self.params, dict):
            return self.params
        return self.value if self.flat else {}

    @property
    def items(self) -> Sequence[object]:
        """Parameters by position."""
        return self.params if isinstance(self.params, list) else ()

    @property
    def result(self) -> object:
        return self.value.get("result")

    @property
    def envelope(self) -> bool:
        """Whether nothing stands beside the members a JSON-RPC message of a miner or pool has."""
        return set(self.value) <= {"id", "jsonrpc", "method", "params", "worker", "result", "error"}


def text(value: object) -> str | None:
    """A scalar as text without lone surrogates, cut to ``MAX_FIELD``; None for anything else."""
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        return None
    return str(value)[:MAX_FIELD].encode("utf-8", "replace").decode()


def item(items: Sequence[object], index: int) -> str | None:
    """The parameter at a place as text, None when it is not there."""
    return text(items[index]) if -len(items) <= index < len(items) else None


def texts(value: object) -> tuple[str, ...]:
    """The strings of a list, at most 64 (XMRig lists about 40 algorithms)."""
    return tuple(t for t in map(text, value[:64]) if t) if isinstance(value, list) else ()


def is_hex(value: object, at_least: int = 1, at_most: int = 1 << 20) -> bool:
    """Whether the value is a string of so many hexadecimal digits, ``0x`` not counted; a cut one may be shorter."""
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        return False
    digits = len(value) - 2 if value[:2] in ("0x", "0X") else len(value)
    return (at_least if not isinstance(value, CutText) else 0) <= digits <= at_most


def named(values: Mapping[str, object], *names: str) -> dict[str, str]:
    """Those members that are scalars, as text."""
    return {name: value for name in names if (value := text(values.get(name))) is not None}
