"""What a layout file says, checked: from one YAML file to a ``Layout``. A wrong one raises RuleError.

Keys: ``name``, ``title``, ``example``, ``sensor``, ``tried`` (on what it was tried, en and ja), ``reader`` (json,
pairs, cef, csv or lines), ``tell`` (paths that a record must have to be one, with expressions if so wanted),
``unless`` (paths that it must not have), ``each`` (paths of lists whose items are the records, ``*`` for every item
of a list on the way, ``^`` for what holds the list; items that are text are split into the names of ``header``),
``skip`` (lines that are neither records nor damage), ``begins`` (a record of the reader lines begins at a line that
matches, and ends before the next such line or a blank one, or with the line that ``ends`` matches; ``line`` is matched
against all of it), ``camel`` (names begin with capitals in some exports), ``local`` (times without a zone are of the
writer's), ``halves`` (every record tells of one direction or of one slice of time: rows of ``connection`` without a
``state`` are put together, ``history`` holds the TCP flags as written; ``both ends``: each end tells of the same
packets, which count once), ``time``, and
``rows``, a list of ``table``, ``when`` (path: regular expression) and ``columns``. A column is a path, a list of
paths of which the first with a value counts, or a mapping with ``from`` and what to do with the value (see
``values``; ``before`` is put in front of it); ``until`` makes a duration of an end, ``gather`` with ``join`` puts
together what there is of the paths.
Several paths may be written ``one|other`` in ``tell`` and ``when``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from importlib.resources import files
from typing import Any

from kanaria.core.errors import RuleError
from kanaria.core.schema import TABLES
from kanaria.core.types import Text
from kanaria.core.values import dataclass

READERS = ("json", "pairs", "cef", "csv", "lines")
_COLUMN_KEYS = {"from", "map", "default", "unit", "pattern", "lower", "value", "join", "until", "gather", "before"}
UNITS: Mapping[str, int] = {"s": 1_000_000, "ms": 1_000, "us": 1}


@dataclass(frozen=True, slots=True)
class Cell:
    """How one column gets its value: the first of ``paths`` with one, then pattern, map and unit; else ``default``."""

    paths: tuple[str, ...] = ()
    default: object = None
    map: Mapping[str, object] = field(default_factory=dict)
    pattern: re.Pattern[str] | None = None
    unit: int = 1
    lower: bool = False
    until: bool = False
    join: str | None = None
    gather: bool = False
    before: str = ""


@dataclass(frozen=True, slots=True)
class RowOf:
    """One row of ``table`` for every record whose fields match ``when``."""

    table: str
    columns: Mapping[str, Cell]
    when: Mapping[str, re.Pattern[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """One format as data."""

    name: str
    title: str
    example: str
    sensor: str
    tried: Text
    reader: str
    tell: Mapping[str, re.Pattern[str]]
    time: Cell
    rows: tuple[RowOf, ...]
    line: re.Pattern[str] | None = None
    header: tuple[str, ...] = ()
    delimiter: str = ","
    unless: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    camel: bool = False
    halves: bool = False
    both_ends: bool = False
    begins: re.Pattern[str] | None = None
    ends: re.Pattern[str] | None = None
    local: bool = False
    skip: re.Pattern[str] | None = None


def load(name: str) -> Layout:
    """The bundled layout of that name."""
    import yaml

    text = files("kanaria.formats.mapped").joinpath("layouts", f"{name}.yaml").read_text("utf-8")
    return parse(yaml.load(text, yaml.CSafeLoader), f"{name}.yaml")


def parse(entry: Mapping[str, Any], file: str) -> Layout:
    """A layout from what its file says. Raises RuleError."""
    reader = str(entry.get("reader"))
    if reader not in READERS:
        raise RuleError(file=file, expected=f"reader: one of {', '.join(READERS)}", got=reader)
    try:
        line, skip, begins, ends = (
            re.compile(entry[key]) if key in entry else None for key in ("line", "skip", "begins", "ends")
        )
        return Layout(
            name=entry["name"], title=entry["title"], example=entry["example"], sensor=entry["sensor"],
            tried=Text(en=entry["tried"]["en"], ja=entry["tried"]["ja"]), reader=reader,
            time=_cell(entry["time"], file),
            rows=tuple(_row(row, file) for row in entry["rows"]), line=line, delimiter=entry.get("delimiter", ","),
            tell=_patterns(entry.get("tell", ())), header=_paths(entry.get("header", ())),
            camel=bool(entry.get("camel")),
            unless=_paths(entry.get("unless", ())), each=_paths(entry.get("each", ())),
            halves=bool(entry.get("halves")), skip=skip, local=bool(entry.get("local")), begins=begins, ends=ends,
            both_ends=entry.get("halves") == "both ends",
        )  # fmt: skip
    except KeyError as error:
        raise RuleError(file=file, expected=f"the key {error}", got="none") from error


def _row(entry: Mapping[str, Any], file: str) -> RowOf:
    table = str(entry["table"])
    if table not in TABLES:
        raise RuleError(file=file, expected=f"table: one of {', '.join(TABLES)}", got=table)
    names = {column.name for column in TABLES[table].columns}
    if unknown := set(entry["columns"]) - names:
        raise RuleError(file=file, expected=f"columns of the table {table}", got=", ".join(sorted(unknown)))
    columns = {name: _cell(cell, file) for name, cell in entry["columns"].items()}
    return RowOf(table, columns, _patterns(entry.get("when", {})))


def _patterns(entry: object) -> dict[str, re.Pattern[str]]:
    """Regular expressions by path; paths alone want nothing but to be there."""
    given = entry if isinstance(entry, Mapping) else dict.fromkeys(_paths(entry), "")
    return {str(path): re.compile(str(pattern), re.IGNORECASE) for path, pattern in given.items()}


def _cell(entry: object, file: str) -> Cell:
    if not isinstance(entry, Mapping):
        return Cell(paths=_paths(entry))
    if unknown := set(entry) - _COLUMN_KEYS:
        raise RuleError(file=file, expected=", ".join(sorted(_COLUMN_KEYS)), got=", ".join(sorted(unknown)))
    pattern = re.compile(str(entry["pattern"])) if "pattern" in entry else None
    return Cell(
        paths=_paths(entry.get("from", entry.get("until", entry.get("gather", ())))), until="until" in entry,
        gather="gather" in entry,
        default=entry.get("value", entry.get("default")),
        map={str(key).lower(): value for key, value in entry.get("map", {}).items()}, pattern=pattern,
        unit=UNITS[entry["unit"]] if "unit" in entry else 1, lower=bool(entry.get("lower")), join=entry.get("join"),
        before=str(entry.get("before", "")),
    )  # fmt: skip


def _paths(entry: object) -> tuple[str, ...]:
    return (entry,) if isinstance(entry, str) else tuple(map(str, entry)) if isinstance(entry, Sequence) else ()
