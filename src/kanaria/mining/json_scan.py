"""Find JSON objects in arbitrary text, whole or cut: text in, ``JsonObject`` objects out, in order.

Logs cut lines, captures cut packets, and a stream may begin in the middle of a message. Whole objects are parsed by the
standard library; broken ones by a tolerant reader that keeps every field it saw. Text between objects that carries
``"key": value`` pairs (the tail of an object whose head is missing) is read as a flat object. Every character is looked
at a bounded number of times, so hostile text costs linear time.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass

# Mining messages nest four deep (result > job > …, params > [] > []); batches and log envelopes add a few.
MAX_NESTING = 24
MAX_OBJECTS = 20_000
# The library's error object counts lines from the beginning of the text, 0.2 ms per MB: after so many failures the
# tolerant reader, which takes everything too but more slowly, works alone.
MAX_FAILURES = 200

# Readings of an object that names a member more than once: parsers differ in which of them counts.
MAX_CHOICES = 16
_TOKEN = late_regex(
    r"[\s]*(?:(?P<string>\"(?P<body>(?:[^\"\\]|\\[\s\S])*)(?P<close>\"?))"
    r"|(?P<number>-?\d{1,400}(?:\.\d{1,400})?(?:[eE][+-]?\d{1,4})?)"
    r"|(?P<word>true|false|null)|(?P<mark>[\[\]{}:,]))"
)
_START = late_regex(r"\{\s{0,200}[\"}]")
_PAIR = late_regex(r"\"[A-Za-z_][\w.-]{0,40}\"\s*:")
_AFTER_ITEM = late_regex(r"\s*([\],])")
_WORDS = {"true": True, "false": False, "null": None}


class CutText(str):
    """A string value whose end is missing."""

    __slots__ = ()


class Doubled(dict[str, object]):
    """An object in which a name occurs more than once; as a dictionary it holds the last value of each."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self._pairs = pairs

    def choices(self) -> Iterator[dict[str, object]]:
        """The object with each combination of the values of its names, at most ``MAX_CHOICES``."""
        values: dict[str, list[object]] = {}
        for name, value in self._pairs:
            values.setdefault(name, []).append(value)
        combined = itertools.product(*values.values())
        for chosen in itertools.islice(combined, MAX_CHOICES):
            yield dict(zip(values, chosen, strict=True))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else Doubled(pairs)


_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_object)


@dataclass(frozen=True, slots=True)
class JsonObject:
    """An object in the text. ``complete`` is False when it was cut; ``flat`` when its head was missing."""

    value: dict[str, object]
    start: int
    end: int
    complete: bool
    flat: bool = False


def scan(text: str) -> Iterator[JsonObject]:
    """Every outermost object of the text, and the fragments between them, in order of place."""
    position, fringe, count, failures = 0, 0, 0, 0
    while count < MAX_OBJECTS:
        opening = _START.search(text, position)
        if opening is None:
            break
        start = opening.start()
        item, position = _object_at(text, start) if failures < MAX_FAILURES else _tolerant(text, start)
        failures += item is None or not item.complete
        if item is None:
            continue
        count += 1
        yield from _fragments(text, fringe, start)
        yield item
        fringe = item.end
    yield from _fragments(text, fringe, len(text))


