"""What was read is judged and kept soon, whether nothing else comes or a little comes all the time."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.serve_kills.kept_and_told import lines_read
from tests.running import PATIENCE
from tests.serve.serving import serving

SETTINGS = """\
store = "store"
[[sources]]
kind = "zeek"
path = "zeek"
[[sources]]
kind = "file"
path = "dnsmasq.log"
format = "dnsmasq"
[serve]
listen = "off"
"""


def connection(number: int, when: float) -> str:
    row = {
        "ts": when, "uid": f"C{number}", "id.orig_h": "192.168.1.20", "id.orig_p": 20_000 + number,
        "id.resp_h": "198.51.100.7", "id.resp_p": 443, "proto": "tcp", "duration": 0.1, "conn_state": "SF",
    }  # fmt: skip
    return json.dumps(row) + "\n"


def kept(folder: Path) -> int:
    return lines_read(folder) if (folder / "store/incidents.sqlite").exists() else 0


CASES = {
    f"{what}, {clock}": (pause, ahead)
    for what, pause in {"nothing more": None, "a little all the time": 0.2}.items()
    for clock, ahead in {"now": 0.0, "a clock ahead": 900.0}.items()
}


@pytest.mark.slow
def test_what_was_read_is_kept(tmp_path: Path) -> None:
    """Two at a time: each waits most of the time. Four would all start at once, which takes a slow machine a minute."""
    with ThreadPoolExecutor(2) as pool:
        running = {name: pool.submit(read_and_kept, tmp_path / name, *case) for name, case in CASES.items()}
    failed = {name: error for name, done in running.items() if (error := done.exception())}
    assert not failed, failed


def read_and_kept(folder: Path, pause: float | None, ahead: float) -> None:
    """Rows of two sensors wait for each other half a second; a checkpoint is due every five."""
    folder.mkdir()
    (folder / "kanaria.toml").write_text(SETTINGS)
    (folder / "zeek").mkdir()
    for place in ("zeek/conn.log", "dnsmasq.log"):
        (folder / place).touch()
    with serving(folder) as service:
        time.sleep(1)
        (folder / "dnsmasq.log").write_text(
            f"{datetime.now(UTC):%b %e %H:%M:%S} dnsmasq[71]: query[A] www.example.org from 192.168.1.20\n"
        )
        with (folder / "zeek/conn.log").open("a") as log:
            log.write(connection(0, time.time() + ahead))
            log.flush()
            until, number = time.monotonic() + PATIENCE, 1
            while kept(folder) < 2:
                assert time.monotonic() < until, service.log
                if pause:
                    log.write(connection(number, time.time()))
                    log.flush()
                    number += 1
                time.sleep(pause or 0.2)
        assert service.end() == 0
