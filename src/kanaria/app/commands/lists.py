"""Lists for people: formats with an example each, and the facts held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from kanaria.app.folders import data_folder, user_facts
from kanaria.core.clock import SystemClock
from kanaria.core.errors import ConfigError
from kanaria.core.text import cut, defang, printable
from kanaria.core.words import Language

REFUSED_SHOWN = 20


def format_lines(language: Language) -> Iterator[str]:
    """Name, title, tables and an example of every format."""
    from kanaria.app.format_titles import title_of
    from kanaria.formats import registry

    label = {"en": "tables", "ja": "テーブル"}[language]
    for known in registry.all_formats():
        yield f"{known.name}  {title_of(known.name, known.title, language)}  ({label}: {', '.join(known.tables)})"
        for line in known.example.splitlines():
            yield f"    {printable(line)}"


def knowledge_lines(kind: str | None, language: Language) -> Iterator[str]:
    """Every fact of a kind (or all) with source and date. Raises ConfigError for an unknown kind."""
    from kanaria import knowledge
    from kanaria.knowledge import listing

    if kind is not None and kind not in listing.KINDS:
        raise ConfigError(path="knowledge", key="", expected=f"one of {', '.join(listing.KINDS)}", got=kind)
    for row in listing.listing(knowledge.load(user_facts()), kind, language):
        yield f"{row.kind}  {row.id}  {row.text}  [{row.source}, {row.date}]"


def update_lines(folder: Path | None, pools: Path | None, networks: Path | None, *, download: bool) -> Iterator[str]:
    """Update the user's facts and say what became of them. Raises ConfigError when nothing was asked for."""
    from kanaria import knowledge

    if not (pools or networks or download):
        raise ConfigError(path="knowledge update", key="", expected="--pools, --networks or --download", got="nothing")
    target = folder or data_folder()
    today = SystemClock().now().date()
    report = knowledge.update(target, pools_from=pools, networks_from=networks, today=today, download=download)
    if pools:
        yield f"{report.pools} pool names taken, {report.already_known} known already, {len(report.refused)} refused"
    yield from _refusals(report.refused)
    for name, count in report.ranges:
        yield f"{name}: {count:,} address ranges"


def _refusals(refused: Sequence[tuple[str, str]]) -> Iterator[str]:
    """What was not taken and why, cut where the list gets long."""
    for value, reason in refused[:REFUSED_SHOWN]:
        yield f"refused: {cut(printable(defang(value)), 80)}: {reason}"
    if len(refused) > REFUSED_SHOWN:
        yield f"... and {len(refused) - REFUSED_SHOWN} more refused"


def import_lines(file: Path, source: str | None, folder: Path | None) -> Iterator[str]:
    """Import indicators and say what was taken and what was not. Raises SourceError."""
    from kanaria import knowledge

    report = knowledge.import_indicators(
        file,
        folder or data_folder(),
        source=source or file.name,
        today=SystemClock().now().date(),
        knowledge=knowledge.load(),
    )
    kinds = Counter(indicator.type for indicator in report.taken)
    yield f"{len(report.taken)} indicators taken" + "".join(
        f", {count} {kind}" for kind, count in sorted(kinds.items())
    )
    yield from _refusals(report.refused)
