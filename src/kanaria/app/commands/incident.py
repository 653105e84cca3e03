"""``kanaria incident``: what was found in earlier runs, and what you decided about it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanaria.app.commands.options import (
    KINDS,
    Listing,
    config_option,
    kept_folder,
    language_option,
    reader_zone,
    set_up,
    store_option,
    writer_options,
)
from kanaria.app.commands.output_file import OUTPUT_FILE
from kanaria.core.text import printable
from kanaria.core.words import Text

if TYPE_CHECKING:
    from kanaria.core.words import Language
    from kanaria.core.zone import LocalTime
    from kanaria.report.plots_style import ThemeName
    from kanaria.store.incidents import Decision, StoredIncident

# Incidents counted per day beside the one drawn; as many as a run compares its own with.
NEIGHBOURS = 1_000
OUTPUT_IS_FOR_PLOTS = "-o is for --plot; redirect the text or JSON instead"
STATES = ("open", "acknowledged", "contained", "dismissed", "closed")
LATER = {
    "service": Text(
        en="The running service takes this into account in a moment.",
        ja="実行中のサービスが、この判断をまもなく学習に反映します。",
    ),
    "run": Text(
        en="A run has this store now: it takes this into account when it ends.",
        ja="このストアは別の実行が使用中です。その実行の終了時に、この判断を学習に反映します。",
    ),
}
"""What is said where a decision does not reach what is normal at once."""


@click.group(cls=Listing)
def incident() -> None:
    """List, show and export kept incidents, and decide about them (analyze --store keeps them).

    Example: kanaria incident show i-3c9a
    """


@incident.command("list")
@store_option
@config_option
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only incidents in this state.")
@language_option
def incident_list(folder: Path | None, config: Path | None, states: tuple[str, ...], language: Language) -> None:
    """List incidents, the latest first.

    Example: kanaria incident list --state open
    """
    from kanaria.app.kept import kept

    zone = reader_zone(config)
    with kept(kept_folder(folder, config)) as store:
        for stored in store.all(states):
            click.echo(_line(stored, zone, language))


@incident.command("show")
@click.argument("id")
@store_option
@click.option(
    "--format", "kind", type=click.Choice(["text", "markdown", "html", "json"]), default="text", show_default=True,
    help="Output.",
)  # fmt: skip
@click.option("--full", is_flag=True, help="Text that tells everything, not only what fits one screen.")
@click.option(
    "--style",
    type=click.Choice(["report", "story"]),
    default="report",
    show_default=True,
    help="A report by headings, or a story in paragraphs (text, markdown, html; json has both).",
)
@writer_options
@config_option
@click.option("--plot", is_flag=True, help="Draw it instead: timeline, findings per day, surprise, volume, messages.")
@click.option(
    "-o",
    "--output",
    "path",
    metavar="FILE",
    type=OUTPUT_FILE,
    help="With --plot: an .svg or .png file; default: SVG to -.",
)
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True, help="Of the plot.")
@language_option
def incident_show(
    id: str,
    folder: Path | None,
    kind: str,
    full: bool,
    style: str,
    writer: str,
    show_prompt: bool,
    config: Path | None,
    plot: bool,
    path: str | None,
    theme: ThemeName,
    language: Language,
) -> None:
    """Show one incident: report, state and decisions, or its pictures.

    Example: kanaria incident show i-3c9a --plot -o incident.svg
    """
    from kanaria.app.kept import kept as opened
    from kanaria.app.kept_story import kept_story, page, show_prompts, with_model_sentences
    from kanaria.core.story import paragraphs

    with opened(kept_folder(folder, config)) as store:
        kept, history = store.get(id), store.history(id)
        others = store.all(limit=NEIGHBOURS) if plot else []
    if plot:
        _plot(kept, others, path, theme, language)
        return
    if path is not None:
        raise click.UsageError(OUTPUT_IS_FOR_PLOTS)
    document, note = kept.document, None
    if show_prompt:
        show_prompts(document, language, config)
        return
    if writer == "llm":
        document, note = with_model_sentences(document, kind, language, config)
        style = style if kind == "html" else "story"
    if kind in {"markdown", "html"}:
        click.echo(page(document, kind, language, style, note, config), nl=False)
        return
    if kind == "json":
        click.echo(json.dumps({**document, "state": kept.state}, ensure_ascii=False, indent=2))
        return
    zone = reader_zone(config)
    click.echo(_line(kept, zone, language))
    if style == "story":
        stories, note = kept_story(document, note, language)
        click.echo("\n" + "\n\n".join(paragraphs(stories[language], language)))
    else:
        _report(document["report"][language], full=full)
    if note:
        click.echo(f"\n{note.to(language)}")
    for decision in history:
        click.echo(f"\n{_decided(decision, zone, language)}")


def _report(report: Mapping[str, Any], *, full: bool) -> None:
    click.echo(report["verdict"]["text"])
    sections = report["sections"] if full else report.get("brief", report["sections"])  # kept by an older version: none
    for section in (section for section in sections if section["id"] != "news"):
        click.echo(f"\n{section['heading']}")
        for claim in section["claims"]:
            click.echo(f"  - {claim['text']}")


@incident.command("export")
@click.argument("id")
@store_option
@config_option
@click.option("--format", "kind", type=click.Choice(KINDS), default="json", show_default=True, help="Output.")
@click.option("-o", "--output", "path", metavar="FILE", type=OUTPUT_FILE, help="Write here instead of standard output.")
@language_option
def incident_export(
    id: str, folder: Path | None, config: Path | None, kind: str, path: str | None, language: Language
) -> None:
    """Write one incident as a report, or for another program.

    Example: kanaria incident export i-3c9a --format stix -o incident.json
    """
    from kanaria import knowledge
    from kanaria.app.config import load
    from kanaria.app.folders import facts_folder
    from kanaria.app.kept import kept as opened
    from kanaria.app.output import render, write
    from kanaria.report.reading import kept_analysis

    with opened(kept_folder(folder, config)) as store:
        kept = store.get(id)
        news = {"alert": kept.document.get("alert") if kind == "json" else None}  # news of then is none now
        analysis = kept_analysis(kept.document | news, (other.document for other in store.all(limit=NEIGHBOURS)))
    facts = knowledge.load(facts_folder(load(config).knowledge))
    write(render(analysis, facts, kind, language, None), path)


@incident.command("set")
@click.argument("id")
@click.argument("state", type=click.Choice(STATES))
@click.option("--why", required=True, help="The reason; kept with your name.")
@click.option("--who", help="Your name; default: your account.")
@store_option
@config_option
@language_option
def incident_set(
    id: str, state: str, why: str, who: str | None, folder: Path | None, config: Path | None, language: Language
) -> None:
    """Move an incident to another state. What you dismiss becomes part of normal life.

    Example: kanaria incident set i-3c9a dismissed --why "our own scanner"
    """
    from kanaria.app.kept import kept as opened

    with opened(kept_folder(folder, config), set_up(folder, config)) as store:
        was = store.get(id).state
        kept = store.decide(id, state, who=who or getpass.getuser(), why=why)
        click.echo(_line(kept, reader_zone(config), language))
        if "dismissed" in {was, kept.state} and (later := LATER.get(store.learn_dismissed())):
            click.echo(later.to(language), err=True)


def _plot(
    kept: StoredIncident, others: Sequence[StoredIncident], path: str | None, theme: ThemeName, language: Language
) -> None:
    """All pictures on one sheet, into the file or to standard output."""
    from kanaria.app.output import write_bytes
    from kanaria.core.errors import ConfigError
    from kanaria.report.plots import no_font
    from kanaria.report.plots_sheet import sheet
    from kanaria.report.reading import kept_analysis

    if path not in {None, "-"} and not str(path).lower().endswith((".svg", ".png")):
        raise ConfigError(path="--output", key="", expected="a file name that ends in .svg or .png", got=path)
    analysis = kept_analysis(kept.document, (other.document for other in others))
    png = str(path).lower().endswith(".png")
    write_bytes(sheet(analysis.incidents[0], analysis, language, png=png, theme=theme), path)
    if english := no_font(language):
        click.echo(english.to(language), err=True)


def _decided(decision: Decision, zone: LocalTime, language: Language) -> str:
    from kanaria.core.glossary import STATES as STATES_SHOWN

    was, became = (STATES_SHOWN[state].to(language) for state in (decision.was, decision.became))
    by_link = decision.who == "link" and language == "ja"
    who, why = ("リンク", "通知のリンクによる") if by_link else (printable(decision.who), printable(decision.why))
    return f"{zone.shown(datetime.fromisoformat(decision.time))}  {who}: {was} → {became} ({why})"


def _line(kept: StoredIncident, zone: LocalTime, language: Language) -> str:
    from kanaria.core.glossary import SEVERITIES
    from kanaria.core.glossary import STATES as STATES_SHOWN
    from kanaria.report.section_news import brief

    title = kept.document["title"][language]
    when = zone.shown(datetime.fromisoformat(kept.document.get("last_seen") or kept.changed))
    state = STATES_SHOWN[kept.state].to(language)
    severity = SEVERITIES[kept.document["severity"]].to(language)
    return f"{kept.id}  {state}  {severity}  {when}  {title}{brief(kept.document, language)}"
