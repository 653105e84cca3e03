"""The answer that fits one screen: what happened, why we think so, attack or stray, did it work, what to do, when to look again.

Takes an incident and the run around it; returns a few short sections, each a handful of claims with evidence ids; the
verdict and everything else stand in ``report.write``. Same facts, same text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from kanaria.core.facts import Knowledge
from kanaria.core.glossary import asked_from_outside, speaks_of_mining
from kanaria.core.text import cut, defang, printable
from kanaria.core.types import SEVERITIES, Analysis, Claim, Evidence, Incident, Language, Section
from kanaria.core.versions import in_words
from kanaria.report.meaning import checks_for_rivals
from kanaria.report.phrases import phrase
from kanaria.report.phrases_brief import BRIEF_HEADINGS
from kanaria.report.section_news import news
from kanaria.report.sections import Subject, about, cited, probability
from kanaria.report.story_steps import short
from kanaria.report.verdict_words import (
    aim_of_names,
    asked_inside,
    brings_a_program,
    interface_answered,
    only_suspected,
    only_talk,
    outcome_words,
)

REASONS, ADVICE, CVES, TITLES, METHODS = 2, 3, 2, 3, 4
# From one in ten on, the second explanation is one a reader should keep in mind.
WORTH_A_THOUGHT = 0.1
# Evidence that says that passwords are tried; the judge uses the same kinds.
GUESSING = frozenset({"login_guessing", "rdp_guessing", "rdp_opened_often"})

# Id of the advice that nothing needs to be done.
NOTHING = "none"
# Formats of logs that are neither a web server's nor of the network, though messages in them are found by searching.
OTHER_LOGS = frozenset(
    {"auth-log", "journald-json", "samba", "auditd", "process-list", "miner-log", "bind", "unbound", "dnsmasq"}
)

Writer = Callable[[Subject], Iterator[Claim]]


def brief(incident: Incident, analysis: Analysis, facts: Knowledge, language: Language) -> tuple[Section, ...]:
    """The short answer, part by part; parts with nothing to say are left out."""
    subject = Subject(incident=incident, analysis=analysis, facts=facts, language=language)
    made = []
    for name, writer in _PARTS:
        claims = tuple(writer(subject))
        if claims:
            made.append(Section(id=name, heading=BRIEF_HEADINGS[name].to(language), claims=claims))
    return tuple(made)


def _what(subject: Subject) -> Iterator[Claim]:
    """What was seen, where, from whom, when: of a device that was broken into, step by step."""
    incident = subject.incident
    if incident.messages and incident.hypotheses[0].name != "exploitation_attempt":
        yield _messages(subject)
    elif incident.hypotheses[0].name == "compromised_device" and (told := short(subject)):
        yield from told
        return
    else:
        yield _findings(subject)
    if incident.first_seen and incident.last_seen:
        first, last = (subject.analysis.zone.shown(time) for time in (incident.first_seen, incident.last_seen))
        yield subject.say("what_when" if first != last else "what_when_once", first=first, last=last)


def _findings(subject: Subject) -> Claim:
    """The most serious models that fired, in the order in which they did."""
    findings = subject.incident.findings
    titles = list(dict.fromkeys(subject.to(finding.title) for finding in findings))
    worst = {subject.to(f.title): SEVERITIES.index(f.severity) for f in reversed(findings)}
    gravest = sorted(titles, key=lambda title: -worst[title])[:TITLES]
    more = _more(len(titles) - TITLES, subject.language)
    quoted = "「{}」" if subject.language == "ja" else "{}"
    shown = _listed([quoted.format(title) for title in titles if title in gravest], subject.language) + more
    sides = [part for part in (_device(subject), _who(subject) if _asked_by_somebody(subject) else "") if part]
    separator = "、" if subject.language == "ja" else "; "
    key = "what_findings" if sides else "what_findings_alone"
    return subject.say(key, *cited(subject), titles=shown, sides=separator.join(sides))


def _asked_by_somebody(subject: Subject) -> bool:
    """Whether there is another side to tell of: what a machine runs itself nobody sent, as far as its log goes."""
    incident = subject.incident
    own = {"process", "host", "miner", *(("dns", "alert") if incident.devices else ())}
    return bool(incident.remotes) or any(finding.table not in own for finding in incident.findings)


def _messages(subject: Subject) -> Claim:
    count, methods = counted(subject.incident, METHODS)
    place = phrase(_place(subject), subject.language)
    key = "what_messages" if count > 1 else "what_message"
    return subject.say(key, count=f"{count:,}", place=place, who=_who(subject), methods=methods)


def counted(incident: Incident, most: int) -> tuple[int, str]:
    """How many mining messages there were, and their methods; only some of many are kept as examples, so how often each
    came is said where all of them are known."""
    messages = incident.messages
    events = {message.event_id for message in messages}
    counts = [int(f.values.get("count", "1")) for f in incident.findings if events & set(f.event_ids)]
    total = max(len(messages), *counts, 0)
    methods = Counter(cut(printable(message.method), 30) for message in messages)
    whole = total == len(messages) and len(methods) > 1
    shown = [f"{name} ×{count}" if count > 1 and whole else name for name, count in methods.most_common(most)]
    return total, ", ".join(shown) + (f" +{len(methods) - most}" if len(methods) > most else "")


def _more(count: int, language: Language) -> str:
    """That there are so many more than were named."""
    if count <= 0:
        return ""
    return f"ほか{count}件" if language == "ja" else f" and {count} more"


def _place(subject: Subject) -> str:
    """Whether it stood in a web server's log, on the wire, or in some other log."""
    formats = {printable(item.path): item.format for item in subject.analysis.inputs}
    read = {formats.get(printable(item.source)) for item in subject.incident.evidence if item.source}
    if read & OTHER_LOGS or None in read:
        return "what_place_log"
    web = any(finding.table == "http" for finding in subject.incident.findings)
    return "what_place_web" if web else "what_place_network"


