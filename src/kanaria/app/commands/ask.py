"""``kanaria ask``: a question about a kept incident, answered from its facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanaria.app.commands.incident import kept_folder, store_option
from kanaria.app.commands.options import language_option, list_format

if TYPE_CHECKING:
    from kanaria.core.types import Claim, Language

IDS_SHOWN = 3


@click.command()
@click.argument("id")
@click.argument("question")
@store_option
@list_format
@language_option
def ask(id: str, question: str, folder: Path | None, kind: str, language: Language) -> None:
    """Ask about a kept incident; the answer says nothing that its facts do not say.

    Example: kanaria ask i-3c9a "did it work?"
    """
    from kanaria.analyst.answers import answer
    from kanaria.app.kept import kept as opened

    with opened(kept_folder(folder)) as store:
        kept = store.get(id)
    claims = answer(kept.document, question, language)
    if kind == "json":
        told = {"incident": kept.id, "question": question, "answer": [_json(claim) for claim in claims]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for claim in claims:
        click.echo(claim.text + _cited(claim))


def _json(claim: Claim) -> dict[str, Any]:
    checks = {"passed": True, "reasons": []}
    return {"text": claim.text, "evidence": list(claim.evidence), "writer": "deterministic", "checks": checks}


def _cited(claim: Claim) -> str:
    if not claim.evidence:
        return ""
    more = f" +{len(claim.evidence) - IDS_SHOWN}" if len(claim.evidence) > IDS_SHOWN else ""
    return f"  [{', '.join(claim.evidence[:IDS_SHOWN])}{more}]"
