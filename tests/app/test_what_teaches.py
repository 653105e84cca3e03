"""What may become normal and what may not, asked of the commands: clocks, killed runs, open and dismissed incidents."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, SERVER, flow, guessing, logon
from tests.running import unconfigured

FAR = [datetime(1970, 1, 1, 0, 1, tzinfo=UTC), datetime(2099, 7, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)]
OUTSIDE, STRANGER = "198.51.100.7", "203.0.113.9"


def hourly(days: int, start: datetime = DAY) -> list[str]:
    """A server that asks its resolver every half hour."""
    times = [start + timedelta(minutes=30 * n) for n in range(48 * days)]
    return [flow(time, n, SERVER, "192.168.1.1", 53, size=4_000) for n, time in enumerate(times)]


def write(path: Path, lines: Sequence[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path.name


def tables(store: Path) -> dict[str, list[Any]]:
    """What a store has learned, whatever the order it was written in."""
    with Engine(prepare(store=store)) as engine:
        state = engine.memory.learned.life().state
        names = ("ties", "totals", "quantities", "hourly", "devices", "services", "withheld")
        return {
            name: sorted(map(_plain, state.engine.execute(f"FROM {state.alias}.{name}").fetchall())) for name in names
        }


def _plain(row: tuple[Any, ...]) -> str:
    """Sums of many numbers depend in their last digits on the order in which threads add them."""
    return repr(tuple(f"{value:.9g}" if isinstance(value, float) else value for value in row))


def usual(kanaria: Kanaria, device: str) -> str:
    return " ".join(kanaria("baseline", "show", device, "--store", "s").out.split())


@pytest.mark.parametrize("far", FAR)
def test_one_record_with_a_wrong_clock_ends_nothing(kanaria: Kanaria, tmp_path: Path, far: datetime) -> None:
    lines = hourly(2)
    wrong = flow(far, 999, SERVER, OUTSIDE, 443)
    write(tmp_path / "conn.log", [*lines[:40], wrong, *lines[40:]])
    said = kanaria("analyze", "--store", "s", "conn.log").out
    assert f"1 record has a time that cannot be right (the first: {far:%Y-%m-%d %H:%M:%S} UTC)" in " ".join(
        said.split()
    )
    assert kanaria("baseline", "show", "--store", "s").out.startswith("learning (2 d of 7 d)")
    assert OUTSIDE not in usual(kanaria, SERVER)


def test_a_log_that_nobody_wrote_into_for_a_year_keeps_its_times(kanaria: Kanaria, tmp_path: Path) -> None:
    old = hourly(1, DAY - timedelta(days=500))
    write(tmp_path / "conn.log", [*old, *hourly(1)])
    done = kanaria("analyze", "conn.log", "--format", "json")
    (read,) = done.document["inputs"]
    assert read["first"] == (DAY - timedelta(days=500)).isoformat()
    assert "cannot be right" not in done.out


@pytest.mark.parametrize("text", ["Dec 31 23:59:58", "Feb 29 10:00:00", "Jan  1 00:00:01"])
def test_a_time_without_a_year_never_lies_ahead(kanaria: Kanaria, tmp_path: Path, text: str) -> None:
    line = f"{text} gate sshd[7]: Accepted password for root from {STRANGER} port 40000 ssh2"
    write(tmp_path / "auth.log", [line])
    (read,) = kanaria("analyze", "auth.log", "--format", "json").document["inputs"]
    now = datetime.now(UTC)
    assert now - timedelta(days=366 * 8) < datetime.fromisoformat(read["first"]) <= now + timedelta(days=1)


CHILD = """
import os, signal, sys
from kanaria.store import incidents
incidents.IncidentStore.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from kanaria.app.commands.main import main
main()
"""


def test_a_run_killed_before_its_commit_has_taught_nothing(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "conn.log", hourly(2))
    again = ["analyze", "--store", "s", "conn.log"]
    environment = unconfigured(tmp_path)
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", CHILD, *again], cwd=tmp_path, check=False, env=environment)
        assert killed.returncode == -signal.SIGKILL
    kanaria(*again)
    kanaria("analyze", "--store", "whole", "conn.log")
    assert tables(tmp_path / "s") == tables(tmp_path / "whole")
    assert len(list((tmp_path / "s" / "baseline").iterdir())) == 1


def test_learning_the_same_twice_teaches_once_and_hides_nothing_from_the_analysis(
    kanaria: Kanaria, tmp_path: Path
) -> None:
    write(tmp_path / "conn.log", hourly(2))
    write(tmp_path / "auth.log", list(guessing(DAY + timedelta(hours=3), STRANGER)))
    for _ in range(2):
        assert kanaria("baseline", "learn", "--store", "s", "conn.log", "auth.log").status == 0
    kanaria("baseline", "learn", "--store", "once", "conn.log", "auth.log")
    assert tables(tmp_path / "s") == tables(tmp_path / "once")
    before = tables(tmp_path / "s")
    found = kanaria("analyze", "--store", "s", "conn.log", "auth.log", "--format", "json").document
    assert {f["rule"] for i in found["incidents"] for f in i["findings"]} >= {"ssh_success_after_brute_force"}
    assert tables(tmp_path / "s")["ties"] == before["ties"]


def test_rows_of_correlations_and_of_open_incidents_teach_nothing_until_dismissed(
    kanaria: Kanaria, tmp_path: Path
) -> None:
    """Guessing is found by a correlation; what the same stranger does on the next day belongs to the open incident."""
    ordinary = [logon(DAY + timedelta(minutes=20 * n), OUTSIDE, success=True) for n in range(72)]
    guessed = list(guessing(DAY + timedelta(hours=2), STRANGER))
    write(tmp_path / "auth1.log", sorted([*ordinary, *guessed], key=lambda line: line[:25]))
    later = [logon(DAY + timedelta(days=1, minutes=10 * n), STRANGER, success=True) for n in range(12)]
    write(tmp_path / "auth2.log", later)
    for name in ("auth1.log", "auth2.log"):
        kanaria("analyze", "--store", "s", name, "-o", "report.txt")
    told = usual(kanaria, "gate")
    assert OUTSIDE in told and STRANGER not in told
    assert len(tables(tmp_path / "s")["withheld"]) == len(guessed) + len(later)

    ids = [line.split()[0] for line in kanaria("incident", "list", "--store", "s").out.splitlines()]
    for ident in ids:
        done = kanaria("incident", "set", ident, "dismissed", "--why", "our own test", "--store", "s")
        assert (done.status, done.err) == (0, "")
    assert STRANGER in usual(kanaria, "gate")
    assert tables(tmp_path / "s")["withheld"] == []


def test_all_rows_of_a_finding_are_withheld_not_the_first_fifty(kanaria: Kanaria, tmp_path: Path) -> None:
    times = [DAY + timedelta(hours=1, seconds=5 * n) for n in range(400)]
    hello = [
        json.dumps({
            "ts": time.timestamp(), "uid": f"C{n}", "id.orig_h": SERVER, "id.orig_p": 30000 + n, "id.resp_h": OUTSIDE,
            "id.resp_p": 443, "version": "TLSv12", "server_name": "xmr.pool.minergate.com", "established": True,
        })
        for n, time in enumerate(times)
    ]  # fmt: skip
    write(tmp_path / "ssl.log", hello)
    write(tmp_path / "conn.log", hourly(1))
    found = kanaria("analyze", "--store", "s", "ssl.log", "conn.log", "--format", "json").document["incidents"]
    assert "tls_to_mining_pool" in {f["rule"] for incident in found for f in incident["findings"]}
    assert len(tables(tmp_path / "s")["withheld"]) == 400
    assert OUTSIDE not in usual(kanaria, SERVER)


def test_what_could_not_be_reported_is_news_for_the_next_run(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "auth.log", list(guessing(DAY, STRANGER)))
    write(tmp_path / "other.log", hourly(1))
    lost = kanaria("analyze", "--store", "s", "auth.log", "-o", "/dev/full")
    assert lost.status == 2 and "/dev/full" in lost.err
    kinds = []
    for name in ("other.log", "auth.log"):
        incidents = kanaria("analyze", "--store", "s", name, "--format", "json").document["incidents"]
        kinds.append([incident["alert"]["kind"] for incident in incidents])
    assert kinds == [["new"], ["known"]]
