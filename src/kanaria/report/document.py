"""The JSON document: the interface other programs read. Names here are promises; adding is free, renaming is not.

Takes an ``Analysis`` and the facts; returns plain dictionaries and lists, ready for ``json``. Text from logs is
printable already (control characters escaped); JSON escapes the rest.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from kanaria import __version__
from kanaria.core.alert import Alert
from kanaria.core.facts import CvssScore, Knowledge
from kanaria.core.story import Sentence, Stories
from kanaria.core.text import printable
from kanaria.core.types import (
    LANGUAGES,
    Analysis,
    Claim,
    Evidence,
    Finding,
    Impact,
    Incident,
    InputSummary,
    RelatedVulnerability,
    Report,
    Section,
    Series,
    StratumMessage,
    Text,
)
from kanaria.report.brief import brief
from kanaria.report.reading import series_of
from kanaria.report.similar import Similar, counts_around, similar_to
from kanaria.report.story import write_stories
from kanaria.report.write import unread_share, write

Json = dict[str, Any]
SCHEMA_VERSION = 1
# Those after the first twenty share little.
SIMILAR_LISTED = 20
# A campaign of tens of thousands of addresses is listed by its first and last parts; ``entities`` names every address.
FINDINGS_LISTED, MESSAGES_LISTED, INDICATORS_LISTED = 500, 1_000, 5_000
Item = TypeVar("Item")


def document(analysis: Analysis, facts: Knowledge, stories: Mapping[str, Stories] | None = None) -> Json:
    """The whole answer to one run. ``stories`` are those by incident that somebody else wrote."""
    stories = stories or {}
    return {
        "kanaria": {"version": __version__, "schema": SCHEMA_VERSION},
        "coverage": _coverage(analysis),
        "inputs": [_input(item) for item in analysis.inputs],
        "incidents": [_incident(item, analysis, facts, stories.get(item.id)) for item in analysis.incidents],
        "not_looked_at": [_text(item) for item in analysis.not_looked_at],
        "notes": [_text(item) for item in analysis.notes],
    }


def _coverage(analysis: Analysis) -> Json:
    read = analysis.coverage
    words = {language: unread.text for language in LANGUAGES if (unread := unread_share(analysis, language))}
    return {
        "records": read.records,
        "unread": read.unread,
        "share": read.share,
        "text": words or None,
    }


def _input(item: InputSummary) -> Json:
    return {
        "path": printable(item.path),
        "format": item.format,
        "rows": item.rows,
        "rejected": item.rejected,
        "unread": item.unread,
        "first": _time(item.first),
        "last": _time(item.last),
        "note": _text(item.note) if item.note else None,
    }


def ends(items: Sequence[Item], most: int) -> Sequence[Item]:
    """The items, or of too many the first and the last ones in equal parts."""
    return items if len(items) <= most else [*items[: most // 2], *items[-(most - most // 2) :]]


def _incident(item: Incident, analysis: Analysis, facts: Knowledge, stories: Stories | None) -> Json:
    cited = {e.event_id: e.id for e in item.evidence if e.event_id is not None and e.source}
    evidence_ids = {e.id for e in item.evidence}
    return {
        "id": item.id,
        "title": _text(item.title),
        "severity": item.severity,
        "first_seen": _time(item.first_seen),
        "last_seen": _time(item.last_seen),
        "alert": _alert(item.alert) if item.alert else None,
        "hypotheses": [{"name": h.name, "probability": h.probability, "bits": h.bits} for h in item.hypotheses],
        "outcome": {"value": item.outcome.value, "bits": item.outcome.bits, "because": list(item.outcome.because)},
        "entities": {"devices": _all(item.devices), "remotes": _all(item.remotes)},
        "findings": [_finding(finding, evidence_ids) for finding in ends(item.findings, FINDINGS_LISTED)],
        "messages": [_message(message, cited) for message in ends(item.messages, MESSAGES_LISTED)],
        "techniques": list(item.techniques),
        "indicators": [
            {"type": i.type, "value": printable(i.value), "comment": _text(i.comment)}
            for i in item.indicators[:INDICATORS_LISTED]
        ],
        "left_out": {
            "findings": max(0, len(item.findings) - FINDINGS_LISTED),
            "messages": max(0, len(item.messages) - MESSAGES_LISTED),
            "indicators": max(0, len(item.indicators) - INDICATORS_LISTED),
        },
        "timeline": [
            {"time": _time(t.time), "stage": t.stage, "what": _text(t.what), "evidence": list(t.evidence)}
            for t in item.timeline
        ],
        "vulnerabilities": [_vulnerability(v, facts) for v in item.vulnerabilities],
        "recommendations": [
            {"id": r.id, "effort": r.effort, "text": _text(r.text), "evidence": list(r.evidence)}
            for r in item.recommendations
        ],
        "impact": _impact(item.impact),
        "normal": [_text(words) for words in item.normal],
        "evidence": [_evidence(e) for e in item.evidence],
        **_neighbourhood(item, analysis),
        **stories_as_json(stories or write_stories(item, analysis, facts)),
        "report": {
            language: _report(write(item, analysis, facts, language), brief(item, analysis, facts, language))
            for language in LANGUAGES
        },
    }


def stories_as_json(stories: Stories) -> Json:
    """The story in each language, and beside it the paragraph of each sentence."""
    return {
        "story": {language: [_sentence(sentence) for sentence in story] for language, story in stories.items()},
        "story_parts": {language: [sentence.part for sentence in story] for language, story in stories.items()},
    }


def _sentence(item: Sentence) -> Json:
    return {
        "text": item.text,
        "evidence": list(item.evidence),
        "writer": item.writer,
        "checks": {"passed": item.checks.passed, "reasons": list(item.checks.reasons)},
    }


def _alert(item: Alert) -> Json:
    return {
        "kind": item.kind,
        "tell": item.tell,
        "because": [_text(reason) for reason in item.because],
        "runs": item.runs,
        "told": _time(item.told),
    }


def _impact(item: Impact) -> Json:
    made = item.estimate
    return {
        "checked": list(item.checked),
        "statements": [_text(statement) for statement in item.statements],
        "estimate": made
        and {
            "inputs": [
                asdict(estimate_input) | {"source": printable(estimate_input.source)} for estimate_input in made.inputs
            ],
            "core_hours": made.core_hours,
            "kwh": made.kwh,
            "cost": made.cost,
            "cost_per_month": made.cost_per_month,
            "currency": printable(made.currency),
            "evidence": list(made.evidence),
        },
    }


def _neighbourhood(item: Incident, analysis: Analysis) -> Json:
    """Incidents like it, what each day around it brought, and numbers over time; nothing for the Internet's noise."""
    noise = item.severity == "informational"
    return {
        "similar": [] if noise else [_similar(other) for other in similar_to(item, analysis)[:SIMILAR_LISTED]],
        "daily_counts": []
        if noise
        else [{"day": day.isoformat(), "counts": dict(of)} for day, of in counts_around(item, analysis)],
        "series": [] if noise else [_series(series) for series in series_of(analysis, item)],
    }


