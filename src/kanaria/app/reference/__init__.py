"""The reference, generated from what the program itself holds: nothing in, pages of Markdown in both languages out.

Commands come from the command line's own help, settings from ``app.config``, formats from the registry, rules from the
rule set, tables from ``core.schema``, errors from ``core.errors``, words from ``core.glossary``, and the picture of the
architecture from the imports. Run ``python -m kanaria.app.reference docs/reference`` (``make docs``); a test says when
the committed pages are stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kanaria.app.reference import architecture, commands, errors, formats, glossary, index, rules, settings, tables
from kanaria.core.types import LANGUAGES, Language

Page = Callable[[Language], str]

PAGES: Mapping[str, Page] = {
    "index": index.page,
    "commands": commands.page,
    "settings": settings.page,
    "formats": formats.page,
    "rules": rules.page,
    "tables": tables.page,
    "errors": errors.page,
    "glossary": glossary.page,
}
"""Pages by name; each takes a language and gives the whole text."""


def pages() -> dict[str, str]:
    """File name to text of every generated page, ``name.md`` in English and ``name.ja.md`` in Japanese."""
    return {file_name(name, lang): page(lang) for name, page in PAGES.items() for lang in LANGUAGES}


def pictures() -> dict[str, str]:
    """File name to text of every generated picture."""
    return {file_name("architecture", lang, "svg"): architecture.picture(lang) for lang in LANGUAGES}


def file_name(page: str, language: Language, kind: str = "md") -> str:
    """``commands.md`` or ``commands.ja.md``."""
    return f"{page}.{kind}" if language == "en" else f"{page}.{language}.{kind}"