def _who(subject: Subject) -> str:
    remotes = subject.incident.remotes
    if not remotes:
        return phrase("what_from_nobody", subject.language)
    key = "what_from" if len(remotes) == 1 else "what_from_many"
    return phrase(key, subject.language, remote=cut(defang(printable(remotes[0])), 60), more=len(remotes) - 1)


def _device(subject: Subject) -> str:
    devices = subject.incident.devices
    if not devices:
        return ""
    key = "what_device" if len(devices) == 1 else "what_devices"
    return phrase(key, subject.language, device=cut(printable(devices[0]), 60), more=len(devices) - 1)


def _why(subject: Subject) -> Iterator[Claim]:
    """The weightiest reason of each kind of evidence, the best two; and how sure that makes us."""
    top = subject.incident.hypotheses[0]
    reasons = strongest(subject, about(subject, top.name))[:REASONS]
    ids = tuple(item.id for item in reasons)
    sure = probability(top.probability, subject.language)
    if not reasons:
        yield subject.say("why_nothing", probability=sure)
        return
    separator = "。" if subject.language == "ja" else "; "
    reasons_text = separator.join(_sentence(subject, item) for item in reasons)
    yield subject.say("why_reasons", *ids, reasons=reasons_text, probability=sure)


def strongest(subject: Subject, ids: Sequence[str]) -> list[Evidence]:
    """Per family the strongest evidence for it, the strongest first: members of a family say much the same."""
    best: dict[str, Evidence] = {}
    for item in (subject.evidence[id_] for id_ in ids):
        if item.family != "prior" and item.bits > max(0.0, best[item.family].bits if item.family in best else 0.0):
            best[item.family] = item
    return sorted(best.values(), key=lambda item: -item.bits)


def _sentence(subject: Subject, item: Evidence) -> str:
    return subject.to(item.because).rstrip("。.")


def aimed(subject: Subject) -> Iterator[Claim]:
    """The owner's own question: is this an attack on me, or did it just come here by mistake?"""
    top = subject.incident.hypotheses[0].name
    evidence = about(subject, top)
    if (words := aim_of_names(subject.incident)) is not None:
        yield subject.say(words, *evidence)
    elif top == "internet_wide_scanner" and subject.incident.messages:
        yield subject.say("aimed_scanner", *evidence)
        yield _stray(subject)
        if any(map(checks_for_rivals, subject.incident.messages)):
            yield subject.say("aimed_rivals", *evidence)
    elif top == "internet_wide_scanner":
        words = "aimed_scan_found" if interface_answered(subject.incident) else "aimed_scan"
        words = "aimed_inside" if asked_inside(subject.incident) else words
        yield subject.say("aimed_guessing" if _guessed(subject) else words, *evidence)
    else:
        yield subject.say(_aim(subject.incident, top), *evidence)


def _aim(incident: Incident, top: str) -> str:
    if top == "exploitation_attempt" and brings_a_program(incident):
        return "aimed_exploit"
    return "aimed_suspected" if top == "compromised_device" and only_suspected(incident) else _AIMED[top]


_AIMED = {
    "misdirected_miner": "aimed_misdirected",
    "exploitation_attempt": "aimed_intrusion",
    "compromised_device": "aimed_compromised",
    "authorised_mining": "aimed_authorised",
    "benign": "aimed_benign",
}


def _stray(subject: Subject) -> Claim:
    """How likely it is that a miner merely has a wrong address."""
    share = max((s.probability for s in subject.incident.hypotheses if s.name == "misdirected_miner"), default=0.0)
    key = "aimed_maybe_stray" if share >= WORTH_A_THOUGHT else "aimed_not_stray"
    evidence = about(subject, "misdirected_miner")
    return subject.say(key, *evidence, stray=probability(share, subject.language))


