"""Values of a record by path, and as the type a column wants. From a record and a ``Cell`` to a value.

A path is names with dots (``service.action.0.name``; a number picks from a list, ``*`` takes the first item or member
that has the rest, a name the value of the pair with that key). A key that has dots itself is found whole. What does not
fit its column is None: a sensor that says ``N/A`` knows nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa

from kanaria.core.schema import TABLES
from kanaria.core.schema_parts import TIME
from kanaria.formats.firewall import _transport
from kanaria.formats.logons.emit import address, number
from kanaria.formats.logons.windows_event import time_of
from kanaria.formats.mapped.layout import Cell, RowOf
from kanaria.formats.text_log import Row, offset_time
from kanaria.formats.web.values import set_request

Record = Mapping[str, object]

_NOTHING = frozenset(("", "-", "N/A", "n/a", "null", "none", "None", "?"))
# How firewalls and maltrail write times that are not ISO 8601.
_TIMES = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S.%f",
    "%m/%d/%Y-%H:%M:%S.%f",
    "%d/%b/%Y:%H:%M:%S",
    "%d-%b-%Y %H:%M:%S",
    "%b %d %Y %H:%M:%S",
    "%b %d %Y %H:%M:%S.%f",
    *(f"%b %d %Y %H:%M:%S{part} {zone}" for part in ("", ".%f") for zone in ("UTC", "GMT", "%z")),
    "%Y-%m-%d %H:%M:%S.%f %z",
    "%Y-%m-%d %H:%M:%S %z",
    "%d/%b/%Y:%H:%M:%S %z",
    "%d/%b/%Y:%H:%M:%S.%f %z",
    "%a %b %d %H:%M:%S %Y",
)
_NOT_IN_NAMES = str.maketrans("", "", '()"')  # maltrail puts the part of a name that it does not list in brackets
_TYPES = {name: {column.name: column.type for column in schema.columns} for name, schema in TABLES.items()}


def at(record: object, path: str) -> object:
    """What stands at a path, or None."""
    if isinstance(record, Mapping):
        if path in record:
            return record[path]
        head, dot, rest = path.partition(".")
        if head == "*" and dot:
            return next((inner for item in record.values() if (inner := at(item, rest)) is not None), None)
        while dot:
            if head in record:
                inner = at(record[head], rest)
                if inner is not None:
                    return inner
            more, dot, rest = rest.partition(".")
            head = f"{head}.{more}"
        return None
    if isinstance(record, list):
        head, _dot, rest = path.partition(".")
        if head != "*" and not head.isdecimal():
            return _under(record, path)
        chosen = record if head == "*" else record[int(head) : int(head) + 1] if head.isdecimal() else []
        found_all = (at(item, rest) if rest else item for item in chosen)
        return next((value for value in found_all if value is not None), None)
    return None


def _under(pairs: list[object], name: str) -> object:
    """What a list of pairs (``key`` or ``name``, and ``value``) has under a name."""
    for pair in pairs:
        if isinstance(pair, Mapping) and name in (pair.get("key"), pair.get("name")):
            return pair.get("value")
    return None


def uncapitalised(value: Record) -> dict[str, object]:
    """The same with every name beginning in lower case."""

    def plain(item: object) -> object:
        if isinstance(item, Mapping):
            return uncapitalised(item)
        return [plain(one) for one in item] if isinstance(item, list) else item

    return {key[:1].lower() + key[1:]: plain(item) for key, item in value.items()}


def text(value: object) -> str | None:
    """The value as text; a list as its words."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(part for item in value if (part := text(item))) or None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or isinstance(value, Mapping) or str(value).strip() in _NOTHING:
        return None
    return str(value).strip()


def _words(value: object, *, quoted: bool) -> list[str]:
    """The items of a list, or the one value, as texts; words of one command line as a shell would have them."""
    if not isinstance(value, list):
        return [part] if (part := text(value)) else []
    parts = [part for item in value if (part := text(item))]
    return [shlex.quote(part) if any(map(str.isspace, part)) else part for part in parts] if quoted else parts


