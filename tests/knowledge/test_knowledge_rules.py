"""What rules name must exist here: a weight, a technique or a vulnerability nobody knows would fail only in a report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import kanaria
from kanaria.core.facts import Knowledge

RULES = Path(kanaria.__file__).parent / "rules"


def named(pattern: str) -> Iterator[tuple[str, str]]:
    for path in sorted(RULES.rglob("*.yml")):
        for match in re.finditer(pattern, path.read_text(encoding="utf-8"), re.IGNORECASE):
            yield path.name, match[1]


@pytest.fixture(autouse=True)
def _rules_exist() -> None:
    assert list(RULES.rglob("*.yml"))


def test_every_weight_a_rule_names_exists(facts: Knowledge) -> None:
    lists = [(name, ids) for name, ids in named(r"\bweights:\s*\[([^\]]*)\]")]
    pairs = [(name, id_.strip()) for name, ids in lists for id_ in ids.split(",") if id_.strip()]
    assert [pair for pair in pairs if pair[1] not in facts.weights] == []


def test_every_technique_a_rule_is_tagged_with_has_a_name(facts: Knowledge) -> None:
    assert [
        pair for pair in named(r"\battack\.(t\d{4}(?:\.\d{3})?)\b") if pair[1].upper() not in facts.techniques
    ] == []


def test_every_vulnerability_a_rule_is_tagged_with_has_its_facts(facts: Knowledge) -> None:
    tags = named(r"\bcve\.(\d{4}-\d{4,7})\b")
    assert [pair for pair in tags if f"CVE-{pair[1]}" not in facts.vulnerabilities] == []
