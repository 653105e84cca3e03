"""Lines that begin like JSON and are none: cut ones, and JSON-RPC messages as servers write what they could not parse.

In: such a line. Out: whether it is a message by the members that can be seen, and whether its end is missing, so that
of what stood there nothing may be claimed.
"""

from __future__ import annotations

import json

from kanaria.core.late_regex import late_regex
from kanaria.formats.web.escapes import to_text
from kanaria.formats.web.jsonrow import rpc_members

_LONGEST = 1 << 16
"""Bytes that are looked at."""
_QUOTE = late_regex(rb'\\{0,8}(?:"|x22|u0022)')
_TOKEN = late_regex(r'"((?:[^"\\]|\\.)*+)("?)|[\[\]{}:,]', 16)  # re.DOTALL
_OBJECT = late_regex(rb'[\[\s]*\{\s*"[^"\\]{1,256}"\s*:')
_ENDS = (b"}", b"]", b"},", b"],")


def is_cut(line: bytes) -> bool:
    """Whether a line that is no JSON begins as an object and does not end as one."""
    if not _OBJECT.match(line):
        return False
    try:
        json.loads(to_text(line), strict=False)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Unterminated string") or error.pos >= len(to_text(line).rstrip()):
            return True
    except (ValueError, RecursionError):
        return False
    return not line.rstrip(b" \t\r\n\0").endswith(_ENDS)


def is_broken_rpc(line: bytes) -> bool:
    """Whether the members of the first object are those of a JSON-RPC message, as far as they can be seen."""
    line = line[:_LONGEST].lstrip()
    first = _QUOTE.search(line, 0, 64)
    if first is None or line[1 : first.start()].strip(b" \t\r\n[{"):
        return False
    plain = first[0] == b'"'
    members = _members(to_text(line if plain else _QUOTE.sub(b'"', line)))
    return rpc_members(members.keys(), members.get("method"))


def _members(text: str) -> dict[str, str | None]:
    """The members of the first object, with their values where these are texts."""
    found: dict[str, str | None] = {}
    depth, inside = 0, 0
    name, waiting = "", False
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "[{":
            depth += 1
            inside = inside or (depth if sign == "{" else 0)
        elif sign in "]}":
            depth -= 1
            if depth < inside:
                break
        elif depth != inside:
            continue
        elif sign in ":,":
            waiting = sign == ":"
            if waiting:
                found[name] = None
        elif waiting:
            found[name] = token[1]
        else:
            name = token[1]
    return found


__all__ = ["is_broken_rpc", "is_cut"]
