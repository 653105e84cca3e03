"""What a compiled rule is: frozen values, from ``parse`` or from compiled JSON.

Everything here is plain data, so that bundled rules load without pySigma, yaml or duckdb.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from kanaria.core.errors import RuleError
from kanaria.core.types import Severity, Stage, Text
from kanaria.core.values import dataclass

NO_TABLE = "a log source Kanaria has a table for"
"""What is expected of a rule for logs that nothing here reads."""
FALLBACK_KEY = ("device", "remote")
"""Dedup fields of a rule that names none: what the finding is about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Computed:
    """A true/false column that DuckDB cannot compute itself; ``name`` is how the rule's SQL refers to it.

    ``kind`` ``cidr``: the address in ``column`` lies in network ``value``. ``kind`` ``re``: ``value`` is a Python
    regular expression (one that RE2 refuses) with inline ``flags`` out of ``ims``.
    """

    name: str
    kind: Literal["cidr", "re"]
    column: str
    value: str
    flags: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matcher:
    """How rows are recognised: a DuckDB boolean expression over our columns that is never null.

    ``literals`` are (column, text) pairs of which at least one occurs, ignoring ASCII case, in every row that matches;
    ``present`` are columns of which at least one is not null in every row that matches. Either is None when the rule
    gives no such guarantee. ``selections`` hold the expression of every named detection, for ``explain``.
    """

    sql: str
    condition: str
    selections: Mapping[str, str]
    columns: tuple[str, ...]
    computed: tuple[Computed, ...] = ()
    literals: tuple[tuple[str, str], ...] | None = None
    present: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Correlation:
    """A Sigma correlation: ``rules`` by our rule id, ``span`` in microseconds.

    ``group_by`` are the names a person sees; ``groups`` and ``fields`` say for each rule which of its columns carry the
    group values and the measured values. ``op`` compares the measure with ``threshold``. ``clauses`` are an extended
    condition as (rules that must happen, rules that must not happen), one of which has to hold; None for a plain one.
    ``separate``, where set, names each rule's table: rules then count only as far as each rests on an observation of
    its own, and what one table holds about one remote is one observation.
    """

    type: str
    rules: tuple[str, ...]
    span: int
    group_by: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, tuple[str, ...]]
    op: str
    threshold: float
    percentile: int | None = None
    clauses: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] | None = None
    generate: bool = False
    separate: Mapping[str, str] | None = None

    @property
    def absence(self) -> bool:
        """Whether something must *not* happen, so that only the closed window can tell."""
        return self.clauses is not None and any(absent for _, absent in self.clauses)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One model. Exactly one of ``matcher`` and ``correlation`` is set; ``id`` is what findings carry as ``rule``."""

    id: str
    uuid: str
    version: str
    title: Text
    description: Text
    why: Text
    severity: Severity
    table: str
    status: str
    stage: Stage | None
    tags: tuple[str, ...]
    techniques: tuple[str, ...]
    cves: tuple[str, ...]
    weights: tuple[str, ...]
    key: tuple[str, ...]
    references: tuple[str, ...]
    falsepositives: tuple[str, ...]
    runbook: Text | None
    author: str
    date: str
    logsource: Mapping[str, str]
    file: str
    matcher: Matcher | None = None
    correlation: Correlation | None = None
    tests: tuple[Mapping[str, Any], ...] = ()
    body: str = ""
    """Digest of what its author says it matches, how grave that is, and what makes two hits one; not of its words."""


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """The rules that loaded, in a fixed order, and what was wrong with the others."""

    rules: tuple[Rule, ...] = ()
    errors: tuple[RuleError, ...] = ()

    def __getitem__(self, rule_id: str) -> Rule:
        for rule in self.rules:
            if rule_id in (rule.id, rule.uuid):
                return rule
        raise KeyError(rule_id)

    def __len__(self) -> int:
        return len(self.rules)

    def single(self) -> tuple[Rule, ...]:
        """Rules over single records."""
        return tuple(rule for rule in self.rules if rule.matcher is not None)

    def correlations(self) -> tuple[Rule, ...]:
        """Correlations, every one after the rules it refers to."""
        done: dict[str, Rule] = {}
        waiting = {rule.id: rule for rule in self.rules if rule.correlation is not None}

        def place(rule: Rule) -> None:
            if rule.id in done or rule.correlation is None:
                return
            for name in rule.correlation.rules:
                if name in waiting and name != rule.id:
                    place(waiting[name])
            done[rule.id] = rule

        for rule in waiting.values():
            place(rule)
        return tuple(done.values())

    def silent(self) -> frozenset[str]:
        """Rules that only feed correlations: some correlation refers to them and none of those says ``generate``."""
        used: dict[str, bool] = {}
        for rule in self.rules:
            for name in rule.correlation.rules if rule.correlation else ():
                used[name] = used.get(name, False) or bool(rule.correlation and rule.correlation.generate)
        return frozenset(name for name, generate in used.items() if not generate)


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A test inside a rule that did not hold."""

    rule: str
    test: str
    expected: str
    got: str
