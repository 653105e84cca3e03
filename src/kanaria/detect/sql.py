"""A Sigma condition tree becomes DuckDB SQL. pySigma's parsed condition in, ``Part`` out: a boolean expression over our
columns, and what every matching row must contain.

Missing values follow the specification: a comparison with a missing field is false and its negation true. Kleene logic
gives the same answer as long as every operand of NOT, and the whole expression, is made two-valued by ``coalesce``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from kanaria.core.values import dataclass
from kanaria.detect.columns import ENRICHMENT, TEXT, ident, kind
from kanaria.detect.literals import Need, all_of, any_of, fragment
from kanaria.detect.model import Computed
from kanaria.detect.regex import accepted_by_re2, backtracks, required

_OPERATORS = {
    CompareOperators.LT: "<",
    CompareOperators.LTE: "<=",
    CompareOperators.GT: ">",
    CompareOperators.GTE: ">=",
    CompareOperators.NEQ: "<>",
}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}
_ANY, _ONE = SpecialChars.WILDCARD_MULTI, SpecialChars.WILDCARD_SINGLE
# DuckDB's DOUBLE holds every integer up to here; larger ones go in as floating point.
_EXACT = 2**53


UNFILLED = "a placeholder that the configuration fills"
NO_FIELD = "a field the table {} has, since its absence matches"
"""What rules are refused for that ask for more than a table or the settings hold; ``coverage`` counts by it."""


class Unsupported(ValueError):
    """A construct that cannot be evaluated: ``got`` quotes it, the message says what is expected instead."""

    def __init__(self, *, expected: str, got: str, cause: str = "") -> None:
        super().__init__(expected)
        self.expected, self.got, self.cause = expected, got, cause


@dataclass(frozen=True, slots=True)
class Part:
    """A boolean SQL expression and what its truth implies."""

    sql: str
    need: Need


def quote(text: str) -> str:
    """The text as a SQL expression. A zero byte would end the statement, so it is put in by ``chr``."""
    pieces = ["'" + piece.replace("'", "''") + "'" for piece in text.split("\0")]
    return pieces[0] if len(pieces) == 1 else "(" + " || chr(0) || ".join(pieces) + ")"


def two_valued(sql: str) -> str:
    """The expression with null read as false."""
    return f"coalesce({sql}, false)"


def _one_of(value: object) -> str:
    """The comparison with a number, a text, or several."""
    values = value if isinstance(value, list) else [value]
    return f"IN ({', '.join(str(one) if isinstance(one, int) else quote(str(one)) for one in values)})"


@dataclass
class Compiler:
    """Compiles the conditions of one rule; collects the columns they read and the ones Python has to compute."""

    table: str
    fields: Mapping[str, str]
    placeholders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    own: bool = True
    rename: Callable[[str], str] | None = None
    """What a field is called here, where ``fields`` does not say it all."""
    columns: dict[str, None] = field(default_factory=dict)
    computed: dict[str, Computed] = field(default_factory=dict)

    def node(self, condition: Any) -> Part:
        """The expression for a parsed condition or any part of one."""
        if isinstance(condition, (ConditionAND, ConditionOR)):
            return self._join(condition)
        if isinstance(condition, ConditionNOT):
            return self._negated(condition.args[0])
        if isinstance(condition, ConditionFieldEqualsValueExpression):
            self._refuse_absence(condition)
            return self._field(self._column(condition.field), condition.value)
        return self._keyword(condition.value)

    def _negated(self, condition: Any) -> Part:
        """NOT of a condition. One about fields our tables do not have would be true for every record of a log source
        that knows them: such a rule is refused rather than left to alert on everything.
        """
        operand = self.node(condition)
        absent = [name for name in _fields(condition) if not self._has_column(self._column(name))]
        if not self.own and absent and len(absent) == len(_fields(condition)):
            raise Unsupported(expected=NO_FIELD.format(self.table), got=absent[0])
        return Part(f"NOT {two_valued(operand.sql)}", Need())

    def _refuse_absence(self, condition: Any) -> None:
        """``field: null`` of a field our tables do not have, which would be true for every record in the same way."""
        empty = isinstance(condition.value, SigmaNull)
        if empty and not self.own and not self._has_column(self._column(condition.field)):
            raise Unsupported(expected=NO_FIELD.format(self.table),
                              got=condition.field)  # fmt: skip

    def _column(self, name: str) -> str:
        return self.rename(name) if self.rename else self.fields.get(name, name)

    def _has_column(self, column: str) -> bool:
        return column.startswith(ENRICHMENT) or kind(self.table, column) != "any"

    def within(self, part: Part, where: Mapping[str, object]) -> Part:
        """The expression limited to rows whose columns have the given values, or one of them."""
        if not where:
            return part
        self.columns |= dict.fromkeys(where)
        limits = [f"{ident(column)} {_one_of(value)}" for column, value in where.items()]
        return Part("(" + " AND ".join([*limits, two_valued(part.sql)]) + ")", part.need)

    def _join(self, condition: Any) -> Part:
        conjunction = isinstance(condition, ConditionAND)
        return _joined([self.node(argument) for argument in condition.args if argument is not None], conjunction)

    def _keyword(self, value: Any) -> Part:
        if isinstance(value, SigmaNumber):
            value = SigmaString(str(value.number))
        if isinstance(value, SigmaString):
            value = self._anywhere(value)
        elif not isinstance(value, (SigmaRegularExpression, SigmaExpansion)):
            raise Unsupported(expected="a text, number or regular expression as keyword", got=type(value).__name__)
        if isinstance(value, SigmaExpansion):
            return _joined([self._keyword(item) for item in value.values], False)
        return self._field(TEXT, value)

    @staticmethod
    def _anywhere(value: SigmaString) -> SigmaString:
        around = type(value)()
        around.s = [_ANY, *value.s, _ANY]
        return around

    def _field(self, column: str, value: Any) -> Part:
        self.columns[column] = None
        if isinstance(value, SigmaExpansion):
            return _joined([self._field(column, item) for item in value.values], False)
        if isinstance(value, SigmaString):
            return _joined([self._text(column, item) for item in self._filled(value)], False)
        if kind(self.table, column) == "list" and not isinstance(value, (SigmaNull, SigmaExists)):
            inner = self._value("x", "any", column, value)
            return Part(_any_element(column, inner), Need(present=frozenset([column])))
        negative = isinstance(value, SigmaNull) or (isinstance(value, SigmaExists) and not value.exists)
        need = Need() if negative else Need(literals=_in_match(column, value), present=frozenset([column]))
        return Part(self._value(ident(column), kind(self.table, column), column, value), need)

    def _filled(self, value: SigmaString) -> list[SigmaString]:
        """The text with its placeholders replaced by every combination of configured values."""
        names = [part.name for part in value.s if isinstance(part, Placeholder)]
        for name in names:
            if name not in self.placeholders:
                raise Unsupported(expected=UNFILLED, got=f"%{name}%")
        if not names:
            return [value]
        return list(value.replace_placeholders(lambda found: iter(self.placeholders[found.name])))

    def _text(self, column: str, value: SigmaString) -> Part:
        cased = isinstance(value, SigmaCasedString)
        merged = _merged(value.s)
        need = Need(present=frozenset([column]))
        text = fragment([part for part in merged if isinstance(part, str)])
        # An element of a list is not part of a buffer the prefilter can scan.
        if kind(self.table, column) == "list":
            return Part(_any_element(column, _text_test("CAST(x AS VARCHAR)", merged, cased)), need)
        if text is not None and kind(self.table, column) in ("text", "any"):
            need = Need(literals=frozenset([(column, text)]), present=need.present)
        return Part(_text_test(self._as_text(column), merged, cased), need)

    def _as_text(self, column: str) -> str:
        return ident(column) if kind(self.table, column) == "text" else f"CAST({ident(column)} AS VARCHAR)"

    def _value(self, sql: str, held: str, column: str, value: Any) -> str:
        text = sql if held == "text" else f"CAST({sql} AS VARCHAR)"
        if isinstance(value, SigmaNull):
            return f"{sql} IS NULL"
        if isinstance(value, SigmaExists):
            return f"{sql} IS {'NOT ' if value.exists else ''}NULL"
        if isinstance(value, SigmaBool):
            return f"lower({text}) IN ({', '.join(map(quote, ('true', '1') if value.boolean else ('false', '0')))})"
        if isinstance(value, SigmaTimestampPart):
            part = value.timestamp_part.name.lower()
            return f"date_part('{part}', TRY_CAST({sql} AS TIMESTAMP)) = {_number(value.number)}"
        if isinstance(value, SigmaNumber):
            same = f"TRY_CAST({sql} AS DOUBLE) = {_number(value.number)}"
            return f"{text} = {quote(str(value.number))}" if held == "text" else same
        if isinstance(value, SigmaCompareExpression):
            return f"TRY_CAST({sql} AS DOUBLE) {_OPERATORS[value.op]} {_number(value.number.number)}"
        if isinstance(value, SigmaFieldReference):
            return self._reference(text, value)
        if isinstance(value, SigmaCIDRExpression):
            return self._compute("cidr", column, str(value.network), "")
        if isinstance(value, SigmaRegularExpression):
            return self._regex(text, column, value)
        raise Unsupported(expected="a value Kanaria can compare", got=type(value).__name__)

    def _reference(self, text: str, value: SigmaFieldReference) -> str:
        other = self._column(value.field)
        self.columns[other] = None
        mine, theirs = f"lower({text})", f"lower(CAST({ident(other)} AS VARCHAR))"
        if value.starts_with and value.ends_with:
            return f"contains({mine}, {theirs})"
        if value.starts_with:
            return f"starts_with({mine}, {theirs})"
        return f"ends_with({mine}, {theirs})" if value.ends_with else f"{mine} = {theirs}"

    def _regex(self, text: str, column: str, value: SigmaRegularExpression) -> str:
        pattern, flags = str(value.regexp), "".join(sorted(_FLAGS[flag] for flag in value.flags))
        if value.contains_placeholder():
            raise Unsupported(expected="a regular expression without placeholders", got=pattern)
        prefixed = f"(?{flags})(?:{pattern})" if flags else pattern
        if accepted_by_re2(prefixed):
            return f"regexp_matches({text}, {quote(prefixed)})"
        if kind(self.table, column) == "list":
            raise Unsupported(expected="a regular expression RE2 accepts (lists have no slower path)", got=pattern)
        if backtracks(pattern):
            expected = (
                "an expression RE2 accepts, or one without repeats inside repeats, which hostile text can make hang"
            )
            raise Unsupported(expected=expected, got=pattern)
        return self._compute("re", column, pattern, flags)

    def _compute(self, what: Any, column: str, value: str, flags: str) -> str:
        name = f"@{what}:{column}:{flags}:{value}"
        self.computed[name] = Computed(name=name, kind=what, column=column, value=value, flags=flags)
        return ident(name)


def _fields(condition: Any) -> list[str]:
    """The fields a condition reads; keywords read none."""
    if isinstance(condition, ConditionFieldEqualsValueExpression):
        return [condition.field]
    return [name for argument in getattr(condition, "args", ()) for name in _fields(argument)]


def _in_match(column: str, value: Any) -> frozenset[tuple[str, str]] | None:
    texts = required(str(value.regexp)) if isinstance(value, SigmaRegularExpression) else None
    return None if texts is None else frozenset((column, text) for text in texts)


def _joined(parts: Sequence[Part], conjunction: bool) -> Part:
    if not parts:
        raise Unsupported(expected="at least one value to compare with", got="an empty list")
    if len(parts) == 1:
        return parts[0]
    needs = [part.need for part in parts]
    word = " AND " if conjunction else " OR "
    return Part(_balanced([part.sql for part in parts], word), all_of(needs) if conjunction else any_of(needs))


def _balanced(terms: Sequence[str], word: str) -> str:
    """The terms joined; long lists in nested groups, because DuckDB refuses expressions deeper than 1,000."""
    if len(terms) <= 100:
        return "(" + word.join(terms) + ")"
    return _balanced([_balanced(terms[at : at + 100], word) for at in range(0, len(terms), 100)], word)


def _any_element(column: str, inner: str) -> str:
    return f"len(list_filter({ident(column)}, x -> {inner})) > 0"


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise Unsupported(expected="a finite number", got=repr(value))
    if isinstance(value, int) and abs(value) <= _EXACT:
        return str(value)
    try:
        return f"CAST({float(value)!r} AS DOUBLE)"
    except OverflowError as error:
        raise Unsupported(expected="a number below 1.8e308", got=f"{str(value)[:20]}…") from error


def _merged(parts: Sequence[Any]) -> list[Any]:
    """Neighbouring texts joined and runs of ``*`` reduced to one."""
    merged: list[Any] = []
    for part in parts:
        if merged and isinstance(part, str) and isinstance(merged[-1], str):
            merged[-1] += part
        elif not (merged and part is _ANY and merged[-1] is _ANY):
            merged.append(part)
    return merged


def _text_test(text: str, parts: Sequence[Any], cased: bool) -> str:
    literal = "".join(part for part in parts if isinstance(part, str))
    mine, theirs = (text, quote(literal)) if cased else (f"lower({text})", _folded(literal))
    shape = [part if isinstance(part, SpecialChars) else "text" for part in parts]
    if shape == [_ANY]:
        return f"{text} IS NOT NULL"
    if shape in ([], ["text"]):
        return f"{mine} = {theirs}"
    calls = {(_ANY, "text", _ANY): "contains", ("text", _ANY): "starts_with", (_ANY, "text"): "ends_with"}
    if tuple(shape) in calls:
        return f"{calls[tuple(shape)]}({mine}, {theirs})"
    pattern = "".join(_like(part) for part in parts)
    return f"{mine} LIKE {quote(pattern) if cased else _folded(pattern)} ESCAPE '\\'"


def _folded(text: str) -> str:
    """Lower case; outside ASCII the engine folds both sides, because Python and DuckDB differ there."""
    return quote(text.lower()) if text.isascii() else f"lower({quote(text)})"


def _like(part: Any) -> str:
    if isinstance(part, str):
        return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return "%" if part is _ANY else "_"
