"""What a layout file says, checked: one YAML file comes in, a ``Layout`` goes out. A wrong one raises RuleError.

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


def parse(said: Mapping[str, Any], file: str) -> Layout:
    """A layout from what its file says. Raises RuleError."""
    reader = str(said.get("reader"))
    if reader not in READERS:
        raise RuleError(file=file, expected=f"reader: one of {', '.join(READERS)}", got=reader)
    try:
        line, skip, begins, ends = (
            re.compile(said[key]) if key in said else None for key in ("line", "skip", "begins", "ends")
        )
        return Layout(
            name=said["name"], title=said["title"], example=said["example"], sensor=said["sensor"],
            tried=Text(en=said["tried"]["en"], ja=said["tried"]["ja"]), reader=reader, time=_cell(said["time"], file),
            rows=tuple(_row(row, file) for row in said["rows"]), line=line, delimiter=said.get("delimiter", ","),
            tell=_patterns(said.get("tell", ())), header=_paths(said.get("header", ())), camel=bool(said.get("camel")),
            unless=_paths(said.get("unless", ())), each=_paths(said.get("each", ())),
            halves=bool(said.get("halves")), skip=skip, local=bool(said.get("local")), begins=begins, ends=ends,
            both_ends=said.get("halves") == "both ends",
        )  # fmt: skip
    except KeyError as error:
        raise RuleError(file=file, expected=f"the key {error}", got="none") from error


def _row(said: Mapping[str, Any], file: str) -> RowOf:
    table = str(said["table"])
    if table not in TABLES:
        raise RuleError(file=file, expected=f"table: one of {', '.join(TABLES)}", got=table)
    known = {column.name for column in TABLES[table].columns}
    if unknown := set(said["columns"]) - known:
        raise RuleError(file=file, expected=f"columns of the table {table}", got=", ".join(sorted(unknown)))
    columns = {name: _cell(cell, file) for name, cell in said["columns"].items()}
    return RowOf(table, columns, _patterns(said.get("when", {})))


def _patterns(said: object) -> dict[str, re.Pattern[str]]:
    """Regular expressions by path; paths alone want nothing but to be there."""
    given = said if isinstance(said, Mapping) else dict.fromkeys(_paths(said), "")
    return {str(path): re.compile(str(pattern), re.IGNORECASE) for path, pattern in given.items()}


def _cell(said: object, file: str) -> Cell:
    if not isinstance(said, Mapping):
        return Cell(paths=_paths(said))
    if unknown := set(said) - _COLUMN_KEYS:
        raise RuleError(file=file, expected=", ".join(sorted(_COLUMN_KEYS)), got=", ".join(sorted(unknown)))
    pattern = re.compile(str(said["pattern"])) if "pattern" in said else None
    return Cell(
        paths=_paths(said.get("from", said.get("until", said.get("gather", ())))), until="until" in said,
        gather="gather" in said,
        default=said.get("value", said.get("default")),
        map={str(key).lower(): value for key, value in said.get("map", {}).items()}, pattern=pattern,
        unit=UNITS[said["unit"]] if "unit" in said else 1, lower=bool(said.get("lower")), join=said.get("join"),
        before=str(said.get("before", "")),
    )  # fmt: skip


def _paths(said: object) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(map(str, said)) if isinstance(said, Sequence) else ()
