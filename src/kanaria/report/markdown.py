"""The report as Markdown. Every character Markdown or an HTML viewer could act on is escaped; quotes stand in code spans."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kanaria.core.facts import Knowledge
from kanaria.core.late_regex import late_regex
from kanaria.core.types import Analysis, Language
from kanaria.report.phrases import HEADINGS
from kanaria.report.view import IncidentView, incident_views
from kanaria.report.write import unread_share, write_nothing_found

_SPECIAL = late_regex(r"([\\`*_{}\[\]<>()#+!|~&$@:-])")

# GitHub makes links of bare names that begin so (GFM, extended autolinks).
_WWW = late_regex(r"(?i)\b(www)\.")


def render(analysis: Analysis, facts: Knowledge, language: Language) -> str:
    """One document with a second-level heading per incident."""
    lines = [f"# {HEADINGS['report'].to(language)}", ""]
    if not analysis.incidents:
        lines.append(escape(write_nothing_found(analysis, language).text))
    elif unread := unread_share(analysis, language):
        lines += [escape(unread.text), ""]
    for view in incident_views(analysis, facts, language):
        lines += _incident(view, language)
    lines += [line for note in analysis.notes for line in ("", escape(note.to(language)))]
    return "\n".join(lines) + "\n"


def _incident(view: IncidentView, language: Language) -> Iterator[str]:
    yield f"## {escape(view.incident.title.to(language))}"
    yield ""
    yield f"**{HEADINGS['severity'].to(language)}**: {view.severity}"
    yield ""
    yield escape(view.report.verdict.text)
    yield ""
    for section in view.brief:
        text = ("" if language == "ja" else " ").join(claim.text for claim in section.claims)
        yield f"- **{section.heading}**{'' if section.heading.endswith('?') else ':'} {escape(text)}"
    for section in view.report.sections:
        yield from ("", f"### {section.heading}", "")
        for claim in section.claims:
            numbers = " ".join(f"\\[{number}\\]" for number in view.numbers(claim)[:6])
            yield f"- {escape(claim.text)} {numbers}".rstrip()
    yield from ("", f"### {HEADINGS['evidence'].to(language)}", "")
    for item in view.evidence:
        place = f" {code(item.place)}" if item.place else ""
        worth = escape(f" ({item.bits})") if item.bits else ""
        yield f"- \\[{item.number}\\]{place} {escape(item.because)}{worth}"
        if item.quote:
            yield f"  - {code(item.quote)}"
    yield ""


def escape(text: str) -> str:
    """Text that reads as itself in CommonMark and contains no live HTML or links."""
    return _WWW.sub(r"\1\\.", _SPECIAL.sub(r"\\\1", text.replace("\n", " ")))


def code(text: str) -> str:
    """A code span around any text: the fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"
