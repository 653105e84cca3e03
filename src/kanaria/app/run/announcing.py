"""Batches that wait for their turn are looked at when they come, and what is grave in them is judged then.

In: batches of a life that goes on. Out: the incidents to tell of now, judged in a copy of the cases, and later, when
the same records come with their slice, the ids under which somebody heard of what is found in them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.app.run.at_once import URGENT, Announced, AtOnce
from kanaria.app.run.conclude import Around, judged
from kanaria.app.run.judged import Judged
from kanaria.app.run.ordering import Live
from kanaria.core.types import SEVERITIES, Batch, Finding, Incident

if TYPE_CHECKING:
    from kanaria.core.schema import Tables


class Announcing:
    """For one engine. ``around`` is what its incidents are judged from, and stays as it is."""

    def __init__(self, at_once: AtOnce, around: Around) -> None:
        self._at_once, self._around = at_once, around
        self._announced: dict[str, tuple[str, Announced]] = {}
        """By what findings are about, the ids under which they were announced and are not yet found in their slice."""

    @property
    def hastens(self) -> bool:
        """Whether ``look`` has something to look at that came before."""
        return self._at_once.put_off

    def look(self, batches: Iterable[Batch], order: Live) -> Judged:
        """Let batches wait for their turn in this order; what needs no neighbours and is grave is judged now."""
        taken_in, begun = _taken_in(order, batches), time.monotonic()
        # What web servers log is neither linked nor scored: where nobody waits, its turn comes at once.
        ways = (True, False) if order.lateness else (True,)
        looks = (self._at_once.look(taken_in.get(way, {}), on_the_wire=way, known=self._known) for way in ways)
        found = [one for one in looks if one]
        grave = self._beside(found) if found else ()
        if found:
            self._at_once.rest(time.monotonic() - begun)
        return Judged(changed=grave, announced=True)

    def as_announced(self, findings: Sequence[Finding]) -> tuple[list[Finding], set[int]]:
        """What was announced keeps the id it was announced under: it has another where a record of another log, about
        the same thing, turned out to come first. And the records that were announced."""
        named, events = [], set[int]()
        for finding in findings:
            if finding.key in self._announced:
                name, one = self._announced.pop(finding.key)
                events.update(event for each in one.findings for event in each.event_ids)
                finding = replace(finding, id=name)
            named.append(finding)
        return named, events

    def settled(self) -> None:
        """All records that were looked at have been judged in their slices."""
        self._announced.clear()
        self._at_once.settled()

    def _known(self, finding: Finding) -> bool:
        return finding.key in self._announced or self._around.case.goes_on(finding)

    def _beside(self, found: Sequence[Announced]) -> tuple[Incident, ...]:
        """The grave incidents that these would be part of, those that are news."""
        case = self._around.case.beside()
        for one in {id(one): one for _name, one in self._announced.values()}.values():
            case.add(one.tables, one.messages, one.findings)
        case.forget_changes()
        for one in found:
            case.add(one.tables, one.messages, one.findings)
        incidents = judged(replace(self._around, case=case, ahead=True))
        grave = Judged(changed=tuple(i for i in incidents if SEVERITIES.index(i.severity) >= URGENT)).news
        told = {finding.id for incident in grave for finding in incident.findings}
        new = ((finding, one) for one in found for finding in one.findings if finding.id in told)
        self._announced |= {finding.key: (finding.id, one) for finding, one in new}
        return grave


def _taken_in(order: Live, batches: Iterable[Batch]) -> dict[bool, Tables]:
    """The rows of batches that now wait for their turn, by whether they crossed the wire."""
    parts: dict[bool, dict[str, list[pa.Table]]] = {}
    for batch in batches:
        order.take_in(batch)
        into = parts.setdefault(order.crossed_the_wire(batch), {})
        for name, table in batch.tables.items():
            into.setdefault(name, []).append(table)
    joined = {
        way: {name: pa.concat_tables(t, promote_options="default") for name, t in into.items()}
        for way, into in parts.items()
    }
    return {way: {name: table for name, table in tables.items() if len(table)} for way, tables in joined.items()}
