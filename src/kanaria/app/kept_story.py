"""The story of a kept incident, written anew by a language model.

In: its document. Out: the document with that story, and a note on who wrote what.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kanaria.app.config import load
from kanaria.app.writing import Order, kept_note, shown_prompts, write_with_model
from kanaria.core.story import Stories
from kanaria.core.types import LANGUAGES, Incident, Language, Text

Json = dict[str, Any]


def show_prompts(document: Json, language: Language, config: Path | None) -> None:
    """What a model would be sent about it."""
    order = Order.of(load(config), "llm", "text", show_prompt=True)
    incident, stories = _kept(document)
    for shown in shown_prompts(incident, stories, language, order.llm):
        click.echo(shown, nl=False)


def with_model_sentences(document: Json, kind: str, language: Language, config: Path | None) -> tuple[Json, Text]:
    """The document with the model's sentences, and who wrote what."""
    from kanaria.report.document import stories_as_json

    order = Order.of(load(config), "llm", kind)
    incident, own = _kept(document)
    stories = {incident.id: own}
    languages = LANGUAGES if kind == "json" else (language,)
    note = write_with_model((incident,), stories, languages, order.llm)
    return {**document, **stories_as_json(stories[incident.id])}, note


def kept_story(document: Json, note: Text | None, language: Language) -> tuple[Stories, Text | None]:
    """The kept story, or one made now of what an older version kept, and what is said below it."""
    stories = _kept(document)[1]
    return stories, note or kept_note(stories, language)


def page(document: Json, kind: str, language: Language, style: str, note: Text | None, config: Path | None) -> str:
    """The kept incident as Markdown or HTML, with the facts that settings name."""
    from kanaria import knowledge
    from kanaria.app.folders import facts_folder
    from kanaria.app.output import render
    from kanaria.report.reading import kept_analysis

    stories, note = kept_story(document, note, language)
    analysis = kept_analysis(document | {"alert": None})  # news of then is none now
    facts = knowledge.load(facts_folder(load(config).knowledge))
    return render(analysis, facts, kind, language, None, style=style, stories={document["id"]: stories}, note=note)


def _kept(document: Json) -> tuple[Incident, Stories]:
    from kanaria import knowledge
    from kanaria.app.folders import user_facts
    from kanaria.report.reading import kept_analysis, stories_from
    from kanaria.report.story import write_stories

    analysis = kept_analysis(document)
    incident = analysis.incidents[0]
    if stories := stories_from(document):
        return incident, stories
    return incident, write_stories(incident, analysis, knowledge.load(user_facts()))
