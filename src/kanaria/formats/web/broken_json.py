"""Lines that begin like JSON and are none: cut ones, and JSON-RPC messages as servers write what they could not parse.

In: such a line, or one that begins like a list of Python's or an element of XML. Out: whether it is a message by the
members that can be seen, and whether its end is missing, so that of what stood there nothing may be claimed.
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
_LIST = late_regex(rb"""[\[\s]*\[\s*[bu]?["']""")
_LITERAL = late_regex(r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|[\[\]{}"']""", 16)  # re.DOTALL
_ELEMENT = late_regex(rb"<([A-Za-z][\w:.-]{0,63})(?:\s[^<>]*)?>")
_OF_PAGES = frozenset((
    b"html", b"body", b"pre", b"code", b"div", b"span", b"p", b"table", b"thead", b"tbody", b"tr", b"td", b"th", b"ul",
    b"ol", b"li", b"dl", b"dt", b"dd", b"br", b"hr",
))  # fmt: skip
"""Elements of HTML, which need no end or have it many lines later."""
_ENDS = (b"}", b"]", b"},", b"],")


def is_cut(line: bytes) -> bool:
    """Whether a line that is no JSON begins as an object or a list of texts and does not end as one."""
    if _LIST.match(line):
        return _is_open(to_text(line[:_LONGEST]))
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


def is_left_open(text: bytes) -> bool:
    """Whether a value of JSON begins with the text and has no end in it."""
    try:
        json.JSONDecoder(strict=False).raw_decode(to_text(text))
    except json.JSONDecodeError as error:
        return error.msg.startswith("Unterminated string") or error.pos >= len(to_text(text).rstrip())
    except (ValueError, RecursionError):
        pass
    return False


def is_unfinished(text: bytes) -> bool:
    """Whether the end of a message is missing, in the middle of a word as well."""
    return is_left_open(text) or (not text.rstrip().endswith(_ENDS) and _is_open(to_text(text[:_LONGEST])))


def _is_open(text: str) -> bool:
    """Whether a bracket or a quote is left open, of JSON or of Python."""
    depth = 0
    for token in _LITERAL.finditer(text):
        sign = token[0]
        if sign in ('"', "'"):
            return True
        depth += sign in ("[", "{")
        depth -= sign in ("]", "}")
    return depth > 0


def is_open_element(line: bytes) -> bool:
    """Whether a line begins with an element that is left open, though one inside has its end or is open, too."""
    first = _ELEMENT.match(line.lstrip())
    if first is None or first[1].lower() in _OF_PAGES or first[0].endswith(b"/>"):
        return False
    names = [name for name in _ELEMENT.findall(line[:_LONGEST]) if name.lower() not in _OF_PAGES]
    is_open = [name for name in names if b"</%b>" % name not in line]
    return first[1] in is_open and (len(is_open) > 1 or b"</" in line)


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
    members: dict[str, str | None] = {}
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
                members[name] = None
        elif waiting:
            members[name] = token[1]
        else:
            name = token[1]
    return members


__all__ = ["is_broken_rpc", "is_cut", "is_left_open", "is_open_element", "is_unfinished"]
