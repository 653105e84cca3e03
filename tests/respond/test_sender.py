"""Senders: what is joined, what waits, what is tried again and what is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kanaria.core.errors import SourceError
from kanaria.respond import digests
from kanaria.respond.channels import Channel, Plan
from kanaria.respond.dispatch import dispatch
from kanaria.respond.message import Message, Style
from kanaria.respond.sender import Pace, Sender
from kanaria.store.outbox import Outbox

STYLE = Style(language="en", zone=UTC)
BEGAN = datetime(2026, 6, 21, 12, 0, tzinfo=UTC).timestamp()


def plan(**changed: Any) -> Plan:
    given: dict[str, Any] = {
        "name": "phone", "severity": "informational", "digest": "none", "digest_at": 8 * 60, "quiet": None,
        "quiet_severity": "critical", "style": STYLE,
    }  # fmt: skip
    return Plan(**(given | changed))


def incident(number: int, severity: str = "informational", title: str = "probe") -> dict[str, Any]:
    harmless = severity == "informational"
    return {
        "id": f"i-{number:06d}", "severity": severity, "title": {"en": title, "ja": title}, "first_seen": None,
        "last_seen": None, "probability": 0.97, "outcome": "failed", "devices": ["192.0.2.53"],
        "remotes": ["198.51.100.7"], "techniques": [], "more_devices": 0, "more_remotes": 0,
        "verdict": {"en": f"{title}.", "ja": f"{title}。"},
        "todo": [{"id": "none" if harmless else "isolate", "en": "Do it.", "ja": "対応。"}],
        "alert": {"kind": "new", "because": []},
    }  # fmt: skip


class Phone(Channel):
    """Accepts messages unless it is told not to."""

    def __init__(self, of: Plan) -> None:
        self.plan, self.accepts = of, True
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        if not self.accepts:
            raise SourceError(source="phone", expected="that the message is accepted", got="no network")
        self.messages.append(message)


class House:
    """One channel with its outbox; time is passed in."""

    def __init__(self, folder: Path, of: Plan, pace: Pace | None = None) -> None:
        self.outbox, self.phone = Outbox(folder), Phone(of)
        self.outbox.remember("began:phone", repr(BEGAN))
        self.watched = {"sources": [], "since": BEGAN, "alerts": 0, "budget": 1.0}
        self.dead: list[tuple[Any, ...]] = []
        pace = pace or Pace(per_hour=12, join_seconds=600)
        self.sender = Sender(
            self.phone, self.outbox, pace, lambda: self.watched, lambda *a: self.dead.append(a), log
        )  # fmt: skip

    def news(self, *incidents: dict[str, Any], at: float = BEGAN) -> None:
        dispatch(incidents, [self.phone.plan], self.outbox, at)

    def run(self, at: float = BEGAN) -> list[Message]:
        """Everything that is sent at a time."""
        before = len(self.phone.messages)
        while self.sender.step(at):
            pass
        return self.phone.messages[before:]


def log(_what: str, /, **_facts: object) -> None:
    """Nobody reads it."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def test_ten_thousand_probes_are_one_message(folder: Path) -> None:
    house = House(folder, plan())
    house.news(*(incident(number) for number in range(10_000)))
    (message,) = house.run()
    assert message.title == "[Info] 10,000 incidents: probe"
    assert message.body.startswith("Nothing needs to be done.")
    assert "×10,000" in message.body
    assert house.run() == []


def test_more_of_the_same_waits_and_something_else_does_not(folder: Path) -> None:
    house = House(folder, plan())
    house.news(incident(1))
    assert len(house.run()) == 1
    house.news(incident(2), incident(3), incident(4, title="scan"))
    assert [message.title for message in house.run()] == ["[Info] scan"]
    assert [message.title for message in house.run(BEGAN + 601)] == ["[Info] 2 incidents: probe"]


def test_severe_news_is_told_one_by_one_until_the_budget_is_used(folder: Path) -> None:
    house = House(folder, plan(), Pace(per_hour=3, join_seconds=600))
    house.news(*(incident(number, "critical", "mining") for number in range(10)))
    assert [message.title for message in house.run()] == ["[Critical] mining"] * 3
    (joined,) = house.run(BEGAN + 3601)[:1]
    assert joined.kind == "failure"


def test_the_same_news_again_is_told_once(folder: Path) -> None:
    house = House(folder, plan())
    house.news(incident(1))
    house.news(incident(1))
    assert len(house.run()) == 1
    house.news(incident(1))
    assert house.run(BEGAN + 7200) == []


def test_what_a_lock_screen_shows_carries_it(folder: Path) -> None:
    house = House(folder, plan())
    house.news({**incident(1, "critical", "DNS server mines Monero"), "first_seen": "2026-06-21T03:04:00+00:00"})
    (message,) = house.run()
    assert message.title == "[Critical] DNS server mines Monero"
    assert message.body[:120].startswith("192.0.2.53 ↔ 198.51.100[.]7, since 06-21 03:04 UTC, 97 % sure. DNS server")
    assert "1. Do it." in message.body
    assert message.body.endswith("Incident i-000001, severity Critical\nDetails: kanaria incident show i-000001")


def test_what_is_refused_is_tried_again_later_each_time_also_by_another_process(folder: Path) -> None:
    house = House(folder, plan())
    house.phone.accepts = False
    house.news(incident(1))
    assert house.run() == []
    assert house.run(BEGAN + 4) == []
    assert house.outbox.last_error("phone").endswith("got no network")
    house.run(BEGAN + 6)  # second attempt, ten seconds to the third
    assert house.outbox.due("phone", BEGAN + 10)[0].attempts == 2
    again = House(folder, plan())
    assert len(again.run(BEGAN + 10)) == 1
    assert again.outbox.counts() == {("phone", "sent"): 1}


