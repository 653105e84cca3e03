"""Lists for people: formats with an example each, and the facts held."""

from __future__ import annotations

from collections.abc import Iterator

from kanaria.core.errors import ConfigError
from kanaria.core.text import printable
from kanaria.core.types import Language


def format_lines(language: Language) -> Iterator[str]:
    """Name, title, tables and an example of every format."""
    from kanaria.formats import registry

    label = {"en": "tables", "ja": "テーブル"}[language]
    for known in registry.all_formats():
        yield f"{known.name}  {known.title}  ({label}: {', '.join(known.tables)})"
        for line in known.example.splitlines():
            yield f"    {printable(line)}"


def knowledge_lines(kind: str | None, language: Language) -> Iterator[str]:
    """Every fact of a kind (or all) with source and date. Raises ConfigError for an unknown kind."""
    from kanaria import knowledge
    from kanaria.knowledge import listing

    if kind is not None and kind not in listing.KINDS:
        raise ConfigError(path="knowledge", key="", expected=f"one of {', '.join(listing.KINDS)}", got=kind)
    for row in listing.listing(knowledge.load(), kind, language):
        yield f"{row.kind}  {row.id}  {row.text}  [{row.source}, {row.date}]"
