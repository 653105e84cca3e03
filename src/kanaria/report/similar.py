"""Which incidents resemble each other, and how many findings there were around one, day by day.

Takes incidents of a run and of earlier ones; returns pairs with a score and what they share, and counts per day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta

from kanaria.core.types import SEVERITIES, Analysis, Incident, Severity
from kanaria.core.values import dataclass

# How telling a shared item is. One payout address is one operator; one address is one source for some days; models and
# techniques are shared by everybody who does the same thing. Order and ratios follow DESIGN's weights for the same facts
# (payload over name over context); what is shared less widely counts more besides (``_rarity``).
KIND_WEIGHTS: Mapping[str, float] = {
    "wallet": 4.0, "account": 3.0, "remote": 3.0, "indicator": 2.0, "model": 1.0, "technique": 0.5,
}  # fmt: skip
# Two incidents that share only what a tenth of their weight stands on are no help to a reader.
SIMILAR_FROM = 0.1
DAYS_AROUND = 14
# What more incidents than this share weighs less than a twentieth of what two share, and is no way to find neighbours.
RARE = 40


@dataclass(frozen=True, kw_only=True)
class Shared:
    """One thing two incidents have in common. ``kind`` is a key of ``KIND_WEIGHTS``."""

    kind: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Similar:
    """Another incident, how similar it is (0 nothing shared, 1 everything) and what is shared, most telling first."""

    incident: Incident
    score: float
    shared: tuple[Shared, ...]


@dataclass(frozen=True)
class _Run:
    """What every incident of a run has in common with others, worked out once."""

    traits: Mapping[str, frozenset[Shared]]
    weights: Mapping[Shared, float]
    holders: Mapping[Shared, tuple[int, ...]]
    """Places of the incidents that have it; only for what is rare enough to tell something."""
    days: Counter[tuple[date, Severity]]


@dataclass(frozen=True)
class _Surroundings:
    """The incidents around those of one analysis."""

    analysis: Analysis
    others: tuple[Incident, ...]
    """This run's, and earlier ones that do not live on in one of them."""
    everything: tuple[Incident, ...]


# Each incident of a run asks the same about the same incidents: what was worked out last is kept.
_known: list[_Surroundings] = []
_runs: list[tuple[tuple[Incident, ...], _Run]] = []


def _around(analysis: Analysis) -> _Surroundings:
    if not _known or _known[0].analysis is not analysis:
        own = {finding.id for incident in analysis.incidents for finding in incident.findings}
        ids = {incident.id for incident in analysis.incidents}
        past = (e for e in analysis.earlier if e.id not in ids and own.isdisjoint(f.id for f in e.findings))
        _known[:] = [_Surroundings(analysis, (*analysis.incidents, *past), (*analysis.incidents, *analysis.earlier))]
    return _known[0]


def similar_to(incident: Incident, analysis: Analysis) -> tuple[Similar, ...]:
    """Those of this run and of earlier ones that resemble an incident of the run, most similar first."""
    return similar(incident, _around(analysis).others)


def counts_around(incident: Incident, analysis: Analysis) -> tuple[tuple[date, Mapping[Severity, int]], ...]:
    """Findings of this run and of earlier ones per day around an incident."""
    read = [(item.first.date(), item.last.date()) for item in analysis.inputs if item.first and item.last]
    return daily_counts(_around(analysis).everything, incident, read=read)


def _run(incidents: tuple[Incident, ...]) -> _Run:
    """What is counted over these incidents."""
    for incidents_of, kept in _runs:
        if incidents_of is incidents:
            return kept
    traits = {incident.id: _traits(incident) for incident in incidents}
    holders: dict[Shared, list[int]] = {}
    for place, incident in enumerate(incidents):
        for trait in traits[incident.id]:
            holders.setdefault(trait, []).append(place)
    findings = {f.id: f for i in incidents for f in i.findings}
    days = Counter((f.time.astimezone(UTC).date(), f.severity) for f in findings.values() if f.time)
    made = _Run(
        traits=traits,
        weights={trait: KIND_WEIGHTS[trait.kind] * _rarity(len(places)) for trait, places in holders.items()},
        holders={trait: tuple(places) for trait, places in holders.items() if len(places) <= RARE},
        days=days,
    )
    _runs[:] = [(incidents, made), *_runs[:1]]
    return made


def similar(incident: Incident, incidents: tuple[Incident, ...]) -> tuple[Similar, ...]:
    """Those of these incidents (this one among them) that resemble it, most similar first.

    The score is the weight of what both have over the weight of what either has.
    """
    run = _run(incidents)
    own = run.traits[incident.id]
    places = {place for trait in own for place in run.holders.get(trait, ())}
    alike = []
    for other in (incidents[place] for place in sorted(places)):
        both = own & run.traits[other.id]
        everything = sum(run.weights[trait] for trait in own | run.traits[other.id])
        score = sum(run.weights[trait] for trait in both) / everything if everything else 0.0
        if other.id != incident.id and score >= SIMILAR_FROM:
            ordered = sorted(both, key=lambda trait: (-KIND_WEIGHTS[trait.kind], trait.kind, trait.value))
            alike.append(Similar(incident=other, score=round(score, 3), shared=tuple(ordered)))
    return tuple(sorted(alike, key=lambda item: (-item.score, item.incident.id)))


def _traits(incident: Incident) -> frozenset[Shared]:
    named = {"wallet": "wallet", "account": "account", "cookie": "account"}
    indicators = [
        (named.get(i.type, "indicator"), i.value) for i in incident.indicators if not i.type.startswith("ipv")
    ]
    findings = [("model", f.rule) for f in incident.findings]
    accounts = [("account", f.values["user"]) for f in incident.findings if f.values.get("user")]
    pairs = [
        *indicators, *findings, *accounts,
        *(("remote", remote) for remote in incident.remotes), *(("technique", name) for name in incident.techniques),
    ]  # fmt: skip
    return frozenset(Shared(kind=kind, value=value) for kind, value in pairs)


def _rarity(incidents: int) -> float:
    """What two incidents alone share counts fully, what ten share a fifth."""
    return 2.0 / max(incidents, 2)


def daily_counts(
    incidents: tuple[Incident, ...], around: Incident, days: int = DAYS_AROUND, read: Sequence[tuple[date, date]] = ()
) -> tuple[tuple[date, Mapping[Severity, int]], ...]:
    """Findings per UTC day and severity, from ``days`` before the incident to ``days`` after it; empty days included.

    Only days between the first and the last of them that somebody looked at are given: those of findings, and those of
    which logs were ``read`` (first and last day of each).
    """
    counted = _run(incidents).days
    if not counted or around.first_seen is None or around.last_seen is None:
        return ()
    low = around.first_seen.astimezone(UTC).date() - timedelta(days=days)
    high = around.last_seen.astimezone(UTC).date() + timedelta(days=days)
    looked = [day for day, _ in counted if low <= day <= high]
    looked += [day for begin, end in read if begin <= high and end >= low for day in (max(begin, low), min(end, high))]
    first, last = min(looked), max(looked)
    listed = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return tuple((day, {s: counted[day, s] for s in SEVERITIES if counted[day, s]}) for day in listed)