def test_what_is_given_up_is_told_elsewhere(folder: Path) -> None:
    house = House(folder, plan(), Pace(per_hour=12, join_seconds=600, first_pause=1.0, dead_after=3))
    house.phone.accepts = False
    house.news(incident(1))
    for seconds in (0, 2, 5, 10):
        house.run(BEGAN + seconds)
    assert [dead[:3] for dead in house.dead] == [("phone", 1, 3)]
    assert house.outbox.counts() == {("phone", "dead"): 1}


def test_quiet_hours_let_only_the_worst_through_and_the_rest_comes_after(folder: Path) -> None:
    house = House(folder, plan(quiet=(22 * 60, 7 * 60)))
    night = datetime(2026, 6, 21, 23, 0, tzinfo=UTC).timestamp()
    house.news(incident(1, "medium", "rare"), incident(2, "critical", "mining"))
    assert [message.title for message in house.run(night)] == ["[Critical] mining"]
    assert [message.title for message in house.run(night + 9 * 3600)] == ["[Medium] rare"]


def test_the_first_digest_comes_soon_and_the_next_at_its_time_also_when_all_is_quiet(folder: Path) -> None:
    house = House(folder, plan(severity="medium", digest="daily"))
    house.news(incident(1), incident(2), at=BEGAN)
    assert house.run(BEGAN + 4) == []
    (first,) = house.run(BEGAN + 5)
    assert first.title == "Kanaria: nothing needs to be done (2 noticed)"
    house.news(incident(3), at=BEGAN + 60)
    assert house.run(BEGAN + 120) == []
    eight = datetime(2026, 6, 22, 8, 0, tzinfo=UTC).timestamp()
    (second,) = house.run(eight)
    assert second.title == "Kanaria: nothing needs to be done (1 noticed)"
    (third,) = house.run(eight + 86_400)
    assert third.title == "Kanaria: all quiet, nothing needs to be done"


def test_a_digest_says_what_was_looked_at_and_tried_and_what_is_left_of_the_budget(folder: Path) -> None:
    house = House(folder, plan(severity="critical", digest="daily"))
    house.watched |= {"sources": [{"name": "access.log", "records": 1_200}], "alerts": 1, "budget": 0.5}
    many = incident(3) | {"remotes": [f"198.51.100.{n}" for n in range(3)], "more_remotes": 4}
    house.news(incident(1), incident(2), many, incident(4, "high", "rare") | {"outcome": "possible"}, at=BEGAN)
    (first,) = house.run(BEGAN + 5)
    assert "Probes and attacks without a sign of success: 3 (incidents), by " in first.body
    assert "198.51.100[.]7, 198.51.100[.]0, 198.51.100[.]1 and others, on 192.0.2.53." in first.body
    assert "Watched since 06-21 12:00 UTC: access.log (1,200 records)." in first.body
    assert "Anomalies that nothing explains: 1; you want 0.5 a day at most." in first.body
    house.watched |= {"sources": [{"name": "access.log", "records": 1_250}, {"name": "new.log", "records": 2}]}
    (second,) = house.run(BEGAN + 86_400)
    assert "Probes" not in second.body
    assert "Watched since 06-21 12:00 UTC: access.log (50 records), new.log (2 records)." in second.body
    assert "Anomalies that nothing explains: 0;" in second.body


@pytest.mark.parametrize(
    ("digest", "after", "expected"),
    [
        ("daily", "2026-06-21T07:59", "2026-06-21T08:00"),
        ("daily", "2026-06-21T08:00", "2026-06-22T08:00"),
        ("weekly", "2026-06-21T09:00", "2026-06-22T08:00"),  # a Sunday
        ("weekly", "2026-06-22T08:00", "2026-06-29T08:00"),
    ],
)
def test_when_the_next_digest_is_due(digest: str, after: str, expected: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = digests.following(plan(digest=digest), moment.timestamp())
    assert datetime.fromtimestamp(found, tz=UTC) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_call_that_hangs_is_given_up_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr("kanaria.respond.channels.GIVEN_UP", 0.05)
    channel = Channel(plan(), "webhook+http://192.0.2.1/")
    monkeypatch.setattr(channel, "_sending", lambda _message: over.wait(10))
    message = Message(id="m", title="t", body="b")
    for _ in range(3):
        with pytest.raises(SourceError, match="no answer within"):
            channel.send(message)
    with pytest.raises(SourceError, match="earlier attempts still hang"):
        channel.send(message)
    over.set()


def test_minutes_of_a_summer_night_are_those_of_the_clock_on_the_wall() -> None:
    night = plan(quiet=(22 * 60, 7 * 60))
    at = [BEGAN + timedelta(hours=hours).total_seconds() for hours in (0, 9, 10, 18, 19)]
    assert [digests.in_quiet_hours(night, moment) for moment in at] == [False, False, True, True, False]


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Tokyo"])
@pytest.mark.parametrize("at", ["08:00", "00:30"])
def test_a_digest_comes_once_a_day_at_its_time_also_when_clocks_change(
    zone: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    daily = plan(style=Style(language="en"), digest="daily", digest_at=int(at[:2]) * 60 + int(at[3:]))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        moment = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
        days = []
        for _ in range(365):
            moment = digests.following(daily, moment)
            days.append(datetime.fromtimestamp(moment).astimezone())
    finally:
        monkeypatch.undo()
        time.tzset()
    assert {f"{day:%H:%M}" for day in days} == {at}
    assert len({day.date() for day in days}) == 365 and (days[-1].date() - days[0].date()).days == 364
