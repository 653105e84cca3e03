"""The words of facts: both languages there, each in its own script, Japanese sentences in the polite form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kanaria.core.facts import Knowledge
from kanaria.core.text import printable
from kanaria.core.types import Text

JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
POLITE = re.compile(r"(です|ます|ません|でした|ました|ください)($|[。((]|: [\[{]|\[\[: )")
FIELD = re.compile(r"\{[a-z.]+_ja\}")
"""A sentence that a column carries whole; the places that fill it are tested there."""


def words(facts: Knowledge) -> Iterator[tuple[str, Text]]:
    yield from ((known.cve, known.summary) for known in facts.vulnerabilities.values())
    yield from ((weight.id, weight.because) for weight in facts.weights.values())
    yield from ((sample.value, sample.meaning) for sample in facts.samples)
    yield from ((figure.id, figure.text) for figure in facts.figures.values())
    yield from ((known.network, known.meaning) for known in facts.networks)
    yield from ((known.domain, known.reason) for known in facts.shared_hosts.values())


def test_japanese_is_japanese_and_english_is_not(facts: Knowledge) -> None:
    for name, text in words(facts):
        assert JAPANESE.search(text.ja) or FIELD.fullmatch(text.ja), name
        assert not JAPANESE.search(text.en), name


def test_japanese_sentences_are_polite(facts: Knowledge) -> None:
    assert [name for name, text in words(facts) if not POLITE.search(text.ja) and not FIELD.fullmatch(text.ja)] == []


def test_words_are_printable_and_unpadded(facts: Knowledge) -> None:
    for name, text in words(facts):
        for value in (text.en, text.ja):
            assert printable(value) == value == value.strip(), name


def test_sources_are_places_others_can_follow(facts: Knowledge) -> None:
    sources = [pool.provenance.source for pool in facts.pools]
    sources += [sample.provenance.source for sample in facts.samples]
    sources += [known.provenance.source for known in facts.vulnerabilities.values()]
    assert [source for source in sources if source.startswith("/") or "localhost" in source] == []
