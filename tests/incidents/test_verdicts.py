"""Verdicts are kept while an incident grows: what is said is the same, and who did nothing more is not judged again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.types import AnswerSizes, HostObservation, InputSummary, Text
from kanaria.incidents import judge as judging
from kanaria.incidents import verdicts
from kanaria.incidents.case import Allowed, Case, Surroundings
from kanaria.incidents.judge import Verdict, judge
from kanaria.incidents.rhythm import Rhythm
from kanaria.incidents.verdicts import Verdicts
from kanaria.incidents.weighing import evidence
from tests.incidents.building import around, at, facts, finding, record
from tests.incidents.test_actors import MINE, THEIRS, Pile, asked, attacked, mined, probed


def entered(event: int, device: str) -> Pile:
    """A logon after many that failed: said of the door, and lent to what the device did itself."""
    row = record(event, event, "logon", device=device, remote="203.0.113.9", values={"direction": "inbound"})
    told = finding(
        "logon_after_guessing", event, id=f"f-{event}", device=device, remote="203.0.113.9", table="logon",
        stage="initial_access", event_ids=(event,), evidence=(evidence(facts(), "login_after_guessing", row),),
    )  # fmt: skip
    return [told], [], [row]


def answered(event: int, remote: str) -> Pile:
    """An attack that was answered with so many bytes, which others may have been, too."""
    findings, messages, (row,) = attacked(event, remote)
    return findings, messages, [replace(row, values={**row.values, "bytes_out": 512})]


def graver(pile: Pile) -> Pile:
    """The same records, of which a model says more."""
    findings, messages, records = pile
    more = (*findings[0].evidence, evidence(facts(), "miner_process", records[0]))
    return [replace(findings[0], severity="critical", evidence=more)], messages, records


MAKERS: tuple[Callable[[int, str], Pile], ...] = (
    asked, answered, probed, attacked, mined, entered, lambda event, who: mined(event, who, MINE), lambda event, who: probed(event, who, 200),
)  # fmt: skip
OBSERVED = HostObservation(
    kind="miner_process", statement=Text(en="a miner runs", ja="マイナーが動いています"), source="/proc"
)
AROUND: tuple[dict[str, Any], ...] = (
    {},
    {"answers": lambda _status, _path: AnswerSizes(total=50, sizes=((512, 20), (0, 20)))},
    {"malformed_sources": lambda _status: 9},
    {"asked_of": lambda *_: True},
    {"allowed": Allowed(wallets=frozenset({MINE, THEIRS}))},
    {"critical_devices": frozenset({"192.0.2.1"})},
    {"host": (OBSERVED,)},
    {"rhythm": lambda *_: Rhythm(logins=50, span=6000.0, gap=120.0, deviation=1.0)},
    {"later_requests": {"x.sh": (record(900, 90, remote="203.0.113.9", values={"status": 200, "url": "/x.sh"}),)}},
    {"inputs": (InputSummary(path="access.log", format="combined", rows=1, rejected=0, first=at(0), last=at(90_000)),)},
)
"""What else there was: it decides some verdicts and not others."""

added = st.tuples(
    st.sampled_from(MAKERS), st.sampled_from(["192.0.2.1", "192.0.2.2", "203.0.113.9"]), st.sampled_from(AROUND)
)


def together(piles: Sequence[Pile]) -> Case:
    findings = tuple(one for pile in piles for one in pile[0])
    messages = tuple(one for pile in piles for one in pile[1])
    return Case(findings, messages, {one.event_id: one for pile in piles for one in pile[2]})


@settings(max_examples=150, deadline=None)
@given(st.lists(added, min_size=2, max_size=7))
def test_an_incident_that_grows_is_judged_as_if_it_had_come_at_once(
    grows: list[tuple[Any, str, dict[str, Any]]],
) -> None:
    known: Verdicts[Verdict] = Verdicts()
    piles: list[Pile] = []
    for number, (make, who, rest) in enumerate(grows):
        piles.append(make(number, who))
        case, surroundings = together(piles), around(**rest)
        assert judge(case, surroundings, known) == judge(case, surroundings)
    piles[-1] = graver(piles[-1])
    assert judge(together(piles), surroundings, known) == judge(together(piles), surroundings)


def judged_anew(size: int) -> int:
    """How many are judged when one more comes to so many devices that mine, ask or were attacked."""
    known: Verdicts[Verdict] = Verdicts()
    piles = [make(n, f"192.0.{n}.7") for n in range(size) for make in (asked, attacked)[n % 2 :][:1]]
    judge(together(piles), around(), known)
    return anew(together([*piles, asked(size, "192.0.200.7")]), known)


def test_only_who_is_new_is_judged() -> None:
    assert judged_anew(20) == judged_anew(200) == 1


def test_everything_that_can_be_asked_is_heard() -> None:
    for kind in (Case, Surroundings):
        own = {name for name in vars(verdicts._Heard) if not name.startswith("__")} | {"_asked", "_said", "_found"}
        assert own.isdisjoint(dir(kind)) and own.isdisjoint(kind.__annotations__)


def test_of_more_than_are_kept_those_that_are_kept_are_not_judged_again() -> None:
    known: Verdicts[Verdict] = Verdicts(6)
    case = together([asked(n, f"192.0.{n}.7") for n in range(9)])
    for expected in (9, 3, 3):
        assert anew(case, known) == expected
    known.forget({finding.id for finding in case.findings})
    assert anew(case, known) == 6, "half of them made room"
    assert anew(case, known) == 3
    known.forget({finding.id for finding in case.findings[:4]})
    assert len(known._kept) <= 4


def anew(case: Case, known: Verdicts[Verdict]) -> int:
    with patch.object(judging, "_verdict", wraps=judging._verdict) as judged:
        judge(case, around(), known)
    return judged.call_count
