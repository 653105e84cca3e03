"""Stories as plain text or Markdown: a heading, then paragraphs that can be published as they stand.

Takes an ``Analysis`` and the story of each incident; returns text; what could not be read is said first, and incidents
alike are told once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kanaria.core.story import Stories, paragraphs
from kanaria.core.text import hide_links
from kanaria.core.types import Analysis, Language, Text
from kanaria.report.brief import headline
from kanaria.report.phrases import phrase
from kanaria.report.text_brief import alike, group_line
from kanaria.report.wrapping import wrap
from kanaria.report.write import unread_share, write_nothing_found

TOLD = 3
"""Stories in one answer; more nobody reads, and the others stand below in a line each."""


def render(
    analysis: Analysis,
    stories: Mapping[str, Stories],
    language: Language,
    note: Text | None = None,
    *,
    columns: int = 100,
) -> str:
    """Wrapped by display width; ``note`` says who wrote it."""
    lines = list(_lines(analysis, stories, language, lambda title: title, note))
    return "\n".join(wrapped.rstrip() for line in lines for wrapped in wrap(line, columns) or [""]) + "\n"


def render_markdown(
    analysis: Analysis, stories: Mapping[str, Stories], language: Language, escape: Callable[[str], str],
    note: Text | None = None,
) -> str:  # fmt: skip
    """One second-level heading per story; ``escape`` makes text harmless in Markdown."""
    made = _lines(analysis, stories, language, lambda title: f"\0{title}", note)
    return "\n".join(f"## {escape(line[1:])}" if line.startswith("\0") else escape(line) for line in made) + "\n"


def _lines(
    analysis: Analysis,
    stories: Mapping[str, Stories],
    language: Language,
    heading: Callable[[str], str],
    note: Text | None,
) -> Iterator[str]:
    if not analysis.incidents:
        yield write_nothing_found(analysis, language).text
        return
    if unread := unread_share(analysis, language):
        yield from (unread.text, "")
    groups = alike(analysis.incidents)
    for number, group in enumerate(groups[:TOLD]):
        if number:
            yield ""
        yield heading(headline(group[0], language))
        for paragraph in paragraphs(stories[group[0].id][language], language):
            yield from ("", hide_links(paragraph))
        if len(group) > 1:
            yield from ("", phrase("story_alike", language, count=len(group)))
    if len(groups) > TOLD:
        yield from ("", phrase("brief_others", language, count=sum(map(len, groups[TOLD:]))))
        yield from (f"- {group_line(group, language)}" for group in groups[TOLD:])
    if note:
        yield from ("", note.to(language))
