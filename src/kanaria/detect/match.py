"""Which rows match which rules. One table and the rules for it in, row numbers per rule out.

Rules with literals look only at rows in which the prefilter saw one, rules that need an enrichment column only at rows
where it is not null, and the rest at every row: so hundreds of rules cost little more than one when nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.core.prefilter import Prefilter, literal
from kanaria.detect.columns import bases
from kanaria.detect.question import Question, Rows

if TYPE_CHECKING:
    from kanaria.detect.model import Matcher, Rule
    from kanaria.detect.question import Engine

SAMPLE = 1000
COMMON = 0.02
"""A literal in more than this share of rows is no filter: reporting a hit costs 1 to 7 µs, evaluating a rule on a row
0.05 µs (500,000 requests, two cores), so the scan loses from one hit in some fifty rows on. ``SAMPLE`` rows in front of
the first batch are looked at beforehand."""
PER_QUERY = 100
"""Rules evaluated in one statement; planning time grows faster than linearly beyond a few hundred expressions."""
MOST_QUESTIONS = 100
"""Statements that are kept for one table, each some rules: which ones look at a batch depends on what is in it."""


class TableMatcher:
    """The rules of one table, compiled for batches of one schema."""

    def __init__(self, rules: Sequence[Rule], schema: pa.Schema) -> None:
        self._matchers = {rule.id: rule.matcher for rule in rules if rule.matcher is not None}
        self._schema = schema
        self._questions: dict[tuple[str, ...], Question] = {}
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
        rows_of: dict[str, Rows] = {}
        for names, rows in self._work(table):
            for start in range(0, len(names), PER_QUERY):
                rows_of |= self._question(tuple(names[start : start + PER_QUERY])).ask(table, rows, engine)
        return {name: rows for name, rows in rows_of.items() if len(rows)}

    def _question(self, names: tuple[str, ...]) -> Question:
        if names not in self._questions:
            if len(self._questions) >= MOST_QUESTIONS:
                self._questions.pop(next(iter(self._questions))).forget()
            matchers = {name: self._matchers[name] for name in names}
            expressions = {name: matcher.sql for name, matcher in matchers.items()}
            self._questions[names] = Question(expressions, list(matchers.values()), self._schema)
        return self._questions[names]

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
    mask, there = np.zeros(table.num_rows, bool), set(table.column_names)
    for column in there.intersection(columns):
        if table[column].null_count < table.num_rows:
            mask |= table[column].is_valid().to_numpy(zero_copy_only=False)
    return np.flatnonzero(mask).astype(np.int64)
