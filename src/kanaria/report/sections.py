"""One function per section of the report: each turns structured facts into claims with evidence ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from kanaria.core.facts import Knowledge, Vulnerability
from kanaria.core.glossary import DIALECTS, called
from kanaria.core.text import cut, printable
from kanaria.core.types import (
    Analysis,
    Claim,
    Evidence,
    Incident,
    InputSummary,
    Language,
    RelatedVulnerability,
    StratumMessage,
    Text,
)
from kanaria.core.values import dataclass
from kanaria.core.versions import in_words
from kanaria.report.meaning import message_meaning
from kanaria.report.phrases import input_name, phrase, place, sentence
from kanaria.report.verdict_words import only_talk, outcome_words

MESSAGES_SHOWN = 30
FINDINGS_SHOWN = 200
TIMELINE_SHOWN = 60
INPUTS_SHOWN = 12
# A runner-up below one percent is noise to a reader.
RUNNER_UP_FROM = 0.01


@dataclass(frozen=True)
class Subject:
    """What a section writes about."""

    incident: Incident
    analysis: Analysis
    facts: Knowledge
    language: Language

    def say(self, key: str, /, *evidence: str, **values: object) -> Claim:
        return Claim(text=phrase(key, self.language, **values), evidence=evidence)

    def to(self, text: Text) -> str:
        return text.to(self.language)

    @cached_property
    def evidence(self) -> Mapping[str, Evidence]:
        return {item.id: item for item in self.incident.evidence}


def verdict(subject: Subject) -> Claim:
    """One sentence: what it is, whether it worked, what to do first."""
    incident = subject.incident
    title = subject.to(incident.title)
    evidence = tuple(dict.fromkeys(_about_top(subject) + incident.outcome.because))
    first = incident.recommendations[0] if incident.recommendations else None
    if first is None:
        return Claim(text=title, evidence=evidence)
    if first.id == "none":
        return subject.say("verdict_do_nothing", *evidence, title=title)
    return subject.say("verdict_act", *evidence, title=title, advice=subject.to(first.text))


def identification(subject: Subject) -> Iterator[Claim]:
    incident = subject.incident
    top, second = incident.hypotheses[0], incident.hypotheses[1]
    proof = _about_top(subject)
    name = subject.to(called(top.name, incident.findings, incident.messages))
    yield subject.say(
        "hypothesis",
        *proof,
        name=name,
        probability=probability(top.probability, subject.language),
        bits=f"{top.bits:+.1f}",
    )
    if top.name == "internet_wide_scanner" and incident.messages:
        yield subject.say("not_an_attack", *proof)
    if top.name == "misdirected_miner":
        yield subject.say("stray", *proof)
    known = subject.evidence
    yield from _reasons(subject, [known[i] for i in proof if known[i].family != "prior" and known[i].bits > 0])
    if second.probability >= RUNNER_UP_FROM:
        runner_up = subject.to(called(second.name, incident.findings, incident.messages))
        yield subject.say(
            "runner_up",
            *about(subject, second.name),
            name=runner_up,
            probability=probability(second.probability, subject.language),
        )


def outcome(subject: Subject) -> Iterator[Claim]:
    result = subject.incident.outcome
    yield subject.say(outcome_words(subject.incident), *result.because)
    yield from _reasons(subject, [subject.evidence[i] for i in result.because])
    harmless = subject.incident.hypotheses[0].name in {"internet_wide_scanner", "misdirected_miner"}
    if harmless and result.value == "failed" and subject.incident.messages:
        yield subject.say("no_miner_runs", *result.because)


def timeline(subject: Subject) -> Iterator[Claim]:
    for entry in subject.incident.timeline[:TIMELINE_SHOWN]:
        yield Claim(
            text=f"{subject.analysis.zone.shown(entry.time)}  {subject.to(entry.what)}", evidence=entry.evidence
        )


def normal(subject: Subject) -> Iterator[Claim]:
    for words in subject.incident.normal:
        yield Claim(text=subject.to(words), evidence=())


def messages(subject: Subject) -> Iterator[Claim]:
    places = {item.event_id: item for item in subject.incident.evidence if item.event_id is not None and item.source}
    shown = subject.incident.messages[:MESSAGES_SHOWN]
    for message in shown:
        item = places.get(message.event_id)
        evidence = (item.id,) if item else ()
        yield subject.say(
            "message", *evidence,
            place=_moment(subject, message, item), dialect=subject.to(DIALECTS.get(message.dialect, Text(en=message.dialect, ja=message.dialect))),
            method=_shown(message.method, 40), meaning=_meaning(subject, message),
        )  # fmt: skip
    if len(subject.incident.messages) > len(shown):
        yield subject.say("message_more", count=len(subject.incident.messages) - len(shown))


def findings(subject: Subject) -> Iterator[Claim]:
    found = subject.incident.findings
    for finding in found[:FINDINGS_SHOWN]:
        evidence = tuple(item.id for item in finding.evidence if item.id in subject.evidence)
        yield Claim(text=f"{subject.to(finding.title)} [{finding.rule}] — {subject.to(finding.why)}", evidence=evidence)
    if len(found) > FINDINGS_SHOWN:
        yield subject.say("finding_more", count=len(found) - FINDINGS_SHOWN)


def techniques(subject: Subject) -> Iterator[Claim]:
    """Each technique of MITRE ATT&CK that a finding names, with the evidence of those findings."""
    for id_ in subject.incident.techniques:
        known = subject.facts.techniques.get(id_)
        named = [finding for finding in subject.incident.findings if id_ in finding.techniques]
        evidence = dict.fromkeys(
            item.id for finding in named for item in finding.evidence if item.id in subject.evidence
        )
        yield Claim(text=f"{id_} {subject.to(known.name)}" if known else id_, evidence=tuple(evidence))


def vulnerabilities(subject: Subject) -> Iterator[Claim]:
    related = subject.incident.vulnerabilities
    if subject.incident.messages and not any(item.relation == "matched" for item in related):
        yield subject.say("cve_none" if only_talk(subject.incident) else "cve_unnamed")
    for item in related:
        known = subject.facts.vulnerabilities.get(item.cve)
        if known is None:
            yield subject.say("cve_unknown", *item.evidence, cve=item.cve)
        else:
            yield _vulnerability(subject, item, known)


def recommendations(subject: Subject) -> Iterator[Claim]:
    for item in subject.incident.recommendations:
        yield Claim(text=subject.to(item.text), evidence=item.evidence)


def looked_at(subject: Subject) -> Iterator[Claim]:
    inputs = subject.analysis.inputs
    for item in inputs if len(inputs) <= INPUTS_SHOWN else _by_format(inputs):
        yield _input(subject, item)
    if not subject.incident.timeline:
        yield subject.say("no_times")
    if not subject.incident.remotes:
        yield subject.say("no_clients")
    for text in subject.analysis.not_looked_at:
        yield Claim(text=subject.to(text), evidence=())


def _reasons(subject: Subject, items: list[Evidence]) -> Iterator[Claim]:
    """One sentence per distinct reason, the weightiest first, citing every observation that gives it."""
    grouped: dict[str, list[Evidence]] = {}
    for item in sorted(items, key=lambda e: (-abs(e.bits), e.because.en)):
        grouped.setdefault(subject.to(item.because), []).append(item)
    for reason, same in grouped.items():
        key = "because" if same[0].bits else "because_not"
        whole = reason.rstrip("。.")  # a reason may be a sentence of its own
        yield subject.say(key, *(item.id for item in same), reason=whole, bits=f"{same[0].bits:+.1f}")


def probability(share: float, language: Language) -> str:
    """A probability for a reader: nothing is ever quite certain, or quite impossible."""
    if share > 0.999:
        return phrase("probability_almost", language)
    if share < 0.001:
        return phrase("probability_hardly", language)
    return phrase("probability", language, percent=f"{100 * share:.1f}")


def _input(subject: Subject, item: InputSummary) -> Claim:
    path = input_name(_shown(item.path, 200), subject.language)
    if item.format is None:
        return subject.say("looked_at_unknown", path=path)
    rejected = phrase("looked_at_rejected", subject.language, count=f"{item.rejected:,}") if item.rejected else ""
    covers = ""
    if item.first and item.last:
        first, last = subject.analysis.zone.shown(item.first), subject.analysis.zone.shown(item.last)
        covers = phrase("looked_at_covers", subject.language, first=first, last=last)
    return subject.say(
        "looked_at_input",
        path=path,
        format=phrase("format_fragment", subject.language) if item.format == "fragment" else item.format,
        rows=f"{item.rows:,}",
        records="record" if item.rows == 1 else "records",
        rejected=rejected,
        covers=covers,
    )


def _by_format(inputs: Sequence[InputSummary]) -> Iterator[InputSummary]:
    """One summary per format, for runs over many files."""
    groups: dict[str | None, list[InputSummary]] = {}
    for item in inputs:
        groups.setdefault(item.format, []).append(item)
    for name, items in groups.items():
        yield InputSummary(
            path=f"{items[0].path} … ({len(items):,})",
            format=name,
            rows=sum(item.rows for item in items),
            rejected=sum(item.rejected for item in items),
            first=min((item.first for item in items if item.first), default=None),
            last=max((item.last for item in items if item.last), default=None),
        )


def _vulnerability(subject: Subject, item: RelatedVulnerability, known: Vulnerability) -> Claim:
    scores = [
        phrase("cve_score", subject.language, scorer=s.scorer, score=s.score, version=s.version, vector=s.vector or "-", date=s.provenance.date)
        for s in known.scores
    ]  # fmt: skip
    separator = "、" if subject.language == "ja" else ", "
    return subject.say(
        f"cve_{item.relation}", *item.evidence,
        cve=item.cve, product=in_words(known.product, subject.language), affected=in_words(known.affected, subject.language),
        summary=sentence(subject.to(known.summary), subject.language),
        scores=separator.join(scores) or phrase("cve_no_score", subject.language),
        kev=phrase("cve_kev", subject.language, date=known.kev_date) if known.kev_date else "",
    )  # fmt: skip


def _about_top(subject: Subject) -> tuple[str, ...]:
    return about(subject, subject.incident.hypotheses[0].name)


def cited(subject: Subject) -> tuple[str, ...]:
    """The evidence of all findings, as far as the incident holds it."""
    ids = dict.fromkeys(item.id for finding in subject.incident.findings for item in finding.evidence)
    return tuple(id_ for id_ in ids if id_ in subject.evidence)


def about(subject: Subject, hypothesis: str) -> tuple[str, ...]:
    """Ids of the evidence that bears on one explanation."""
    return tuple(item.id for item in subject.incident.evidence if item.about == hypothesis)


def _place(subject: Subject, item: Evidence | None) -> str:
    return place(cut(printable(item.source), 80), item.line, subject.language) if item and item.source else "-"


def _moment(subject: Subject, message: StratumMessage, item: Evidence | None) -> str:
    """Where the message stands, and when it was sent where that is known of the message itself."""
    where = _place(subject, item)
    return f"{where} {subject.analysis.zone.shown(message.time)}" if message.time else where


def _meaning(subject: Subject, message: StratumMessage) -> str:
    samples = [sample for sample in subject.facts.samples if sample.occurs_in(message)]
    return message_meaning(message, samples, subject.language)


def _shown(text: str | None, columns: int) -> str:
    return cut(printable(text or ""), columns)
