"""The story: whole sentences in a few paragraphs, grounded, the same in both languages, and never louder than the verdict."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from kanaria.core.story import PARTS, paragraphs
from kanaria.core.types import HYPOTHESES, LANGUAGES, Hypothesis
from kanaria.report.story import write_stories
from tests.incidents.building import facts
from tests.report import report_samples as samples
from tests.report.test_write_incidents import INCIDENTS


@pytest.mark.parametrize("name", INCIDENTS)
@pytest.mark.parametrize("top", HYPOTHESES)
def test_both_languages_tell_the_same_in_whole_sentences_on_known_evidence(name: str, top: Hypothesis) -> None:
    base = INCIDENTS[name]
    incident = replace(base, hypotheses=(replace(base.hypotheses[0], name=top), *base.hypotheses[1:]))
    told = write_stories(incident, samples.analysis(incident), facts())
    known = {item.id for item in incident.evidence}
    assert [(s.part, s.evidence) for s in told["en"]] == [(s.part, s.evidence) for s in told["ja"]]
    for language in LANGUAGES:
        for sentence in told[language]:
            assert set(sentence.evidence) <= known
            assert sentence.text.endswith(("。", ".", "!", "?", ")")), sentence.text
            assert not re.search(r"\{[a-z_]*\}|。。|\.\.(?!\.)|  ", sentence.text), sentence.text
            assert sentence.writer == "deterministic" and sentence.checks.passed
        assert 3 <= len(paragraphs(told[language], language)) <= len(PARTS)


@pytest.mark.parametrize("value", ["failed", "no_sign_of_success", "possible", "confirmed"])
def test_what_it_means_is_never_louder_or_softer_than_the_outcome(value: str) -> None:
    base = INCIDENTS["fragment"]
    incident = replace(
        base,
        hypotheses=(replace(base.hypotheses[0], name="exploitation_attempt"), *base.hypotheses[1:]),
        outcome=replace(base.outcome, value=value),  # type: ignore[arg-type]
    )
    told = write_stories(incident, samples.analysis(incident), facts())["en"]
    meaning = " ".join(sentence.text for sentence in told if sentence.part == "meaning")
    assert ("no harm was done" in meaning) is (value == "failed")
    assert ("at your cost" in meaning) is (value == "confirmed")
