"""Who gets which news, and when: severity × digest × escalation × windows, against the rule said in a few lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.types import SEVERITIES, Severity
from kanaria.respond.channels import Plan
from kanaria.respond.digests import AT_MOST, SETTLED, SinceLast, due
from kanaria.respond.dispatch import dispatch
from kanaria.respond.maintenance import Window
from kanaria.store.outbox import Outbox
from tests.respond.test_sender import BEGAN, incident, plan

HOUR, DAY = 3600.0, 86_400.0
SEVERITY: st.SearchStrategy[Severity] = st.sampled_from(SEVERITIES)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    return plan(
        name=draw(st.sampled_from(["phone", "mail", "chat"])), severity=draw(SEVERITY), digest=draw(st.sampled_from(["daily", "weekly", "none"])),
        escalate_minutes=draw(st.none() | st.floats(1, 600)),
    )  # fmt: skip


@st.composite
def windows(draw: st.DrawFn) -> Window:
    begin = datetime.fromtimestamp(BEGAN, UTC) + timedelta(minutes=draw(st.integers(-120, 120)))
    end = begin + timedelta(minutes=draw(st.integers(1, 240)))
    devices = draw(st.sampled_from([frozenset(), frozenset({"192.0.2.53"}), frozenset({"192.0.2.99"})]))
    return Window(begin=begin, end=end, devices=devices, severity=draw(SEVERITY))


NEWS = st.lists(SEVERITY, min_size=1, max_size=6)


@given(NEWS, st.lists(plans(), max_size=3, unique_by=lambda one: one.name), st.lists(windows(), max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_everybody_gets_what_is_theirs_at_its_time(
    tmp_path_factory: pytest.TempPathFactory, news: list[Severity], made: list[Plan], around: list[Window]
) -> None:
    outbox = Outbox(tmp_path_factory.mktemp("outbox"))
    outbox.time.ahead = 0.0
    incidents = [incident(n, severity, f"kind {n}") for n, severity in enumerate(news)]
    dispatch(incidents, made, outbox, BEGAN, around)
    for one in made:
        late = {entry.content["id"]: entry for entry in outbox.due(one.name, BEGAN + 30 * DAY)}
        kept = {content["id"] for _first, _until, content in outbox.items(one.name)}
        for item in incidents:
            at_once = SEVERITIES.index(item["severity"]) >= SEVERITIES.index(one.severity)
            assert (item["id"] in late) is at_once
            assert (item["id"] in kept) is (not at_once and one.digest != "none")
            if not at_once:
                continue
            ends = [w.end.timestamp() for w in around if w.end and w.holds(item, BEGAN)]
            until = max([0.0, *ends])
            if one.escalate_minutes is not None:
                until = max(until, BEGAN + one.escalate_minutes * 60)
            held = late[item["id"]].content.get("held")
            assert held == ("unacknowledged" if one.escalate_minutes is not None else "maintenance" if ends else None)
            early = {entry.content["id"] for entry in outbox.due(one.name, until - 0.001 if until else BEGAN)}
            assert (item["id"] in early) is (not until)
            assert item["id"] in {entry.content["id"] for entry in outbox.due(one.name, max(until, BEGAN))}
    outbox.close()


class TestTheSameNews:
    """An id is made of the news itself: told once after a crash, and again when it is other news."""

    @pytest.fixture
    def count(self, tmp_path: Path) -> Any:
        outbox = Outbox(tmp_path)

        def dispatched(*news: dict[str, Any]) -> int:
            for one in news:
                dispatch([one], [plan()], outbox, BEGAN)
            return len(outbox.due("phone", BEGAN))

        yield dispatched
        outbox.close()

    def test_again_adds_nothing(self, count: Any) -> None:
        assert count(incident(1), incident(1), incident(1)) == 1

    @pytest.mark.parametrize(
        "changed",
        [
            {"severity": "high"}, {"last_seen": "2026-06-21T09:00:00+00:00"}, {"id": "i-000002"},
            {"alert": {"kind": "escalated", "because": []}}, {"alert": {"kind": "new", "because": [{"en": "x", "ja": "x"}]}},
            {"alert": {"kind": "reminder", "because": []}},
        ],
    )  # fmt: skip
    def test_other_news_of_it_is_told(self, count: Any, changed: dict[str, Any]) -> None:
        assert count(incident(1), {**incident(1), **changed}) == 2

    @pytest.mark.parametrize(
        "changed", [{"probability": 0.5}, {"verdict": {"en": "y", "ja": "y"}}, {"devices": ["192.0.2.1"]}]
    )
    def test_other_words_for_the_same_are_not(self, count: Any, changed: dict[str, Any]) -> None:
        assert count(incident(1), {**incident(1), **changed}) == 1


def test_what_is_kept_needs_nothing_but_itself_to_be_told(tmp_path: Path) -> None:
    """After a restart, when the incident may have left the store."""
    outbox = Outbox(tmp_path)
    dispatch([incident(1, "high", "探索")], [plan()], outbox, BEGAN)
    outbox.close()
    again = Outbox(tmp_path)
    (entry,) = again.due("phone", BEGAN)
    assert json.loads(json.dumps(entry.content)) == incident(1, "high", "探索")
    again.close()


class TestWhenADigestIsDue:
    DAILY = plan(digest="daily")

    @pytest.mark.parametrize(
        ("after_first", "after_last", "is_due"),
        [
            (0.0, 0.0, False),
            (4.9, 4.9, False),
            (5.1, 5.1, True),
            (30.0, 1.0, False),
            (59.0, 0.5, False),
            (61.0, 0.5, True),
        ],
    )
    def test_the_first_comes_when_nothing_more_comes_and_within_a_minute(
        self, after_first: float, after_last: float, is_due: bool
    ) -> None:
        items = [(BEGAN - after_first, BEGAN - after_first), (BEGAN - after_last, BEGAN - after_last)]
        assert due(self.DAILY, BEGAN - 100, items, BEGAN, BEGAN, first=True) is is_due
        assert (SETTLED, AT_MOST) == (5.0, 60.0)

    def test_with_nothing_to_tell_the_first_comes_at_its_time_of_day(self) -> None:
        eight = datetime(2026, 6, 22, 8, tzinfo=UTC).timestamp()
        for now, is_due in ((BEGAN + HOUR, False), (eight - 1, False), (eight, True)):
            assert due(self.DAILY, BEGAN, [], now, now, first=True) is is_due

    @given(st.integers(0, 20 * 24))
    def test_later_ones_come_once_a_day_whatever_there_is_to_tell(self, hours: int) -> None:
        now = BEGAN + hours * HOUR
        items = [(now, now)]
        eight = datetime(2026, 6, 22, 8, tzinfo=UTC).timestamp()
        assert due(self.DAILY, BEGAN, items, now, now, first=False) is (now >= eight)

    @pytest.mark.parametrize("first", [True, False])
    def test_none_is_none(self, first: bool) -> None:
        assert not due(plan(digest="none"), 0.0, [(BEGAN - DAY, BEGAN - DAY)], BEGAN, BEGAN, first=first)

    def test_a_clock_that_went_back_does_not_keep_the_first_waiting(self) -> None:
        """Items that were noted later than now, or long ago."""
        assert due(self.DAILY, BEGAN, [(BEGAN + DAY, BEGAN + DAY)], BEGAN, BEGAN, first=True)


class TestSinceTheLast:
    @staticmethod
    def counted(alerts: int, **records: int) -> dict[str, Any]:
        return {
            "since": BEGAN,
            "alerts": alerts,
            "sources": [{"name": name, "records": count} for name, count in records.items()],
        }

    def test_each_digest_counts_from_the_one_before(self) -> None:
        since = SinceLast()
        assert since.about(self.counted(3, a=100)) == self.counted(3, a=100)
        since.note_sent(self.counted(3, a=100), BEGAN + DAY)
        about = since.about(self.counted(5, a=170, b=9))
        assert (about["alerts"], about["since"]) == (2, BEGAN + DAY)
        assert {one["name"]: one["records"] for one in about["sources"]} == {"a": 70, "b": 9}

    def test_one_that_was_not_sent_counts_on(self) -> None:
        since = SinceLast()
        since.about(self.counted(3, a=100))
        assert since.about(self.counted(4, a=150))["sources"] == [{"name": "a", "records": 150}]

    def test_what_the_service_counts_stays_as_it_is(self) -> None:
        since, counted = SinceLast(), self.counted(1, a=10)
        since.note_sent(counted, BEGAN)
        since.about(counted)
        assert counted == self.counted(1, a=10)