def _object_at(text: str, start: int) -> tuple[JsonObject | None, int]:
    """The object that begins at ``start`` and where to look on; None when there is nothing object-like."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return _tolerant(text, start)
    return JsonObject(value, start, end, True), end


def _tolerant(text: str, start: int) -> tuple[JsonObject | None, int]:
    reader = _Reader(text, start)
    value, complete = reader.read()
    if not value:
        return None, start + 1
    return JsonObject(value, start, reader.position, complete), reader.resume(start)


def _fragments(text: str, start: int, end: int) -> Iterator[JsonObject]:
    """The pairs standing between ``start`` and ``end`` outside every object, as one flat object."""
    if end - start < 6 or text.find('"', start, end) < 0:
        return
    pairs: dict[str, object] = {}
    match, first = _PAIR.search(text, start, end), -1
    while match and len(pairs) < 64:
        first = match.start() if first < 0 else first
        reader = _Reader(text, match.start(), end)
        value = reader.read_pairs()
        for key, item in value.items():
            pairs.setdefault(key, item)
        match = _PAIR.search(text, max(reader.position, match.end()), end)
    if pairs:
        yield JsonObject(pairs, first, end, False, True)


class _Reader:
    """A tolerant reader of one JSON value; it stops at the first thing that is not JSON and keeps what it has."""

    def __init__(self, text: str, position: int, end: int | None = None) -> None:
        self.text, self.position = text, position
        self.end = len(text) if end is None else end
        self.broken = False
        self._last_string = (0, 0)

    def read(self) -> tuple[dict[str, object], bool]:
        """The object at the position and whether it was whole."""
        value = self._value(0)
        return (value if isinstance(value, dict) else {}), not self.broken

    def read_pairs(self) -> dict[str, object]:
        """The pairs from the position on, as if an opening brace stood before them."""
        return self._members(0)

    def resume(self, start: int) -> int:
        """Where to look on: a brace inside the string the reader broke after, else behind what was read.

        ``{"request":"{"id":1`` is a JSON line whose inner escapes were undone: the message is inside the string.
        """
        if self.broken:
            brace = self.text.find("{", max(self._last_string[0], start + 1), self._last_string[1])
            if brace >= 0:
                return brace
        return max(self.position, start + 1)

    def _token(self) -> re.Match[str] | None:
        match = _TOKEN.match(self.text, self.position, self.end)
        if match is None:
            self.broken = True
        else:
            self.position = match.end()
        return match

    def _stop_at(self, token: re.Match[str] | None) -> None:
        """Give up in front of the token: it may begin something else."""
        self.broken = True
        if token is not None and token["string"] is None:
            self.position = token.start(str(token.lastgroup))

    def _value(self, depth: int) -> object:
        token = self._token()
        if token is None:
            return None
        if token["string"] is not None:
            return self._string(token)
        if token["number"] is not None:
            return _number(token["number"])
        if token["word"] is not None:
            return _WORDS[token["word"]]
        if depth < MAX_NESTING and token["mark"] == "{":
            return self._members(depth + 1)
        if depth < MAX_NESTING and token["mark"] == "[":
            return self._items(depth + 1)
        self._stop_at(token)
        return None

    def _string(self, token: re.Match[str]) -> str:
        self._last_string = token.span("string")
        body = token["body"]
        try:
            value: str = json.loads(f'"{body}"', strict=False) if "\\" in body else body
        except ValueError:
            value = body
        if token["close"]:
            return value
        self.broken = True
        return CutText(value)

    def _members(self, depth: int) -> dict[str, object]:
        members: list[tuple[str, object]] = []
        while not self.broken:
            token = self._token()
            if token is None or token["mark"] == "}":
                break
            if token["mark"] == ",":
                continue
            if token["string"] is None:
                self._stop_at(token)
                break
            key = self._string(token)
            colon = None if self.broken else self._token()
            if colon is None or colon["mark"] != ":":
                self._stop_at(colon)
                break
            value = self._value(depth)
            if self.broken and value is None:
                break
            members.append((key, value))
        return _object(members)

    def _items(self, depth: int) -> list[object]:
        items: list[object] = []
        while not self.broken:
            mark = _AFTER_ITEM.match(self.text, self.position, self.end)
            if mark:
                self.position = mark.end()
                if mark[1] == "]":
                    break
                continue
            value = self._value(depth)
            if self.broken and value is None:
                break
            items.append(value)
        return items


def _number(text: str) -> int | float | str:
    if len(text) > 40:
        return text
    return float(text) if any(mark in text for mark in ".eE") else int(text)
