"""Stores in trouble: damaged, full, read-only, readable by others, and requests to end; in clear words, and nothing lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, SERVER, flow, guessing
from tests.app.test_what_teaches import STRANGER, hourly, write
from tests.running import PATIENCE, running


@pytest.fixture
def stored(kanaria: Kanaria, tmp_path: Path) -> Path:
    """A store with an incident and something learned."""
    write(tmp_path / "auth.log", list(guessing(DAY, STRANGER)))
    write(tmp_path / "conn.log", hourly(1))
    assert kanaria("analyze", "--store", "s", "auth.log", "conn.log", "-o", "first.txt").status == 1
    return tmp_path / "s"


def test_a_damaged_store_is_told_in_a_line(kanaria: Kanaria, stored: Path) -> None:
    history = stored / "baseline" / "pattern_of_life.duckdb"
    whole = history.read_bytes()
    history.write_bytes(b"no history" * 5_000)
    done = kanaria("analyze", "--store", "s", "conn.log")
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "pattern_of_life.duckdb" in done.err and "damaged: kanaria restore --set-aside" in done.err
    history.write_bytes(whole)
    with sqlite3.connect(stored / "incidents.sqlite") as db:
        db.execute("UPDATE state SET content = x'0011' WHERE name = 'sources'")
    db.close()
    done = kanaria("analyze", "--store", "s", "conn.log")
    assert (done.status, len(done.err.splitlines())) == (2, 1) and "damaged" in done.err
    (stored / "incidents.sqlite").write_bytes(b"no database" * 1_000)
    done = kanaria("incident", "list", "--store", "s")
    assert (done.status, len(done.err.splitlines())) == (2, 1) and "damaged" in done.err


def test_a_store_that_cannot_be_written_loses_no_report(
    kanaria: Kanaria, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("kanaria.memory.generations.keep", full)
        write(stored.parent / "more.log", hourly(1, DAY + timedelta(days=1)))
        done = kanaria("analyze", "--store", "s", "more.log", "auth.log")
    assert done.status == 2 and "no space is left" in done.err
    assert "SSH logon after password guessing" in done.out or "Reported before" in done.out


def test_a_copy_that_can_only_be_read_is_listed(
    kanaria: Kanaria, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kanaria.store.database._read_only", lambda _folder: True)
    listed = kanaria("incident", "list", "--store", "s")
    assert listed.status == 0 and "open" in listed.out
    ident = listed.out.split()[0]
    refused = kanaria("incident", "set", ident, "closed", "--why", "done", "--store", "s")
    assert refused.status == 2 and "can only be read" in refused.err


def test_a_store_is_its_owners_alone(stored: Path) -> None:
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [stored, *stored.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_a_link_that_waits_for_the_report_is_not_followed(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "auth.log", list(guessing(DAY, STRANGER)))
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f".r.txt.{os.getpid()}.part").symlink_to(victim)
    assert kanaria("analyze", "auth.log", "-o", "r.txt").status == 1
    assert victim.read_text() == "precious"
    assert stat.S_IMODE((tmp_path / "r.txt").stat().st_mode) == 0o666 & ~_mask()


def test_what_is_normal_can_be_asked_while_a_run_has_the_store(kanaria: Kanaria, stored: Path) -> None:
    from kanaria.app.owning import owning
    from kanaria.app.run.engine import Engine
    from kanaria.app.run.setup import prepare

    with owning(stored, "analyze"), Engine(prepare(store=stored)) as engine:
        engine.memory.learned.life()
        shown = kanaria("baseline", "show", SERVER, "--store", "s")
        refused = kanaria("baseline", "learn", "conn.log", "--store", "s")
    assert shown.status == 0 and "192.168.1.1" in shown.out
    assert refused.status == 2 and "another run is using it" in refused.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_request_to_end_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    write(
        tmp_path / "conn.log", [flow(DAY + timedelta(seconds=n), n, SERVER, "192.168.1.1", 53) for n in range(60_000)]
    )
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(scratch)}
    run = subprocess.Popen(
        [sys.executable, "-m", "kanaria", "analyze", "conn.log"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )  # fmt: skip
    with running(run):
        begun = time.monotonic()
        while not list(scratch.glob("kanaria-*")) and time.monotonic() - begun < 60:
            time.sleep(0.05)
        time.sleep(0.3)
        run.send_signal(number)
        out, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 128 + number
    assert "Traceback" not in err and out == ""
    assert list(scratch.iterdir()) == []


def test_what_a_killed_run_left_is_swept_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kanaria.app.run.workspace import LOCK, Workspace, sweep

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, strange = tmp_path / "kanaria-killed", tmp_path / "kanaria-notes"
    for folder in (left, strange):
        folder.mkdir()
    (left / LOCK).touch()
    running = Workspace()
    sweep(tmp_path)
    assert not left.exists()
    assert strange.exists() and running.scratch.exists()
    running.close()


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
