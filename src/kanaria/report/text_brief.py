"""The answer on one screen of a terminal: the worst incident told shortly, the others in a line or two each.

Takes an ``Analysis``; returns plain text, colour only when asked, wrapped by display width. ``text`` tells all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kanaria.core.facts import Knowledge
from kanaria.core.glossary import OUTCOMES, SEVERITIES, called
from kanaria.core.text import cut, defang, printable
from kanaria.core.types import Analysis, Incident, Language, Section
from kanaria.report.brief import brief, headline
from kanaria.report.phrases import phrase
from kanaria.report.section_news import last_line
from kanaria.report.text import COLOURS, MODELS_NAMED, REMOTES_NAMED, paint, worth_telling
from kanaria.report.wrapping import wrap
from kanaria.report.write import unread_share, write_nothing_found

# What a screen has room for beside the worst one: some with the reasons, others in a line.
TOLD_SHORTLY, LISTED = 3, 12


def render(
    analysis: Analysis, facts: Knowledge, language: Language, *, columns: int = 100, colour: bool = False
) -> str:
    """The worst incident and the others beside it, or the sentence that there are none."""
    lines = list(_render(analysis, facts, language, columns, colour))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _render(analysis: Analysis, facts: Knowledge, language: Language, columns: int, colour: bool) -> Iterator[str]:
    unread = unread_share(analysis, language)
    if not analysis.incidents:
        yield from wrap(write_nothing_found(analysis, language).text, columns)
    elif unread:
        yield from wrap(unread.text, columns)
        yield ""
    news = [incident for incident in analysis.incidents if incident.alert is None or incident.alert.tell]
    if analysis.incidents and not news:
        yield from wrap(phrase("nothing_new", language), columns)
    groups = alike(news)
    if groups:
        yield from _worst(groups[0], analysis, facts, language, columns, colour)
    yield from _others(groups[1:], analysis, facts, language, columns, colour)
    yield from _going_on([i for i in analysis.incidents if i not in news], language, columns)
    for note in analysis.notes:
        yield ""
        yield from wrap(note.to(language), columns)
    if news:
        yield ""
        yield from wrap(phrase("brief_more", language), columns)


def alike(incidents: Sequence[Incident]) -> list[list[Incident]]:
    """Incidents of which one line would say the same, apart from who it was; in the order in which they first come."""
    groups: dict[object, list[Incident]] = {}
    for incident in incidents:
        models = tuple(dict.fromkeys(finding.rule for finding in incident.findings))[:MODELS_NAMED]
        kind = (incident.severity, incident.hypotheses[0].name, incident.outcome.value, models)
        groups.setdefault(kind, []).append(incident)
    return list(groups.values())


def _worst(
    group: Sequence[Incident], analysis: Analysis, facts: Knowledge, language: Language, columns: int, colour: bool
) -> Iterator[str]:
    incident = group[0]
    title = f"[{SEVERITIES[incident.severity].to(language)}] {headline(incident, language)}"
    for index, line in enumerate(wrap(title, columns)):
        yield paint(line, COLOURS[incident.severity], colour) if index == 0 else line
    if len(group) > 1:
        yield from wrap(phrase("brief_alike", language, count=len(group), who=_who(group[1:], language)), columns)
    yield ""
    for section in brief(incident, analysis, facts, language):
        yield from _part(section, language, columns, colour)


def _part(section: Section, language: Language, columns: int, colour: bool) -> Iterator[str]:
    """A labelled paragraph; several pieces of advice stand one below the other."""
    if section.id == "do" and len(section.claims) > 1:
        yield paint(f"{section.heading}:", "1", colour)
        for claim in section.claims:
            yield from wrap(claim.text, columns, "  - ", "    ")
        return
    text = ("" if language == "ja" else " ").join(claim.text for claim in section.claims)
    label = f"{section.heading} " if section.heading.endswith("?") else f"{section.heading}: "
    for index, line in enumerate(wrap(label + text, columns, "", "  ")):
        yield line.replace(label, paint(label, "1", colour), 1) if index == 0 else line


def _others(
    groups: Sequence[Sequence[Incident]], analysis: Analysis, facts: Knowledge, language: Language, columns: int, colour: bool
) -> Iterator[str]:  # fmt: skip
    if groups:
        yield ""
        yield paint(phrase("brief_others", language, count=sum(map(len, groups))), "1", colour)
    shortly = [group for group in groups if worth_telling(group[0])][:TOLD_SHORTLY]
    for group in groups[:LISTED]:
        yield from wrap(group_line(group, language), columns, "  - ", "    ")
        if group in shortly:
            yield from wrap(_shortly(group[0], analysis, facts, language), columns, "    ", "    ")
    if len(groups) > LISTED:
        yield "  " + phrase("and_more", language, count=sum(map(len, groups[LISTED:])))


def group_line(group: Sequence[Incident], language: Language) -> str:
    """A group in one line: how often, how bad, what, who."""
    first = group[0]
    times = f"{len(group)} × " if len(group) > 1 else ""
    return f"{times}[{SEVERITIES[first.severity].to(language)}] {_title(group, language)} ({_who(group, language)})"


def _title(group: Sequence[Incident], language: Language) -> str:
    """The title they share, or what they have in common when it names a device."""
    first = group[0]
    title = first.title.to(language)
    if all(incident.title.to(language) == title for incident in group):
        return title
    name = called(first.hypotheses[0].name, first.findings, first.messages)
    return f"{name.to(language)}: {OUTCOMES[first.outcome.value].to(language)}"


def _who(group: Sequence[Incident], language: Language) -> str:
    """The devices of machines that are ours to look at; of strangers their addresses."""
    ours = group[0].hypotheses[0].name in {"compromised_device", "authorised_mining"}
    sides = (incident.devices if ours and incident.devices else incident.remotes for incident in group)
    named = list(dict.fromkeys(name for side in sides for name in side))
    who = cut(", ".join(defang(printable(name)) for name in named[:REMOTES_NAMED]), 60)
    if len(named) > REMOTES_NAMED:
        return phrase("and_others", language, named=who, count=len(named) - REMOTES_NAMED)
    return who or phrase("what_from_nobody", language)


def _shortly(incident: Incident, analysis: Analysis, facts: Knowledge, language: Language) -> str:
    """Attack or stray, did it work, what to do: the first sentence of each."""
    sections = {section.id: section for section in brief(incident, analysis, facts, language)}
    parts = [sections[name].claims[0].text for name in ("aimed", "worked", "do") if name in sections]
    return ("" if language == "ja" else " ").join(parts)


def _going_on(incidents: Sequence[Incident], language: Language, columns: int) -> Iterator[str]:
    """What was reported before and only goes on: a line each."""
    if incidents:
        yield ""
        yield from wrap(phrase("also_known", language, count=len(incidents)), columns)
    for incident in incidents[:LISTED]:
        severity = SEVERITIES[incident.severity].to(language)
        line = f"{incident.id} [{severity}] {incident.title.to(language)}: {last_line(incident, language)}"
        yield from wrap(line.rstrip(": "), columns, "  - ", "    ")
    if len(incidents) > LISTED:
        yield "  " + phrase("and_more", language, count=len(incidents) - LISTED)
