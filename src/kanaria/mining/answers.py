"""Whether an object is an answer a pool would give: from requests and objects to yes or no.

Any JSON-RPC service answers with the id it was sent. A pool has forms of its own for that, and what merely says again
what the other side said is an echo, in whatever spelling and with whatever a service adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

# JSON-RPC's own errors: not JSON, no request, no such method. Who answers so speaks no mining protocol.
_NO_SUCH_THING = frozenset({-32700, -32600, -32601})
# Members of what pools give: the status of a login or share, work in the dialects that send it as an object.
_GIVEN = frozenset({
    "status", "job", "job_id", "blob", "data", "target", "extra_nonce", "extranonce", "version-rolling", "height",
    "difficulty", "subscribe-extranonce", "minimum-difficulty", "blocktemplate_blob", "previousblockhash", "pre_pow",
})  # fmt: skip
MOST_HEARD = 64
"""Words of a pool that a side says itself and that are looked for in the answers; a miner says none."""
LEAST_LEAVES = 3
"""Values that an object needs so that to hold all of them is no accident."""


def fits(method: str, value: Mapping[str, object]) -> bool:
    """Whether an object that answers a request of this method is what a pool says to it, a refusal included."""
    error, result = value.get("error"), value.get("result")
    if isinstance(error, Mapping) and error.get("code") in _NO_SUCH_THING:
        return False
    if error or result in (False, None):
        return True
    if isinstance(result, Mapping):
        return bool(_GIVEN & set(result))
    if method == "login":
        return False
    return result is True or isinstance(result, list) or (isinstance(result, str) and result.startswith("0x"))


class ServerMessages:
    """A pool's messages in what one side sent: the other side may repeat them."""

    def __init__(self, values: Iterable[Mapping[str, object]]) -> None:
        self._messages: list[frozenset[tuple[str, object]]] = []
        for value in values:
            leaves = frozenset(_leaves(value))
            if len(leaves) >= LEAST_LEAVES and leaves not in self._messages:
                self._messages.append(leaves)
            if len(self._messages) >= MOST_HEARD:
                break

    def repeated(self, value: Mapping[str, object]) -> bool:
        """Whether the object holds everything that one of those holds."""
        if not self._messages:
            return False
        leaves = frozenset(_leaves(value))
        return any(message <= leaves for message in self._messages)


def _leaves(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Every single value with the names that lead to it."""
    if depth > 8:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}", depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, f"{path}[]", depth + 1)
    else:
        yield path, f"{type(value).__name__} {value}"
