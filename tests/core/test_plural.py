"""English sentences agree with their numbers: every template, with one of everything."""

from __future__ import annotations

import importlib
import pkgutil
import re
import string
from collections.abc import Iterator, Mapping
from types import ModuleType

import pytest

import kanaria.app.commands
import kanaria.core
import kanaria.detect
import kanaria.knowledge
import kanaria.report
import kanaria.respond
import kanaria.sources
from kanaria.core.limits import KINDS, forgotten
from kanaria.core.plural import counted, fill
from kanaria.core.words import Text

PACKAGES = (
    kanaria.app.commands, kanaria.core, kanaria.detect, kanaria.knowledge, kanaria.report, kanaria.respond,
    kanaria.sources,
)  # fmt: skip
_ONE = re.compile(
    r"(?<![\w.,:])1 (?:[a-z-]+ ){0,2}?(?!is\b|was\b|has\b|this\b|times\.|less\b|process\b|address\b)[a-z]{2,}s\b"
)


TEXTS = {"seconds": 2.0, "bits": "+1.0", **dict.fromkeys(
    ("command", "interface", "device", "devices", "remote", "shown", "name", "names", "who", "rate", "paid", "mined"), "text",
)}  # fmt: skip
"""Placeholders of words, of bits, and of numbers that are never one: a published figure, our own patience."""


def templates() -> Iterator[tuple[str, str]]:
    """Where a text stands, and its English."""
    for package in PACKAGES:
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                yield from _texts(f"{module.__name__}.{name}", value)


def _texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Text):
        yield name, value.en
    elif isinstance(value, Mapping) and not isinstance(value, ModuleType):
        for key, inner in value.items():
            yield from _texts(f"{name}[{key}]", inner)


def test_nothing_is_one_of_several() -> None:
    found = dict(templates())
    assert sum("{" in words for words in found.values()) > 150
    wrong = []
    for name, words in found.items():
        fields = {field for _, field, _, _ in string.Formatter().parse(words) if field}
        said = fill(words, **{field: TEXTS.get(field, 1) for field in fields})
        wrong += [f"{name}: {said}"] if fields and _ONE.search(said) else []
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_a_note_of_what_was_forgotten_agrees_with_its_number(kind: str) -> None:
    assert not _ONE.search(forgotten(kind, 1).en)
    assert re.search(r"\b2,000 (?:[a-z]+ ){1,12}(?:are|came)\b", forgotten(kind, 2000).en)


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 records"), (1, "1 record"), ("1", "1 record"), (1200, "1,200 records"), ("1,200", "1,200 records")],
)
def test_a_number_with_what_it_counts(number: int | str, shown: str) -> None:
    assert fill("{n:record|records}", n=number) == shown
    assert fill("{path}: {n:record is|records are} {x:.1f}", path="{n}", n=1, x=2) == "{n}: 1 record is 2.0"
    if isinstance(number, int):
        assert counted(number, "record") == shown
    assert counted(1, "entry", "entries") == "1 entry"
