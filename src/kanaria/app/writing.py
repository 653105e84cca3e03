"""Stories by whoever was asked to write them: Kanaria, or a language model under its checks.

In: an ``Analysis``, the settings and what the command line asked for. Out: text in one of the formats, or
the prompts. Without ``--writer llm`` nothing of the model's client is even imported.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, TextIO

import click

from kanaria.app.config import Config, Llm
from kanaria.app.output import render
from kanaria.core.errors import ConfigError
from kanaria.core.facts import Knowledge
from kanaria.core.story import MARK, Stories, Story, by_model
from kanaria.core.text import printable
from kanaria.core.types import LANGUAGES, Analysis, Incident, Language, Text
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    from kanaria.analyst.client import Client, Endpoint
    from kanaria.analyst.redact import Redactor

KEY = "KANARIA_LLM_KEY"
WRITTEN = ("text", "markdown", "html", "json")
"""Formats that carry a story."""
STORIES = 3
"""Stories that a model writes in one run: as many as a reader gets to see."""
_NOTE = Text(
    en="{mark} written by the language model {model} and checked against the facts; everything else is by Kanaria.",
    ja="{mark} の文は言語モデル {model} が書き、Kanariaが事実と照合したものです。ほかの文はすべてKanariaが書きました。",
)
_NONE = Text(
    en="no sentence of the language model {model} is used{why}; everything is by Kanaria.",
    ja="言語モデル {model} の文は使っていません{why}。すべてKanariaが書きました。",
)
_KEPT = Text(
    en="{mark} written by a language model and checked against the facts; everything else is by Kanaria.",
    ja="{mark} の文は言語モデルが書き、Kanariaが事実と照合したものです。ほかの文はすべてKanariaが書きました。",
)
_FAILED = Text(
    en="the language model was given up: {why}; the rest is by Kanaria",
    ja="言語モデルの使用を中止しました({why})。残りはKanariaが書きました",
)
_COST = Text(
    en="language model: {requests} requests, {seconds:.1f} s, {asked} + {answered} tokens",
    ja="言語モデル: リクエスト{requests}回、{seconds:.1f}秒、{asked}+{answered}トークン",
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """Who is to write, or whether only to show what a model would be sent."""

    writer: str = "deterministic"
    show_prompt: bool = False
    llm: Llm = field(default_factory=Llm)

    @staticmethod
    def of(config: Config, writer: str, kind: str, *, style: str = "report", show_prompt: bool = False) -> Order:
        """The order, checked before anything is read. Raises ConfigError, MissingExtra and UsageError."""
        order = Order(writer=writer, show_prompt=show_prompt, llm=config.llm)
        if (writer == "llm" or show_prompt or style == "story") and kind not in WRITTEN:
            message = f"--style story, --writer llm and --show-prompt are for stories: --format {', '.join(WRITTEN)}"
            raise click.UsageError(message)
        if writer == "llm" and not show_prompt:
            endpoint(config.llm)
        return order


@dataclass(frozen=True, kw_only=True)
class WrittenStories:
    """Stories by incident, and who wrote them."""

    stories: Mapping[str, Stories]
    note: Text


def endpoint(llm: Llm) -> Endpoint:
    """Where the model is. Raises ConfigError when no settings say so, MissingExtra when nothing can talk to it."""
    from kanaria.analyst.client import Endpoint, require

    for name, value in (("base_url", llm.base_url), ("model", llm.model)):
        if not value:
            raise ConfigError(
                path="settings", key=f"llm.{name}", expected="a language model for --writer llm", got="nothing",
                cause="write base_url and model below [llm] in the settings file",
            )  # fmt: skip
    if not str(llm.base_url).startswith(("http://", "https://")):
        raise ConfigError(path="settings", key="llm.base_url", expected="an address with http(s)://", got=llm.base_url)
    require()
    return Endpoint(
        base_url=str(llm.base_url), model=str(llm.model), key=os.environ.get(KEY) or None, timeout=llm.timeout,
        max_tokens=int(llm.max_tokens),
    )  # fmt: skip


def rendered(
    analysis: Analysis, facts: Knowledge, kind: str, language: Language, target: TextIO | None,
    *, full: bool, style: str, order: Order, stories: WrittenStories | None,
) -> str:  # fmt: skip
    """The answer of a command in the format asked for; ``stories`` is what ``stories_by_order`` made of it."""
    if order.show_prompt:
        return "".join(_prompts(analysis, facts, language, order.llm))
    if stories is None:
        return render(analysis, facts, kind, language, target, full=full, style=style)
    return render(
        analysis,
        facts,
        kind,
        language,
        target,
        style=style if kind == "html" else "story",
        stories=stories.stories,
        note=stories.note,
    )


def stories_by_order(
    analysis: Analysis, facts: Knowledge, kind: str, language: Language, order: Order
) -> WrittenStories | None:
    """The stories a model was asked for, in the language asked for and for programs in both; None without a model."""
    if order.writer != "llm" or order.show_prompt:
        return None
    stories = _own(analysis, facts)
    note = write_with_model(analysis.incidents, stories, (language,) if kind != "json" else _both(language), order.llm)
    return WrittenStories(stories=stories, note=note)


def kept_note(stories: Stories, language: Language) -> Text | None:
    """What is said below a kept story in which a model wrote."""
    return (
        Text(**{name: _KEPT.to(name).format(mark=MARK) for name in LANGUAGES})
        if by_model([stories[language]])
        else None
    )


def write_with_model(
    incidents: tuple[Incident, ...], told: dict[str, Stories], languages: tuple[Language, ...], llm: Llm
) -> Text:
    """Replaces sentences of ``told`` by a model's; says on standard error what it took, and returns a note on it."""
    from kanaria.analyst.client import Client
    from kanaria.analyst.writer import Writer
    from kanaria.report.text_brief import alike

    client = Client(endpoint(llm))
    writer = Writer(client, redactor(incidents, llm))
    for group in alike(incidents)[:STORIES]:
        incident = group[0]
        for language in languages:
            stories = told[incident.id]
            told[incident.id] = {**stories, language: writer.write(incident, stories[language], language)}
    _say_cost(client, languages[0])
    if writer.failure:
        click.echo(f"kanaria: {_FAILED.to(languages[0]).format(why=printable(writer.failure))}", err=True)
    used = by_model(stories[name] for stories in told.values() for name in languages)
    return _note(used, str(llm.model), writer.failure)


