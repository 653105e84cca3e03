"""Rules applied to batches of tables with all enrichment columns. Correlations keep their state here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kanaria.core.facts import Knowledge
from kanaria.core.limits import Limits
from kanaria.core.schema import Tables
from kanaria.core.types import Finding
from kanaria.core.values import dataclass
from kanaria.detect.correlate import Correlator
from kanaria.detect.findings import Seen, findings
from kanaria.detect.loading import unknown_weights
from kanaria.detect.match import TableMatcher
from kanaria.detect.model import Rule, RuleSet
from kanaria.detect.remembered import fingerprint

if TYPE_CHECKING:
    import numpy.typing as npt

    from kanaria.detect.question import Engine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COUNTING = frozenset({"event_count", "value_count"})
"""Correlations that say of many records together what none says alone: what follows something else has findings of
its own for each part."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The findings of one batch, and the event ids of all records they rest on: a finding names only some of them."""

    findings: list[Finding]
    event_ids: frozenset[int]


class Detector:
    """Applies a rule set to one batch after another.

    ``engine`` is a DuckDB connection, or a function that opens one, called only when a row has to be looked at.
    ``lateness`` says how much older than the newest record a record may still come. None (the default, for files read
    one after the other) lets correlations wait for ``finish``: the result is then the same in whatever order and
    whatever batches the records came. A time span (live input; zero is fine) reports at once; a later record still
    counts for one span of its correlation, and results are independent of the order within ``lateness``. ``seen`` says
    which records (by event id) an earlier run has had: correlations that go on from its state leave them out, findings
    tell how many of their records they are. ``updates`` asks for the finding of a running occurrence whenever it goes
    on, which files always get; without, live input gets it when its measure has doubled. Without ``remembers`` nobody
    will ask for ``dump_state``. Raises RuleError when ``facts`` lack a weight that a rule names (``load(weights=…)``
    leaves such rules out instead).
    """

    def __init__(
        self,
        ruleset: RuleSet,
        engine: Engine,
        facts: Knowledge | None = None,
        *,
        lateness: timedelta | None = None,
        seen: Seen | None = None,
        updates: bool = False,
        remembers: bool = True,
    ) -> None:
        for error in unknown_weights(ruleset.rules, facts.weights) if facts else ():
            raise error
        self._rules = {rule.id: rule for rule in ruleset.rules}
        self._engine, self._facts, self._lateness = engine, facts, lateness
        self._silent = ruleset.silent()
        self._by_table: dict[str, list[Rule]] = {}
        for rule in ruleset.single():
            self._by_table.setdefault(rule.table, []).append(rule)
        self._matchers: dict[tuple[str, tuple[str, ...]], TableMatcher] = {}
        self._seen = Revising(seen)
        updates = updates or lateness is None
        self._correlator = Correlator(
            ruleset, facts, seen=self._seen if seen else None, updates=updates, remembers=remembers
        )
        self._newest: datetime | None = None
        self._counting = Correlator(_counting(ruleset), None, remembers=False)

    def matched(self, tables: Tables) -> dict[str, frozenset[int]]:
        """Which records (by event id) each rule for single records matches; nothing is remembered of it."""
        event_ids: dict[str, frozenset[int]] = {}
        for name, table in tables.items():
            if name in self._by_table and table.num_rows:
                for rule_id, rows in self._matcher(name, table).match(table, self._engine).items():
                    event_ids[rule_id] = frozenset(table["event_id"].take(rows).to_pylist())
        return event_ids

    def judge(
        self, tables: Tables, revised: frozenset[int] = frozenset(), before: Mapping[str, frozenset[int]] | None = None
    ) -> Judgement:
        """``evaluate``, with all records that belong to findings: those of counting correlations, too, whether these
        are reported now or later. Of records that are ``revised``, only what a rule matched ``before`` was seen."""
        involved: set[int] = set()
        self._seen.begin(revised, before or {}, forgets=self._lateness is not None)
        findings = self._evaluate(tables, involved)
        newest = _newest(tables.values())
        if newest is not None and self._counting.used:
            self._counting.advance(_microseconds(newest), involved=involved)
        return Judgement(findings=findings, event_ids=frozenset(involved))

    def evaluate(self, tables: Tables) -> list[Finding]:
        """The findings of one batch; with a ``lateness`` also of correlations that became true."""
        return self._evaluate(tables, None)

    def _evaluate(self, tables: Tables, involved: set[int] | None) -> list[Finding]:
        all_findings: list[Finding] = []
        for name, table in tables.items():
            if name in self._by_table and table.num_rows:
                all_findings += self._single(name, table, involved)
        if self._correlator.used:
            self._look_at_the_clock(tables.values())
            if self._lateness is not None and self._newest is not None:
                all_findings += self._correlate(self._newest - self._lateness)
        return all_findings

    def reading(self, *columns: str) -> dict[str, str]:
        """Rules for single records that read columns with such beginnings, each with what decides what it matches."""
        matchers = ((rule, rule.matcher.columns) for rule in self._rules.values() if rule.matcher)
        return {rule.id: fingerprint(rule) for rule, read in matchers if any(c.startswith(columns) for c in read)}

    def advance(self, watermark: datetime) -> list[Finding]:
        """Nothing older than ``watermark`` will come: correlations, absences among them, are decided up to it."""
        self._newest = max(watermark, self._newest or watermark)
        return self._correlate(watermark)

    def finish(self, most: int = Limits.correlation_events) -> list[Finding]:
        """The input has ended: correlations are decided up to its newest record. Absence beyond it is not claimed.

        Afterwards no more than the ``most`` newest events of each need be there, for a ``dump_state`` of so many.
        """
        return [] if self._newest is None else self._correlate(self._newest, most)

    def dump_state(self, most: int = Limits.correlation_events) -> dict[str, Any]:
        """What correlations remember, as JSON values, for a restart: the ``most`` newest events of each."""
        return {"newest": self._newest.isoformat() if self._newest else None, **self._correlator.dump(most)}

    def beyond(self, most: int) -> int:
        """How many events ``dump_state`` leaves out."""
        return self._correlator.beyond(most)

    def forget(self, most: int) -> None:
        """Let go of what ``dump_state`` leaves out."""
        self._correlator.forget(most)

    def load_state(self, state: Mapping[str, Any]) -> tuple[str, ...]:
        """Continue from ``dump_state`` of a detector with the same or other rules.

        Returns the ids of rules that have changed since, so that what was remembered for them is forgotten.
        """
        self._newest = datetime.fromisoformat(state["newest"]) if state["newest"] else None
        return self._correlator.restore(state)

    def _single(self, name: str, table: pa.Table, involved: set[int] | None) -> list[Finding]:
        all_findings: list[Finding] = []
        for rule_id, rows in self._matcher(name, table).match(table, self._engine).items():
            if involved is not None and rule_id in self._counting.used:
                self._counting.feed(rule_id, table, rows)
            if rule_id not in self._silent:
                if involved is not None:
                    involved.update(table["event_id"].take(rows).to_pylist())
                all_findings += findings(self._rules[rule_id], table, rows, self._facts, self._seen.by(rule_id))
            if rule_id in self._correlator.used:
                self._correlator.feed(rule_id, table, rows)
        return all_findings

    def _correlate(self, until: datetime, most: int | None = None) -> list[Finding]:
        return self._correlator.advance(_microseconds(until), most=most)

    def _look_at_the_clock(self, tables: Iterable[pa.Table]) -> None:
        newest = _newest(tables)
        if newest is not None:
            self._newest = max(newest, self._newest or newest)

    def _matcher(self, name: str, table: pa.Table) -> TableMatcher:
        key = (name, tuple(f"{field.name}:{field.type}" for field in table.schema))
        if key not in self._matchers:
            self._matchers[key] = TableMatcher(self._by_table[name], table.schema)
        return self._matchers[key]


