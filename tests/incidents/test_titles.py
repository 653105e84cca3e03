"""A title claims what was seen: every rule about mining × every outcome, in both languages."""

from __future__ import annotations

from typing import get_args

import pytest

from kanaria.core.glossary import MINERS, MINING, NAMED, NEAR, SEEN, called, mining_seen
from kanaria.core.types import Evidence, Finding, Outcome, OutcomeValue
from kanaria.detect.loading import bundled
from kanaria.detect.model import Rule
from kanaria.incidents.judge import title
from kanaria.incidents.weighing import evidence
from tests.incidents.building import DEVICE, around, case, facts, finding

ABOUT = [rule for rule in bundled() if {MINING, MINERS} & set(rule.tags) and rule.weights]


def _kinds(rule: Rule) -> set[str]:
    return {weight.partition(".")[0] for weight in rule.weights}


def _said(rule: Rule, *kinds: str) -> Finding:
    said: tuple[Evidence, ...] = tuple(evidence(facts(), kind) for kind in kinds)
    return finding(
        rule.id,
        title=rule.title,
        tags=rule.tags,
        device=DEVICE,
        table=rule.table,
        severity=rule.severity,
        evidence=said,
    )


def test_every_kind_of_evidence_about_mining_says_how_much_was_seen() -> None:
    kinds = set().union(*map(_kinds, ABOUT))
    assert not (NAMED & NEAR or NAMED & SEEN or NEAR & SEEN)
    assert kinds <= NAMED | NEAR | SEEN, "sort a new kind: a name, something near to mining, or mining itself"


@pytest.mark.parametrize("value", get_args(OutcomeValue))
@pytest.mark.parametrize("rule", ABOUT, ids=lambda rule: rule.id)
def test_a_title_says_mining_only_where_it_was_seen(rule: Rule, value: OutcomeValue) -> None:
    for kind in sorted(_kinds(rule) & set(facts().weights)):
        one = case(_said(rule, kind))
        words = title(one, "compromised_device", Outcome(value=value, bits=0.0, because=()))
        assert DEVICE in words.en and DEVICE in words.ja
        name = called("compromised_device", one.findings, ())
        claimed = ("mining coins" in words.en, "機器によるマイニング" in words.ja)
        seen = kind in SEEN
        assert claimed == (seen, seen)
        assert mining_seen(one.findings) is seen
        assert ("mining coins" in name.en) is seen, "the explanation is called no more than the title"
        if not seen:
            assert "success" not in words.en, words.en


def test_names_beside_a_break_in_do_not_give_it_their_name() -> None:
    named = next(rule for rule in ABOUT if rule.id == "mining_pool_named_in_log")
    deed = finding("host_command_delivers", severity="high", device=DEVICE, table="process", tags=())
    both = case(_said(named, "mining_pool_in_log"), deed)
    words = title(both, "compromised_device", Outcome(value="possible", bits=4.0, because=()))
    assert words.en.startswith("Device that may be compromised")
    assert around().facts.weights["mining_pool_in_log"].about == "compromised_device"
