"""Which rows match which rules. One table and the rules for it in, row numbers per rule out.

Rules with literals look only at rows in which the prefilter saw one, rules that need an enrichment column only at rows
where it is not null, and the rest at every row: so hundreds of rules cost little more than one when nothing happens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.distinct import map_distinct
from kanaria.core.network import parse_address
from kanaria.core.prefilter import Prefilter, literal
from kanaria.detect.columns import arrow_kind, bases, ident, projection
from kanaria.detect.model import Computed, Matcher, Rule
from kanaria.detect.regex import LOOKED_AT

if TYPE_CHECKING:
    import duckdb

    Engine = duckdb.DuckDBPyConnection | Callable[[], duckdb.DuckDBPyConnection]

Rows = npt.NDArray[np.int64]

SAMPLE = 1000
COMMON = 0.02
"""A literal in more than this share of rows is no filter: reporting a hit costs 1 to 7 µs, evaluating a rule on a row
0.05 µs (500,000 requests, two cores), so the scan loses from one hit in some fifty rows on. ``SAMPLE`` rows in front of
the first batch are looked at beforehand."""
PER_QUERY = 100
"""Rules evaluated in one statement; planning time grows faster than linearly beyond a few hundred expressions."""
_BATCH = "kanaria_detect_batch"


class TableMatcher:
    """The rules of one table, compiled for batches of one schema."""

    def __init__(self, rules: Sequence[Rule], schema: pa.Schema) -> None:
        self._matchers = {rule.id: rule.matcher for rule in rules if rule.matcher is not None}
        self._schema = schema
        self._filtered: dict[str, dict[str, list[str]]] = {}
        self._filters: dict[str, tuple[Prefilter, list[str]]] = {}
        self._sampled = False
        self._unfiltered = [name for name, matcher in self._matchers.items() if not self._take(name, matcher)]
        self._build()

    def _build(self) -> None:
        self._filters = {
            column: (Prefilter([literal(text) for text in texts]), list(texts))
            for column, texts in self._filtered.items()
            if texts
        }

    def _take(self, name: str, matcher: Matcher) -> bool:
        """Put a rule's literals into the scans of the columns they may occur in; False when that is not possible."""
        if matcher.literals is None:
            return False
        places = [
            (base, text)
            for column, text in matcher.literals
            for base in bases(column, self._schema)
            if base in self._schema.names
        ]
        if not all(_scannable(self._schema.field(base).type) for base, _ in places):
            return False
        for base, text in places:
            self._filtered.setdefault(base, {}).setdefault(text, []).append(name)
        return True

    def match(self, table: pa.Table, engine: Engine) -> dict[str, Rows]:
        """Row numbers, ascending, for every rule that matches at least one row."""
        found: dict[str, Rows] = {}
        for names, rows in self._work(table):
            found |= _evaluate({name: self._matchers[name] for name in names}, table, rows, engine)
        return {name: rows for name, rows in found.items() if len(rows)}

    def _work(self, table: pa.Table) -> Iterable[tuple[list[str], Rows | None]]:
        """Groups of rules with the rows they have to look at; None means all."""
        if not self._sampled and table.num_rows >= SAMPLE:
            self._sampled = True
            self._scan(table.slice(0, SAMPLE))
        names, rows = self._scan(table)
        some: list[str] = list(names)
        where = [rows]
        groups: dict[tuple[str, ...] | None, list[str]] = {}
        for name in self._unfiltered:
            groups.setdefault(self._sparse(self._matchers[name]), []).append(name)
        for present, group in groups.items():
            if present is None:
                yield group, None
            elif len(filled := _not_null(table, present)):
                some += group
                where.append(filled)
        # One statement for all of them: planning it costs more than some rules that look at some rows in vain.
        if some:
            yield some, np.unique(np.concatenate(where))

    def _sparse(self, matcher: Matcher) -> tuple[str, ...] | None:
        """The columns one of which must not be null, when they are few enough rows' worth to be looked for first."""
        if matcher.present is None or any(column.startswith("@") for column in matcher.present):
            return None
        missing = all(column not in self._schema.names for column in matcher.present)
        enrichment = all("." in column for column in matcher.present)
        return matcher.present if missing or enrichment else None

    def _scan(self, table: pa.Table) -> tuple[list[str], Rows]:
        rules: set[str] = set()
        rows: list[Rows] = []
        common: list[tuple[str, str]] = []
        for column, (prefilter, texts) in self._filters.items():
            where, which = prefilter.rows(table[column])
            if len(where):
                rows.append(np.unique(where))
                names = self._filtered[column]
                counts = np.bincount(which, minlength=len(texts))
                rules.update(name for index in np.flatnonzero(counts).tolist() for name in names[texts[index]])
                if table.num_rows >= SAMPLE:
                    common += [(column, texts[i]) for i in np.flatnonzero(counts > COMMON * table.num_rows).tolist()]
        if common:
            self._demote({name for column, text in common for name in self._filtered[column].get(text, ())})
        return sorted(rules), np.unique(np.concatenate(rows)) if rows else np.empty(0, np.int64)

    def _demote(self, rules: set[str]) -> None:
        """From now on evaluate these rules on every row: their literals are so common that finding them costs more."""
        self._unfiltered += sorted(rules)
        for texts in self._filtered.values():
            for text in list(texts):
                texts[text] = [name for name in texts[text] if name not in rules]
                if not texts[text]:
                    del texts[text]
        self._build()


