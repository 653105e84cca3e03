"""What happened to a device, moment by moment, as a person would tell it.

Takes an incident with its findings; returns sentences in order of time, each with its evidence. Findings that only add
up others are left out; the same thing again is told once, with how long it went on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

from kanaria.core.glossary import VALUES
from kanaria.core.rule_tags import (
    STORY_MINING,
    STORY_OUTSIDE,
    STORY_RDP,
    STORY_RDP_GUESSING,
    STORY_RDP_OPEN,
    STORY_SMB,
)
from kanaria.core.text import cut, defang, printable
from kanaria.core.types import SEVERITIES, Claim, Finding
from kanaria.core.values import dataclass
from kanaria.report.phrases import phrase
from kanaria.report.sections import Subject, cited

Kind = Literal["rdp", "mining", "smb", "outside", "other"]
STEPS, TITLES = 6, 3
_TIMES = {"en": "{0:%Y-%m-%d %H:%M} {zone}", "ja": "{0.year}年{0.month}月{0.day}日{0:%H:%M}({zone})"}
_CLOCKS = {"en": "{0:%H:%M} {zone}", "ja": "{0:%H:%M}({zone})"}
_KINDS: Mapping[str, Kind] = {STORY_RDP: "rdp", STORY_MINING: "mining", STORY_SMB: "smb", STORY_OUTSIDE: "outside"}
"""Tags of rules whose findings are told in a sentence of their own; of the others the titles are named."""


@dataclass
class _Teller:
    """Where the story has got to."""

    subject: Subject
    device: str
    named: bool = False
    short: bool = False
    before: datetime | None = None
    mentioned: set[tuple[Kind, str]] = field(default_factory=set)
    again: datetime | None = None

    def say(self, key: str, findings: Iterable[Finding], /, **values: object) -> Claim:
        ids = (item.id for finding in findings for item in finding.evidence)
        evidence = [id_ for id_ in dict.fromkeys(ids) if id_ in self.subject.evidence]
        claim = self.subject.say(key, *evidence, **values)
        return Claim(text=claim.text[:1].upper() + claim.text[1:], evidence=claim.evidence)

    def when(self, time: datetime) -> str:
        """At first the date, later how long after the last step."""
        before, self.before = self.before, time
        language = self.subject.language
        clock = shown_time(self.subject, time, _CLOCKS[language] if before else _TIMES[language])
        gap = time - before if before else timedelta(0)
        if gap >= timedelta(hours=1.5) and gap < timedelta(days=1):
            return phrase("story_hours_later", language, hours=round(gap / timedelta(hours=1)), clock=clock)
        if timedelta(minutes=1) <= gap < timedelta(hours=1.5):
            return phrase("story_minutes_later", language, minutes=round(gap / timedelta(minutes=1)), clock=clock)
        return phrase(
            "story_at_time", language, clock=shown_time(self.subject, time, _TIMES[language]) if gap else clock
        )


def steps(subject: Subject) -> Iterator[Claim]:
    """What was noticed; without a device or several moments, everything in one sentence."""
    events = [finding for finding in subject.incident.findings if finding.since is None] or subject.incident.findings
    moments = _moments(events)
    device = cut(printable(subject.incident.devices[0]), 60) if subject.incident.devices else ""
    if not device or (len(moments) < 2 and all(_kind(finding) == "other" for finding in events)):
        yield _everything(subject, device)
        return
    teller = _Teller(subject=subject, device=device)
    for time, findings in moments:
        yield from _moment(teller, time, findings)
    if teller.again and teller.before and teller.again > teller.before:
        until = shown_time(subject, teller.again, _TIMES[subject.language])
        yield subject.say("story_went_on", *cited(subject), until=until)


def short(subject: Subject) -> tuple[Claim, ...]:
    """The same in a sentence a step, without small things that only have a title; nothing where there are no two kinds of
    steps, and a list of titles says as much."""
    observed = [finding for finding in subject.incident.findings if finding.since is None]
    if not subject.incident.devices or len({_kind(finding) for finding in observed} - {"other"}) < 2:
        return ()
    moments = _moments(observed)
    teller = _Teller(subject=subject, device=cut(printable(subject.incident.devices[0]), 60), short=True)
    told = [claim for time, findings in moments for claim in _moment(teller, time, findings)]
    return tuple(told[:STEPS])


def shown_time(subject: Subject, time: datetime, style: str) -> str:
    """A time in the reader's zone, which it names."""
    local, zone = subject.analysis.zone.local(time)
    return style.format(local, zone=zone)


def between(subject: Subject) -> str:
    """From when to when the incident lasted, to begin a sentence with; empty when the records have no time."""
    first, last = subject.incident.first_seen, subject.incident.last_seen
    if first is None or last is None:
        return ""
    language = subject.language
    shown = {name: shown_time(subject, time, _TIMES[language]) for name, time in (("first", first), ("last", last))}
    return phrase("story_between" if shown["first"] != shown["last"] else "story_at", language, **shown)


