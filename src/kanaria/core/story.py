"""A story: an incident as prose that a person would publish, sentence by sentence, each with what it stands on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from kanaria.core.types import Language
from kanaria.core.values import dataclass

WriterName = Literal["deterministic", "llm"]
Part = Literal["what", "attack", "outcome", "meaning", "advice"]
PARTS: tuple[Part, ...] = ("what", "attack", "outcome", "meaning", "advice")
MARK = "†"
"""Behind each sentence that a language model wrote; a note below says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checks:
    """What the check of a written sentence found; ``reasons`` say why a first version was refused."""

    passed: bool = True
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """One sentence: the paragraph it stands in, the evidence it rests on, and who wrote it."""

    part: Part
    text: str
    evidence: tuple[str, ...]
    writer: WriterName = "deterministic"
    checks: Checks = Checks()


Story = tuple[Sentence, ...]
Stories = Mapping[Language, Story]


def paragraphs(story: Story, language: Language) -> list[str]:
    """The text of each paragraph, in order, with ``MARK`` behind what a model wrote."""
    between = "" if language == "ja" else " "
    texts = (between.join(shown(sentence) for sentence in story if sentence.part == part) for part in PARTS)
    return [text for text in texts if text]


def shown(sentence: Sentence) -> str:
    """The sentence as a reader sees it."""
    return sentence.text + MARK if sentence.writer == "llm" else sentence.text


def by_model(stories: Iterable[Story]) -> bool:
    """Whether any sentence is a model's."""
    return any(sentence.writer == "llm" for story in stories for sentence in story)


def parts_of(document: Mapping[str, Any], language: Language) -> list[Part]:
    """The paragraph of each sentence of a kept document's story; older ones name it at each sentence."""
    parts = document.get("story_parts", {}).get(language)
    return list(parts) if parts else [item["part"] for item in document.get("story", {}).get(language, ())]