def _scannable(kind: pa.DataType) -> bool:
    """Whether the prefilter can read the column's buffer: text and bytes, not encoded in any way."""
    return any(
        test(kind)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )


def _not_null(table: pa.Table, columns: Iterable[str]) -> Rows:
    mask = np.zeros(table.num_rows, bool)
    for column in columns:
        if column in table.column_names and table[column].null_count < table.num_rows:
            mask |= table[column].is_valid().to_numpy(zero_copy_only=False)
    return np.flatnonzero(mask).astype(np.int64)


def _evaluate(matchers: Mapping[str, Matcher], table: pa.Table, rows: Rows | None, engine: Engine) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    names = list(matchers)
    for start in range(0, len(names), PER_QUERY):
        part = {name: matchers[name] for name in names[start : start + PER_QUERY]}
        expressions = {name: matcher.sql for name, matcher in part.items()}
        found |= evaluate(expressions, list(part.values()), table, rows, engine)
    return found


def evaluate(
    expressions: Mapping[str, str], matchers: Sequence[Matcher], table: pa.Table, rows: Rows | None, engine: Engine
) -> dict[str, Rows]:
    """Row numbers for which each boolean expression holds, over the given rows of the table."""
    columns = sorted({column for matcher in matchers for column in matcher.columns})
    computed = {item.name: item for matcher in matchers for item in matcher.computed}
    subset = prepared(table, rows, columns, list(computed.values()))
    inner = [f"{projection(column, table.schema)} AS {ident(column)}" for column in columns]
    inner += [ident(name) for name in ["@row", *computed]]
    outer = ", ".join(f"{sql} AS {ident(f'r{index}')}" for index, sql in enumerate(expressions.values()))
    connection = engine() if callable(engine) else engine
    connection.register(_BATCH, subset)
    try:
        result = connection.execute(
            f'SELECT "@row", {outer} FROM (SELECT {", ".join(inner)} FROM {_BATCH})'  # noqa: S608 (quoted by compiler)
        ).to_arrow_table()
    finally:
        connection.unregister(_BATCH)
    numbers = result["@row"].to_numpy()
    return {
        name: np.sort(numbers[result[f"r{index}"].to_numpy().astype(bool)]) for index, name in enumerate(expressions)
    }


def prepared(table: pa.Table, rows: Rows | None, columns: Sequence[str], computed: Sequence[Computed]) -> pa.Table:
    """The rows with what the SQL reads: ``@row``, bases (bytes as text, times without zone), computed columns."""
    needed = dict.fromkeys(base for column in columns for base in bases(column, table.schema))
    needed |= dict.fromkeys(item.column for item in computed)
    subset = table.select([name for name in needed if name in table.column_names])
    numbers = np.arange(table.num_rows, dtype=np.int64) if rows is None else rows
    if rows is not None:
        subset = subset.take(rows)
    for index, name in enumerate(subset.column_names):
        subset = subset.set_column(index, name, _readable(subset[name]))
    for item in computed:
        subset = subset.append_column(item.name, _compute(item, subset))
    return subset.append_column("@row", pa.array(numbers))


def _readable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", tz="UTC") if column.type.tz else pa.timestamp("us")).cast(
            pa.timestamp("us")
        )
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return pa.chunked_array([_decoded(chunk) for chunk in column.chunks], pa.string())
    return column


def _decoded(chunk: pa.Array) -> pa.Array:
    try:
        return chunk.cast(pa.string())
    except pa.ArrowInvalid:  # some row is not UTF-8: decode row by row, keeping what can be read
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in chunk.to_pylist()], pa.string())


def _compute(item: Computed, table: pa.Table) -> pa.Array | pa.ChunkedArray:
    if item.column not in table.column_names:
        return pa.nulls(table.num_rows, pa.bool_())
    column = table[item.column]
    if arrow_kind(column.type) != "text":
        column = column.cast(pa.string())
    return map_distinct(column, _test(item), pa.bool_())


def _test(item: Computed) -> Callable[[str], object]:
    if item.kind == "re":
        flags = sum(({"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}[flag] for flag in item.flags), re.ASCII)
        pattern = re.compile(item.value, flags)
        return lambda text: pattern.search(text, 0, LOOKED_AT) is not None
    network = ip_network(item.value)

    def inside(text: str) -> bool:
        address = parse_address(text)
        return address is not None and address.version == network.version and address in network

    return inside
