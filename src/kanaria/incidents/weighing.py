"""Turning observations into bits, and bits into a judgement.

Evidence about one question comes in families. Inside a family only the strongest observation counts, because its
members are not independent; families add up, each up to its cap. Hypotheses compete: their bits, prior included, give
probabilities that sum to one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kanaria.core.facts import Knowledge, Weight
from kanaria.core.ids import content_id
from kanaria.core.text import printable
from kanaria.core.types import HYPOTHESES, Evidence, HypothesisScore, Outcome, OutcomeValue, Record, Text

QUOTE_LIMIT = 2_000

# Odds at which the words change. 64:1 against success reads as "failed" when the server itself refused; a coin flip
# either way is "no sign"; beyond 256:1 for success nobody reasonable doubts it (DESIGN: bits are log2 odds).
FAILED_BELOW = -6.0
POSSIBLE_FROM = 2.0
CONFIRMED_FROM = 8.0
REFUSAL_FAMILY = "response"


def evidence(
    facts: Knowledge, weight: str, record: Record | None = None, because: Text | None = None, factor: float = 1.0
) -> Evidence:
    """One observation worth what ``knowledge`` says ``weight`` is worth, scaled by ``factor`` for partial observations."""
    entry = facts.weights[weight]
    words = because or entry.because
    place = (record.source, record.line) if record else ("", "")
    return Evidence(
        id=content_id("e", (weight, *place, words.en)),
        kind=weight,
        about=entry.about,
        family=entry.family,
        bits=round(entry.bits * factor, 1) + 0.0,
        because=words,
        source=record.source if record else None,
        line=record.line if record else None,
        time=record.time if record else None,
        quote=printable(record.quote)[:QUOTE_LIMIT] if record else "",
        event_id=record.event_id if record else None,
    )


def quoted(record: Record, because: Text) -> Evidence:
    """A record quoted for the reader, worth nothing by itself: what it weighs is said elsewhere."""
    return Evidence(
        id=content_id("e", ("record", record.event_id)),
        kind="record",
        about="record",
        family="record",
        bits=0.0,
        because=because,
        source=record.source,
        line=record.line,
        time=record.time,
        quote=printable(record.quote)[:QUOTE_LIMIT],
        event_id=record.event_id,
    )


def seen_from_all_sides(facts: Knowledge, item: Evidence) -> list[Evidence]:
    """The observation itself, and the same observation as it bears on other hypotheses.

    ``knowledge`` names those weights ``<observation>.<hypothesis>``.
    """
    return [item] + [
        replace(
            item, id=content_id("e", (item.id, other.about)), about=other.about, family=other.family, bits=other.bits
        )
        for other in _sides(facts).get(item.kind, ())
    ]


_known: list[tuple[Knowledge, dict[str, list[Weight]]]] = []


def _sides(facts: Knowledge) -> Mapping[str, Sequence[Weight]]:
    """Weights named ``<observation>.<hypothesis>`` by observation, sorted out once: every observation asks."""
    if not _known or _known[0][0] is not facts:
        by_side: dict[str, list[Weight]] = defaultdict(list)
        for weight in facts.weights.values():
            if "." in weight.id:
                by_side[weight.id.partition(".")[0]].append(weight)
        _known[:] = [(facts, by_side)]
    return _known[0][1]


def total(items: Iterable[Evidence], caps: Mapping[str, float]) -> float:
    """Summed bits: per family the strongest for and the strongest against, each at most the family's cap."""
    best: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for item in items:
        low, high = best[item.family]
        best[item.family] = (min(low, item.bits), max(high, item.bits))
    bits = 0.0
    for family, (low, high) in best.items():
        cap = caps.get(family, float("inf"))
        bits += max(low, -cap) + min(high, cap)
    return bits


def hypotheses(items: Iterable[Evidence], caps: Mapping[str, float]) -> tuple[HypothesisScore, ...]:
    """Every hypothesis with its bits and probability, most probable first."""
    grouped: dict[str, list[Evidence]] = {name: [] for name in HYPOTHESES}
    for item in items:
        if item.about in grouped:
            grouped[item.about].append(item)
    bits = {name: total(grouped[name], caps) for name in HYPOTHESES}
    top = max(bits.values())
    odds = {name: 2.0 ** (value - top) for name, value in bits.items()}
    everything = sum(odds.values())
    scores = [
        HypothesisScore(name=name, probability=round(odds[name] / everything, 4), bits=round(bits[name], 1))
        for name in HYPOTHESES
    ]
    return tuple(sorted(scores, key=lambda score: (-score.probability, HYPOTHESES.index(score.name))))


def outcome(items: Iterable[Evidence], caps: Mapping[str, float]) -> Outcome:
    """Whether it worked, from the evidence about ``outcome``."""
    about = [item for item in items if item.about == "outcome"]
    bits = total(about, caps)
    refused = any(item.family == REFUSAL_FAMILY and item.bits < 0 for item in about)
    return Outcome(value=_value(bits, refused), bits=round(bits, 1), because=tuple(sorted({item.id for item in about})))


def _value(bits: float, refused: bool) -> OutcomeValue:
    if bits >= CONFIRMED_FROM:
        return "confirmed"
    if bits >= POSSIBLE_FROM:
        return "possible"
    return "failed" if refused and bits <= FAILED_BELOW else "no_sign_of_success"
