"""``kanaria ask`` with a language model: which facts it gets to see, and what is answered when it has none.

In: a kept incident's document, a question, a language, the settings. Out: sentences, and why the model was given up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kanaria.analyst.answers import answer
from kanaria.analyst.asking import answered, prompt
from kanaria.analyst.check import reasons_against
from kanaria.analyst.facts import Fact, claims_as_facts
from kanaria.app.config import Llm
from kanaria.app.writing import endpoint, redactor
from kanaria.core.errors import ModelError
from kanaria.core.story import Sentence
from kanaria.core.types import Claim, Language

MOST_FACTS = 40
"""Facts in one request: with more, small models lose the question."""
Json = Mapping[str, Any]


def by_templates(document: Json, question: str, language: Language) -> tuple[Sentence, ...]:
    """The answer without a model; never empty, for "the facts do not say" is one."""
    claims = answer(document, question, language)
    return tuple(Sentence(part="what", text=claim.text, evidence=claim.evidence) for claim in claims)


def by_model(document: Json, question: str, language: Language, llm: Llm) -> tuple[tuple[Sentence, ...], str | None]:
    """The answer with a model's help, that of the templates where it gives none, and why it was given up."""
    from kanaria.analyst.client import Client
    from kanaria.report.reading import incident_from

    hide = redactor((incident_from(document),), llm)
    facts = _facts(document, question, language)
    try:
        sentences, failure = answered(Client(endpoint(llm)), facts, question, language, hide), None
    except ModelError as error:
        sentences, failure = (), str(error)
    return sentences or by_templates(document, question, language), failure


def request(document: Json, question: str, language: Language, llm: Llm) -> str:
    """The body of the request a model would get."""
    from kanaria.analyst.client import Endpoint, request_body
    from kanaria.report.reading import incident_from

    hide = redactor((incident_from(document),), llm)
    place = Endpoint(base_url=llm.base_url or "", model=llm.model or "", max_tokens=int(llm.max_tokens))
    messages = prompt(_facts(document, question, language), question, language, hide)
    return json.dumps(request_body(place, messages), ensure_ascii=False, indent=2) + "\n"


def _facts(document: Json, question: str, language: Language) -> tuple[Fact, ...]:
    """What the templates would say, then the story and the report, normal life and knowledge among it."""
    from kanaria.report.reading import incident_from

    report = document["report"][language]
    story = [
        Claim(text=item["text"], evidence=tuple(item["evidence"]))
        for item in document.get("story", {}).get(language, ())
    ]
    sections: Sequence[Json] = [*report.get("brief", ()), *report["sections"]]
    listed = [
        Claim(text=item["text"], evidence=tuple(item["evidence"]))
        for section in sections if section["id"] != "news" for item in section["claims"]
    ]  # fmt: skip
    claims = {claim.text: claim for claim in (*answer(document, question, language), *story, *listed)}
    facts = claims_as_facts(incident_from(document), list(claims.values())[:MOST_FACTS])
    return tuple(replace(f, fixed=bool(reasons_against(f.text, (f,), language))) for f in facts)
