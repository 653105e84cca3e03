"""``kanaria ask``: a question about a kept incident, answered from its facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanaria.app.commands.options import (
    config_option,
    kept_folder,
    language_option,
    list_format,
    store_option,
    writer_options,
)

if TYPE_CHECKING:
    from kanaria.core.story import Sentence
    from kanaria.core.types import Language

IDS_SHOWN = 3


@click.command()
@click.argument("id")
@click.argument("question")
@store_option
@list_format
@writer_options
@config_option
@language_option
def ask(
    id: str,
    question: str,
    folder: Path | None,
    kind: str,
    writer: str,
    show_prompt: bool,
    config: Path | None,
    language: Language,
) -> None:
    """Ask about a kept incident; the answer says nothing that its facts do not say.

    Example: kanaria ask i-3c9a "did it work?"
    """
    from kanaria.app import asking
    from kanaria.app.config import load
    from kanaria.app.kept import kept as opened
    from kanaria.app.writing import Order
    from kanaria.core.japanese import in_japanese
    from kanaria.core.story import by_model
    from kanaria.core.text import printable

    order = Order.of(load(config), writer, kind, show_prompt=show_prompt)
    with opened(kept_folder(folder, config)) as store:
        kept = store.get(id)
    if show_prompt:
        click.echo(asking.request(kept.document, question, language, order.llm), nl=False)
        return
    if writer == "llm":
        sentences, failure = asking.by_model(kept.document, question, language, order.llm)
        if failure:
            why = in_japanese(failure) if language == "ja" else failure
            click.echo(f"kanaria: {printable(why)}", err=True)
    else:
        sentences = asking.by_templates(kept.document, question, language)
    if kind == "json":
        answer_document = {
            "incident": kept.id,
            "question": question,
            "answer": [_json(sentence) for sentence in sentences],
        }
        click.echo(json.dumps(answer_document, ensure_ascii=False, indent=2))
        return
    _show(sentences, language, marked=by_model([sentences]))


def _show(sentences: tuple[Sentence, ...], language: Language, *, marked: bool) -> None:
    from kanaria.app.writing import kept_note
    from kanaria.core.story import shown

    for sentence in sentences:
        click.echo(shown(sentence) + _cited(sentence))
    note = kept_note({language: sentences}, language) if marked else None
    if note:
        click.echo(f"\n{note.to(language)}")


def _json(sentence: Sentence) -> dict[str, Any]:
    checks = {"passed": sentence.checks.passed, "reasons": list(sentence.checks.reasons)}
    return {"text": sentence.text, "evidence": list(sentence.evidence), "writer": sentence.writer, "checks": checks}


def _cited(sentence: Sentence) -> str:
    if not sentence.evidence:
        return ""
    more = f" +{len(sentence.evidence) - IDS_SHOWN}" if len(sentence.evidence) > IDS_SHOWN else ""
    return f"  [{', '.join(sentence.evidence[:IDS_SHOWN])}{more}]"
