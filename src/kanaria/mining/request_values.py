"""The values of a request that its sender chose, each with the name of the place it stands in.

In: the columns of a web request. Out: path, parameters, members of the body, headers, one by one; and what its record
holds beside them (``further``). Evidence and what excuses it are looked for in the same value: what stands in another
parameter says nothing about this one.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass

MOST_VALUES = 200
_LIMIT = 16_384
# "&" divides parameters where a name and "=" follow; elsewhere it is the shell's.
_DIVIDER = late_regex(r"&(?=[\w\[\].:%~-]{1,80}=)")
_INJECTED = late_regex(r"\$(?:\{|%7b)|%24(?:\{|%7b)|\(\)(?:%20|\s)*\{|<\?|jndi", re.IGNORECASE)
_FORM = late_regex(r"[\w\[\].:%~-]{1,80}=")
_MULTIPART = late_regex(
    r"Content-Disposition:[^\r\n]*?name=\"([^\"]{0,80})\"[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n", re.I
)


@dataclass(frozen=True, slots=True)
class Value:
    """``place``: path, parameter, body or header; ``name``: of the parameter, member or header, in small letters."""

    place: str
    name: str
    text: str


def values(record: Mapping[str, object]) -> list[Value]:
    """Every value, in the order of the request; at most ``MOST_VALUES``."""
    distinct: list[Value] = []
    for value in _values(record):
        if value.text not in ("", "-"):
            distinct.append(value)
        if len(distinct) == MOST_VALUES:
            break
    return distinct


def _values(record: Mapping[str, object]) -> Iterator[Value]:
    yield from _target(text_of(record.get("url") or record.get("request")))
    yield from _body(text_of(record.get("request_body")))
    referer = text_of(record.get("referer"))
    if _INJECTED.search(referer):
        yield Value("header", "referer", referer)
    for name in ("user_agent", "user", "host"):
        yield Value("header", name, text_of(record.get(name)))


_JOINT = late_regex(r"(?:\s|\+|%20)*(?:\||%7c|;|%3b|&&|%26%26)", re.IGNORECASE)


def in_pieces(given: Sequence[Value]) -> list[Value]:
    """A command line cut into parameters: all of them as one, where one begins with what joins commands."""
    parts = [value.text for value in given if value.place == "parameter"]
    if len(parts) < 2 or not any(_JOINT.match(part) for part in parts):
        return []
    return [Value("parameter", "", "+".join(parts))]


KNOWN = ("url", "request", "request_body", "response_body", "referer", "user_agent", "user", "host")
"""Columns whose values are looked at under their own names, or are not the sender's."""
# Fields of a line of text: quoted, in the braces of HAProxy's captured headers, or up to the next blank.
_FIELDS = late_regex(r'"((?:[^"\\]|\\.){4,})"|(?<= )\{(.{4,}?)\}(?=\s)|(\S{4,})')
_ANSWER = late_regex(r"resp|answer|upstream|error|message|msg", re.IGNORECASE)
_ESCAPED = late_regex(r"\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}|[^A-Za-z0-9%\\]+|[%\\]")


def further(record: Mapping[str, object]) -> list[Value]:
    """What the raw record of a request holds beside the columns: more headers, cookies, addresses it was forwarded for.

    What a column holds already is left out, so that no value is
    judged under two names; what the server itself wrote is left out as well.
    """
    raw = text_of(record.get("raw"))
    looked_at = "\n".join(_bare(text_of(record.get(name))) for name in KNOWN)
    target = _bare(text_of(record.get("url")) or text_of(record.get("request")))
    headers = []
    for name, text in (
        _members_of(raw) if raw.startswith("{") else (("", "".join(field)) for field in _FIELDS.findall(raw))
    ):
        bare = _bare(text)
        if bare and bare not in looked_at and not (target and target in bare):
            headers.append(Value("header", name, text))
    return headers[:MOST_VALUES]


def _bare(text: str) -> str:
    """The letters and digits of a text: one value is escaped differently in a record and in its column."""
    return _ESCAPED.sub("", text)


def _members_of(raw: str) -> Iterator[tuple[str, str]]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return
    yield from _texts(document, "", 0)


def _texts(value: object, name: str, depth: int) -> Iterator[tuple[str, str]]:
    """The texts under every key of a JSON document but those of the answer."""
    if isinstance(value, str):
        yield name.lower(), value
    elif isinstance(value, list) and depth < 8:
        for item in value:
            yield from _texts(item, name, depth + 1)
    elif isinstance(value, dict) and depth < 8:
        for key, item in value.items():
            if not _ANSWER.search(key):
                yield from _texts(item, key, depth + 1)


def text_of(value: object) -> str:
    """A column's value as text, cut to what servers accept of a request."""
    if isinstance(value, bytes):
        return value[:_LIMIT].decode("utf-8", "replace")
    return "" if value is None else str(value)[:_LIMIT]


def _target(url: str) -> Iterator[Value]:
    path, mark, query = url.partition("?")
    yield Value("path", "", path)
    if mark:
        yield from _parameters(query, "parameter")


def _parameters(text: str, place: str) -> Iterator[Value]:
    """What stands under a name; base64 alone ends with signs that look like an empty value, and is one itself."""
    for part in _DIVIDER.split(text):
        name, equals, value = part.partition("=")
        if equals and value.strip("=") and _FORM.fullmatch(name + "="):
            yield Value(place, unquote(name).lower(), value)
        else:
            yield Value(place, "", part)


def _body(text: str) -> Iterator[Value]:
    stripped = text.lstrip()
    if stripped[:1] in ("{", "["):
        try:
            yield from _members(json.loads(stripped), "", 0)
        except (ValueError, RecursionError):
            yield Value("body", "", text)
    elif _FORM.match(stripped) and "\n" not in stripped.strip():
        yield from _parameters(text, "body")
    elif _MULTIPART.search(text):
        parts = _MULTIPART.split(text)
        yield from (Value("body", name.lower(), part) for name, part in zip(parts[1::2], parts[2::2], strict=False))
    else:
        yield Value("body", "", text)


def _members(value: object, name: str, depth: int) -> Iterator[Value]:
    """Texts of a JSON document; a list of texts is a command line with its words apart (``["sh", "-c", "…"]``)."""
    if isinstance(value, str):
        yield Value("body", name.lower(), value)
    elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        yield Value("body", name.lower(), shlex.join(value[:50]) if len(value) > 1 else value[0])
    elif isinstance(value, (list, dict)) and depth < 8:
        items = value.items() if isinstance(value, dict) else ((name, item) for item in value)
        for key, item in items:
            yield from _members(item, str(key), depth + 1)
