"""The deterministic writer: an incident in words of one language, every sentence with the evidence it stands on.

Comes in: an ``Incident`` and the run around it. Goes out: a ``Report`` with the sections in the order a reader asks:
verdict, what is new since the last run, identification, outcome, message by message, vulnerabilities, impact, what to do, what was looked at. The same
facts give the same text. Nothing here is escaped for an output format; renderers do that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kanaria.core.facts import Knowledge
from kanaria.core.types import Analysis, Claim, Incident, Language, Report, Section
from kanaria.report import sections
from kanaria.report.phrases import HEADINGS, phrase
from kanaria.report.section_impact import impact
from kanaria.report.section_news import news
from kanaria.report.section_similar import similar_incidents

Writer = Callable[[sections.Subject], Iterator[Claim]]

# Order of the report. The verdict stands above all of them.
SECTIONS: tuple[tuple[str, Writer], ...] = (
    ("news", news),
    ("identification", sections.identification),
    ("outcome", sections.outcome),
    ("timeline", sections.timeline),
    ("normal", sections.normal),
    ("messages", sections.messages),
    ("findings", sections.findings),
    ("vulnerabilities", sections.vulnerabilities),
    ("impact", impact),
    ("recommendations", sections.recommendations),
    ("similar", similar_incidents),
    ("looked_at", sections.looked_at),
)


def write(incident: Incident, analysis: Analysis, facts: Knowledge, language: Language) -> Report:
    """The report of one incident in one language; sections with nothing to say are left out."""
    subject = sections.Subject(incident=incident, analysis=analysis, facts=facts, language=language)
    written = []
    for section_id, writer in SECTIONS:
        claims = tuple(writer(subject))
        if claims:
            written.append(Section(id=section_id, heading=HEADINGS[section_id].to(language), claims=claims))
    return Report(incident=incident.id, language=language, verdict=sections.verdict(subject), sections=tuple(written))


def write_nothing_found(analysis: Analysis, language: Language) -> Claim:
    """The answer when no incident was found: how much was read, and that nothing of mining was in it."""
    rows = sum(item.rows for item in analysis.inputs)
    known = sum(item.format is not None for item in analysis.inputs)
    return Claim(text=phrase("nothing_found", language, rows=f"{rows:,}", inputs=known), evidence=())


def ungrounded(report: Report, incident: Incident) -> tuple[str, ...]:
    """Claims that cite evidence the incident does not have."""
    known = {item.id for item in incident.evidence}
    claims = [report.verdict] + [claim for section in report.sections for claim in section.claims]
    return tuple(claim.text for claim in claims if not set(claim.evidence) <= known)


__all__ = ["ungrounded", "write", "write_nothing_found"]
