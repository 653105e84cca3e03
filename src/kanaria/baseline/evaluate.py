"""The program for a handful of rows: tables as Python lists in and out, and no engine.

A statement of a hundred small joins costs DuckDB tens of milliseconds whatever the tables hold: about a fifth of a
millisecond an operator, which it spends on setting up hash tables and buffers. Here an operation costs microseconds,
and each further row some more. The operations are those that ``lowering`` made of the one program.

Values are as SQL has them, and as DuckDB orders them: None is null, and not-a-number is larger than all numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

Value = Any
Places = dict[tuple[Value, ...], list[int]]


class Column(list[Value]):
    """The values of a column. Where equal ones stand is looked up once, however often it is joined with."""

    _places: Places | None = None

    def places(self) -> Places:
        if self._places is None:
            if len(set(self)) == len(self) and None not in self:
                self._places = {(value,): [place] for place, value in enumerate(self)}
            else:
                self._places = _places([self])
        return self._places


class Rows(dict[str, Column]):
    """A table: columns of one length by name."""

    def __init__(self, columns: Mapping[str, Iterable[Value]], height: int | None = None) -> None:
        converted = {name: values if isinstance(values, Column) else Column(values) for name, values in columns.items()}
        super().__init__(converted)
        self.height = height if height is not None else len(next(iter(converted.values()), ()))

    def taken(self, places: Sequence[int]) -> Rows:
        return Rows({name: [values[place] for place in places] for name, values in self.items()}, len(places))


def rows_of(names: Sequence[str], rows: Sequence[tuple[Value, ...]]) -> Rows:
    """Rows that an engine gave, as a table."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return Rows(dict(zip(names, columns, strict=True)), len(rows))


def evaluate(operations: Sequence[Sequence[Any]], tables: Mapping[str, Rows]) -> Rows:
    """The rows of the last operation. ``tables`` are those that the operations name."""
    done: list[Any] = []
    for name, *parts in operations:
        make = _TABLES.get(name)
        if make is not None:
            done.append(make(done, tables, *parts))
        else:
            done.append(Column(map(_VALUES[name], *(done[part] for part in parts))))
    rows: Rows = done[-1]
    return rows


# ---- tables, and columns that need more than values ------------------------------------------------------------------


def _table(_done: Sequence[Any], tables: Mapping[str, Rows], name: str) -> Rows:
    return tables[name]


def _field(done: Sequence[Any], _tables: Mapping[str, Rows], parent: int, name: str) -> Column:
    column: Column = done[parent][name]
    return column


def _literal(done: Sequence[Any], _tables: Mapping[str, Rows], parent: int, value: Value) -> Column:
    return Column([value] * done[parent].height)


def _among(done: Sequence[Any], _tables: Mapping[str, Rows], part: int, options: Sequence[Value]) -> Column:
    return Column(None if value is None else value in options for value in done[part])


def _filter(done: Sequence[Any], _tables: Mapping[str, Rows], parent: int, conditions: Sequence[int]) -> Rows:
    rows: Rows = done[parent]
    kept = [place for place in range(rows.height) if all(done[condition][place] is True for condition in conditions)]
    return rows if len(kept) == rows.height else rows.taken(kept)


def _select(done: Sequence[Any], _tables: Mapping[str, Rows], parent: int, columns: Mapping[str, int]) -> Rows:
    return Rows({name: done[column] for name, column in columns.items()}, done[parent].height)


def _union(done: Sequence[Any], _tables: Mapping[str, Rows], left: int, right: int) -> Rows:
    one, other = done[left], done[right]
    if not other.height:
        return Rows(one, one.height)
    columns = zip(one.items(), other.values(), strict=True)
    return Rows({name: [*values, *more] for (name, values), more in columns}, one.height + other.height)


def _distinct(done: Sequence[Any], _tables: Mapping[str, Rows], parent: int) -> Rows:
    rows: Rows = done[parent]
    first = {row: place for place, row in reversed(list(enumerate(zip(*rows.values(), strict=True))))}
    return rows if len(first) == rows.height else rows.taken(sorted(first.values()))


def _group(
    done: Sequence[Any], _tables: Mapping[str, Rows], _parent: int, by: Mapping[str, int],
    metrics: Mapping[str, tuple[str, int]],
) -> Rows:  # fmt: skip
    groups = _places([done[column] for column in by.values()], nulls=True)
    keys = zip(*groups, strict=True) if groups else ((),) * len(by)
    columns: dict[str, Iterable[Value]] = dict(zip(by, keys, strict=True))
    for name, (metric, column) in metrics.items():
        values, gather = done[column], _METRICS[metric]
        columns[name] = [
            gather([v for place in places if (v := values[place]) is not None]) for places in groups.values()
        ]
    return Rows(columns, len(groups))


