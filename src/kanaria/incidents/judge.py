"""From a case to an incident: what it is, whether it worked, how bad it is, what to do.

The three questions are answered from separate evidence and never mixed up (severity follows from the first two and from
what the device is).
"""

from __future__ import annotations

from collections.abc import Iterable

from kanaria.core.glossary import OUTCOMES, hypothesis_name
from kanaria.core.ids import content_id
from kanaria.core.text import printable
from kanaria.core.types import (
    SEVERITIES,
    Evidence,
    Finding,
    Hypothesis,
    Incident,
    Outcome,
    OutcomeValue,
    Severity,
    Text,
)
from kanaria.incidents.advice import recommendations
from kanaria.incidents.case import Case, Surroundings, beside_mining, guessed, mines
from kanaria.incidents.context import impact, indicators, quoted_records, related_vulnerabilities, timeline
from kanaria.incidents.outcomes import outcome_evidence
from kanaria.incidents.signals import SIGNALS
from kanaria.incidents.weighing import hypotheses, outcome, seen_from_all_sides

# Rows: what it is. Columns: whether it worked. A stranger's probe that failed is news, not a task; a compromised device
# is a task whatever else is unclear.
_SEVERITY: dict[Hypothesis, dict[OutcomeValue, Severity]] = {
    "internet_wide_scanner": {"failed": "informational", "no_sign_of_success": "informational", "possible": "medium", "confirmed": "high"},
    "misdirected_miner": {"failed": "informational", "no_sign_of_success": "low", "possible": "medium", "confirmed": "high"},
    "exploitation_attempt": {"failed": "low", "no_sign_of_success": "medium", "possible": "high", "confirmed": "critical"},
    "compromised_device": {"failed": "medium", "no_sign_of_success": "medium", "possible": "high", "confirmed": "critical"},
    "authorised_mining": {"failed": "informational", "no_sign_of_success": "informational", "possible": "informational", "confirmed": "informational"},
    "benign": {"failed": "informational", "no_sign_of_success": "informational", "possible": "informational", "confirmed": "low"},
}  # fmt: skip


_SCAN = Text(en="Internet-wide scan", ja="インターネット全体へのスキャン")
_SUSPECT = Text(en="Device that may be compromised", ja="乗っ取られた疑いのある機器")


def judge(case: Case, around: Surroundings) -> Incident:
    """The incident a case is. Same case and surroundings, same incident."""
    items = collect(case, around)
    scores = hypotheses(items, around.facts.caps)
    result = outcome(items, around.facts.caps)
    top = scores[0].name
    incident = Incident(
        id=_id(case),
        title=title(case, top, result),
        severity=severity(case, around, top, result),
        hypotheses=scores,
        outcome=result,
        devices=case.devices,
        remotes=case.remotes,
        first_seen=case.times[0] if case.times else None,
        last_seen=case.times[-1] if case.times else None,
        findings=case.findings,
        messages=case.messages,
        techniques=tuple(sorted({t for f in case.findings for t in f.techniques})),
        indicators=indicators(case),
        timeline=timeline(case, items),
        vulnerabilities=related_vulnerabilities(case, around, top),
        recommendations=recommendations(case, around, top, result),
        impact=impact(case, around, items, top),
        evidence=tuple(items),
    )
    return incident


def collect(case: Case, around: Surroundings) -> list[Evidence]:
    """All evidence of a case, each once, in the order a reader meets it."""
    everything = [item for finding in case.findings for item in finding.evidence]
    for signal in SIGNALS:
        everything += signal(case, around)
    everything += outcome_evidence(case, around)
    everything += quoted_records(case, {item.event_id for item in everything})
    return _distinct(side for item in everything for side in seen_from_all_sides(around.facts, item))


def severity(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Severity:
    level = _SEVERITY[top][result.value]
    if top == "authorised_mining" and beside_mining(case):
        return "medium"
    critical = any(device in around.critical_devices for device in case.devices)
    if critical and top in {"compromised_device", "exploitation_attempt"} and result.value in {"possible", "confirmed"}:
        return "critical"
    return level


def title(case: Case, top: Hypothesis, result: Outcome) -> Text:
    """One line: what it is, and whether it worked."""
    what = _specific(case, top)
    state = OUTCOMES[result.value]
    if top in {"authorised_mining", "benign"}:
        return what
    return Text(en=f"{what.en}: {state.en}", ja=f"{what.ja}: {state.ja}")


def _specific(case: Case, top: Hypothesis) -> Text:
    """The hypothesis, or for an attack the most serious model's own title, which says more."""
    if top == "exploitation_attempt" and case.findings:
        return worst(case.findings).title
    name = hypothesis_name(top, mining=mines(case))
    if top == "internet_wide_scanner" and not case.messages:
        return _guessing(case) if guessed(case) else _SCAN
    if top == "compromised_device":
        what = name if mines(case) else _SUSPECT
        device = printable(case.devices[0]) if case.devices else ""
        return Text(en=f"{what.en} ({device})", ja=f"{what.ja}({device})") if device else what
    return name


def _guessing(case: Case) -> Text:
    """Who was tried, and how many there were of them."""
    device = printable(case.devices[0]) if case.devices else ""
    more = len(case.devices) - 1
    if not device:
        return Text(en="Password guessing", ja="パスワードの推測")
    also_en, also_ja = (f" and {more} more", f"ほか{more}台") if more else ("", "")
    return Text(en=f"Password guessing against {device}{also_en}", ja=f"{device}{also_ja}へのパスワード推測")


def worst(findings: Iterable[Finding]) -> Finding:
    """The most severe finding, the earliest among equals."""
    return max(findings, key=lambda f: (SEVERITIES.index(f.severity), f.bits, -(f.time.timestamp() if f.time else 0.0)))


def _id(case: Case) -> str:
    """Stable under replay: named after the earliest finding."""
    first = case.findings[0]
    return content_id("i", (first.rule, first.key, first.id))


def _distinct(items: Iterable[Evidence]) -> list[Evidence]:
    seen: dict[str, Evidence] = {}
    for item in items:
        seen.setdefault(item.id, item)
    return list(seen.values())
