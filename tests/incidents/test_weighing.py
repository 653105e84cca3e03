"""Bits: families, caps, probabilities, and the words for outcomes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kanaria import knowledge
from kanaria.core.types import HYPOTHESES, Evidence, Text
from kanaria.incidents.weighing import hypotheses, outcome, seen_from_all_sides, total

WORDS = Text(en="because", ja="理由")


def item(about: str, family: str, bits: float, ident: str = "e-1") -> Evidence:
    return Evidence(id=ident, kind="test", about=about, family=family, bits=bits, because=WORDS)


def test_strongest_of_a_family_counts_and_families_add_up() -> None:
    items = [item("benign", "name", 3.0), item("benign", "name", 5.0), item("benign", "timing", 2.0)]
    assert total(items, {}) == 7.0


def test_a_family_is_capped_in_both_directions() -> None:
    assert total([item("benign", "name", 50.0)], {"name": 12.0}) == 12.0
    assert total([item("benign", "name", -50.0)], {"name": 12.0}) == -12.0


def test_a_veto_stands_beside_what_speaks_for_it() -> None:
    assert total([item("benign", "name", 4.0), item("benign", "name", -9.0)], {}) == -5.0


@given(st.lists(st.tuples(st.sampled_from(HYPOTHESES), st.sampled_from("abc"), st.floats(-40, 40))))
def test_probabilities_sum_to_one_and_are_sorted(parts: list[tuple[str, str, float]]) -> None:
    scores = hypotheses([item(*part) for part in parts], {})
    assert abs(sum(score.probability for score in scores) - 1) < 0.001
    assert [s.probability for s in scores] == sorted((s.probability for s in scores), reverse=True)
    assert {score.name for score in scores} == set(HYPOTHESES)


@given(st.permutations([("benign", "a", 3.0), ("benign", "b", -2.0), ("misdirected_miner", "a", 7.5)]))
def test_order_of_evidence_does_not_matter(parts: list[tuple[str, str, float]]) -> None:
    assert hypotheses([item(*part) for part in parts], {}) == hypotheses(
        [item("benign", "a", 3.0), item("benign", "b", -2.0), item("misdirected_miner", "a", 7.5)], {}
    )


def test_failed_needs_a_refusal_not_only_silence() -> None:
    silent = [item("outcome", "context", -9.0)]
    refused = [item("outcome", "response", -9.0)]
    assert outcome(silent, {}).value == "no_sign_of_success"
    assert outcome(refused, {}).value == "failed"


def test_outcome_words_follow_the_bits() -> None:
    assert [outcome([item("outcome", "host", bits)], {}).value for bits in (-1.0, 2.0, 7.9, 8.0)] == [
        "no_sign_of_success",
        "possible",
        "possible",
        "confirmed",
    ]


def test_no_evidence_is_no_sign_of_success() -> None:
    result = outcome([], {})
    assert (result.value, result.bits, result.because) == ("no_sign_of_success", 0.0, ())


def test_an_observation_bears_on_every_hypothesis_knowledge_names() -> None:
    facts = knowledge.load()
    sided = next(w for w in facts.weights if "." in w)
    base = sided.split(".", 1)[0]
    source = item(facts.weights[base].about, "name", 1.0)
    source = Evidence(id="e-1", kind=base, about=source.about, family="name", bits=1.0, because=WORDS)
    sides = seen_from_all_sides(facts, source)
    assert facts.weights[sided].about in {side.about for side in sides}
    assert len({side.id for side in sides}) == len(sides)
