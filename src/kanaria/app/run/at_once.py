"""What needs no neighbours is told before everything else: a mining message, a pool that is asked for, a cradle.

Batches come in when they arrive; what was found in single records goes out, before these have waited for slower sensors
and before anything is learned. It is an announcement and changes no memory: the records come again with their slice,
are judged there with everything around them, and are found under the same ids. So incidents are the same whether
anything was announced or not; somebody knows of them earlier.

Two looks. The first is at every record, by rules that need nothing but the record. Where it finds something new, the
second is at these records alone, as they will be in their slice: linked and scored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.app.run.understand import understand
from kanaria.core.types import SEVERITIES, Finding, StratumMessage
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import duckdb

    from kanaria.app.run.setup import Setup
    from kanaria.core.schema import Tables
    from kanaria.detect import Detector, Rule, RuleSet
    from kanaria.detect.findings import Seen

URGENT = SEVERITIES.index("medium")
"""From this severity on a finding is announced. Probes, which anybody gets all day, wait for their turn."""
MINING = "T1496"
"""Resource hijacking (MITRE ATT&CK)."""
SURPRISE = "baseline."
"""Beginning of the names of columns that depend on what else came: such models wait for their slice, unless mining is
what they are about, which they never tell from surprise alone."""
MOST = 200
"""Records looked at a second time together. To look at 200 and to keep what they show takes 0.35 s of processor time,
for 400 it is 0.57, more than half of the second in which everything is to be told. A flood of attacks is told with its
slices, where they are one thing."""


@dataclass(frozen=True, kw_only=True)
class Announced:
    """What was found: rows with all columns, messages in them, and findings."""

    tables: Tables
    messages: tuple[StratumMessage, ...]
    findings: tuple[Finding, ...]


class AtOnce:
    """Looks at batches for one engine. ``link`` and ``score`` say what a record will be in its slice, without keeping
    anything; ``seen`` which records an earlier run has had."""

    def __init__(
        self, setup: Setup, engine: duckdb.DuckDBPyConnection, *, link: Callable[[Tables], Tables],
        score: Callable[[Tables], Tables], seen: Seen | None,
    ) -> None:  # fmt: skip
        self._setup, self._engine, self._link, self._score, self._seen = setup, engine, link, score, seen
        self._made: tuple[Detector, Detector] | None = None
        self._silent = setup.rules.silent()
        self._put_off: dict[bool, dict[str, pa.Table]] = {}
        """Records for a second look, by whether they crossed the wire."""
        self._rests_until = 0.0
        self._flooded = False

    def look(self, tables: Tables, *, on_the_wire: bool, known: Callable[[Finding], bool]) -> Announced | None:
        """What is urgent in rows of one moment, and not ``known`` already; None when nothing is, or not yet."""
        if on_the_wire and self._setup.config.allowed.pools:
            return None  # whose word a pool's name rests on is known when the answers came
        self._put_off[on_the_wire] = _joined(self._put_off.get(on_the_wire, {}), self._striking(tables))
        if self._flooded or time.monotonic() < self._rests_until:
            return None
        few = self._put_off.pop(on_the_wire)
        return self._second(few, on_the_wire, known) if few else None

    @property
    def put_off(self) -> bool:
        """Whether records wait for a second look."""
        return any(self._put_off.values()) and not self._flooded

    def rest(self, took: float) -> None:
        """Something was found, and judging it took so many seconds: let the ordinary way have as many."""
        self._rests_until = time.monotonic() + took

    def settled(self) -> None:
        """All records that were looked at have been judged in their slices."""
        self._put_off.clear()
        self._flooded = False

    def _striking(self, tables: Tables) -> dict[str, pa.Table]:
        """The records for a second look; when there are too many, nobody looks again before all were judged: who comes
        first would not be known any more."""
        understood, _messages = understand(tables, self._setup)
        events = {event for finding in self._detectors()[0].evaluate(understood) for event in finding.event_ids}
        self._flooded = self._flooded or len(events) > MOST
        return {} if self._flooded else _only(tables, events)

    def _second(self, few: Tables, on_the_wire: bool, known: Callable[[Finding], bool]) -> Announced | None:
        understood, messages = understand(self._link(few) if on_the_wire else few, self._setup)
        scored = self._score(understood) if on_the_wire and self._setup.store else understood
        candidates = (one for one in self._detectors()[1].evaluate(scored) if one.rule not in self._silent)
        findings = tuple(finding for finding in candidates if not known(finding))
        if not any(SEVERITIES.index(finding.severity) >= URGENT for finding in findings):
            return None
        return Announced(tables=scored, messages=messages, findings=findings)

    def _detectors(self) -> tuple[Detector, Detector]:
        if self._made is None:
            from kanaria.detect import Detector

            first, second = models(self._setup.rules)
            self._made = (
                Detector(first, lambda: self._engine, facts=self._setup.facts, remembers=False),
                _anew(second, self._engine, self._setup, self._seen),
            )
        return self._made


def _anew(rules: RuleSet, engine: duckdb.DuckDBPyConnection, setup: Setup, seen: Seen | None) -> Detector:
    from datetime import timedelta

    from kanaria.detect import Detector

    return Detector(rules, lambda: engine, facts=setup.facts, lateness=timedelta(0), seen=seen, remembers=False)


def models(rules: RuleSet) -> tuple[RuleSet, RuleSet]:
    """The models for the first look, each of which may be reason to tell somebody; and those for the second: all that
    one record can satisfy by itself."""
    from kanaria.detect import RuleSet

    single = {rule.id: rule for rule in rules.rules if rule.matcher is not None and _alone(rule)}
    counted = [
        rule
        for rule in rules.rules
        if _by_one(rule) and rule.correlation and set(rule.correlation.rules) <= set(single)
    ]
    grave = [rule for rule in (*single.values(), *counted) if SEVERITIES.index(rule.severity) >= URGENT]
    wanted = {name for rule in grave for name in (rule.correlation.rules if rule.correlation else (rule.id,))}
    first = tuple(rule for rule in single.values() if rule.id in wanted)
    return RuleSet(rules=first), RuleSet(rules=(*single.values(), *counted))


def _alone(rule: Rule) -> bool:
    """Whether nothing but the record, facts and what its device is decides."""
    read = rule.matcher.columns if rule.matcher else ()
    about_mining = any(technique.startswith(MINING) for technique in rule.techniques)
    return about_mining or not any(column.startswith(SURPRISE) for column in read)


def _by_one(rule: Rule) -> bool:
    """Whether a single record makes the correlation true."""
    correlation = rule.correlation
    return (
        correlation is not None
        and correlation.type == "event_count"
        and correlation.op == "gte"
        and correlation.threshold <= 1
        and not correlation.clauses
    )


def _joined(some: Mapping[str, pa.Table], more: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    parts = {name: [each[name] for each in (some, more) if name in each] for name in {**some, **more}}
    return {name: pa.concat_tables(tables, promote_options="default") for name, tables in parts.items()}


def _only(tables: Mapping[str, pa.Table], events: set[int]) -> dict[str, pa.Table]:
    import pyarrow.compute as pc

    wanted = pa.array(sorted(events), pa.int64())
    chosen = {name: table.filter(pc.is_in(table["event_id"], wanted)) for name, table in tables.items()}
    return {name: table for name, table in chosen.items() if len(table)}
