"""The story of a kept incident, written anew by a language model.

Comes in: its document. Goes out: the document with that story, and a note on who wrote what.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kanaria.app.config import load
from kanaria.app.writing import Order, marked, shown_prompts, write_with_model
from kanaria.core.story import Stories
from kanaria.core.types import LANGUAGES, Incident, Language, Text

Json = dict[str, Any]


def show_prompts(document: Json, language: Language, config: Path | None) -> None:
    """What a model would be sent about it."""
    order = Order.of(load(config), "llm", "text", show_prompt=True)
    incident, told = _kept(document)
    for shown in shown_prompts(incident, told, language, order.llm):
        click.echo(shown, nl=False)


def written(document: Json, kind: str, language: Language, config: Path | None) -> tuple[Json, Text]:
    """The document with the model's sentences, marked in text, and who wrote what."""
    from kanaria.report.document import sentence_as_json

    order = Order.of(load(config), "llm", kind)
    incident, own = _kept(document)
    told = {incident.id: own}
    languages = LANGUAGES if kind == "json" else (language,)
    note = write_with_model((incident,), told, languages, order.llm)
    stories = told[incident.id]
    if kind != "json":
        stories = {name: marked(story) for name, story in stories.items()}
    made = {name: [sentence_as_json(sentence) for sentence in story] for name, story in stories.items()}
    return {**document, "story": made}, note


def _kept(document: Json) -> tuple[Incident, Stories]:
    from kanaria import knowledge
    from kanaria.app.folders import user_facts
    from kanaria.report.reading import kept_analysis, story_from
    from kanaria.report.story import stories

    analysis = kept_analysis(document)
    incident = analysis.incidents[0]
    if told := document.get("story"):
        return incident, {language: story_from(told[language]) for language in LANGUAGES}
    return incident, stories(incident, analysis, knowledge.load(user_facts()))
