"""Which incidents resemble each other, and how many findings there were around one, day by day.

Comes in: incidents. Goes out: pairs with a score and what they share, and counts per day. Pure functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta

from kanaria.core.types import Incident, Severity

# How telling a shared item is. One payout address is one operator; one address is one source for some days; models and
# techniques are shared by everybody who does the same thing. Order and ratios follow DESIGN's weights for the same facts
# (payload over name over context); what is shared less widely counts more by ``_rarity`` besides.
KIND_WEIGHTS: Mapping[str, float] = {
    "wallet": 4.0, "account": 3.0, "remote": 3.0, "indicator": 2.0, "model": 1.0, "technique": 0.5,
}  # fmt: skip
# Two incidents that share only what a tenth of their weight stands on are no help to a reader.
SIMILAR_FROM = 0.1
DAYS_AROUND = 14


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


def similar(incident: Incident, others: Iterable[Incident]) -> tuple[Similar, ...]:
    """The other incidents that resemble this one, most similar first: shared weight over the weight of both together."""
    known = [other for other in others if other.id != incident.id]
    traits = {other.id: _traits(other) for other in [incident, *known]}
    spread = Counter(trait for found in traits.values() for trait in found)
    own = traits[incident.id]
    found = []
    for other in known:
        both = own & traits[other.id]
        everything = sum(_weight(trait, spread) for trait in own | traits[other.id])
        score = sum(_weight(trait, spread) for trait in both) / everything if everything else 0.0
        if score >= SIMILAR_FROM:
            ordered = sorted(both, key=lambda trait: (-KIND_WEIGHTS[trait.kind], trait.kind, trait.value))
            found.append(Similar(incident=other, score=round(score, 3), shared=tuple(ordered)))
    return tuple(sorted(found, key=lambda item: (-item.score, item.incident.id)))


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


def _weight(trait: Shared, spread: Mapping[Shared, int]) -> float:
    return KIND_WEIGHTS[trait.kind] * _rarity(spread[trait])


def _rarity(incidents: int) -> float:
    """What two incidents alone share counts fully, what ten share a fifth."""
    return 2.0 / max(incidents, 2)


def daily_counts(
    incidents: Iterable[Incident], around: Incident, days: int = DAYS_AROUND
) -> tuple[tuple[date, Mapping[Severity, int]], ...]:
    """Findings per UTC day and severity, from ``days`` before the incident to ``days`` after it; empty days included.

    Only days between the first and the last finding of all are given: before and after that nobody looked.
    """
    times = [(f.time.astimezone(UTC).date(), f.severity) for i in incidents for f in i.findings if f.time]
    if not times or around.first_seen is None or around.last_seen is None:
        return ()
    counted = Counter(times)
    first = max(around.first_seen.astimezone(UTC).date() - timedelta(days=days), min(day for day, _ in times))
    last = min(around.last_seen.astimezone(UTC).date() + timedelta(days=days), max(day for day, _ in times))
    listed = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return tuple((day, {s: n for (of, s), n in sorted(counted.items()) if of == day}) for day in listed)