def _similar(item: Similar) -> Json:
    return {
        "id": item.incident.id,
        "title": _text(item.incident.title),
        "first_seen": _time(item.incident.first_seen),
        "score": item.score,
        "shared": [{"kind": shared.kind, "value": printable(shared.value)} for shared in item.shared],
    }


def _series(item: Series) -> Json:
    return {
        "kind": item.kind,
        "device": printable(item.device),
        "remote": _maybe(item.remote),
        "unit": item.unit,
        "threshold": item.threshold,
        "points": [[time.isoformat(), value] for time, value in item.points],
    }


def _finding(finding: Finding, evidence_ids: Container[str]) -> Json:
    return {
        "id": finding.id,
        "rule": finding.rule,
        "rule_version": finding.rule_version,
        "title": _text(finding.title),
        "why": _text(finding.why),
        "severity": finding.severity,
        "stage": finding.stage,
        "table": finding.table or None,
        "time": _time(finding.time),
        "until": _time(finding.until),
        "since": _time(finding.since),
        "device": finding.device and printable(finding.device),
        "remote": finding.remote and printable(finding.remote),
        "techniques": list(finding.techniques),
        "cves": list(finding.cves),
        "tags": list(finding.tags),
        "bits": finding.bits,
        "evidence": [e.id for e in finding.evidence if e.id in evidence_ids],
        "values": {name: printable(value) for name, value in finding.values.items()},
    }


def _message(message: StratumMessage, cited: dict[int, str]) -> Json:
    return {
        "dialect": message.dialect,
        "method": printable(message.method),
        "direction": message.direction,
        "coin": message.coin,
        "wallet": _maybe(message.wallet),
        "wallet_valid": message.wallet_valid,
        "worker": _maybe(message.worker),
        "password": _maybe(message.password),
        "agent": _maybe(message.agent),
        "agent_version": _maybe(message.agent_version),
        "algorithms": _all(message.algorithms),
        "job_id": _maybe(message.job_id),
        "nonce": _maybe(message.nonce),
        "sample": message.sample,
        "truncated": message.truncated,
        "time": _time(message.time),
        "fields": {printable(name): printable(value) for name, value in message.fields.items()},
        "evidence": cited.get(message.event_id),
    }


def _vulnerability(item: RelatedVulnerability, facts: Knowledge) -> Json:
    vulnerability = facts.vulnerabilities.get(item.cve)
    return {
        "cve": item.cve,
        "relation": item.relation,
        "product": vulnerability.product if vulnerability else None,
        "summary": _text(vulnerability.summary) if vulnerability else None,
        "affected": vulnerability.affected if vulnerability else None,
        "fixed": vulnerability.fixed if vulnerability else None,
        "scores": [_score(score) for score in vulnerability.scores] if vulnerability else [],
        "kev": vulnerability.kev_date.isoformat() if vulnerability and vulnerability.kev_date else None,
        "evidence": list(item.evidence),
    }


def _score(score: CvssScore) -> Json:
    return {
        "scorer": score.scorer,
        "version": score.version,
        "score": score.score,
        "vector": score.vector,
        "source": score.provenance.source,
        "date": score.provenance.date.isoformat(),
    }


def _evidence(item: Evidence) -> Json:
    return {
        "id": item.id,
        "kind": item.kind,
        "about": item.about,
        "family": item.family,
        "bits": item.bits,
        "because": _text(item.because),
        "source": _maybe(item.source),
        "line": item.line,
        "time": _time(item.time),
        "quote": printable(item.quote),
    }


def _report(report: Report, short: Sequence[Section]) -> Json:
    return {
        "verdict": _claim(report.verdict),
        "brief": [_section(section) for section in short],
        "sections": [_section(section) for section in report.sections],
    }


def _section(section: Section) -> Json:
    return {"id": section.id, "heading": section.heading, "claims": [_claim(claim) for claim in section.claims]}


def _claim(claim: Claim) -> Json:
    return {"text": claim.text, "evidence": list(claim.evidence)}


def _text(text: Text) -> Json:
    return {language: text.to(language) for language in LANGUAGES}


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _maybe(text: str | None) -> str | None:
    return None if text is None else printable(text)


def _all(texts: Iterable[str]) -> list[str]:
    return [printable(text) for text in texts]
