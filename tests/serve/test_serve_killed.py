"""``kanaria serve`` killed while lines come: what it keeps in the end is what an undisturbed one keeps."""

from __future__ import annotations

import random
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from kanaria.store.incidents import IncidentStore
from tests.serve.serving import Sink, serving, sink

SETTINGS = """\
store = "store"
language = "en"

[[sources]]
kind = "file"
path = "access.log"

[[notify]]
url = "{url}"
severity = "informational"
digest = "none"

[serve]
listen = "off"
join_minutes = 0.0001
messages_per_hour = 100000
"""
LINES = 400


def line(number: int) -> str:
    second = f"{number // 60 % 60:02d}:{number % 60:02d}"
    if number % 20 == 7:  # probes by different senders with different words
        request = f'{{\\"id\\":1,\\"method\\":\\"mining.subscribe\\",\\"params\\":[\\"miner/{number}\\"]}}'
        return f'203.0.113.{number % 200 + 1} - - [21/Jun/2026:07:{second} +0000] "{request}" 400 150 "-" "-"\n'
    return f'192.0.2.{number % 9 + 1} - - [21/Jun/2026:07:{second} +0000] "GET /{number} HTTP/1.1" 200 157 "-" "-"\n'


def write(log: Path, begin: int, end: int, pause: float) -> None:
    with log.open("a") as server:
        for number in range(begin, end):
            server.write(line(number))
            server.flush()
            time.sleep(pause)


def kept(folder: Path) -> list[dict[str, Any]]:
    """What the store holds of every incident, without when it was stored and what was told."""
    with IncidentStore(folder / "store") as store:
        found = [{**item.document, "state": item.state} for item in store.all()]
    for document in found:
        document.pop("alert")
        document.pop("report")  # words about news differ with how often somebody was told
    return sorted(found, key=lambda document: str(document["id"]))


def told(phone: Sink) -> set[str]:
    return {item.content["title"] for item in phone.received}


@pytest.mark.slow
def test_a_killed_service_keeps_what_an_undisturbed_one_keeps(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with sink() as phone:
        (tmp_path / "kanaria.toml").write_text(SETTINGS.format(url=phone.url("/")))
        log.touch()
        with serving(tmp_path) as service:
            write(log, 0, LINES, 0.0)
            service.wait_for(lambda: told(phone))
            assert service.end() == 0
        undisturbed, messages = kept(tmp_path), told(phone)
        assert undisturbed
        assert sum(len(document["messages"]) for document in undisturbed) == LINES // 20

        shutil.rmtree(tmp_path / "store")
        log.unlink()
        log.touch()
        phone.received.clear()
        seeded = random.Random(15)
        server = threading.Thread(target=write, args=(log, 0, LINES, 0.02))
        for _ in range(3):
            with serving(tmp_path) as service:
                if not server.ident:
                    server.start()
                time.sleep(seeded.uniform(0.2, 2.5))
                service.kill()
        with serving(tmp_path) as service:
            server.join()
            service.wait_for(lambda: f"records={LINES}" in service.log or told(phone) == messages)
            assert service.end() == 0
        assert kept(tmp_path) == undisturbed
        assert told(phone) == messages
