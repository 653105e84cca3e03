"""The first start after an installation compiles: the log and systemd are told, which would end the start otherwise."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kanaria.app.live import upkeep
from kanaria.app.live.service import COMPILED_WITHIN
from tests.serve.serving import serving


@pytest.mark.slow
def test_a_first_start_says_that_it_compiles_and_asks_systemd_for_time(tmp_path: Path) -> None:
    (tmp_path / "kanaria.toml").write_text('store = "store"\n[[sources]]\nkind = "file"\npath = "access.log"\n')
    for place in ("access.log", "cache"):
        (tmp_path / place).touch() if "." in place else (tmp_path / place).mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        cache = str(tmp_path / "cache")
        environment = {"NUMBA_CACHE_DIR": cache, "XDG_CACHE_HOME": cache, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        with serving(tmp_path, within=COMPILED_WITHIN, **environment) as done:
            assert done.log.index("preparing the readers") < done.log.index(" started ")
            assert done.log.count("preparing the readers") == 1
            said = [systemd.recv(100).decode().partition("=")[0] for _ in range(2)]
            assert said == ["EXTEND_TIMEOUT_USEC", "READY"]
            assert done.end() == 0


FIRST = """\
import sys, time
from pathlib import Path
from tests.serve.test_serve_urgent import announced, arrived, asked, connected, greeted, judging
with judging(Path(sys.argv[1])) as one:
    before = set(sys.modules)
    news = announced(one, arrived("zeek/conn.log", [connected(1, "10.9.0.9")]), arrived("zeek/dns.log", [asked(2, "10.9.0.1")]))
    news += announced(one, arrived("zeek/ssl.log", [greeted(3, "10.9.0.3")]))
    one.dispatched(news)
    one.dispatched(one.checkpoint())
    print(len(news), sorted(set(sys.modules) - before))
"""


def test_the_first_message_waits_for_no_module_to_be_loaded(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FIRST, str(tmp_path)], check=True, capture_output=True, text=True)
    assert done.stdout == "2 []\n"


def test_a_trouble_that_goes_on_is_logged_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    now = 0.0
    monkeypatch.setattr("kanaria.app.live.upkeep.time.monotonic", lambda: now)
    watch = upkeep.Upkeep.__new__(upkeep.Upkeep)
    watch._warned, watch._log = {}, lambda what, **_facts: logged.append(what)
    for _look in range(241):  # two hours
        watch._warn("disk False", "disk almost full", free_mb=1)
        now += upkeep.LOOK_EVERY
    assert logged == ["disk almost full"] * 3
    watch._warn("disk True", "disk almost full", free_mb=0)
    assert len(logged) == 4