def redactor(incidents: tuple[Incident, ...], llm: Llm) -> Redactor:
    """What replaces secrets, and with a setting names of our own, before anything is sent."""
    from kanaria.analyst.redact import Redactor

    names = {device for incident in incidents for device in incident.devices}
    return Redactor(internal=llm.hide_internal, names=sorted(names))


def _note(used: bool, model: str, failure: str | None) -> Text:
    shown = printable(model)
    if used:
        return Text(**{name: _NOTE.to(name).format(mark=MARK, model=shown) for name in LANGUAGES})
    why = f" ({printable(failure)})" if failure else ""
    return Text(**{name: _NONE.to(name).format(model=shown, why=why) for name in LANGUAGES})


def _say_cost(client: Client, language: Language) -> None:
    used = client.usage
    cost = _COST.to(language).format(
        requests=used.requests, seconds=used.seconds, asked=used.prompt_tokens, answered=used.answer_tokens
    )
    click.echo(f"kanaria: {cost}", err=True)


def _own(analysis: Analysis, facts: Knowledge) -> dict[str, Stories]:
    from kanaria.report.story import write_stories

    return {incident.id: write_stories(incident, analysis, facts) for incident in analysis.incidents}


def _both(first: Language) -> tuple[Language, ...]:
    return (first, *(language for language in LANGUAGES if language != first))


def _prompts(analysis: Analysis, facts: Knowledge, language: Language, llm: Llm) -> Iterator[str]:
    from kanaria.report.text_brief import alike

    stories = _own(analysis, facts)
    for group in alike(analysis.incidents)[:STORIES]:
        yield from shown_prompts(group[0], stories[group[0].id], language, llm)


def shown_prompts(incident: Incident, story: Mapping[Language, Story], language: Language, llm: Llm) -> Iterator[str]:
    """The bodies of the first requests, one JSON object each."""
    from kanaria.analyst.client import Endpoint, request_body
    from kanaria.analyst.writer import prompts

    place = Endpoint(base_url=llm.base_url or "", model=llm.model or "", max_tokens=int(llm.max_tokens))
    for messages in prompts(incident, story[language], language, redactor((incident,), llm)):
        yield json.dumps(request_body(place, messages), ensure_ascii=False, indent=2) + "\n"
