"""Maintenance that comes again, as the settings have it: by hours and weekdays, and of certain machines only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kanaria.app.config import load
from kanaria.app.live.service_log import logger
from kanaria.app.live.telling import Telling
from kanaria.store.outbox import Outbox
from kanaria.store.timeline import Timeline
from tests.respond.test_sender import incident
from tests.serve.serving import Sink, sink
from tests.store.test_timeline import Machine

SETTINGS = """\
language = "en"
[[sources]]
kind = "file"
path = "access.log"
[[notify]]
url = "{url}"
name = "phone"
severity = "informational"
digest = "none"
[[maintenance]]
hours = "22:00-02:00"
days = ["sun"]
devices = ["192.0.2.53"]
[[maintenance]]
hours = "01:00-03:00"
days = ["mon", "wed"]
severity = "medium"
"""
SUNDAY = datetime(2026, 6, 21).astimezone()


@pytest.fixture
def phone() -> Iterator[Sink]:
    with sink() as made:
        yield made


@pytest.mark.parametrize(
    ("at", "device", "severity", "until"),
    [
        (timedelta(hours=21, minutes=59), "192.0.2.53", "low", None),
        (timedelta(hours=22, minutes=1), "192.0.2.53", "high", timedelta(hours=26)),
        (timedelta(hours=22, minutes=1), "192.0.2.54", "high", None),
        (timedelta(hours=22, minutes=1), "192.0.2.53", "critical", None),
        (timedelta(hours=25, minutes=30), "192.0.2.53", "low", timedelta(hours=27)),  # Monday: both windows
        (timedelta(hours=25, minutes=30), "192.0.2.54", "low", timedelta(hours=27)),
        (timedelta(hours=25, minutes=30), "192.0.2.54", "medium", None),
        (timedelta(hours=49, minutes=30), "192.0.2.54", "low", None),  # Tuesday
        (timedelta(hours=46, minutes=30), "192.0.2.53", "low", None),  # Monday evening
    ],
)
def test_news_waits_for_the_end_of_the_windows_it_falls_into(
    tmp_path: Path, phone: Sink, at: timedelta, device: str, severity: str, until: timedelta | None
) -> None:
    (tmp_path / "kanaria.toml").write_text(SETTINGS.format(url=f"webhook+http://127.0.0.1:{phone.port}/"))
    machine, outbox = Machine(clock=(SUNDAY + at).timestamp()), Outbox(tmp_path / "store")
    outbox.time = Timeline(machine, lambda: machine.clock, lambda: machine.passed, machine.boot)
    telling = Telling(load(tmp_path / "kanaria.toml"), outbox, dict, logger("text"))
    sender = telling.senders["phone"]
    telling.tell([{**incident(1, severity), "devices": [device]}])
    sent: list[float] = []
    for seconds in (0.0, *([(until - at).total_seconds() - 1, 2.0] if until else ())):
        machine.go(seconds)
        sender.step(outbox.time.now())
        sent.append(len(phone.received))
    assert sent == ([0, 0, 1] if until else [1])
    assert ("maintenance window" in phone.received[0].content["text"]) is bool(until)
    outbox.close()
