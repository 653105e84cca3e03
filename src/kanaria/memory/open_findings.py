"""What a run hands to the next so that an incident goes on: findings, messages and the records they rest on.

Findings are joined by what they share within some reach of time (``incidents.grouping``); what lies further back than
that cannot be joined any more and stays behind, told by the store. Of the rest the most important are carried, up to a
bound: a large campaign must not drive out an unrelated break-in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from kanaria.core.conversion import made, marked, plain, unmarked
from kanaria.core.limits import Limits
from kanaria.core.types import SEVERITIES, Finding, Record, StratumMessage
from kanaria.core.values import dataclass
from kanaria.incidents.case import Case
from kanaria.incidents.grouping import REACH

Json = dict[str, Any]

SHARE_OF_ONE = 4
"""A case has at most this part of all findings carried: a campaign of thousands of sources is joined by any of them."""
_BY_TEXT = REACH["wallet"]  # the same payout address or sample
_BY_PLACE = max(REACH["remote"], REACH["device"])  # the same address


@dataclass(frozen=True)
class Carried:
    """What came from the run before."""

    findings: Sequence[Finding] = ()
    messages: Sequence[StratumMessage] = ()
    records: Sequence[Record] = ()
    later_requests: Mapping[str, Sequence[Record]] = field(default_factory=dict)
    newest: datetime | None = None
    """Time of the newest record any run has read."""


NOTHING = Carried()


def unpack(kept: Json | None) -> Carried:
    """What ``pack`` gave to the store."""
    if not kept:
        return NOTHING
    carried = made(Carried, _without_marks(kept))
    return replace(
        carried,
        records=[_unmarked(record) for record in carried.records],
        later_requests={
            name: [_unmarked(record) for record in requests] for name, requests in carried.later_requests.items()
        },
    )


def _unmarked(record: Record) -> Record:
    return replace(record, values=unmarked(record.values))


def _marked(record: Record) -> Record:
    return replace(record, values=marked(record.values))


def _without_marks(kept: Any) -> Any:
    """The form of stores that version 0.1 wrote, in which every time was marked, as it is written today. What nothing
    says the type of stays marked."""
    if isinstance(kept, list):
        return [_without_marks(item) for item in kept]
    if not isinstance(kept, Mapping):
        return kept
    if set(kept) == {"@time"}:
        return kept["@time"]
    return {name: item if name in {"values", "fields"} else _without_marks(item) for name, item in kept.items()}


@dataclass(frozen=True)
class CarriedCases:
    """The cases a later run may still add to, as far as they are carried, and how many findings were too many."""

    cases: tuple[Case, ...] = ()
    forgotten: int = 0

    @property
    def findings(self) -> frozenset[str]:
        return frozenset(finding.id for case in self.cases for finding in case.findings)


def keep(cases: Iterable[Case], newest: datetime | None, limits: Limits = Limits()) -> CarriedCases:  # noqa: B008  (frozen)
    """The most important first: the most severe, and of these the latest."""
    chosen: list[Case] = []
    findings = records = forgotten = 0
    for case in sorted((c for c in cases if _joinable(c, newest)), key=_importance, reverse=True):
        part = _cut(
            case, min(limits.findings // SHARE_OF_ONE or 1, limits.findings - findings), limits.records - records
        )
        forgotten += len(case.findings) - len(part.findings)
        if part.findings:
            chosen.append(part)
            findings, records = findings + len(part.findings), records + len(part.records)
    return CarriedCases(tuple(chosen), forgotten)


def pack(kept: CarriedCases, later_requests: Mapping[str, Sequence[Record]], newest: datetime | None) -> Json:
    """What is carried, as JSON values."""
    records = {event: record for case in kept.cases for event, record in case.records.items()}
    carried = Carried(
        findings=[finding for case in kept.cases for finding in case.findings],
        messages=[message for case in kept.cases for message in case.messages],
        records=[_marked(record) for record in records.values()],
        later_requests={name: [_marked(record) for record in requests] for name, requests in later_requests.items()},
        newest=newest,
    )
    packed: Json = plain(carried)
    return packed


def _cut(case: Case, most_findings: int, most_records: int) -> Case:
    """The case with its most severe and latest findings, and the records of these."""
    if len(case.findings) <= most_findings and len(case.records) <= most_records:
        return case
    ordered = sorted(case.findings, key=lambda f: (SEVERITIES.index(f.severity), _time(f), f.id), reverse=True)
    findings: list[Finding] = []
    records: dict[int, Record] = {}
    for finding in ordered[:most_findings]:
        own = {event: case.records[event] for event in finding.event_ids if event in case.records}
        if len(records.keys() | own.keys()) > most_records:
            break
        findings.append(finding)
        records |= own
    order = {finding.id: number for number, finding in enumerate(case.findings)}
    return replace(
        case,
        findings=tuple(sorted(findings, key=lambda finding: order[finding.id])),
        messages=tuple(message for message in case.messages if message.event_id in records),
        records=records,
    )


def _importance(case: Case) -> tuple[int, float, str]:
    worst = max(SEVERITIES.index(finding.severity) for finding in case.findings)
    return worst, _last(case), min(finding.id for finding in case.findings)


def _time(finding: Finding) -> float:
    time = finding.until or finding.time
    return time.timestamp() if time else 0.0


def _joinable(case: Case, newest: datetime | None) -> bool:
    """Whether something found later could still belong to it. Without times, only the same text joins."""
    texts = any(message.sample or message.wallet for message in case.messages)
    if not case.times or newest is None:
        return texts
    return newest - case.times[-1] <= (_BY_TEXT if texts else _BY_PLACE)


def _last(case: Case) -> float:
    return case.times[-1].timestamp() if case.times else 0.0
