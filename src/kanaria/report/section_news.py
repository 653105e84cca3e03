"""What a run adds to an incident that earlier runs knew: new, worse, going on, or the same records again.

Takes a ``Subject`` whose incident carries an ``Alert`` (only runs with a store do); returns claims, none without one;
and for lists the short form of the same: how often, and when last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from kanaria.core.text import decimal
from kanaria.core.types import Claim, Finding, Incident, Language
from kanaria.report.phrases import phrase
from kanaria.report.sections import Subject

# A reader wants to know what goes on, not to read the findings twice.
REPEATS_SHOWN = 8
SHORT_FORMAT = "%Y-%m-%d %H:%M UTC"


def news(subject: Subject) -> Iterator[Claim]:
    alert = subject.incident.alert
    if alert is None:
        return
    reported = subject.analysis.zone.shown(alert.told) if alert.told else "-"
    separator = "、" if subject.language == "ja" else "; "
    because = separator.join(subject.to(reason) for reason in alert.because)
    yield subject.say(f"news_{alert.kind}", told=reported, because=because, runs=alert.runs)
    if alert.kind == "new":
        return
    repeated = [finding for finding in subject.incident.findings if times_seen(finding.values) > 1]
    for finding in sorted(repeated, key=lambda one: -times_seen(one.values))[:REPEATS_SHOWN]:
        evidence = tuple(item.id for item in finding.evidence)
        title, seen = subject.to(finding.title), _how_often(finding, subject.language)
        yield subject.say("news_seen", *evidence, title=title, seen=seen)


def times_seen(values: Mapping[str, str]) -> int:
    """How many records a finding with these values rests on, in all runs."""
    return decimal(values.get("count", "1")) or 1


def last_line(incident: Incident, language: Language) -> str:
    """How often the most frequent kind of its findings was seen, and when the last of any: for one line in a list."""
    if not incident.findings or incident.last_seen is None:
        return ""
    count = _most((finding.rule, finding.values) for finding in incident.findings)
    return _times_and_last(count, incident.last_seen, language)


def brief(kept: Mapping[str, Any], language: Language) -> str:
    """The same of an incident's JSON form, and in how many runs: ``(seen 41 times, in 3 runs)``; nothing for once."""
    count = _most((finding["rule"], finding["values"]) for finding in kept["findings"])
    runs = (kept.get("alert") or {"runs": 1})["runs"]
    if runs > 1:
        return phrase("brief_runs", language, count=count, runs=runs)
    return phrase("brief", language, count=count) if count > 1 else ""


def _most(findings: Iterable[tuple[str, Mapping[str, str]]]) -> int:
    """Records of the kind that has most: a model finds something in each of five hundred sources once."""
    counts: Counter[str] = Counter()
    for rule, values in findings:
        counts[rule] += times_seen(values)
    return max(counts.values(), default=1)


def _how_often(finding: Finding, language: Language) -> str:
    return _times_and_last(times_seen(finding.values), finding.until or finding.time, language)


def _times_and_last(count: int, last: datetime | None, language: Language) -> str:
    when = last.strftime(SHORT_FORMAT) if last else "-"
    return phrase("seen" if count > 1 else "seen_once", language, count=count, last=when)
