"""The whole report for a terminal: plain text, colour only when asked, long lines wrapped by display width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kanaria.core.facts import Knowledge
from kanaria.core.text import cut, printable
from kanaria.core.types import Analysis, Claim, Incident, Language
from kanaria.report.phrases import HEADINGS, phrase
from kanaria.report.section_news import last_line
from kanaria.report.view import IncidentView, incident_views
from kanaria.report.wrapping import wrap
from kanaria.report.write import unread_share, write_nothing_found

COLOURS = {"informational": "36", "low": "32", "medium": "33", "high": "31", "critical": "1;31"}
QUOTE_COLUMNS = 160
# A terminal is no place for a hundred reports: the rest is listed, and complete in HTML and JSON.
TOLD_IN_FULL = 5
LISTED = 40
MODELS_NAMED, REMOTES_NAMED = 3, 3


def render(
    analysis: Analysis, facts: Knowledge, language: Language, *, columns: int = 100, colour: bool = False
) -> str:
    """All incidents, or the sentence that there are none. ``columns`` is the width to wrap at."""
    lines = list(_render(analysis, facts, language, columns, colour))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _render(analysis: Analysis, facts: Knowledge, language: Language, columns: int, colour: bool) -> Iterator[str]:
    if not analysis.incidents:
        yield from wrap(write_nothing_found(analysis, language).text, columns)
    elif unread := unread_share(analysis, language):
        yield from (*wrap(unread.text, columns), "")
    everything = list(incident_views(analysis, facts, language))
    views = [view for view in everything if view.incident.alert is None or view.incident.alert.tell]
    if everything and not views:
        yield from wrap(phrase("nothing_new", language), columns)
    in_full = [view for view in views if worth_telling(view.incident)][:TOLD_IN_FULL] or views[:1]
    for number, view in enumerate(in_full):
        if number:
            yield from ("", "-" * columns, "")
        yield from _incident(view, language, columns, colour)
    shown = {id(view) for view in in_full}  # comparing whole incidents would take hours for thousands
    others = [view for view in views if id(view) not in shown]
    if others:
        yield from ("", phrase("also_seen", language, count=len(others)))
    alike = _alike(others, language)
    for group in alike[:LISTED]:
        yield from wrap(_line(group, language), columns, "  - ", "    ")
    if len(alike) > LISTED:
        yield "  " + phrase("and_more", language, count=sum(map(len, alike[LISTED:])))
    news = {id(view) for view in views}
    yield from _going_on([view for view in everything if id(view) not in news], language, columns)
    for note in analysis.notes:
        yield ""
        yield from wrap(note.to(language), columns)


def _going_on(views: Sequence[IncidentView], language: Language, columns: int) -> Iterator[str]:
    """What was reported before and only goes on: a line each."""
    if views:
        yield ""
        yield from wrap(phrase("also_known", language, count=len(views)), columns)
    for view in views[:LISTED]:
        line = f"{view.incident.id} [{view.severity}] {view.incident.title.to(language)}: {last_line(view.incident, language)}"
        yield from wrap(line.rstrip(": "), columns, "  - ", "    ")
    if len(views) > LISTED:
        yield "  " + phrase("and_more", language, count=len(views) - LISTED)


def worth_telling(incident: Incident) -> bool:
    """Mining, or anything above the background noise of the Internet."""
    return incident.severity != "informational" or bool(incident.messages)


def _alike(views: Sequence[IncidentView], language: Language) -> list[list[IncidentView]]:
    """Incidents of which one line would say the same, apart from who it was; in the order in which they first come."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[IncidentView]] = {}
    for view in views:
        names = tuple(dict.fromkeys(finding.title.to(language) for finding in view.incident.findings))
        groups.setdefault((view.severity, view.incident.title.to(language), names[:MODELS_NAMED]), []).append(view)
    return list(groups.values())


def _line(views: Sequence[IncidentView], language: Language) -> str:
    """What ``_alike`` put together, in one line: how often, what, by whom."""
    first = views[0]
    names = list(dict.fromkeys(finding.title.to(language) for finding in first.incident.findings))
    remotes = list(dict.fromkeys(remote for view in views for remote in view.incident.remotes))
    who = cut(printable(", ".join(remotes[:REMOTES_NAMED])), 60) or "-"
    if len(remotes) > REMOTES_NAMED:
        who = phrase("and_others", language, named=who, count=len(remotes) - REMOTES_NAMED)
    times = f"{len(views)} × " if len(views) > 1 else ""
    what = f"[{first.severity}] {first.incident.title.to(language)} ({who})"
    return f"{times}{what}: {'; '.join(names[:MODELS_NAMED])}"


def _incident(view: IncidentView, language: Language, columns: int, colour: bool) -> Iterator[str]:
    for index, line in enumerate(wrap(f"[{view.severity}] {view.report.verdict.text}", columns)):
        yield paint(line, COLOURS[view.incident.severity], colour) if index == 0 else line
    for section in view.report.sections:
        yield ""
        yield paint(section.heading, "1", colour)
        for claim in section.claims:
            yield from wrap(_cited(claim, view), columns, "  - ", "    ")
    yield ""
    yield paint(HEADINGS["evidence"].to(language), "1", colour)
    for item in view.evidence:
        place = f" {item.place}" if item.place else ""
        worth = f" ({item.bits})" if item.bits else ""
        yield from wrap(f"[{item.number}]{place} {item.because}{worth}", columns, "  ", "      ")
        if item.quote:
            yield f"      > {cut(item.quote, QUOTE_COLUMNS)}"


def _cited(claim: Claim, view: IncidentView) -> str:
    numbers = view.numbers(claim)
    shown = ",".join(str(number) for number in numbers[:6]) + (",…" if len(numbers) > 6 else "")
    return f"{claim.text} [{shown}]" if numbers else claim.text


def paint(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
