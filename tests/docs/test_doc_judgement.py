"""What the pages say about judgement: every worked case comes out as written, every named test exists."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from kanaria.core.types import HYPOTHESES, Evidence, Hypothesis, Outcome, OutcomeValue
from kanaria.incidents.judge import severity
from kanaria.incidents.weighing import evidence, hypotheses, outcome, seen_from_all_sides
from tests.docs import doc_pages
from tests.incidents.building import around, case, facts, finding

EXPLANATION = doc_pages.ROOT / "docs" / "explanation"
ROW = re.compile(
    r"^\| (\d+) \| .*? \| ((?:`[a-z_0-9]+` ?)+) \| `(\w+)` (−?[\d.]+) \| `(\w+)` (−?[\d.]+) \| `(\w+)` \|$", re.M
)
NAMED = re.compile(r"`(tests/[\w/]+\.py)` `(test_\w+)`")
LANGUAGES = ("bits.md", "bits.ja.md")


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def observed(names: list[str]) -> list[Evidence]:
    priors = [f"prior_{name}" for name in HYPOTHESES]
    made = [evidence(facts(), name) for name in (*priors, *names)]
    return [side for item in made for side in seen_from_all_sides(facts(), item)]


@pytest.mark.parametrize("page", LANGUAGES)
def test_ten_worked_cases_come_out_as_written(page: str) -> None:
    rows = ROW.findall((EXPLANATION / page).read_text("utf-8"))
    assert [row[0] for row in rows] == [str(n) for n in range(1, 11)]
    for _, names, hypothesis, bits, value, success, level in rows:
        items = observed(re.findall(r"\w+", names))
        top, result = hypotheses(items, facts().caps)[0], outcome(items, facts().caps)
        assert (top.name, top.bits) == (hypothesis, number(bits)), names
        assert (result.value, result.bits) == (value, number(success)), names
        assert severity(case(finding()), around(), top.name, result) == level


@pytest.mark.parametrize("page", LANGUAGES)
def test_the_table_of_severities_is_the_judges(page: str) -> None:
    text = (EXPLANATION / page).read_text("utf-8")
    levels = "informational|low|medium|high|critical"
    found = re.findall(rf"^\| [^|]+ \| ({levels}) \| ({levels}) \| ({levels}) \| ({levels}) \|$", text, re.M)
    names: tuple[Hypothesis, ...] = get_args(Hypothesis)
    values: tuple[OutcomeValue, ...] = get_args(OutcomeValue)
    outcomes = [Outcome(value=value, bits=0.0, because=()) for value in values]
    wanted = [tuple(severity(case(finding()), around(), name, result) for result in outcomes) for name in names]
    assert found == wanted


@pytest.mark.parametrize("page", ["security.md", "security.ja.md"])
def test_every_row_of_who_can_say_what_names_a_test_there_is(page: str) -> None:
    rows = [line for line in (EXPLANATION / page).read_text("utf-8").splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 15
    for row in rows:
        named = NAMED.search(row)
        assert named, row
        assert f"def {named[2]}(" in (doc_pages.ROOT / named[1]).read_text("utf-8"), row
