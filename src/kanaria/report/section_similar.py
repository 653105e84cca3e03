"""The report's section about similar incidents."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from kanaria.core.text import cut, printable
from kanaria.core.types import Claim, Language
from kanaria.report.phrases import phrase
from kanaria.report.sections import Subject
from kanaria.report.similar import Shared, counts_around, similar_to

SIMILAR_SHOWN = 5
SHARED_SHOWN = 3
VALUE_COLUMNS = 40
# A median over fewer days is no usual day.
LEAST_DAYS = 3


def similar_incidents(subject: Subject) -> Iterator[Claim]:
    """Other incidents, earlier ones too, that share something telling, and how the busiest day compares with a usual one.

    Scans by everybody are all alike, and a busy server sees a thousand of them: they get no such section.
    """
    if subject.incident.severity == "informational":
        return
    alike = similar_to(subject.incident, subject.analysis)
    kept = {item.id for item in subject.analysis.earlier}
    for item in alike[:SIMILAR_SHOWN]:
        other = item.incident
        when = subject.analysis.zone.shown(other.first_seen) if other.first_seen else "-"
        percent, shared = round(100 * item.score), _shared(item.shared, subject.language)
        title = subject.to(other.title)
        key = "similar_kept" if other.id in kept else "similar"
        yield subject.say(key, title=title, when=when, id=other.id, percent=percent, shared=shared)
    if len(alike) > SIMILAR_SHOWN:
        yield subject.say("similar_more", count=len(alike) - SIMILAR_SHOWN)
    totals = [(sum(of.values()), day) for day, of in counts_around(subject.incident, subject.analysis)]
    if alike and len(totals) >= LEAST_DAYS:
        count, day = max(totals, key=lambda total: total[0])
        usual = f"{statistics.median(total for total, _ in totals):g}"
        yield subject.say("similar_day", day=day.isoformat(), count=count, usual=usual, days=len(totals))


def _shared(items: tuple[Shared, ...], language: Language) -> str:
    """What is shared, kind by kind, the most telling first."""
    grouped: dict[str, list[str]] = {}
    for item in items:
        grouped.setdefault(item.kind, []).append(cut(printable(item.value), VALUE_COLUMNS))
    parts = []
    for kind, values in grouped.items():
        more = f" +{len(values) - SHARED_SHOWN}" if len(values) > SHARED_SHOWN else ""
        parts.append(phrase(f"shared_{kind}", language, values=", ".join(values[:SHARED_SHOWN]) + more))
    return ("、" if language == "ja" else "; ").join(parts)
