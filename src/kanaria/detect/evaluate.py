"""Rules applied to batches. Tables with all enrichment columns in, findings out; correlations keep their state here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.core.facts import Knowledge
from kanaria.core.types import Finding
from kanaria.detect.findings import findings
from kanaria.detect.match import TableMatcher
from kanaria.detect.model import Rule, RuleSet

if TYPE_CHECKING:
    from kanaria.detect.match import Engine


class Detector:
    """Applies a rule set to one batch after another.

    ``engine`` is a DuckDB connection, or a function that opens one: it is called only when some row has to be looked
    at.
    """

    def __init__(self, ruleset: RuleSet, engine: Engine, facts: Knowledge | None = None) -> None:
        self._rules = {rule.id: rule for rule in ruleset.rules}
        self._engine, self._facts = engine, facts
        self._silent = ruleset.silent()
        self._by_table: dict[str, list[Rule]] = {}
        for rule in ruleset.single():
            self._by_table.setdefault(rule.table, []).append(rule)
        self._matchers: dict[tuple[str, tuple[str, ...]], TableMatcher] = {}

    def evaluate(self, tables: Mapping[str, pa.Table]) -> list[Finding]:
        """The findings of one batch: those of single-record rules, and of correlations that became true in order."""
        found: list[Finding] = []
        for name, table in tables.items():
            if name in self._by_table and table.num_rows:
                found += self._single(name, table)
        return found

    def _single(self, name: str, table: pa.Table) -> list[Finding]:
        found: list[Finding] = []
        for rule_id, rows in self._matcher(name, table).match(table, self._engine).items():
            if rule_id not in self._silent:
                found += findings(self._rules[rule_id], table, rows, self._facts)
        return found

    def _matcher(self, name: str, table: pa.Table) -> TableMatcher:
        key = (name, tuple(f"{field.name}:{field.type}" for field in table.schema))
        if key not in self._matchers:
            self._matchers[key] = TableMatcher(self._by_table[name], table.schema)
        return self._matchers[key]
