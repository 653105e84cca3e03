"""The deterministic writer: an incident in words of one language, every sentence with the evidence it stands on.

Takes an ``Incident`` and the run around it; returns a ``Report`` with the sections in the order a reader asks: verdict,
what is new since the last run, identification, outcome, message by message, vulnerabilities, impact, what to do, what
was looked at. The same facts give the same text. Nothing here is escaped for an output format; renderers do that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kanaria.core.coverage import Coverage
from kanaria.core.facts import Knowledge
from kanaria.core.text import cut, printable
from kanaria.core.types import Analysis, Claim, Incident, Language, Report, Section
from kanaria.report import sections
from kanaria.report.phrases import HEADINGS, phrase
from kanaria.report.section_impact import impact
from kanaria.report.section_news import news
from kanaria.report.section_similar import similar_incidents

STRANGE_NAMED = 3

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
    ("techniques", sections.techniques),
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
    """The answer when no incident was found: first what could not be read, then that nothing of mining was in the rest."""
    read = analysis.coverage
    recognised = sum(item.format is not None for item in analysis.inputs)
    rows = read.records - read.unread
    words = {"rows": f"{rows:,}", "records": "record" if rows == 1 else "records"}
    if not read.unread:
        files = "input" if recognised == 1 else "inputs"
        return Claim(text=phrase("nothing_found", language, **words, inputs=recognised, files=files), evidence=())
    unread = unread_share(analysis, language)
    rest = phrase("nothing_found_in_rest", language, **words) if read.unread < read.records else ""
    return Claim(text=_joined(unread.text if unread else "", rest, language=language), evidence=())


def unread_share(analysis: Analysis, language: Language) -> Claim | None:
    """What could not be read, to stand before anything else; None when all was read."""
    read = analysis.coverage
    if not read.unread:
        return None
    words = phrase("unread", language, **_unread(read))
    return Claim(text=_joined(words, _beside(analysis, language), language=language), evidence=())


def _unread(read: Coverage) -> dict[str, str]:
    return {"share": read.percent, "unread": f"{read.unread:,}", "records": f"{read.records:,}"}


def _beside(analysis: Analysis, language: Language) -> str:
    """What was done with unread records all the same, and in which inputs they are all."""
    if not analysis.coverage.unread:
        return ""
    strange = [item.path for item in analysis.inputs if item.format is None and item.rows and not item.failed]
    failed = [item.path for item in analysis.inputs if item.failed]
    blind = sum(item.unsearched for item in analysis.inputs)
    kind = "unread_searched_part" if blind else "unread_searched"
    searched = phrase(kind, language) if analysis.coverage.unread > blind else ""
    if searched and strange and analysis.incidents:
        searched = _joined(searched, phrase("unread_searched_found", language), language=language)
    return _joined(
        searched, _named("unread_inputs", strange, language), _named("unread_failed", failed, language),
        language=language,
    )  # fmt: skip


def _named(kind: str, names: Sequence[str], language: Language) -> str:
    """A sentence about some inputs, the first few by name; nothing without any."""
    if not names:
        return ""
    paths = ", ".join(cut(printable(path), 60) for path in names[:STRANGE_NAMED])
    more = ", …" if len(names) > STRANGE_NAMED else ""
    return phrase(kind, language, count=len(names), paths=paths + more)


def _joined(*sentences: str, language: Language) -> str:
    return ("" if language == "ja" else " ").join(filter(None, sentences))


def ungrounded(report: Report, incident: Incident) -> tuple[str, ...]:
    """Claims that cite evidence the incident does not have."""
    evidence_ids = {item.id for item in incident.evidence}
    claims = [report.verdict] + [claim for section in report.sections for claim in section.claims]
    return tuple(claim.text for claim in claims if not set(claim.evidence) <= evidence_ids)


__all__ = ["ungrounded", "unread_share", "write", "write_nothing_found"]