def _moment(teller: _Teller, time: datetime, findings: Sequence[Finding]) -> Iterator[Claim]:
    """One minute: each kind of thing that is new in it."""
    remotes = {_remote(finding) for finding in findings if _kind(finding) in {"mining", "smb"}}
    by_kind: dict[Kind, list[Finding]] = {}
    for finding in findings:
        if _kind(finding) != "outside" or _remote(finding) not in remotes:  # said by what it did there
            by_kind.setdefault(_kind(finding), []).append(finding)
    for kind, same in by_kind.items():
        if teller.short and kind == "other" and not any(map(_counts, same)):
            continue
        new = [finding for finding in same if (kind, _name(kind, finding)) not in teller.mentioned]
        teller.mentioned |= {(kind, _name(kind, finding)) for finding in same}
        if not new:
            teller.again = max(filter(None, (teller.again, time)))
        elif len(teller.mentioned) <= STEPS + 1 or kind != "other":
            yield from islice(_TELLERS[kind](teller, time, new), 1 if teller.short else None)


def _rdp(teller: _Teller, time: datetime, findings: Sequence[Finding]) -> Iterator[Claim]:
    counts = [int(finding.values["count"]) for finding in findings if finding.values.get("count", "").isdecimal()]
    yield teller.say(
        "story_rdp", findings, when=teller.when(time), device=_device(teller), count=max(counts, default=1)
    )
    if any(STORY_RDP_OPEN in finding.tags for finding in findings):
        yield teller.say("story_open_rdp", findings)
    cookie = next((value for finding in findings if (value := finding.values.get("cookie"))), "")
    if cookie:
        yield teller.say("story_cookie", findings, cookie=cut(printable(cookie), 40))
    if any(STORY_RDP_GUESSING in finding.tags for finding in findings):
        yield teller.say("story_guessing", findings)


def _mining(teller: _Teller, time: datetime, findings: Sequence[Finding]) -> Iterator[Claim]:
    yield teller.say("story_mines", findings, when=teller.when(time), device=_device(teller), remote=_place(findings))
    if any(finding.values.get("mining.grammar_bits") for finding in findings):
        yield teller.say("story_no_list", findings)


def _smb(teller: _Teller, time: datetime, findings: Sequence[Finding]) -> Iterator[Claim]:
    yield teller.say("story_smb", findings, when=teller.when(time), device=_device(teller), remote=_place(findings))


def _outside(teller: _Teller, time: datetime, findings: Sequence[Finding]) -> Iterator[Claim]:
    yield teller.say("story_outside", findings, when=teller.when(time), device=_device(teller), remote=_place(findings))


def _other(teller: _Teller, time: datetime, findings: Sequence[Finding]) -> Iterator[Claim]:
    yield teller.say(
        "story_noticed",
        findings,
        when=teller.when(time),
        device=_device(teller),
        titles=titles(teller.subject, findings),
    )


_TELLERS = {"rdp": _rdp, "mining": _mining, "smb": _smb, "outside": _outside, "other": _other}


def _everything(subject: Subject, device: str) -> Claim:
    on = phrase("story_on", subject.language, device=device) if device else ""
    named = titles(subject, subject.incident.findings)
    return subject.say("story_findings", *cited(subject), when=between(subject), device=on, titles=named)


def titles(subject: Subject, findings: Sequence[Finding]) -> str:
    """The first few titles, quoted in Japanese, for they end in nouns there."""
    distinct = list(dict.fromkeys(subject.to(finding.title) for finding in findings))
    more = phrase("story_and_more", subject.language, more=len(distinct) - TITLES) if len(distinct) > TITLES else ""
    if subject.language == "ja":
        return "".join(f"「{title}」" for title in distinct[:TITLES]) + more
    return "; ".join(distinct[:TITLES]) + more


def _kind(finding: Finding) -> Kind:
    return next((kind for tag, kind in _KINDS.items() if tag in finding.tags), "other")


def _counts(finding: Finding) -> bool:
    """Whether somebody should look because of it alone."""
    return SEVERITIES.index(finding.severity) >= SEVERITIES.index("medium")


def _name(kind: Kind, finding: Finding) -> str:
    """What makes it the same thing again: of a kind with a sentence of its own everything of that kind."""
    return finding.rule if kind == "other" else ""


def _device(teller: _Teller) -> str:
    """At first with what it is."""
    named, teller.named = teller.named, True
    roles = (finding.values.get("device.role") for finding in teller.subject.incident.findings)
    role = VALUES["device.role"].get(next(filter(None, roles), ""))
    if named or not role:
        return teller.device
    role_words = role.to(teller.subject.language)
    return f"{teller.device}({role_words})" if teller.subject.language == "ja" else f"{teller.device} ({role_words})"


def _remote(finding: Finding) -> str:
    return finding.remote or finding.values.get("remote", "")


def _place(findings: Sequence[Finding]) -> str:
    """The other side, with its port where that is known."""
    finding = next((item for item in findings if _remote(item)), findings[0])
    remote = cut(defang(printable(_remote(finding))), 60)
    port = finding.values.get("dst_port", "")
    inwards = finding.values.get("src_ip") == _remote(finding)
    return f"{remote}:{port}" if port.isdecimal() and not inwards else remote


def _moments(findings: Sequence[Finding]) -> list[tuple[datetime, list[Finding]]]:
    """What began within the same minute, in order of time; findings without a time are left out."""
    by_minute: dict[datetime, list[Finding]] = {}
    timed = [(finding.time, finding) for finding in findings if finding.time]
    for moment, finding in sorted(timed, key=lambda pair: pair[0]):
        by_minute.setdefault(moment.replace(second=0, microsecond=0), []).append(finding)
    return list(by_minute.items())


__all__ = ["between", "short", "shown_time", "steps", "titles"]
