"""What a run hands to the next so that an incident goes on: findings, messages and the records they rest on.

Findings are joined by what they share within some reach of time (``incidents.grouping``); what lies further back than
that cannot be joined any more and stays behind, told by the store. Of the rest the newest are carried, up to a bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kanaria.core.types import Finding, Record, StratumMessage
from kanaria.incidents.case import Case
from kanaria.incidents.grouping import REACH

Json = dict[str, Any]

MOST_FINDINGS, MOST_RECORDS = 2_000, 10_000
"""Carried at most, the newest incidents first: 15 MB of JSON when every record has the longest text, a tenth of it on
disk. The judgement of an incident reads at most 50 records of a finding."""
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
    from kanaria.store.values import made

    return Carried(
        findings=[made(Finding, item) for item in kept["findings"]],
        messages=[made(StratumMessage, item) for item in kept["messages"]],
        records=[made(Record, item) for item in kept["records"]],
        later_requests={name: [made(Record, item) for item in found] for name, found in kept["later_requests"].items()},
        newest=datetime.fromisoformat(kept["newest"]) if kept["newest"] else None,
    )


def pack(cases: Iterable[Case], later_requests: Mapping[str, Sequence[Record]], newest: datetime | None) -> Json:
    """The cases a later run may still add to, as JSON values."""
    from kanaria.store.values import plain

    chosen = list(_chosen(cases, newest))
    records = {event: record for case in chosen for event, record in case.records.items()}
    return {
        "findings": [plain(finding) for case in chosen for finding in case.findings],
        "messages": [plain(message) for case in chosen for message in case.messages],
        "records": [plain(record) for record in records.values()],
        "later_requests": {name: [plain(record) for record in found] for name, found in later_requests.items()},
        "newest": newest.isoformat() if newest else None,
    }


def _chosen(cases: Iterable[Case], newest: datetime | None) -> Iterable[Case]:
    findings = records = 0
    for case in sorted(cases, key=_last, reverse=True):
        findings += len(case.findings)
        records += len(case.records)
        if findings > MOST_FINDINGS or records > MOST_RECORDS:
            return
        if _joinable(case, newest):
            yield case


def _joinable(case: Case, newest: datetime | None) -> bool:
    """Whether something found later could still belong to it. Without times, only the same text joins."""
    texts = any(message.sample or message.wallet for message in case.messages)
    if not case.times or newest is None:
        return texts
    return newest - case.times[-1] <= (_BY_TEXT if texts else _BY_PLACE)


def _last(case: Case) -> float:
    return case.times[-1].timestamp() if case.times else 0.0
