"""From a case to an incident: what it is, whether it worked, how bad it is, what to do.

The three questions are answered from separate evidence and never mixed up (severity follows from the first two and from
what the device is).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kanaria.core.glossary import (
    ASKED_FROM_OUTSIDE,
    BROWSER,
    OUTCOMES,
    WHETHER_IT_MINES,
    asked_from_outside,
    called,
    in_browser,
    mining_only_named,
    mining_seen,
    speaks_of_mining,
)
from kanaria.core.ids import content_id
from kanaria.core.network import ip16
from kanaria.core.text import defang, printable
from kanaria.core.types import (
    SEVERITIES,
    Evidence,
    Finding,
    Hypothesis,
    HypothesisScore,
    Incident,
    Outcome,
    OutcomeValue,
    Severity,
    Text,
)
from kanaria.core.values import dataclass
from kanaria.incidents import suspicion
from kanaria.incidents.actors import Part, parts
from kanaria.incidents.advice import recommendations
from kanaria.incidents.advice_pieces import MOST_IN_TITLE, listed
from kanaria.incidents.answers import name_at
from kanaria.incidents.case import Case, Surroundings, asked_inside, guessed, mines, turned_away
from kanaria.incidents.context import impact, indicators, quoted_records, related_vulnerabilities, timeline
from kanaria.incidents.outcomes import came_from_outside, outcome_evidence
from kanaria.incidents.permission import beside_mining
from kanaria.incidents.signals import signals_of
from kanaria.incidents.verdicts import Verdicts
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
_INSIDE = Text(en="Client inside that asks as scanners do", ja="内部のクライアントによる、スキャンに似たリクエスト")
_SUSPECT = Text(en="Device that may be compromised", ja="乗っ取られた疑いのある機器")
_POOL_REACHED = Text(en="Device that exchanges data with a mining pool", ja="マイニングプールと通信している機器")
_GRAVE = SEVERITIES.index("high")
_MANY_MINE = Text(en="{} compromised devices mining coins", ja="マイニングをしている乗っ取られた機器{}台")
_MANY_SUSPECTED = Text(en="{} devices that may be compromised", ja="乗っ取られた疑いのある機器{}台")
MOST_EVIDENCE = 1_000
"""Observations an incident is told with, the gravest actor's first: half a megabyte. Every one was weighed."""


@dataclass(frozen=True)
class Verdict:
    """What one actor did, judged by itself."""

    part: Part
    items: tuple[Evidence, ...]
    scores: tuple[HypothesisScore, ...]
    outcome: Outcome
    severity: Severity
    suspected: bool = False
    """Whether it is about a device of which nothing but the shape of traffic speaks."""

    @property
    def top(self) -> Hypothesis:
        return self.scores[0].name


def judge(case: Case, around: Surroundings, known: Verdicts[Verdict] | None = None) -> Incident:
    """The incident a case is. Same case and surroundings, same incident; ``known`` are verdicts of before, which spare
    judging anew who did nothing more.

    Every actor's deed is judged by itself, and the most serious verdict is the incident's: no number of harmless ones
    makes it less.
    """
    verdicts = sorted(_verdicts(parts(case), around, known), key=_gravest_first)
    worst_one = verdicts[0]
    top, result = worst_one.top, worst_one.outcome
    suspected = worst_one.suspected
    alike = [verdict for verdict in verdicts if (verdict.top, verdict.suspected) == (top, suspected)]
    whole, about = replace(case, accused=_devices(alike)), _together(case, alike)
    items = _evidence(case, verdicts)
    return Incident(
        id=_id(case),
        title=suspicion.title(about) if suspected else title(about, top, result),
        severity=worst_one.severity if top != "authorised_mining" else severity(case, around, top, result),
        hypotheses=worst_one.scores,
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
        vulnerabilities=related_vulnerabilities(case, around, top, items),
        recommendations=recommendations(whole, around, top, result, about, suspected=suspected),
        impact=impact(about, around, items, "benign" if suspected else top),
        evidence=tuple(items),
    )