def cell(record: Record, layout: Cell) -> object:
    """The raw value of a cell."""
    if layout.join is not None:
        if layout.gather:
            words = (part for path in layout.paths for part in _words(at(record, path), quoted=layout.join == " "))
            return layout.join.join(words) or layout.default
        parts = [part for path in layout.paths if (part := text(at(record, path)))]
        return layout.join.join(parts) if len(parts) == len(layout.paths) else layout.default
    for path in layout.paths:
        if (value := text(at(record, path))) is None:
            continue
        if layout.pattern:
            match = layout.pattern.search(value)
            if match is None:
                continue
            value = match[1]
        if layout.map:
            if value.lower() not in layout.map:
                continue
            return layout.map[value.lower()]
        return layout.before + (value.lower() if layout.lower else value)
    return layout.default


def when(value: object) -> datetime | None:
    """A time in any of the spellings that sensors use; without a zone it is UTC."""
    if value is None:
        return None
    written = str(value)
    epoch = number(written, 10**19)
    if epoch is not None and epoch > 10**14:  # micro- or nanoseconds since 1970
        return time_of(epoch / (10**9 if epoch > 10**17 else 10**6))
    return time_of(written) or next((time for one in _TIMES if (time := offset_time(written, one))), None)


def row(record: Record, form: RowOf, time: datetime | None) -> Row:
    """One row of the table, without what has no value."""
    types = _TYPES[form.table]
    ends = {name: given for name, given in form.columns.items() if given.until}
    values: dict[str, object] = {name: _lasted(time, when(cell(record, given))) for name, given in ends.items()}
    values |= {name: _fitted(name, cell(record, given), types[name], given.unit) for name, given in form.columns.items()
               if name not in ends}  # fmt: skip
    return {"time": time, **{name: value for name, value in values.items() if value is not None}}


def requested(made: Row, raw: str) -> Row:
    """A row of ``http`` with its request line, out of it or as it, and the record it stood in."""
    words = [str(made[name]) for name in ("method", "url") if made.get(name)]
    request = made.get("request") or " ".join(words).encode("utf-8", "backslashreplace")
    whole: Row = {**made, "raw": raw.encode("utf-8", "backslashreplace")}
    set_request(whole, request if isinstance(request, bytes) else b"")
    return {**whole, **{name: made[name] for name in ("method", "url", "protocol") if made.get(name)}}


def _lasted(begin: datetime | None, end: datetime | None) -> int | None:
    if begin is None or end is None or end < begin:
        return None
    return round((end - begin).total_seconds() * 1e6)


def everywhere(record: object, path: str) -> list[object]:
    """What stands at all places a path with ``*`` (every item of a list) leads to; a list there gives its items."""
    items: list[object] = [record]
    for part in path.split(".*."):
        lists = [inner for one in items if isinstance(inner := at(one, part), list)]
        items = [item for inner in lists for item in inner]
    return items


def _fitted(name: str, value: object, kind: pa.DataType, unit: int) -> object:
    if value is None:
        return None
    if name in ("src_ip", "dst_ip"):
        return address(value)
    if name == "transport":
        return _transport(str(value))
    if name == "query":
        return str(value).rstrip(".").lower().translate(_NOT_IN_NAMES)
    if kind.equals(TIME):
        return when(value)
    if pa.types.is_boolean(kind):
        return str(value).lower() in ("true", "yes", "1", "t")
    if pa.types.is_integer(kind):
        return _number(
            value, 65_535 if name.endswith("_port") else 2**31 - 1 if kind.equals(pa.int32()) else 2**62, unit
        )
    if pa.types.is_floating(kind):
        return _float(value)
    if pa.types.is_binary(kind):
        return str(value).encode("utf-8", "backslashreplace")
    return [str(value)] if pa.types.is_list(kind) else str(value)


def _float(value: object) -> float | None:
    try:
        parsed = float(str(value))
    except ValueError:
        return None
    return parsed if abs(parsed) < 1e18 else None


def _number(value: object, limit: int, unit: int) -> int | None:
    parsed = number(value, limit)
    if parsed is None and (approximate := _float(value)) is not None and 0 <= approximate <= limit:
        return min(round(approximate * unit), limit)
    return None if parsed is None else min(parsed * unit, limit)
