"""Nights in which clocks are put forward or back: windows, quiet hours, digests and waits as people mean them.

Hours of the day are those of the clock on the wall; spans (escalation, retries, how long a link is good) are seconds
that pass.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.respond import digests
from kanaria.respond.dispatch import dispatch
from kanaria.respond.maintenance import Window, held_until
from kanaria.respond.message import Style
from kanaria.respond.sender import Pace
from tests.respond.test_sender import House, incident, plan

NEW_YORK, BERLIN, LORD_HOWE, TOKYO = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Tokyo"
CHANGES = [
    # zone, day, and whether clocks are put forward
    (NEW_YORK, "2026-03-08", True), (NEW_YORK, "2026-11-01", False), (BERLIN, "2026-03-29", True),
    (BERLIN, "2026-10-25", False), (LORD_HOWE, "2026-10-04", True), (LORD_HOWE, "2026-04-05", False),
    ("Africa/Cairo", "2026-04-24", True), ("America/Santiago", "2026-04-05", False), (TOKYO, "2026-03-29", False),
]  # fmt: skip
LOCAL = Style(language="en")
HOUR = 3600.0


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ZoneInfo]]:
    """Puts the machine into a zone until the end."""

    def put(name: str) -> ZoneInfo:
        monkeypatch.setenv("TZ", name)
        time.tzset()
        return ZoneInfo(name)

    yield put
    monkeypatch.undo()
    time.tzset()


def at(text: str, zone: ZoneInfo, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def wall(moment: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(moment, zone):%a %H:%M}"


def until(window: Window, now: float) -> float:
    return window.holds(incident(1, "high"), now)


class TestWindows:
    @pytest.mark.parametrize(
        ("name", "now", "hours", "expected"),
        [
            # From the evening before to the morning: it ends by the clock, which is put forward or back meanwhile.
            (NEW_YORK, "2026-03-07T23:00", (22, 4), "2026-03-08T04:00"),
            (NEW_YORK, "2026-10-31T23:00", (22, 4), "2026-11-01T04:00"),
            (BERLIN, "2026-03-28T22:30", (22, 6), "2026-03-29T06:00"),
            (BERLIN, "2026-10-24T22:30", (22, 6), "2026-10-25T06:00"),
            (LORD_HOWE, "2026-10-03T23:00", (22, 5), "2026-10-04T05:00"),
            (LORD_HOWE, "2026-04-04T23:00", (22, 5), "2026-04-05T05:00"),
            (TOKYO, "2026-03-28T23:00", (22, 4), "2026-03-29T04:00"),
            # Begun before the change, and asked after it.
            (NEW_YORK, "2026-03-08T03:30", (22, 4), "2026-03-08T04:00"),
            (NEW_YORK, "2026-11-01T03:30", (22, 4), "2026-11-01T04:00"),
            # On the day itself, over the hour that is missing, or comes twice.
            (NEW_YORK, "2026-03-08T01:30", (1, 4), "2026-03-08T04:00"),
            (BERLIN, "2026-10-25T01:30", (1, 4), "2026-10-25T04:00"),
        ],
    )
    def test_they_end_at_their_hour_by_the_clock_on_the_wall(
        self, zone: Callable[[str], ZoneInfo], name: str, now: str, hours: tuple[int, int], expected: str
    ) -> None:
        here = zone(name)
        window = Window(hours=(hours[0] * 60, hours[1] * 60))
        assert until(window, at(now, here)) == at(expected, here), wall(until(window, at(now, here)), here)

    @pytest.mark.parametrize(
        ("now", "within"),
        [
            ("2026-03-08T04:30", False), ("2026-03-08T03:59", True), ("2026-03-08T04:00", False),
            ("2026-03-07T21:59", False), ("2026-03-07T22:00", True), ("2026-03-09T03:00", False),
        ],
    )  # fmt: skip
    def test_what_comes_after_its_end_does_not_wait(
        self, zone: Callable[[str], ZoneInfo], now: str, within: bool
    ) -> None:
        """It was said to end an hour later in that night by whoever came before the change."""
        window = Window(hours=(22 * 60, 4 * 60), days=frozenset({5}))
        assert bool(until(window, at(now, zone(NEW_YORK)))) is within

    @pytest.mark.parametrize(("fold", "minutes"), [(0, 20), (1, 20)])
    def test_in_an_hour_that_comes_twice_each_of_them_is_in_it(
        self, zone: Callable[[str], ZoneInfo], fold: int, minutes: int
    ) -> None:
        here = zone(NEW_YORK)
        now = at("2026-11-01T01:10", here, fold)
        assert until(Window(hours=(60, 90)), now) == now + minutes * 60

    @pytest.mark.parametrize(
        ("name", "day", "hours"),
        [(NEW_YORK, "2026-03-08", 23), (NEW_YORK, "2026-11-01", 25), (BERLIN, "2026-06-01", 24)],
    )
    def test_a_whole_day_is_as_long_as_that_day_is(
        self, zone: Callable[[str], ZoneInfo], name: str, day: str, hours: int
    ) -> None:
        here = zone(name)
        begin = at(f"{day}T00:00", here)
        assert until(Window(hours=(0, 0)), begin) == begin + hours * HOUR

    def test_one_of_a_weekday_belongs_to_the_day_it_begins_on(self, zone: Callable[[str], ZoneInfo]) -> None:
        here = zone(BERLIN)
        saturday = Window(hours=(22 * 60, 6 * 60), days=frozenset({5}))
        sunday = Window(hours=(22 * 60, 6 * 60), days=frozenset({6}))
        for now in ("2026-03-29T01:59", "2026-03-29T03:00", "2026-10-25T02:30"):
            assert until(saturday, at(now, here)) == at(f"{now[:10]}T06:00", here)
            assert until(sunday, at(now, here)) == 0

    @pytest.mark.parametrize(("name", "day", "_forward"), CHANGES)
    def test_one_with_begin_and_end_is_as_long_as_they_say(
        self, zone: Callable[[str], ZoneInfo], name: str, day: str, _forward: bool
    ) -> None:
        """They name their offset; no clock on a wall has a say."""
        here = zone(name)
        begin = datetime.fromtimestamp(at(f"{day}T00:00", here), UTC)
        window = Window(begin=begin, end=begin + timedelta(hours=6))
        moments = [begin + timedelta(minutes=n) for n in range(-60, 480, 30)]
        inside = [until(window, moment.timestamp()) for moment in moments]
        assert [bool(one) for one in inside] == [begin <= moment < begin + timedelta(hours=6) for moment in moments]
        assert {one for one in inside if one} == {(begin + timedelta(hours=6)).timestamp()}

    def test_of_several_the_last_end_counts(self, zone: Callable[[str], ZoneInfo]) -> None:
        here = zone(NEW_YORK)
        windows = [Window(hours=(22 * 60, 4 * 60)), Window(hours=(60, 5 * 60)), Window(hours=(0, 30))]
        for now, end in (("2026-03-08T00:10", "04:00"), ("2026-03-08T01:10", "05:00"), ("2026-03-08T04:10", "05:00")):
            assert held_until(windows, incident(1, "high"), at(now, here)) == at(f"2026-03-08T{end}", here)


@given(
    change=st.sampled_from(CHANGES), low=st.integers(0, 1439), high=st.integers(0, 1439), minute=st.integers(-1440, 2880)
)  # fmt: skip
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_window_holds_exactly_while_the_clock_shows_its_hours(
    zone: Callable[[str], ZoneInfo], change: tuple[str, str, bool], low: int, high: int, minute: int
) -> None:
    """Around every kind of change: it ends when the clock shows its end first, or has left it out."""
    here = zone(change[0])
    now = at(f"{change[1]}T00:00", here) + minute * 60
    window = Window(hours=(low, high))

    def inside(moment: float) -> bool:
        shown = datetime.fromtimestamp(moment, here)
        of_day = shown.hour * 60 + shown.minute
        return low == high or (low <= of_day < high if low < high else of_day >= low or of_day < high)

    end = until(window, now)
    assert bool(end) == inside(now)
    if end:
        assert now < end <= now + 25 * HOUR
        shown = datetime.fromtimestamp(end, here)
        left_out = shown.hour * 60 + shown.minute != high  # the hour of its end did not come that night
        assert not left_out or change[2]


class TestQuietHours:
    @pytest.mark.parametrize(
        ("name", "now", "fold", "quiet"),
        [
            (NEW_YORK, "2026-03-08T01:59", 0, True), (NEW_YORK, "2026-03-08T03:00", 0, True),
            (NEW_YORK, "2026-03-08T06:59", 0, True), (NEW_YORK, "2026-03-08T07:00", 0, False),
            (NEW_YORK, "2026-11-01T01:30", 0, True), (NEW_YORK, "2026-11-01T01:30", 1, True),
            (NEW_YORK, "2026-11-01T07:00", 0, False), (BERLIN, "2026-10-25T02:30", 1, True),
            (BERLIN, "2026-10-25T21:59", 0, False), (BERLIN, "2026-10-25T22:00", 0, True),
            (LORD_HOWE, "2026-10-04T02:30", 0, True), (TOKYO, "2026-10-25T07:00", 0, False),
        ],
    )  # fmt: skip
    def test_they_are_those_of_the_clock_on_the_wall(
        self, zone: Callable[[str], ZoneInfo], name: str, now: str, fold: int, quiet: bool
    ) -> None:
        night = plan(style=LOCAL, quiet=(22 * 60, 7 * 60))
        assert digests.in_quiet_hours(night, at(now, zone(name), fold)) is quiet

    @pytest.mark.parametrize("minute", [0, 1, 719, 720, 1439])
    def test_hours_that_end_when_they_begin_are_the_whole_day(self, minute: int) -> None:
        """As with a maintenance window; they were none at all."""
        day = datetime(2026, 6, 21, tzinfo=UTC).timestamp()
        for begin in (0, 12 * 60):
            of = plan(quiet=(begin, begin))
            assert digests.in_quiet_hours(of, day + minute * 60)
        assert not digests.in_quiet_hours(plan(), day + minute * 60)

    @pytest.mark.parametrize(("low", "high", "count"), [(0, 1, 1), (22, 7, 9), (8, 18, 10), (23, 0, 1)])
    def test_how_many_hours_of_an_ordinary_day(self, low: int, high: int, count: int) -> None:
        of = plan(quiet=(low * 60, high * 60))
        day = datetime(2026, 6, 21, tzinfo=UTC).timestamp()
        assert sum(digests.in_quiet_hours(of, day + n * HOUR) for n in range(24)) == count

    def test_what_waited_over_the_night_of_a_change_comes_when_they_are_over(
        self, zone: Callable[[str], ZoneInfo], tmp_path: Path
    ) -> None:
        here = zone(NEW_YORK)
        house = House(tmp_path, plan(style=LOCAL, quiet=(22 * 60, 7 * 60)))
        house.news(incident(1, "high"), incident(2, "critical", "worse"), at=at("2026-03-07T23:00", here))
        times = ["2026-03-07T23:00", "2026-03-08T01:59", "2026-03-08T03:00", "2026-03-08T06:59", "2026-03-08T07:00"]
        sent = [[message.title for message in house.run(at(text, here))] for text in times]
        assert sent == [["[Critical] worse"], [], [], [], ["[High] probe"]]


class TestDigests:
    @pytest.mark.parametrize(
        ("name", "digest_at", "after", "expected"),
        [
            (NEW_YORK, "08:00", "2026-03-07T08:00", "2026-03-08T08:00"),
            (NEW_YORK, "08:00", "2026-10-31T08:00", "2026-11-01T08:00"),
            (BERLIN, "07:30", "2026-10-25T02:30", "2026-10-25T07:30"),
            (BERLIN, "00:00", "2026-03-28T12:00", "2026-03-29T00:00"),
            (LORD_HOWE, "08:00", "2026-04-04T09:00", "2026-04-05T08:00"),
            ("Africa/Cairo", "08:00", "2026-04-23T08:00", "2026-04-24T08:00"),
        ],
    )
    def test_they_come_at_their_time_of_day(
        self, zone: Callable[[str], ZoneInfo], name: str, digest_at: str, after: str, expected: str
    ) -> None:
        here = zone(name)
        minute = int(digest_at[:2]) * 60 + int(digest_at[3:])
        found = digests.following(plan(style=LOCAL, digest="daily", digest_at=minute), at(after, here))
        assert found == at(expected, here), wall(found, here)

    @pytest.mark.parametrize("name", [NEW_YORK, BERLIN, LORD_HOWE, "America/Santiago", TOKYO])
    def test_weekly_ones_come_on_every_monday_of_a_year(self, zone: Callable[[str], ZoneInfo], name: str) -> None:
        here, of = zone(name), plan(style=LOCAL, digest="weekly", digest_at=9 * 60)
        moment, shown = at("2026-01-01T00:00", here), []
        for _ in range(52):
            moment = digests.following(of, moment)
            shown.append(datetime.fromtimestamp(moment, here))
        assert {f"{one:%a %H:%M}" for one in shown} == {"Mon 09:00"}
        assert {(after.date() - before.date()).days for before, after in itertools.pairwise(shown)} == {7}

    def test_a_time_that_is_left_out_comes_once_all_the_same(self, zone: Callable[[str], ZoneInfo]) -> None:
        """Half past two does not exist on that day."""
        here, of = zone(BERLIN), plan(style=LOCAL, digest="daily", digest_at=2 * 60 + 30)
        moment, days = at("2026-03-27T12:00", here), []
        for _ in range(4):
            moment = digests.following(of, moment)
            days.append(datetime.fromtimestamp(moment, here).date().day)
        assert days == [28, 29, 30, 31]

    @pytest.mark.parametrize(
        ("name", "day", "digest_at"),
        [(BERLIN, "2026-03-29", "02:30"), (NEW_YORK, "2026-03-08", "02:00"), (LORD_HOWE, "2026-10-04", "02:15"),
         ("Africa/Cairo", "2026-04-24", "00:30")],
    )  # fmt: skip
    def test_no_flood_of_digests_in_the_hour_before_a_time_that_is_left_out(
        self, zone: Callable[[str], ZoneInfo], tmp_path: Path, name: str, day: str, digest_at: str
    ) -> None:
        """One after another was sent from an hour before on, without end."""
        here, minute = zone(name), int(digest_at[:2]) * 60 + int(digest_at[3:])
        noon = at(f"{day}T12:00", here) - 24 * HOUR
        house = House(tmp_path, plan(style=LOCAL, digest="daily", digest_at=minute))
        house.outbox.remember("digest:phone", repr(noon))
        house.sender._prepare_digest = bounded(house.sender._prepare_digest)  # type: ignore[method-assign]
        sent = [moment for moment in range(int(noon), int(noon + 30 * HOUR), 600) if house.run(float(moment))]
        assert len(sent) == 1 and len(house.phone.messages) == 1
        assert datetime.fromtimestamp(sent[0], here).strftime("%F") == day

    def test_a_time_that_comes_twice_brings_one_digest(self, zone: Callable[[str], ZoneInfo], tmp_path: Path) -> None:
        here = zone(NEW_YORK)
        house = House(tmp_path, plan(style=LOCAL, digest="daily", digest_at=90))
        house.outbox.remember("began:phone", repr(at("2026-10-31T12:00", here)))
        house.outbox.remember("digest:phone", repr(at("2026-10-31T12:00", here)))
        sent = [house.run(at("2026-11-01T00:00", here) + n * 600) for n in range(6 * 26)]
        assert sum(map(len, sent)) == 1


class TestSpans:
    """Seconds that pass, whatever the clock shows."""

    @pytest.mark.parametrize("name,begin", [(NEW_YORK, "2026-03-08T01:50"), (NEW_YORK, "2026-11-01T01:50"), (BERLIN, "2026-10-25T02:50")])  # fmt: skip
    def test_escalation(self, zone: Callable[[str], ZoneInfo], tmp_path: Path, name: str, begin: str) -> None:
        now = at(begin, zone(name))
        house = House(tmp_path, plan(style=LOCAL, escalate_minutes=15))
        house.news(incident(1, "high"), at=now)
        assert house.run(now + 14 * 60) == []
        assert len(house.run(now + 15 * 60)) == 1

    def test_escalation_within_a_window_waits_for_the_later_of_both(
        self, zone: Callable[[str], ZoneInfo], tmp_path: Path
    ) -> None:
        here = zone(NEW_YORK)
        begin, end = at("2026-03-08T01:30", here), at("2026-03-08T04:00", here)
        for minutes, due in ((15.0, end), (600.0, begin + 600 * 60)):
            house = House(tmp_path / str(minutes), plan(style=LOCAL, escalate_minutes=minutes))
            dispatch([incident(1, "high")], [house.phone.plan], house.outbox, begin, [Window(hours=(60, 240))])
            assert house.run(due - 1) == []
            (message,) = house.run(due)
            assert f"Nobody has acknowledged this for {(due - begin) / 60:.0f} minutes." in message.body

    def test_budget_and_joining(self, zone: Callable[[str], ZoneInfo], tmp_path: Path) -> None:
        now = at("2026-11-01T01:50", zone(NEW_YORK))
        house = House(tmp_path, plan(style=LOCAL), Pace(per_hour=2, join_seconds=600))
        house.news(*(incident(n, "high", f"kind {n}") for n in range(4)), at=now)
        assert len(house.run(now)) == 2
        assert house.run(now + HOUR - 1) == []
        assert len(house.run(now + HOUR)) == 1

    def test_growing_pauses(self, zone: Callable[[str], ZoneInfo], tmp_path: Path) -> None:
        now = at("2026-03-08T01:59", zone(NEW_YORK))
        house = House(tmp_path, plan(style=LOCAL), Pace(per_hour=12, join_seconds=0, first_pause=60))
        house.phone.accepts = False
        house.news(incident(1, "high"), at=now)
        house.run(now)
        house.run(now + 60)
        assert house.outbox.due("phone", now + 60)[0].attempts == 2
        house.phone.accepts = True
        assert house.run(now + 179) == []
        assert len(house.run(now + 180)) == 1


def bounded(look: Callable[[float], None]) -> Callable[[float], None]:
    """Fails instead of running on for ever."""
    looked = itertools.count()

    def counted(now: float) -> None:
        assert next(looked) < 1_000, "no end"
        look(now)

    return counted


def briefs() -> list[dict[str, Any]]:
    """On one machine, on two, on a machine of others, on nobody's, and on more than are named."""
    ours = {**incident(1, "high", "ours")}
    both = {**incident(2, "high", "both"), "devices": ["192.0.2.53", "192.0.2.99"]}
    other = {**incident(3, "high", "other"), "devices": ["192.0.2.99"]}
    none = {**incident(4, "high", "none"), "devices": []}
    many = {**incident(5, "high", "many"), "more_devices": 2}
    return [ours, both, other, none, many]


@pytest.mark.parametrize(
    ("devices", "waiting"),
    [
        ((), {"ours", "both", "other", "none", "many"}), (("192.0.2.53",), {"ours"}),
        (("192.0.2.53", "192.0.2.99"), {"ours", "both", "other"}), (("203.0.113.1",), set()),
    ],
)  # fmt: skip
def test_whose_news_waits(devices: tuple[str, ...], waiting: set[str]) -> None:
    """Only what is known to be of these machines alone: what may be of another is told."""
    now = datetime(2026, 6, 21, 12, tzinfo=UTC).timestamp()
    window = Window(hours=(0, 0), devices=frozenset(devices))
    assert {one["title"]["en"] for one in briefs() if window.holds(one, now)} == waiting


@pytest.mark.parametrize("least", ["informational", "low", "medium", "high", "critical"])
def test_what_is_severe_enough_does_not_wait(least: Any) -> None:
    severities = ["informational", "low", "medium", "high", "critical"]
    now = datetime(2026, 6, 21, 12, tzinfo=UTC).timestamp()
    window = Window(hours=(0, 0), severity=least)
    waits = [severity for severity in severities if window.holds(incident(1, severity), now)]
    assert waits == severities[: severities.index(least)]
