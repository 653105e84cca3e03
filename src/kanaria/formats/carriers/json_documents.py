"""JSON documents as records: answers of search engines and clouds, arrays, pretty-printed objects one after the other.

In: text, read in pieces. Out: the objects and lines that the lists of a document hold, in their order, and a broken
record for every part that is cut, damaged or too large, after which reading goes on with the next one that is whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import field
from typing import BinaryIO, TextIO

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.formats.carriers.messages import TEXTS
from kanaria.formats.carriers.records import Object, Record, Records, as_text, broken
from kanaria.formats.carriers.web_archives import is_entry, request_of

LONGEST = 8 << 20
"""Characters of a value that is read at once; of a longer one the lists are read record by record."""
_BLOCK = 1 << 20
_DEPTH = 8
_HEAD = 1 << 16
_NAMES = (
    "hits", "events", "logevents", "results", "result", "records", "data", "logs", "values", "value", "entries", "rows",
    "streams", "items", "matches", "message", "messages", "responses", "rawresponse", "tables", "resourcelogs",
    "scopelogs", "logrecords",
)  # fmt: skip
_HOLDS = frozenset((*_NAMES, "log"))
"""Members that hold records, in lower case; the last one is a HAR's, and a text nearly everywhere else."""
_HOLDING = late_regex(r'"(?:' + "|".join(_NAMES) + r')"\s*:\s*[\[{]', 2)  # re.IGNORECASE
_COLUMNS = ("columns", "fields")
"""Members that name the columns of rows."""
_SAYING = 40
"""Characters from which on a text beside a list is a line and no ``"message": "ok"``."""
_BETWEEN = late_regex(r"[\s,:\ufeff\x1e]*")
_CALL = late_regex(
    r"[\s\ufeff;]*(?:/\*\*/\s*)?(?:typeof [\w$.]{1,64} === .function. && )?"
    r"[A-Za-z_$][\w$.]{0,63}\(\s*(?=[\[{]\s*[\"{\[])"
)
"""What JSONP puts before a document; behind it come a bracket and a semicolon."""
_CALLED = late_regex(r"\s*\)\s*;?\s*")
_NEXT = late_regex(r'[}\]"]\s*,\s*(?=[{\[])|\n[\s,\[]*(?=[{\[])')


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object; ValueError where a member that holds lines stands in it twice, as when what was between two records is
    gone."""
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [
            name for name, value in pairs if (name in TEXTS or name.casefold() in _HOLDS) and value != members[name]
        ]
        if names:
            message = f"{names[0]} twice in an object"
            raise ValueError(message)
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=_members)


def is_document(head: bytes) -> bool:
    """Whether an input is a JSON document, and not one object a line."""
    from kanaria.formats.logons.text_input import decode_head

    text = decode_head(head, _HEAD).lstrip("\ufeff \t\r\n")
    called = _CALL.match(text)
    text = text[called.end() :] if called else text
    if not text.startswith(("{", "[")):
        return False
    first, _, rest = text.partition("\n")
    if called and (end := _CALLED.search(first, len(first) - 8)):
        first = first[: end.start()]
    value = _value(first)
    if value is None:
        following = next((line.strip() for line in rest.split("\n") if line.strip()), "")
        lines = first.startswith("{") and isinstance(_value(following), dict)
        return _begins(first, following) and not lines
    if isinstance(value, list):
        return any(isinstance(item, (dict, list, str)) for item in value) and not rest.lstrip().startswith("[")
    held = records_of(value)
    return len(held) != 1 or held[0].value is not value


def _value(text: str) -> object:
    try:
        parsed: object = json.loads(text.rstrip())
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, (dict, list)) else None


def _begins(first: str, following: str) -> bool:
    """Whether a line that is no JSON is the beginning of some."""
    try:
        json.JSONDecoder().raw_decode(first)
    except json.JSONDecodeError as error:
        if error.pos < len(first.rstrip()) and not error.msg.startswith("Unterminated string"):
            return bool(_HOLDING.search(first)) or first.startswith(("[{", '[["'))  # damaged further on
    except (ValueError, RecursionError):
        return False
    opened = first[1:].lstrip()
    return opened[:1] in ('"', "{", "[", "") if opened or following[:1] in ('"', "{", "[", "}") else False


def read(handle: BinaryIO) -> Records:
    """The records of documents that stand one after the other."""
    return _Walk(as_text(handle)).records()


# --- values that are whole ------------------------------------------------------------------------------------------


def records_of(value: object) -> list[Record]:
    """The records that a value holds; of an object that holds none itself."""
    records = (
        _of_object(value, 0) if isinstance(value, dict) else _of_items(value, 0, {}) if isinstance(value, list) else []
    )
    return records or [Record(value)] if isinstance(value, (dict, str)) else records


def _of_object(value: Object, depth: int) -> list[Record]:
    if is_entry(value):
        return [Record(request_of(value))]
    if depth >= _DEPTH or "request" in value or ("id" in value and ("result" in value or "params" in value)):
        return [Record(value)]  # a web server's record, a JSON-RPC message
    records: list[Record] = []
    for name, inner in value.items():
        if not inner or name.casefold() not in _HOLDS:
            continue
        if isinstance(inner, list):
            records += _of_items(inner, depth + 1, value)
        elif isinstance(inner, dict):
            deeper = _of_object(inner, depth + 1)
            records += deeper if len(deeper) != 1 or deeper[0].value is not inner else []
    has_text = any(isinstance(text := value.get(name), str) and len(text) >= _SAYING for name in TEXTS)
    return [*records, Record(value)] if has_text or not records else records


def _of_items(items: Sequence[object], depth: int, around: Object) -> list[Record]:
    """The records of a list; ``around`` are the other members of the object it stands in."""
    columns = _columns(around)
    return [record for item in items for record in _of_item(item, depth, columns, around)]


def _of_item(item: object, depth: int, columns: Sequence[str], around: Object) -> list[Record]:
    if isinstance(item, dict):
        return _of_object(item, depth)
    if isinstance(item, str):
        return [Record(item)]
    if not isinstance(item, list):
        return []
    if columns and len(columns) == len(item):
        return [Record(dict(zip(columns, item, strict=True)))]
    if _is_of_loki(item):
        return [Record({"labels": around.get("stream"), "time": item[0], "line": item[1]})]
    if item and all(isinstance(cell, dict) and {"field", "value"} <= cell.keys() for cell in item):
        return [Record({str(cell["field"]): cell["value"] for cell in item})]  # CloudWatch Logs Insights
    if depth < _DEPTH and any(isinstance(cell, (dict, list)) for cell in item):
        return _of_items(item, depth + 1, around)
    return list(broken(json.dumps(item, ensure_ascii=False)))


def _columns(around: Object) -> list[str]:
    for name in _COLUMNS:
        named = around.get(name)
        if isinstance(named, list) and named:
            return [str(one.get("name")) if isinstance(one, dict) else str(one) for one in named]
    return []


def _is_of_loki(item: Sequence[object]) -> bool:
    """Whether it is a time, a line, and perhaps what else is known of the line."""
    return (
        2 <= len(item) <= 3
        and all(isinstance(cell, str) for cell in item[:2])
        and str(item[0]).isdigit()
        and all(isinstance(cell, dict) for cell in item[2:])
    )


# --- values that are not --------------------------------------------------------------------------------------------


@dataclass
class _Open:
    """A list or an object whose end has not been read."""

    is_list: bool
    around: dict[str, object] = field(default_factory=dict)
    """Of a list what stands beside it, of an object what of it was read."""
    name: str | None = None
    holds: bool = False


class _Walk:
    """A text with the place up to which it was read."""

    def __init__(self, text: TextIO) -> None:
        self._text, self._buffer, self._at, self._ended = text, "", 0, False
        self._opened: list[_Open] = []
        self._lost = False

    def records(self) -> Records:
        """Whatever the text is."""
        called = self._more() and _CALL.match(self._buffer)
        self._at = called.end() if called else 0
        while self._find():
            if called and not self._opened and (end := _CALLED.match(self._buffer, self._at)):
                self._at, called = end.end(), None
                continue
            self._lost = False
            yield from self._step()
        if (called or self._opened) and not self._lost:
            yield from broken("a document without its end")

    def _find(self) -> bool:
        """Go to what comes next; False when nothing does."""
        while True:
            between = _BETWEEN.match(self._buffer, self._at)
            self._at = between.end() if between else self._at
            if self._at < len(self._buffer):
                return True
            if not self._more():
                return False

    def _more(self) -> bool:
        """Read on; what was read before is let go of. False at the end, where nothing changes."""
        block = "" if self._ended else self._text.read(max(_BLOCK, len(self._buffer) - self._at))
        self._ended = not block
        if block:
            self._buffer, self._at = self._buffer[self._at :] + block, 0
        return bool(block)

    def _step(self) -> Records:
        first = self._buffer[self._at]
        inside = self._opened[-1] if self._opened else None
        if first in "]}":
            self._at += 1
            if inside is not None and not self._opened.pop().holds:
                yield from broken("a list or an object too large or damaged, of which nothing was read")
            return
        read, value, error = self._decode()
        if not read:
            yield from self._descend(first, error)
        elif inside is None:
            yield from records_of(value)
        elif inside.is_list:
            inside.holds = True
            yield from _of_item(value, 1, _columns(inside.around), inside.around)
        else:
            yield from self._member(inside, value)

    def _member(self, inside: _Open, value: object) -> Records:
        """A name or a value of an object that is not read whole; such a value holds no records."""
        if inside.name is None:
            inside.name = value if isinstance(value, str) else ""
            return
        name, inside.name = inside.name, None
        if name.casefold() in _HOLDS and isinstance(value, (list, dict)):
            inside.holds = True
            yield from _of_object({**inside.around, name: value}, 1)
        elif name in (*_COLUMNS, "stream"):
            inside.around[name] = value
        elif name in TEXTS and isinstance(value, str) and len(value) >= _SAYING:
            yield Record({name: value})

    def _decode(self) -> tuple[bool, object, int]:
        """Whether a value was read, the value, and where the trouble was."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                unfinished = error.pos >= len(self._buffer) - 16 or error.msg.startswith("Unterminated string")
                small = len(self._buffer) - self._at < LONGEST
                if not (unfinished and small and self._more()):
                    return False, None, error.pos
            except (ValueError, RecursionError):
                return False, None, self._at + 1  # a number of thousands of digits, or nesting meant to hurt
            else:
                if end < len(self._buffer) or not self._more():  # a number may go on
                    self._at = end
                    return True, value, end

    def _descend(self, first: str, error: int) -> Records:
        """Go into what could not be read whole, if it holds records; else leave it and go on behind it."""
        start = self._at
        inside = self._opened[-1] if self._opened else None
        following = self._buffer[start + 1 : start + 64].lstrip()[:1]
        named = inside.name if inside is not None and not inside.is_list else None
        held = named is None or named.casefold() in _HOLDS
        if first == "[" and held and following in (("{", "[") if inside and inside.is_list else ("{", "[", '"')):
            self._open(inside, is_list=True)
        elif first == "{" and held and _HOLDING.search(self._buffer, start, start + _HEAD):
            self._open(inside, is_list=False)
        else:
            yield from self._leave(start, max(error, start + 1))

    def _open(self, inside: _Open | None, *, is_list: bool) -> None:
        around = inside.around if inside is not None and is_list else {}
        if inside is not None:
            inside.name, inside.holds = None, True
        self._opened.append(_Open(is_list, around))
        self._at += 1

    def _leave(self, start: int, error: int) -> Records:
        """What is broken, up to where the next element of a list begins."""
        while True:
            following = _NEXT.search(self._buffer, error)
            end = following.end() if following else len(self._buffer)
            yield from broken(self._buffer[start:end])
            self._at, self._lost = end, True
            if following or not self._more():
                break
            start = error = 0
        while self._opened and not self._opened[-1].is_list:
            self._opened.pop()
