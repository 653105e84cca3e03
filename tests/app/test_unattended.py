"""Runs that nobody watches: what ends with which status, and the recipes of the documentation as they stand there."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kanaria.app.init.systemd_unit import UNIT
from tests.app.running import Kanaria
from tests.running import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "web-server-logs.md"
GOOD = '203.0.113.7 - - [{time}] "GET /page HTTP/1.1" 200 512 "-" "Mozilla/5.0"'
PROBE = r'203.0.113.9 - - [{time}] "{{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}}\n" 400 484 "-" "-"'
TUNNEL = '192.168.1.20 - - [{time}] "CONNECT pool.supportxmr.com:443 HTTP/1.1" 200 34567 "-" "-" TCP_TUNNEL:HIER_DIRECT'


def _log(path: Path, *lines: str, hours_ago: int = 1) -> None:
    time = (datetime.now(UTC) - timedelta(hours=hours_ago)).strftime("%d/%b/%Y:%H:%M:%S +0000")
    path.write_text("".join(line.format(time=time) + "\n" for line in lines))


def _recipe(name: str) -> str:
    found = re.search(rf"^```\w+ file={re.escape(name)}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


@pytest.mark.parametrize(
    ("line", "options", "status"),
    [
        (PROBE, [], 0),
        (TUNNEL, [], 1),
        (PROBE, ["--fail-on", "any"], 1),
        (PROBE, ["--fail-on", "informational"], 1),
        (PROBE, ["--fail-on", "action"], 0),
        (PROBE, ["--fail-on", "low"], 0),
        (PROBE, ["--since", "25h"], 0),
        (TUNNEL, ["--fail-on", "action"], 1),
        (TUNNEL, ["--fail-on", "high", "--since", "25h"], 1),
        (TUNNEL, ["--fail-on", "critical"], 0),
        (GOOD, ["--fail-on", "any"], 0),
    ],
)
def test_the_status_says_what_was_asked_to_count(
    kanaria: Kanaria, tmp_path: Path, line: str, options: list[str], status: int
) -> None:
    _log(tmp_path / "access.log", line)
    assert kanaria("analyze", *options, "access.log").status == status


def test_what_ended_before_is_left_out(kanaria: Kanaria, tmp_path: Path) -> None:
    _log(tmp_path / "access.log", TUNNEL, hours_ago=100)
    assert kanaria("analyze", "--since", "1w", "access.log").status == 1
    done = kanaria("analyze", "--since", "25h", "--format", "json", "access.log")
    assert (done.status, done.document["incidents"]) == (0, [])
    wrong = kanaria("analyze", "--since", "soon", "access.log")
    assert wrong.status == 2
    assert "a span such as 25h or 7d" in wrong.err


def test_with_a_store_only_news_counts(kanaria: Kanaria, tmp_path: Path) -> None:
    _log(tmp_path / "access.log", TUNNEL)
    arguments = ("analyze", "--fail-on", "action", "--store", "kept", "access.log")
    assert [kanaria(*arguments).status for _run in range(2)] == [1, 0]


def test_a_program_gets_the_document_when_there_is_something_to_tell(kanaria: Kanaria, tmp_path: Path) -> None:
    keep = tmp_path / "keep.py"
    keep.write_text("import sys, pathlib\npathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())\n")
    command = f"{sys.executable} {keep} told.json"
    _log(tmp_path / "access.log", PROBE)
    assert kanaria("analyze", "--exec", command, "access.log").status == 0
    assert not (tmp_path / "told.json").exists()
    _log(tmp_path / "access.log", TUNNEL)
    assert kanaria("analyze", "--exec", command, "access.log").status == 1
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["incidents"][0]["entities"]["devices"] == ["192.168.1.20"]


def test_a_program_that_fails_is_told_of_and_changes_no_status(kanaria: Kanaria, tmp_path: Path) -> None:
    _log(tmp_path / "access.log", TUNNEL)
    done = kanaria("analyze", "--exec", "/no/such/program", "access.log")
    assert done.status == 1
    assert "--exec /no/such/program" in done.err


def test_the_nightly_script_mails_only_what_matters_and_never_an_old_report(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (
        ("kanaria-nightly", _recipe("kanaria-nightly")),
        ("kanaria", f'#!/bin/sh\nexec {sys.executable} -m kanaria "$@"\n'),
        ("mail", f'#!/bin/sh\n{{ echo "$2 to $3"; cat; }} >{tmp_path}/mailed\n'),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    log, mailed = tmp_path / "access.log", tmp_path / "mailed"
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8"}

    def night() -> str | None:
        mailed.unlink(missing_ok=True)
        subprocess.run(["kanaria-nightly", str(log), "admin"], env=environment, check=False, timeout=PATIENCE)
        return mailed.read_text() if mailed.exists() else None

    _log(log, PROBE)
    assert night() is None
    _log(log, TUNNEL)
    report = night()
    assert report is not None
    assert report.startswith("Kanaria: status 1 to admin\n")
    assert "192.168.1.20" in report
    _log(log, GOOD, "no such line")
    report = night()
    assert report is not None
    assert report.startswith("Kanaria: status 3 to admin\n50 % of the records could not be read")
    log.unlink()
    report = night()
    assert report is not None
    assert report.startswith("Kanaria: status 2 to admin\n")
    assert "192.168.1.20" not in report


def test_the_units_start_the_script_every_morning() -> None:
    units = {}
    for name in ("kanaria-nightly.service", "kanaria-nightly.timer"):
        units[name] = configparser.ConfigParser()
        units[name].read_string(_recipe(name))
    assert units["kanaria-nightly.service"]["Service"]["Type"] == "oneshot"
    assert units["kanaria-nightly.service"]["Service"]["ExecStart"].startswith(
        "/usr/local/bin/kanaria-nightly /var/log/nginx/"
    )
    assert units["kanaria-nightly.timer"]["Timer"]["OnCalendar"] == "*-*-* 06:15:00"
    assert units["kanaria-nightly.timer"]["Install"]["WantedBy"] == "timers.target"


def test_no_unit_of_the_page_takes_the_place_of_the_installed_service() -> None:
    names = re.findall(r"^```ini file=(\S+)$", PAGE.read_text(), re.MULTILINE)
    assert len(names) == 2 and UNIT not in names
