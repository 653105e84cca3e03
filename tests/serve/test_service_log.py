"""The service's own log: one line an event whatever strangers wrote, as text or as JSON; whole lines from many threads."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kanaria.app.live.service_log import logger
from kanaria.core.errors import SourceError

HOSTILE = (
    "a\nb",
    "a\r\nfake 2026-01-01 started",
    "\x1b[2J\x1b[31mred",
    "\u202egnp.exe",
    "\x00",
    "\u2028",
    "探索",
    'say "x"',
    "\ud800",
)


def lines(capfd: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capfd.readouterr()
    assert out == "", "standard output is for reports"
    return err.splitlines()


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("value", HOSTILE[:-1])
def test_one_line_an_event(capfd: pytest.CaptureFixture[str], style: str, value: str) -> None:
    logger(style)("records were lost", source=value, records=3)
    out, err = capfd.readouterr()
    assert out == "" and err.endswith("\n") and err.count("\n") == 1
    assert not set("\x1b\x00\r\x0b") & set(err)
    if style == "json":
        assert json.loads(err)["source"] == value
    else:
        assert "records=3" in err and "\u202e" not in err and "\u2028" not in err


def test_text_has_time_event_and_facts(capfd: pytest.CaptureFixture[str]) -> None:
    logger("text")("started", level="info", store=Path("/var/lib/kanaria"), sources=2)
    (line,) = lines(capfd)
    moment, _, rest = line.partition(" ")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()) < 60
    assert rest == "started store=/var/lib/kanaria sources=2"


def test_without_facts_nothing_trails(capfd: pytest.CaptureFixture[str]) -> None:
    logger("text")("stopped")
    assert lines(capfd)[0].endswith(" stopped")


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_json_has_time_level_event_and_each_fact_with_its_type(capfd: pytest.CaptureFixture[str], level: str) -> None:
    logger("json")("disk almost full", level=level, free_mb=900, sheds=False, share=0.5, what=None)
    event = json.loads(lines(capfd)[0])
    assert event.pop("time").endswith("+00:00")
    assert event == {
        "level": level,
        "event": "disk almost full",
        "free_mb": 900,
        "sheds": False,
        "share": 0.5,
        "what": None,
    }


@pytest.mark.parametrize("style", ["text", "json"])
def test_what_json_does_not_know_is_its_text(capfd: pytest.CaptureFixture[str], style: str) -> None:
    error: Any = SourceError(source="access.log", expected="a readable file", got="Permission denied")
    logger(style)("cannot read", error=error, path=Path("a"))
    (line,) = lines(capfd)
    assert "access.log: expected a readable file; got Permission denied" in line


def test_many_threads_write_whole_lines(capfd: pytest.CaptureFixture[str]) -> None:
    log = logger("json")
    threads = [
        threading.Thread(target=lambda n=n: [log("event", thread=n, number=i, text="x" * 200) for i in range(50)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = [json.loads(line) for line in lines(capfd)]
    assert len(events) == 400
    for n in range(8):
        assert [event["number"] for event in events if event["thread"] == n] == list(range(50))