def _evidence(case: Case, verdicts: Iterable[Verdict]) -> list[Evidence]:
    items = [item for verdict in verdicts for item in verdict.items]
    return _distinct([*items, *quoted_records(case, {item.event_id for item in items})])[:MOST_EVIDENCE]


def _verdicts(found: Sequence[Part], around: Surroundings, known: Verdicts[Verdict] | None) -> list[Verdict]:
    if known is None or len(found) == 1:
        return [_verdict(part, around) for part in found]
    return [replace(known.of(part, around, _alone), part=part) for part in found]


def _alone(part: Part, around: Surroundings) -> Verdict:
    """The verdict, without the whole case: that grows, and the verdict is kept."""
    return replace(_verdict(part, around), part=replace(part, whole=part.case))


def _verdict(part: Part, around: Surroundings) -> Verdict:
    everything = [item for finding in part.case.findings for item in finding.evidence]
    everything += part.lent
    everything += signals_of(part, around)
    everything += outcome_evidence(part.case, around, part.whole if part.deed in {"attack", "conduct"} else None)
    items = _distinct(side for item in everything for side in seen_from_all_sides(around.facts, item))
    scores = hypotheses(items, around.facts.caps)
    result = outcome(items, around.facts.caps)
    top = scores[0].name
    if top == "compromised_device" and suspicion.only_suspected(items):
        least = suspicion.unconfirmed(result)
        level = suspicion.severity(items, matters=_critical(part.case, around))
        return Verdict(part, tuple(items), scores, least, level, suspected=True)
    return Verdict(part, tuple(items), scores, result, severity(part.case, around, top, result))


# Of equally severe verdicts the one that asks more of the reader.
_GRAVITY: tuple[Hypothesis, ...] = (
    "compromised_device", "exploitation_attempt", "misdirected_miner", "internet_wide_scanner", "benign", "authorised_mining",
)  # fmt: skip


def _gravest_first(verdict: Verdict) -> tuple[int, int, float, float, str, str]:
    part = verdict.part
    level, kind = SEVERITIES.index(verdict.severity), _GRAVITY.index(verdict.top)
    return -level, kind, -verdict.scores[0].bits, -verdict.outcome.bits, part.deed, part.who


def _devices(alike: Iterable[Verdict]) -> tuple[str, ...]:
    """The devices a verdict is about, in order of address."""
    return tuple(
        sorted({v.part.who for v in alike if v.part.deed in {"conduct", "access"} and v.part.who}, key=_number)
    )


def _number(address: str) -> tuple[bytes, str]:
    return ip16(address) or b"", address


def _together(case: Case, alike: Sequence[Verdict]) -> Case:
    """The parts of one verdict as one case."""
    chosen = {finding.id for verdict in alike for finding in verdict.part.case.findings}
    records = {event: record for verdict in alike for event, record in verdict.part.case.records.items()}
    messages = tuple(message for message in case.messages if message.event_id in records)
    return Case(tuple(f for f in case.findings if f.id in chosen), messages, records, _devices(alike))


