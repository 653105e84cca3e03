"""The program as lists of small operations: an Ibis table in, what ``evaluate`` works through for few rows out.

Each operation is a JSON list: its name, then numbers of earlier operations and what else it needs. An operation gives
either a table (named columns) or the values of one column, and what is asked for twice is worked out once. Joins become
chains of two tables; their columns carry the number of the table they came from until the last one is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ibis.expr.operations as ops

Operation = list[Any]
Chain = Mapping[Any, int]

_PLAIN: Mapping[type, tuple[str, ...]] = {
    ops.BitwiseXor: ("left", "right"), ops.Multiply: ("left", "right"), ops.Add: ("left", "right"),
    ops.Subtract: ("left", "right"), ops.Divide: ("left", "right"), ops.Modulus: ("left", "right"),
    ops.Power: ("left", "right"), ops.Equals: ("left", "right"), ops.Greater: ("left", "right"),
    ops.GreaterEqual: ("left", "right"), ops.Less: ("left", "right"), ops.And: ("left", "right"),
    ops.Or: ("left", "right"), ops.NullIf: ("arg", "null_if_expr"), ops.Clip: ("arg", "lower", "upper"),
    ops.IfElse: ("bool_expr", "true_expr", "false_null_expr"), ops.Log2: ("arg",), ops.Floor: ("arg",),
    ops.Negate: ("arg",), ops.NotNull: ("arg",), ops.IsNull: ("arg",), ops.Coalesce: ("arg",), ops.Greatest: ("arg",),
    ops.Least: ("arg",),
}  # fmt: skip
_CASTS = {"int64": "ToInteger", "float64": "ToFloat"}
_AGGREGATES = (ops.Sum, ops.Max, ops.Min)


def lowered(table: Any) -> list[Operation]:
    """The operations of an Ibis table; the last one is its rows. Raises TypeError for what ``evaluate`` has no word
    for: then the program grew, and both have to learn it."""
    lowering = _Lowering()
    lowering.table(table.op())
    return lowering.operations


class _Lowering:
    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._known: dict[str, int] = {}
        self._gathered: dict[Any, str] = {}

    def _add(self, *operation: Any) -> int:
        key = repr(operation)
        if key not in self._known:
            self.operations.append(list(operation))
            self._known[key] = len(self.operations) - 1
        return self._known[key]

    # ---- tables -------------------------------------------------------------------------------------------------

    def table(self, op: Any) -> int:
        match op:
            case ops.UnboundTable():
                return self._add("table", op.name.removeprefix("baseline_"))
            case ops.Filter():
                parent = self.table(op.parent)
                return self._add("filter", parent, self._values(op.predicates, parent))
            case ops.Project():
                parent = self.table(op.parent)
                return self._add("select", parent, self._named(op.values, parent))
            case ops.Union(distinct=False):
                return self._add("union", self.table(op.left), self.table(op.right))
            case ops.Distinct():
                return self._add("distinct", self.table(op.parent))
            case ops.Aggregate():
                return self._grouped(op)
            case ops.JoinChain():
                return self._joined(op)
        raise _unknown(op)

    def _grouped(self, op: Any) -> int:
        """Groups with their sums and extremes first, then what is made of them."""
        parent = self.table(op.parent)
        gathered = {part: f"#{number}" for number, part in enumerate(_aggregates(op.metrics.values()))}
        metrics = {name: [type(part).__name__, self.value(part.arg, parent)] for part, name in gathered.items()}
        groups = self._add("group", parent, self._named(op.groups, parent), metrics)
        self._gathered |= gathered
        named = {name: self._add("field", groups, name) for name in op.groups}
        return self._add("select", groups, named | self._named(op.metrics, groups))

    def _joined(self, op: Any) -> int:
        chain = {part: number for number, part in enumerate((op.first, *(link.table for link in op.rest)))}
        joined = self._add("label", self.table(op.first.parent), 0)
        for link in op.rest:
            if link.how not in {"inner", "left"}:
                raise _unknown(link)
            right, number = self.table(link.table.parent), chain[link.table]
            keys = [self._sides(predicate, link.table) for predicate in link.predicates]
            lefts = [self.value(left, joined, chain) for left, _ in keys]
            rights = [self.value(right_key, right) for _, right_key in keys]
            joined = self._add("join", link.how, joined, right, number, lefts, rights)
        return self._add("select", joined, self._named(op.values, joined, chain))

    def _sides(self, predicate: Any, joining: Any) -> tuple[Any, Any]:
        """The two sides of a condition: of the chain so far, and of the table that joins it."""
        if not isinstance(predicate, ops.Equals):
            raise _unknown(predicate)
        pair = (predicate.left, predicate.right)
        return pair if _of(predicate.right) == {joining} else (pair[1], pair[0])

    # ---- values -------------------------------------------------------------------------------------------------

    def value(self, op: Any, parent: int, chain: Chain | None = None) -> int:
        """The values of an expression for each row of the table ``parent``; ``chain`` numbers what it is joined of."""
        match op:
            case ops.Field():
                name = op.name if chain is None else f"{chain[op.rel]}.{op.name}"
                return self._add("field", parent, name)
            case ops.Sum() | ops.Max() | ops.Min():
                return self._add("field", parent, self._gathered[op])
            case ops.Literal():
                return self._add("literal", parent, op.value)
            case ops.Cast():
                return self._add(_CASTS[str(op.to)], self.value(op.arg, parent, chain))
            case ops.InValues():
                options = [option.value for option in op.options]
                return self._add("among", self.value(op.value, parent, chain), options)
        if type(op) not in _PLAIN:
            raise _unknown(op)
        parts: list[Any] = []
        for name in _PLAIN[type(op)]:
            part = getattr(op, name)
            parts += part if isinstance(part, tuple) else [part]
        return self._add(type(op).__name__, *(self.value(part, parent, chain) for part in parts))

    def _values(self, values: Iterable[Any], parent: int) -> list[int]:
        return [self.value(value, parent) for value in values]

    def _named(self, values: Mapping[str, Any], parent: int, chain: Chain | None = None) -> dict[str, int]:
        return {name: self.value(value, parent, chain) for name, value in values.items()}


def _aggregates(values: Iterable[Any]) -> list[Any]:
    """Sums and extremes inside expressions, each once."""
    aggregates: list[Any] = []
    for value in values:
        if isinstance(value, _AGGREGATES) and value.where is None:
            aggregates.append(value)
        else:
            aggregates += _aggregates(child for child in value.__children__ if isinstance(child, ops.Value))
    return list(dict.fromkeys(aggregates))


def _unknown(op: Any) -> TypeError:
    return TypeError(f"neither lowering nor evaluate knows {type(op).__name__}: {op}")


def _of(op: Any) -> set[Any]:
    """The joined tables that an expression is about."""
    if isinstance(op, ops.Field):
        return {op.rel}
    return {table for child in op.__children__ if isinstance(child, ops.Value) for table in _of(child)}