def _label(done: Sequence[Any], _tables: Mapping[str, Rows], parent: int, number: int) -> Rows:
    rows: Rows = done[parent]
    return Rows({f"{number}.{name}": values for name, values in rows.items()}, rows.height)


def _join(
    done: Sequence[Any], _tables: Mapping[str, Rows], how: str, left: int, right: int, number: int,
    lefts: Sequence[int], rights: Sequence[int],
) -> Rows:  # fmt: skip
    """Rows of both tables with equal keys beside each other; of the left one all where it is a left join."""
    chain, other = done[left], done[right]
    places_of = done[rights[0]].places() if len(rights) == 1 else _places([done[key] for key in rights])
    here: list[int] = []
    there: list[int | None] = []
    for place, key in enumerate(zip(*(done[key] for key in lefts), strict=True)):
        met: Sequence[int | None] = places_of.get(key) or ((None,) if how == "left" else ())
        here += [place] * len(met)
        there += met
    once = len(here) == chain.height and how == "left"
    joined = dict(chain if once else chain.taken(here))
    for name, values in other.items():
        joined[f"{number}.{name}"] = Column(None if place is None else values[place] for place in there)
    return Rows(joined, len(here))


def _places(columns: Sequence[Sequence[Value]], *, nulls: bool = False) -> Places:
    """Where each combination of values stands, in order. Null equals nothing in joins, and itself in groups."""
    places: Places = {}
    for place, key in enumerate(zip(*columns, strict=True)):
        if nulls or None not in key:
            places.setdefault(key, []).append(place)
    return places


# ---- values: SQL's nulls, DuckDB's order -----------------------------------------------------------------------------


def _rank(value: Value) -> tuple[bool, Value]:
    """What DuckDB orders by: not-a-number is larger than all numbers, and equals itself."""
    return (True, 0) if value != value else (False, value)


_LOG10_2 = math.log10(2)


def _strict(function: Callable[..., Value]) -> Callable[..., Value]:
    """Null where anything is null."""

    def of(*values: Value) -> Value:
        return None if None in values else function(*values)

    return of


def _log2(value: float) -> float:
    """As DuckDB computes ``LOG(2, value)``, to the last bit."""
    return math.log10(value) / _LOG10_2


def _divided(left: float, right: float) -> float:
    """As IEEE 754 has it."""
    if right:
        return left / right
    return math.nan if not left or left != left else math.copysign(math.inf, left) * math.copysign(1.0, right)


def _remainder(left: int, right: int) -> int | None:
    """With the sign of what is divided; null for zero."""
    return int(math.copysign(abs(left) % abs(right), left)) if right else None


def _both(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _either(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def _first_known(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


def _greatest(*values: Value) -> Value:
    return max((value for value in values if value is not None), key=_rank, default=None)


def _least(*values: Value) -> Value:
    return min((value for value in values if value is not None), key=_rank, default=None)


_VALUES: Mapping[str, Callable[..., Value]] = {
    "BitwiseXor": _strict(lambda left, right: left ^ right),
    "Multiply": _strict(lambda left, right: left * right),
    "Add": _strict(lambda left, right: left + right),
    "Subtract": _strict(lambda left, right: left - right),
    "Divide": _strict(_divided),
    "Modulus": _strict(_remainder),
    "Power": _strict(math.pow),
    "Equals": _strict(lambda left, right: _rank(left) == _rank(right)),
    "Greater": _strict(lambda left, right: _rank(left) > _rank(right)),
    "GreaterEqual": _strict(lambda left, right: _rank(left) >= _rank(right)),
    "Less": _strict(lambda left, right: _rank(left) < _rank(right)),
    "And": _both,
    "Or": _either,
    "NullIf": lambda value, other: None if value == other else value,
    "Clip": _strict(lambda value, low, high: min(max(value, low), high)),
    "IfElse": lambda condition, then, otherwise: then if condition is True else otherwise,
    "Log2": _strict(_log2),
    "Floor": _strict(math.floor),
    "Negate": _strict(lambda value: -value),
    "NotNull": lambda value: value is not None,
    "IsNull": lambda value: value is None,
    "Coalesce": _first_known,
    "Greatest": _greatest,
    "Least": _least,
    "ToInteger": _strict(int),
    "ToFloat": _strict(float),
}
# One after the other: Python 3.12's ``sum`` makes up for what rounding loses, and an engine does not.
_METRICS: Mapping[str, Callable[[list[Value]], Value]] = {
    "Sum": lambda values: reduce(add, values) if values else None,
    "Max": lambda values: _greatest(*values),
    "Min": lambda values: _least(*values),
}
_TABLES: Mapping[str, Callable[..., Any]] = {
    "table": _table, "field": _field, "literal": _literal, "among": _among, "filter": _filter, "select": _select,
    "union": _union, "distinct": _distinct, "group": _group, "label": _label, "join": _join,
}  # fmt: skip
