"""A flood of alike cases is told as one, costs in proportion, and hides nothing that is graver or another's."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.types import Analysis
from kanaria.incidents.alike import MOST_ALIKE, MOST_STRANGERS
from kanaria.report.document import FINDINGS_LISTED, document
from tests.incidents.building import facts
from tests.incidents.test_actors import Pile, attacked, judged, mined, probed, verdicts


def address(number: int) -> str:
    """One of many, each in a network of its own."""
    return f"{20 + (number >> 14)}.{(number >> 7) & 127}.{number & 127}.7"


def flood(count: int, make: Callable[[int, str], Pile] = attacked, first: int = 0) -> list[Pile]:
    return [make(number + 1, address(number)) for number in range(first, first + count)]


def work(count: int) -> tuple[int, int]:
    """Calls made to judge and to write a flood of this size, and the length of the JSON."""
    calls = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    piles = flood(count)
    sys.setprofile(counted)
    try:
        told = json.dumps(document(Analysis(inputs=(), incidents=tuple(judged(piles)), not_looked_at=()), facts()))
    finally:
        sys.setprofile(None)
    return calls, len(told)


def test_twice_the_flood_is_less_than_two_and_a_half_times_the_work() -> None:
    judged(flood(3))  # what is made once
    (once, size), (twice, larger) = work(600), work(1_200)
    assert twice < 2.5 * once
    assert larger < 1.2 * size + 200 * 600
    assert larger < 4_000_000


@pytest.mark.parametrize("count", [MOST_ALIKE, MOST_ALIKE + 1, 3 * MOST_ALIKE])
def test_more_than_anybody_reads_is_told_together(count: int) -> None:
    incidents = judged(flood(count))
    assert len(incidents) == (count if count <= MOST_ALIKE else 1)
    assert {remote for one in incidents for remote in one.remotes} == {address(n) for n in range(count)}
    assert {one.severity for one in incidents} == {"medium"}


def test_strangers_who_do_different_things_are_bounded_too() -> None:
    piles = flood(MOST_STRANGERS // 2 + 1) + flood(MOST_STRANGERS // 2 + 1, probed, 5_000)
    assert len(judged(piles)) <= 3


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 250), st.sampled_from(["critical", "graver"]))
def test_a_flood_hides_neither_a_miner_nor_a_graver_attack(place: int, what: str) -> None:
    hidden = mined(9_000, "192.0.2.7") if what == "critical" else attacked(9_000, "203.0.113.200")
    if what == "graver":
        hidden = ([type(one)(**{**_fields(one), "severity": "critical"}) for one in hidden[0]], *hidden[1:])
    piles = flood(MOST_ALIKE + 150)
    told = verdicts(judged([*piles[:place], hidden, *piles[place:]]))
    assert [ids for ids in told if "f-9000" in ids] == [("f-9000",)]
    if what == "critical":
        assert told[("f-9000",)][0] == "critical"


def test_what_is_listed_is_the_beginning_and_the_end_and_the_rest_is_counted() -> None:
    count = FINDINGS_LISTED + 301
    (one,) = judged(flood(count))
    told = document(Analysis(inputs=(), incidents=(one,), not_looked_at=()), facts())["incidents"][0]
    assert told["left_out"]["findings"] == 301
    assert {told["findings"][0]["id"], told["findings"][-1]["id"]} == {one.findings[0].id, one.findings[-1].id}
    assert len(told["entities"]["remotes"]) == count
    known = {item["id"] for item in told["evidence"]}
    cited = {
        ident
        for part in ("findings", "timeline", "vulnerabilities")
        for item in told[part]
        for ident in item["evidence"]
    }
    assert cited and cited <= known
    assert set(told["outcome"]["because"]) <= known


def _fields(item: object) -> dict[str, object]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}  # type: ignore[attr-defined]
