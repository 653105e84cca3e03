"""The story: an incident in three to five paragraphs that could be published as they stand.

Takes an incident and the run around it; returns sentences by paragraph (what happened, attack or not, did it work, what
it means, what to do), each with the evidence it stands on. The same facts give the same text, and both languages say
the same. Nothing is escaped for an output format here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kanaria.core.facts import Knowledge
from kanaria.core.glossary import speaks_of_mining
from kanaria.core.story import PARTS, Part, Sentence, Stories, Story
from kanaria.core.text import cut, defang, printable
from kanaria.core.types import LANGUAGES, Analysis, Claim, Incident, Language
from kanaria.report.brief import again, aimed, counted, strongest, worked
from kanaria.report.phrases import phrase
from kanaria.report.sections import Subject, about, cited, probability
from kanaria.report.story_steps import between, steps
from kanaria.report.verdict_words import only_talk

METHODS, REASONS, CVES, ADVICE = 4, 2, 2, 4


def story(incident: Incident, analysis: Analysis, facts: Knowledge, language: Language) -> Story:
    """The sentences in reading order."""
    subject = Subject(incident=incident, analysis=analysis, facts=facts, language=language)
    return tuple(
        Sentence(part=part, text=claim.text, evidence=claim.evidence)
        for part in PARTS
        for claim in _WRITERS[part](subject)
    )


def write_stories(incident: Incident, analysis: Analysis, facts: Knowledge) -> Stories:
    """The story in each language."""
    return {language: story(incident, analysis, facts, language) for language in LANGUAGES}


def _what(subject: Subject) -> Iterator[Claim]:
    """What was seen, where, when and from whom; for a device the order in which things came."""
    incident = subject.incident
    if incident.messages and not incident.devices:
        yield _messages(subject)
        yield _sender(subject, "story_from")
    else:
        sentences = tuple(steps(subject))
        yield from sentences
        if incident.remotes and not any(
            defang(remote) in claim.text for remote in incident.remotes for claim in sentences
        ):
            yield _sender(subject, "story_with")
    for sentence in incident.normal:  # what was normal before matters here where it speaks of the other side
        if any(defang(remote) in sentence.en for remote in incident.remotes):
            yield Claim(text=subject.to(sentence), evidence=())
    if speaks_of_mining(incident.findings, incident.messages):
        yield subject.say("terms_mining")


def _messages(subject: Subject) -> Claim:
    count, methods = counted(subject.incident, METHODS)
    web = any(finding.table == "http" for finding in subject.incident.findings)
    place = phrase("story_web" if web else "story_network", subject.language)
    key = "story_messages" if count > 1 else "story_message"
    claim = subject.say(key, *cited(subject), when=between(subject), place=place, count=f"{count:,}", methods=methods)
    return Claim(text=claim.text[:1].upper() + claim.text[1:], evidence=claim.evidence)


def _sender(subject: Subject, key: str) -> Claim:
    remotes = subject.incident.remotes
    if not remotes:
        return subject.say("story_from_nobody")
    first = cut(defang(printable(remotes[0])), 60)
    if len(remotes) > 1:
        first = phrase("story_more", subject.language, remote=first, more=len(remotes) - 1)
    return subject.say(key, *cited(subject), remote=first)


def _attack(subject: Subject) -> Iterator[Claim]:
    """Attack, stray, or neither, with the best reasons and how sure that is."""
    yield from aimed(subject)
    top = subject.incident.hypotheses[0]
    for number, item in enumerate(strongest(subject, about(subject, top.name))[:REASONS]):
        reason = subject.to(item.because).rstrip("。.")
        yield subject.say("story_reason_too" if number else "story_reason", item.id, reason=reason)
    sure = probability(top.probability, subject.language)
    yield subject.say("story_sure", *about(subject, top.name), probability=sure)


def _outcome(subject: Subject) -> Iterator[Claim]:
    """Whether it worked, and what says so."""
    yield from worked(subject, "story_worked")


def _meaning(subject: Subject) -> Iterator[Claim]:
    """What it means for whoever owns the machine: harm, cost, vulnerabilities."""
    incident = subject.incident
    yield subject.say(_meant(incident), *incident.outcome.because)
    if incident.outcome.value == "failed" and incident.messages:
        yield subject.say("no_miner_runs", *incident.outcome.because)
    for statement in incident.impact.statements:
        yield Claim(text=subject.to(statement), evidence=())
    yield from _vulnerabilities(subject)


def _meant(incident: Incident) -> str:
    top = incident.hypotheses[0].name
    if top in {"authorised_mining", "benign"}:
        return "story_allowed" if top == "authorised_mining" else "story_harmless"
    if top == "compromised_device" or incident.outcome.value == "confirmed":
        return "story_serious"
    return "story_harmless" if incident.outcome.value == "failed" else "story_open"


def _vulnerabilities(subject: Subject) -> Iterator[Claim]:
    matched = [item for item in subject.incident.vulnerabilities if item.relation == "matched"]
    incident = subject.incident
    if incident.messages and not matched and not incident.devices and only_talk(incident):
        yield subject.say("story_unsaid")
    for item in matched[:CVES]:
        vulnerability = subject.facts.vulnerabilities.get(item.cve)
        if vulnerability:
            summary = subject.to(vulnerability.summary).rstrip("。.")
            yield subject.say("story_cve", *item.evidence, cve=item.cve, product=vulnerability.product, summary=summary)


def _advice(subject: Subject) -> Iterator[Claim]:
    for item in subject.incident.recommendations[:ADVICE]:
        yield Claim(text=subject.to(item.text), evidence=item.evidence)
    for claim in again(subject):
        yield subject.say("story_again", *claim.evidence, when=claim.text)


_WRITERS: dict[Part, Callable[[Subject], Iterator[Claim]]] = {
    "what": _what, "attack": _attack, "outcome": _outcome, "meaning": _meaning, "advice": _advice,
}  # fmt: skip

__all__ = ["story", "write_stories"]