def severity(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Severity:
    level = _SEVERITY[top][result.value]
    if top == "authorised_mining" and beside_mining(case, around.allowed):
        return "medium"
    if (
        _critical(case, around)
        and top in {"compromised_device", "exploitation_attempt"}
        and result.value in {"possible", "confirmed"}
    ):
        return "critical"
    on_device = mining_seen(case.findings) and set(case.blamed) - {BROWSER}
    if top == "compromised_device" and in_browser(case.findings) and not on_device:
        return "medium"
    if top == "exploitation_attempt" and result.value == "no_sign_of_success" and turned_away(case):
        return "low"
    return level


def _critical(case: Case, around: Surroundings) -> bool:
    return any(device in around.critical_devices for device in case.devices)


def title(case: Case, top: Hypothesis, result: Outcome) -> Text:
    """One line: what it is, and whether it worked."""
    what = _specific(case, top)
    less = top == "compromised_device" and mines(case) and not mining_seen(case.findings)
    state = (WHETHER_IT_MINES if less else OUTCOMES)[result.value]
    if asked_from_outside(case.findings) and top in ASKED_FROM_OUTSIDE:
        who = listed([defang(remote) for remote in case.remotes], MOST_IN_TITLE)
        asked = worst(case.findings).title
        return Text(en=f"{asked.en} ({who.en})", ja=f"{asked.ja}({who.ja})") if case.remotes else asked
    if top in {"authorised_mining", "benign"}:
        return what
    found = _answering(case) if top == "internet_wide_scanner" and result.value == "possible" else None
    if found is not None:
        return Text(en=f"{what.en}: answered by {found.en}", ja=f"{what.ja}: {found.ja}が応答")
    return Text(en=f"{what.en}: {state.en}", ja=f"{what.ja}: {state.ja}")


def _answering(case: Case) -> Text | None:
    """What a scan found here, as far as an answer names it."""
    return next((name for record in case.web_records if came_from_outside(record) and (name := name_at(record))), None)


def _specific(case: Case, top: Hypothesis) -> Text:
    """The hypothesis, or for an attack the most serious model's own title, which says more."""
    in_text = top == "benign" and all(finding.values.get("kind") in {"line", "text"} for finding in case.findings)
    if (top == "exploitation_attempt" or in_text) and case.findings:
        return worst(case.findings).title
    name = called(top, case.findings, case.messages)
    if top == "internet_wide_scanner" and not case.messages:
        return _guessing(case) if guessed(case) else _INSIDE if asked_inside(case) else _SCAN
    return _compromised(case, name) if top == "compromised_device" else name


def _compromised(case: Case, name: Text) -> Text:
    """Which devices, and how many when there are several; where mining was not seen, what was seen of it."""
    shown, count = listed(case.blamed, MOST_IN_TITLE), len(case.blamed)
    if in_browser(case.findings):
        return Text(en=f"{name.en} ({shown.en})", ja=f"{name.ja}({shown.ja})") if count else name
    less = mines(case) and not mining_seen(case.findings)
    what = _seen_of_it(case.findings) if less else name if mines(case) else _SUSPECT
    many = _MANY_MINE if mines(case) else _MANY_SUSPECTED
    if less or count < 2:
        return Text(en=f"{what.en} ({shown.en})", ja=f"{what.ja}({shown.ja})") if count else what
    return Text(en=f"{many.en.format(count)} ({shown.en})", ja=f"{many.ja.format(count)}({shown.ja})")


def _seen_of_it(findings: Sequence[Finding]) -> Text:
    """What the gravest finding says that was seen; names count only where nothing else was found."""
    mining, others = list[Finding](), list[Finding]()
    for finding in findings:
        (mining if speaks_of_mining([finding], ()) else others).append(finding)
    if mining_only_named(mining) and any(SEVERITIES.index(one.severity) >= _GRAVE for one in others):
        return _SUSPECT
    gravest = worst(mining)
    reached = any(item.kind == "outbound_pool_connection" for item in gravest.evidence)
    return _POOL_REACHED if reached else gravest.title


def _guessing(case: Case) -> Text:
    """Who was tried, and how many there were of them."""
    device = printable(case.devices[0]) if case.devices else ""
    more = len(case.devices) - 1
    if not device:
        return Text(en="Password guessing", ja="パスワードの推測")
    also_en, also_ja = (f" and {more} more", f"ほか{more}台") if more else ("", "")
    return Text(en=f"Password guessing against {device}{also_en}", ja=f"{device}{also_ja}へのパスワード推測")


def worst(findings: Iterable[Finding]) -> Finding:
    """The most severe finding; of equals one that names a hole or a miner, then the earliest."""

    def weight(finding: Finding) -> tuple[int, bool, float, float]:
        named = bool(finding.cves) or speaks_of_mining([finding], ())
        early = -(finding.time.timestamp() if finding.time else 0.0)
        return SEVERITIES.index(finding.severity), named, finding.bits, early

    return max(findings, key=weight)


def _id(case: Case) -> str:
    """Stable under replay: named after the earliest finding."""
    first = case.findings[0]
    return content_id("i", (first.rule, first.key, first.id))


def _distinct(items: Iterable[Evidence]) -> list[Evidence]:
    seen: dict[str, Evidence] = {}
    for item in items:
        seen.setdefault(item.id, item)
    return list(seen.values())