def _guessed(subject: Subject) -> bool:
    return any(item.kind in GUESSING for item in subject.incident.evidence)


def worked(subject: Subject, because: str = "worked_because") -> Iterator[Claim]:
    """Whether it worked, and the one thing that says so most clearly, said by ``because``."""
    incident = subject.incident
    if incident.hypotheses[0].name in {"authorised_mining", "benign"}:
        return
    result = incident.outcome
    yield subject.say(outcome_words(incident), *result.because)
    item = _speaking(subject)
    if item is not None:
        yield subject.say(because, item.id, reason=_sentence(subject, item))


def _speaking(subject: Subject) -> Evidence | None:
    """The evidence that decided, or where none points that way the one that comes nearest to it."""
    result = subject.incident.outcome
    sign = 1.0 if result.value in {"possible", "confirmed"} else -1.0
    items = [subject.evidence[id_] for id_ in result.because]
    speaking = [item for item in items if item.bits * sign > 0]
    answers = [item for item in items if item.kind == "success_2xx_alone"]
    return min(speaking or answers, key=lambda item: (-item.bits * sign, item.because.en), default=None)


def _worked(subject: Subject) -> Iterator[Claim]:
    """The same, and that no miner runs because of messages that failed."""
    yield from worked(subject)
    incident, result = subject.incident, subject.incident.outcome
    harmless = incident.hypotheses[0].name in {"internet_wide_scanner", "misdirected_miner"}
    if harmless and result.value == "failed" and incident.messages:
        yield subject.say("no_miner_runs", *result.because)


def _do(subject: Subject) -> Iterator[Claim]:
    advice = subject.incident.recommendations
    for item in advice[:ADVICE]:
        yield Claim(text=subject.to(item.text), evidence=item.evidence)
    if len(advice) > ADVICE:
        yield subject.say("do_more", count=len(advice) - ADVICE)


def again(subject: Subject) -> Iterator[Claim]:
    """What would change the answer; nothing where there is something to do at once."""
    incident = subject.incident
    top = incident.hypotheses[0].name
    if any(item.id == "look_at_talk" for item in incident.recommendations):
        return
    if top == "authorised_mining":
        yield subject.say("again_authorised")
    elif incident.outcome.value not in {"failed", "no_sign_of_success"} or top in {"compromised_device", "benign"}:
        return
    elif top == "exploitation_attempt":
        yield subject.say("again_exploit")
    elif asked_from_outside(incident.findings):
        yield subject.say("again_asked")
    else:
        yield subject.say("again_noise" if incident.messages else "again_scan")


def _cve(subject: Subject) -> Iterator[Claim]:
    """Each vulnerability an attempt aimed at, in a sentence; for mining messages that there is none."""
    incident = subject.incident
    matched = [item for item in incident.vulnerabilities if item.relation == "matched"]
    if incident.messages and not matched:
        yield subject.say("cve_none" if only_talk(incident) else "cve_unnamed")
    for item in matched[:CVES]:
        vulnerability = subject.facts.vulnerabilities.get(item.cve)
        if vulnerability is None:
            yield subject.say("cve_brief_unknown", *item.evidence, cve=item.cve)
        else:
            summary = subject.to(vulnerability.summary).rstrip("。.")
            yield subject.say(
                "cve_brief",
                *item.evidence,
                cve=item.cve,
                product=in_words(vulnerability.product, subject.language),
                summary=summary,
            )
    if len(matched) > CVES:
        yield subject.say("cve_brief_more", count=len(matched) - CVES)


def _terms(subject: Subject) -> Iterator[Claim]:
    """What the words mean that a reader of a server's log never met."""
    if speaks_of_mining(subject.incident.findings, subject.incident.messages):
        yield subject.say("terms_mining")


def _listed(words: Sequence[str], language: Language) -> str:
    return ("" if language == "ja" else "; ").join(words)


_PARTS: tuple[tuple[str, Writer], ...] = (
    ("news", news), ("what", _what), ("why", _why), ("aimed", aimed), ("worked", _worked), ("do", _do), ("again", again),
    ("cve", _cve), ("terms", _terms),
)  # fmt: skip


def headline(incident: Incident, language: Language) -> str:
    """What it is and whether it worked; that nothing needs to be done, when nothing does."""
    title = incident.title.to(language)
    first = incident.recommendations[0] if incident.recommendations else None
    if first is None or first.id != NOTHING:
        return title
    return phrase("verdict_act", language, title=title, advice=first.text.to(language))


__all__ = ["again", "aimed", "brief", "cited", "counted", "headline", "strongest", "worked"]
