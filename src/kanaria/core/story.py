"""A story: an incident as prose that a person would publish, sentence by sentence, each with what it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kanaria.core.types import Language

WriterName = Literal["deterministic", "llm"]
Part = Literal["what", "attack", "outcome", "meaning", "advice"]
PARTS: tuple[Part, ...] = ("what", "attack", "outcome", "meaning", "advice")


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
    """The text of each paragraph, in order."""
    between = "" if language == "ja" else " "
    found = (between.join(sentence.text for sentence in story if sentence.part == part) for part in PARTS)
    return [text for text in found if text]
