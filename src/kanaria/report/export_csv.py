"""The findings of an analysis as CSV (RFC 4180): one row per finding, for spreadsheets and quick filters.

Takes an ``Analysis``; returns text with a header line. A spreadsheet runs cells that begin with ``=``, ``+``, ``-`` or
``@`` as formulas, and full-width forms of them in Japanese settings; such texts get a leading apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping

from kanaria.core.text import printable
from kanaria.core.types import Analysis, Finding, Incident, Language

Cell = Callable[[Incident, Finding, Language], object]

COLUMNS: Mapping[str, Cell] = {
    "incident": lambda i, f, lang: i.id,
    "incident_title": lambda i, f, lang: i.title.to(lang),
    "incident_severity": lambda i, f, lang: i.severity,
    "hypothesis": lambda i, f, lang: i.hypotheses[0].name,
    "outcome": lambda i, f, lang: i.outcome.value,
    "finding": lambda i, f, lang: f.id,
    "rule": lambda i, f, lang: f.rule,
    "rule_version": lambda i, f, lang: f.rule_version,
    "title": lambda i, f, lang: f.title.to(lang),
    "severity": lambda i, f, lang: f.severity,
    "stage": lambda i, f, lang: f.stage,
    "time": lambda i, f, lang: f.time and f.time.isoformat(),
    "until": lambda i, f, lang: f.until and f.until.isoformat(),
    "device": lambda i, f, lang: f.device,
    "remote": lambda i, f, lang: f.remote,
    "techniques": lambda i, f, lang: " ".join(f.techniques),
    "cves": lambda i, f, lang: " ".join(f.cves),
    "bits": lambda i, f, lang: f.bits,
    "why": lambda i, f, lang: f.why.to(lang),
    "evidence": lambda i, f, lang: " ".join(f"{e.source}:{e.line}" for e in f.evidence if e.source),
    "quote": lambda i, f, lang: next((e.quote for e in f.evidence if e.quote), None),
}
"""Column names, which are promises, and what stands in them."""

# OWASP, "CSV injection"; the last four are what Excel with a Japanese input method takes for the first four.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export(analysis: Analysis, language: Language) -> str:
    """All findings of all incidents, in their order. Absent values are empty cells."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for incident in analysis.incidents:
        for finding in incident.findings:
            writer.writerow([_cell(make(incident, finding, language)) for make in COLUMNS.values()])
    return out.getvalue()


def _cell(value: object) -> object:
    """Numbers stay numbers; text is made printable and can be no formula."""
    return inert(str(value)) if isinstance(value, str) else "" if value is None else value


def inert(text: str) -> str:
    """The text as a spreadsheet shows it and never runs it; leading blanks do not hide a formula."""
    shown = printable(text)
    return "'" + shown if text.startswith(_FORMULA) or shown.lstrip().startswith(_FORMULA) else shown
