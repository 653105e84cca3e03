"""Lists for people: formats with an example each, and the facts held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from kanaria.app.folders import data_folder, user_facts
from kanaria.core.clock import SystemClock
from kanaria.core.errors import ConfigError
from kanaria.core.facts import Knowledge
from kanaria.core.japanese import in_japanese
from kanaria.core.plural import fill
from kanaria.core.text import cut, defang, printable
from kanaria.core.words import Language, Text

REFUSED_SHOWN = 20
_POOLS = Text(
    en="{taken:pool name|pool names} taken, {known} known already, {refused} refused",
    ja="プール名を{taken}件登録、{known}件は登録済み、{refused}件は登録せず",
)
_RANGES = Text(en="{name}: {count:address range|address ranges}", ja="{name}: アドレス範囲{count:,}件")
_REFUSED = Text(en="refused: {value}: {why}", ja="登録せず: {value}: {why}")
_MORE = Text(en="... and {count} more refused", ja="ほかに{count}件を登録していません")
_TAKEN = Text(en="{count:indicator|indicators} taken", ja="痕跡情報を{count}件登録")
_KIND = Text(en=", {count} {kind}", ja="、{kind} {count}件")


def format_lines(language: Language) -> Iterator[str]:
    """Name, title, tables and an example of every format."""
    from kanaria.app.format_titles import title_of
    from kanaria.formats import registry

    label = {"en": "tables", "ja": "テーブル"}[language]
    for one in registry.all_formats():
        yield f"{one.name}  {title_of(one.name, one.title, language)}  ({label}: {', '.join(one.tables)})"
        for line in one.example.splitlines():
            yield f"    {printable(line)}"


def knowledge_lines(kind: str | None, language: Language) -> Iterator[str]:
    """Every fact of a kind (or all) with source and date. Raises ConfigError for an unknown kind."""
    from kanaria import knowledge
    from kanaria.knowledge import listing

    if kind is not None and kind not in listing.KINDS:
        raise ConfigError(path="knowledge", key="", expected=f"one of {', '.join(listing.KINDS)}", got=kind)
    for row in listing.listing(knowledge.load(user_facts()), kind, language):
        yield f"{row.kind}  {row.id}  {row.text}  [{row.source}, {row.date}]"


def update_lines(
    folder: Path | None, pools: Path | None, networks: Path | None, language: Language, *, download: bool
) -> Iterator[str]:
    """Update the user's facts and say what became of them. Raises ConfigError when nothing was asked for."""
    from kanaria import knowledge

    if not (pools or networks or download):
        raise ConfigError(path="knowledge update", key="", expected="--pools, --networks or --download", got="nothing")
    target = folder or data_folder()
    today = SystemClock().now().date()
    report = knowledge.update(target, pools_from=pools, networks_from=networks, today=today, download=download)
    if pools:
        counts = {"taken": report.pools, "known": report.already_known, "refused": len(report.refused)}
        yield fill(_POOLS.to(language), **counts)
    yield from _refusals(report.refused, knowledge.load(), language)
    for name, count in report.ranges:
        yield fill(_RANGES.to(language), name=name, count=count)


def _refusals(refused: Sequence[tuple[str, str]], facts: Knowledge, language: Language) -> Iterator[str]:
    """What was not taken and why, cut where the list gets long."""
    shared = {host.reason.en: host.reason.ja for host in facts.shared_hosts.values()}
    for value, reason in refused[:REFUSED_SHOWN]:
        why = reason if language == "en" else shared.get(reason) or in_japanese(reason)
        yield _REFUSED.to(language).format(value=cut(printable(defang(value)), 80), why=printable(why))
    if len(refused) > REFUSED_SHOWN:
        yield _MORE.to(language).format(count=len(refused) - REFUSED_SHOWN)


def import_lines(file: Path, source: str | None, folder: Path | None, language: Language) -> Iterator[str]:
    """Import indicators and say what was taken and what was not. Raises SourceError."""
    from kanaria import knowledge

    facts = knowledge.load()
    report = knowledge.import_indicators(
        file,
        folder or data_folder(),
        source=source or file.name,
        today=SystemClock().now().date(),
        knowledge=facts,
    )
    kinds = Counter(indicator.type for indicator in report.indicators)
    counted = "".join(_KIND.to(language).format(kind=kind, count=count) for kind, count in sorted(kinds.items()))
    yield fill(_TAKEN.to(language), count=len(report.indicators)) + counted
    yield from _refusals(report.refused, facts, language)
