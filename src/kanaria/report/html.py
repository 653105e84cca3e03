"""The report as one self-contained HTML file: no script, no request to anywhere, everything escaped by the template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kanaria.core.facts import Knowledge
from kanaria.core.late_regex import late_regex
from kanaria.core.story import Stories
from kanaria.core.types import Analysis, Language, Text
from kanaria.report import plots
from kanaria.report.phrases import HEADINGS
from kanaria.report.view import incident_views
from kanaria.report.write import unread_share, write_nothing_found

if TYPE_CHECKING:
    from markupsafe import Markup


def render(
    analysis: Analysis, facts: Knowledge, language: Language, stories: Mapping[str, Stories] | None = None,
    note: Text | None = None, *, only_story: bool = False,
) -> str:  # fmt: skip
    """The whole page: report and story, or the story with its evidence. ``stories`` are those by incident that somebody
    else wrote, and ``note`` says who. A Content-Security-Policy in it forbids scripts and any load, should an escape ever fail."""
    import jinja2  # 130 ms; only HTML needs it

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kanaria.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["with_code"] = _with_code
    about_pictures = plots.note(analysis, language)
    notes = [*filter(None, (note,)), *analysis.notes, *([about_pictures] if about_pictures else [])]
    return environment.get_template("report.html").render(
        language=language,
        headings={name: text.to(language) for name, text in HEADINGS.items()},
        views=list(incident_views(analysis, facts, language, stories)),
        only_story=only_story,
        unread=unread.text if (unread := unread_share(analysis, language)) else "",
        nothing=write_nothing_found(analysis, language).text,
        pictures=plots.embedded(analysis, language),
        notes=[note.to(language) for note in notes],
    )


_TICKED = late_regex(r"`([^`]+)`")


def _with_code(text: str) -> Markup:
    """Escaped, with what stands between backticks, commands and names of settings, as code that can be copied."""
    from markupsafe import Markup, escape

    return Markup(_TICKED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  (escaped before)
