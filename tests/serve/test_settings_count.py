"""Each setting of whom to notify, when and how: a service that did not heed it would send something else.

Settings come as a file, as the service reads it; time stands still until a test moves it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kanaria.app.config import load
from kanaria.app.live.service_log import logger
from kanaria.app.live.telling import Telling
from kanaria.respond.acknowledge import Links
from kanaria.store.outbox import Outbox
from kanaria.store.timeline import Timeline
from tests.respond.test_sender import incident
from tests.serve.serving import Received, Sink, sink
from tests.store.test_timeline import Machine

NOON = datetime(2026, 6, 21, 12).astimezone()
"""A Sunday."""
CHANNEL = '[[notify]]\nname = "phone"\nurl = "webhook+http://127.0.0.1:{port}/"\n'


@pytest.fixture(scope="module")
def receiver() -> Iterator[Sink]:
    with sink() as made:
        yield made


@dataclass
class House:
    """Channels as settings make them, with what they sent."""

    telling: Telling
    machine: Machine
    outbox: Outbox
    sink: Sink

    def news(self, *incidents: dict[str, Any]) -> None:
        self.telling.tell(incidents)

    def sent(self, after: timedelta = timedelta(0), name: str = "phone") -> list[dict[str, Any]]:
        """What the channel sends when so much time has passed."""
        self.machine.go(after.total_seconds())
        self.sink.received.clear()
        while self.telling.senders[name].step(self.outbox.time.now()):
            pass
        return [item.content for item in self.sink.received]


Build = Callable[..., House]


@pytest.fixture
def house(tmp_path: Path, receiver: Sink) -> Iterator[Build]:
    """A house from the keys of its channel and from what stands before it in the settings."""
    made: list[Outbox] = []

    def build(channel: str = 'digest = "none"\n', before: str = "", at: datetime = NOON, **given: Any) -> House:
        text = f'language = "en"\n{before}{CHANNEL.format(port=receiver.port)}{channel}'
        (tmp_path / "kanaria.toml").write_text(text)
        machine, outbox = Machine(clock=at.timestamp()), Outbox(tmp_path / f"store-{len(made)}")
        outbox.time = Timeline(machine, lambda: machine.clock, lambda: machine.passed, machine.boot)
        made.append(outbox)
        settings = load(tmp_path / "kanaria.toml")
        watched = {"sources": [], "since": at.timestamp(), "alerts": 0, "budget": settings.alerts_per_day}
        links = Links(outbox, settings.serve.acknowledge_hours)
        telling = Telling(settings, outbox, lambda: watched, logger("text"), links=links, **given)
        return House(telling, machine, outbox, receiver)

    yield build
    for outbox in made:
        outbox.close()


@pytest.mark.parametrize(("key", "told"), [("", 2), ('severity = "low"\n', 3), ('severity = "critical"\n', 1)])
def test_severity_says_what_is_told_at_once(house: Build, key: str, told: int) -> None:
    here = house(f'digest = "none"\n{key}')
    here.news(*(incident(n, severity, severity) for n, severity in enumerate(("critical", "medium", "low"))))
    assert len(here.sent()) == told


def test_no_digest_means_that_the_rest_is_never_told(house: Build) -> None:
    for key, count in (('digest = "none"\n', 0), ("", 1)):
        here = house(key)
        here.news(incident(1, "low"))
        assert len(here.sent(timedelta(minutes=2))) == count


@pytest.mark.parametrize(
    ("keys", "hours"),
    [("", 20), ('digest_at = "18:30"\n', 6.5), ('digest = "weekly"\n', 20), ('digest = "weekly"\ndigest_at = "11:00"\n', 23)],
)  # fmt: skip
def test_a_digest_comes_at_its_time_of_day(house: Build, keys: str, hours: float) -> None:
    """From Sunday noon on; the first, which comes soon after the first thing to tell, is over."""
    here = house(keys)
    here.news(incident(1, "low"))
    assert len(here.sent(timedelta(minutes=2))) == 1
    assert not here.sent(timedelta(hours=hours, minutes=-3))
    (digest,) = here.sent(timedelta(minutes=2))
    assert digest["type"] == "digest"
    again = 24 * (7 if "weekly" in keys else 1)
    assert not here.sent(timedelta(hours=again, minutes=-2))
    assert len(here.sent(timedelta(minutes=3))) == 1


def test_a_digest_says_how_many_anomalies_were_wanted(house: Build) -> None:
    here = house("", "alerts_per_day = 3\n")
    here.news(incident(1, "low"))
    (digest,) = here.sent(timedelta(minutes=2))
    assert "0; you want 3 a day at most" in digest["text"]


@pytest.mark.parametrize(
    ("keys", "rings"),
    [
        ("", ["critical", "high", "medium"]),
        ('quiet = "11:00-13:00"\n', ["critical"]),
        ('quiet = "11:00-13:00"\nquiet_severity = "high"\n', ["critical", "high"]),
        ('quiet = "13:00-11:00"\n', ["critical", "high", "medium"]),
    ],
)
def test_in_quiet_hours_only_what_is_severe_enough_rings_and_the_rest_comes_after(
    house: Build, keys: str, rings: list[str]
) -> None:
    here = house(f'digest = "none"\n{keys}')
    here.news(*(incident(n, severity, severity) for n, severity in enumerate(("critical", "high", "medium"))))
    at_once = [message["incident"]["severity"] for message in here.sent()]
    assert at_once == rings
    later = [message["incident"]["severity"] for message in here.sent(timedelta(hours=1, minutes=1))]
    assert sorted(at_once + later) == ["critical", "high", "medium"]


def test_who_is_next_in_line_is_told_what_nobody_took_care_of(house: Build) -> None:
    here = house('digest = "none"\nescalate_minutes = 30\n', handled=lambda ident: ident == "i-000001")
    here.news(incident(1, "high"), incident(2, "high"))
    assert not here.sent(timedelta(minutes=29))
    (message,) = here.sent(timedelta(minutes=2))
    assert message["incident"]["id"] == "i-000002"
    assert "Nobody has acknowledged this for 30 minutes" in message["text"]


@pytest.mark.parametrize(("keys", "words"), [("", "Incident"), ('language = "ja"\n', "インシデント")])
def test_a_channel_has_a_language_of_its_own(house: Build, keys: str, words: str) -> None:
    here = house(keys)
    here.news(incident(1, "high"))
    assert words in here.sent()[0]["text"]


def test_a_link_leads_to_the_incident(house: Build) -> None:
    for serve, words in (("", "kanaria incident show i-000001"), ('[serve]\nlink = "https://soc.example/?i="\n', "https://soc.example/?i=i-000001")):  # fmt: skip
        here = house(before=serve)
        here.news(incident(1, "high"))
        assert words in here.sent()[0]["text"]


@pytest.mark.parametrize(("hours", "good_for"), [(None, 24.0), (2.0, 2.0)])
def test_a_link_that_acknowledges_is_good_for_as_long_as_is_set(
    house: Build, hours: float | None, good_for: float
) -> None:
    more = "" if hours is None else f"acknowledge_hours = {hours}\n"
    here = house(before=f'[serve]\nacknowledge = "http://192.0.2.10:9478/"\n{more}')
    here.news(incident(1, "high"))
    text = here.sent()[0]["text"]
    beginning = "Acknowledge: http://192.0.2.10:9478/ack/"
    assert beginning in text, text
    token = text.partition(beginning)[2].split()[0]
    links, now = Links(here.outbox, good_for), here.outbox.time.now()
    assert links.incident(token, now + 3600 * good_for - 60) == "i-000001"
    assert Links(here.outbox, 1000).incident(token, now + 3600 * good_for + 60) is None


@pytest.mark.parametrize(("most", "alone"), [(None, 12), (3, 3)])
def test_a_channel_gets_no_more_messages_an_hour_than_is_set(house: Build, most: int | None, alone: int) -> None:
    here = house(before="" if most is None else f"[serve]\nmessages_per_hour = {most}\n")
    here.news(*(incident(n, "high", f"kind {n}") for n in range(20)))
    assert [message["type"] for message in here.sent()] == ["incident"] * alone
    (rest,) = here.sent(timedelta(hours=1))
    assert (rest["type"], rest["count"]) == ("incidents", 20 - alone)


@pytest.mark.parametrize(("minutes", "expected"), [(None, 10), (2, 2)])
def test_news_of_a_kind_is_joined_for_as_long_as_is_set(house: Build, minutes: int | None, expected: int) -> None:
    here = house(before="" if minutes is None else f"[serve]\njoin_minutes = {minutes}\n")
    here.news(incident(1, "medium"))
    assert len(here.sent()) == 1
    here.news(incident(2, "medium"), incident(3, "medium"))
    assert not here.sent(timedelta(minutes=expected, seconds=-5))
    (joined,) = here.sent(timedelta(seconds=10))
    assert joined["count"] == 2


def test_a_webhook_is_signed_and_carries_ocsf_when_asked_to(house: Build) -> None:
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()

    def received(keys: str) -> Received:
        here = house(keys, events=lambda ident: [{"class_uid": 2005, "of": ident}])
        here.news(incident(1, "high"))
        here.sent()
        return here.sink.received[0]

    plain, full = received(""), received(f'secret = "{secret}"\nocsf = true\n')
    assert "webhook-signature" not in plain.headers and "ocsf" not in plain.content
    assert full.headers["webhook-signature"].startswith("v1,")
    assert full.content["ocsf"] == [{"class_uid": 2005, "of": "i-000001"}]


def test_a_channel_is_called_as_settings_say(house: Build) -> None:
    assert list(house().telling.senders) == ["phone"]


@pytest.mark.parametrize(
    ("key", "held"),
    [
        ("", True), ('severity = "high"\n', False), ('devices = ["192.0.2.53"]\n', True),
        ('devices = ["192.0.2.54"]\n', False),
    ],
)  # fmt: skip
def test_a_window_that_comes_once_holds_what_it_says(house: Build, key: str, held: bool) -> None:
    end = NOON + timedelta(hours=1)
    here = house(before=f'[[maintenance]]\nbegin = "{NOON.isoformat()}"\nend = "{end.isoformat()}"\n{key}')
    here.news(incident(1, "high"))
    assert len(here.sent()) == (0 if held else 1)
    assert len(here.sent(timedelta(hours=1, seconds=1))) == (1 if held else 0)
