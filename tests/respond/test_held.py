"""What is held back: for the end of a maintenance window, or until nobody has acknowledged for long enough."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.app import config
from kanaria.core.errors import ConfigError
from kanaria.respond.acknowledge import Links
from kanaria.respond.dispatch import dispatch
from kanaria.respond.maintenance import Window
from kanaria.respond.sender import Pace, Sender
from kanaria.store.outbox import Outbox
from tests.respond.test_sender import BEGAN, Phone, incident, log, plan

HOUR = 3600.0
NOTHING = {"sources": [], "since": BEGAN, "alerts": 0, "budget": 1.0}


def sender(outbox: Outbox, phone: Phone, *handled: str) -> Sender:
    outbox.remember("began:phone", repr(BEGAN))
    pace = Pace(per_hour=12, join_seconds=600)
    return Sender(phone, outbox, pace, lambda: NOTHING, lambda *_: None, log, lambda one: one in handled)


@pytest.mark.parametrize("handled", [(), ("i-000001",)])
def test_the_next_in_line_is_told_only_of_what_nobody_took_care_of(tmp_path: Path, handled: tuple[str, ...]) -> None:
    outbox, phone = Outbox(tmp_path), Phone(plan(escalate_minutes=15))
    dispatch([incident(1, "high")], [phone.plan], outbox, BEGAN)
    runs = sender(outbox, phone, *handled)
    assert not runs.step(BEGAN + 14 * 60)
    assert runs.step(BEGAN + 15 * 60) is not bool(handled)
    assert not runs.step(BEGAN + HOUR)
    assert [("15 minutes" in message.body) for message in phone.messages] == ([] if handled else [True])


def test_a_window_holds_what_is_on_its_devices_and_not_critical(tmp_path: Path) -> None:
    begin = datetime.fromtimestamp(BEGAN).astimezone()
    window = Window(begin=begin, end=begin + timedelta(hours=1), devices=frozenset({"192.0.2.53"}))
    elsewhere = {**incident(2, "high", "elsewhere"), "devices": ["192.0.2.54"]}
    nowhere = {**incident(4, "medium", "nowhere"), "devices": []}
    news = [incident(1, "high", "held"), elsewhere, incident(3, "critical", "critical"), nowhere]
    outbox, phone = Outbox(tmp_path), Phone(plan())
    dispatch(news, [phone.plan], outbox, BEGAN, [window])
    runs = sender(outbox, phone)
    while runs.step(BEGAN + 1):
        pass
    assert [message.title for message in phone.messages] == [
        "[Critical] critical",
        "[High] elsewhere",
        "[Medium] nowhere",
    ]
    assert runs.step(BEGAN + HOUR)
    assert "maintenance window" in phone.messages[-1].body


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 6), st.integers(0, 14 * 24 * 60))
def test_hours_of_the_day_hold_until_their_end_and_only_then(low: int, high: int, day: int, minute: int) -> None:
    moment = datetime(2026, 6, 1).astimezone() + timedelta(minutes=minute)
    window = Window(hours=(low, high), days=frozenset({day}))
    until = window.holds(incident(1), moment.timestamp())
    length = (high - low) % 1440 or 1440
    since = (moment.weekday() - day) % 7 * 1440 + moment.hour * 60 + moment.minute - low
    inside = 0 <= since < length or 0 <= since + 7 * 1440 < length
    assert (until > 0) == inside
    assert until == 0 or moment.timestamp() < until <= moment.timestamp() + length * 60


def test_a_link_is_good_once_for_its_incident_and_for_a_while(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    links = Links(outbox, hours=1)
    token = links.token("i-000001", BEGAN)
    assert links.incident(token, BEGAN + 3599) == "i-000001"
    assert links.incident(token, BEGAN + 3600) is None
    assert links.incident(token.replace("i-000001", "i-000002"), BEGAN) is None
    again = Links(Outbox(tmp_path), hours=1)  # after a restart
    assert again.use(token, BEGAN) == "i-000001"
    assert links.use(token, BEGAN) is None


def test_no_other_text_is_a_token(tmp_path: Path) -> None:
    links = Links(Outbox(tmp_path), hours=1)

    @given(st.text(max_size=60) | st.from_regex(r"i-\d{6}\.\d{9,11}\.\w+\.\w*", fullmatch=True))
    def holds(text: str) -> None:
        assert links.incident(text, BEGAN) is None

    holds()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('hours = "25:00-26:00"', "hours such as"),
        ('begin = "2026-12-05T22:00"\nend = "2026-12-06"', "a time such as"),
        ('begin = "2026-12-05T22:00+09:00"', "begin and end, or hours"),
        ('hours = "02:00-04:00"\ndays = ["sunday"]', "one of mon, tue"),
    ],
)
def test_a_wrong_window_is_refused_with_the_reason(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "kanaria.toml").write_text(f"[[maintenance]]\n{text}\n")
    with pytest.raises(ConfigError, match=wrong):
        config.load(tmp_path / "kanaria.toml")