class Revising:
    """Which records were seen before, of those that are others by now as well.

    What correlations hold is known to them by rule and record, so that they take a revised record as a new one; a
    finding tells that it rests on a record of before where its rule had matched that.
    """

    def __init__(self, seen: Seen | None) -> None:
        self._seen = seen
        self._revised = np.zeros(0, np.int64)
        self._before: Mapping[str, frozenset[int]] = {}

    def begin(self, revised: frozenset[int], before: Mapping[str, frozenset[int]], *, forgets: bool) -> None:
        """Records of a batch are revised. What waits for its time is asked for later: they stay so unless the
        detector ``forgets``, which looks at all at once."""
        now = np.array(sorted(revised), np.int64)
        self._revised = now if forgets else np.union1d(self._revised, now)
        self._before = before

    def __call__(self, event_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        seen = self._seen(event_ids) if self._seen else np.zeros(len(event_ids), np.bool_)
        return seen & ~np.isin(event_ids, self._revised) if len(self._revised) else seen

    def by(self, rule_id: str) -> Seen:
        """The same for the findings of a rule."""
        matched = self._before.get(rule_id)
        if not matched:
            return self
        before = np.array(sorted(matched), np.int64)
        return lambda event_ids: self(event_ids) | np.isin(event_ids, before)


def _newest(tables: Iterable[pa.Table]) -> datetime | None:
    import pyarrow.compute as pc

    newest = [pc.max(table["time"]).as_py() for table in tables if "time" in table.column_names]
    return max(filter(None, newest), default=None)


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _counting(ruleset: RuleSet) -> RuleSet:
    """The correlations that count records, or count what such a correlation found; and what they refer to."""
    by_id = {rule.id: rule for rule in ruleset.rules}

    def counts(rule: Rule) -> bool:
        if rule.correlation is None:
            return True
        inner = [by_id[name] for name in rule.correlation.rules if name in by_id]
        return rule.correlation.type in COUNTING and not rule.correlation.absence and all(map(counts, inner))

    return RuleSet(rules=tuple(rule for rule in ruleset.rules if rule.correlation is not None and counts(rule)))
