"""A store that a process has to itself: others ask that process, and hear in clear words when it cannot answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kanaria.store import calls
from kanaria.store.alone import alone
from tests.app.running import Kanaria
from tests.app.test_cli_incident import SERVER, flow, guessing
from tests.running import PATIENCE, running, unconfigured, until

DAY = datetime(2026, 3, 2, tzinfo=UTC)
STRANGER = "203.0.113.9"


@pytest.fixture
def store(kanaria: Kanaria, tmp_path: Path) -> Path:
    """A store with an incident and something learned."""
    (tmp_path / "auth.log").write_text("\n".join(guessing(DAY, STRANGER)) + "\n")
    hours = [flow(DAY + timedelta(hours=n), n, SERVER, "192.168.1.1", 53) for n in range(48)]
    (tmp_path / "conn.log").write_text("\n".join(hours) + "\n")
    assert kanaria("analyze", "auth.log", "conn.log", "--store", "store", "-o", "out.txt").status == 1
    return tmp_path / "store"


@contextmanager
def long_run(folder: Path, store: Path) -> Iterator[subprocess.Popen[str]]:
    """``kanaria analyze --store`` that waits for the end of its standard input."""
    environment = unconfigured(folder)
    command = [sys.executable, "-m", "kanaria", "analyze", "-", "--store", str(store), "-o", str(folder / "long.txt")]
    started = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with running(started) as run:

        def alive() -> None:
            assert run.poll() is None

        until((store / calls.FILE).is_file, alive=alive)
        yield run


def test_a_run_that_has_the_store_answers_as_the_store_itself_does(kanaria: Kanaria, store: Path) -> None:
    ident = kanaria("incident", "list", "--store", "store").out.split()[0]
    questions = [
        ("incident", "list"), ("incident", "show", ident), ("incident", "show", ident, "--format", "json"),
        ("baseline", "show", SERVER), ("incident", "export", ident), ("incident", "show", "i-0000"),
        ("ask", ident, "did it work?"),
    ]  # fmt: skip
    before = [kanaria(*question, "--store", "store") for question in questions]
    (store.parent / "k.toml").write_text(f'store = "{store}"\n')
    assert kanaria("status", "--config", "k.toml").status == 2
    with long_run(store.parent, store) as run:
        meanwhile = [kanaria(*question, "--store", "store") for question in questions]
        said = kanaria("status", "--config", "k.toml")
        found = json.loads(kanaria("status", "--config", "k.toml", "--format", "json").out)
        sick = kanaria("doctor", "--config", "k.toml")
    assert meanwhile == before
    assert [done.status for done in before] == [0, 0, 0, 0, 0, 2, 0]
    assert said.status == 0 and f"kanaria analyze ({run.pid}) has used the store" in said.out
    assert found["pid"] == run.pid and found["store"] == str(store)
    assert sick.status == 1 and "expected a running kanaria serve" in sick.out


def test_what_is_decided_meanwhile_is_taken_in_when_the_run_ends(kanaria: Kanaria, store: Path) -> None:
    ident = kanaria("incident", "list", "--store", "store").out.split()[0]
    with long_run(store.parent, store) as run:
        done = kanaria("incident", "set", ident, "dismissed", "--why", "ours", "--store", "store")
        assert done.status == 0 and "when it ends" in done.err
        assert "dismissed" in kanaria("incident", "list", "--store", "store").out
        assert run.stdin is not None
        run.stdin.write("\n".join(guessing(DAY + timedelta(days=1), "198.51.100.7")) + "\n")
        run.stdin.close()
        run.stdin = None
        assert run.wait(timeout=PATIENCE) == 1
    states = [line.split()[1] for line in kanaria("incident", "list", "--store", "store").out.splitlines()]
    assert sorted(states) == ["dismissed", "open"]
    assert not (store / calls.FILE).exists() and not (store / calls.SOCKET).exists()
    text = kanaria("baseline", "show", "gate", "--store", "store").out
    assert STRANGER in text or "root" in text


def test_what_a_killed_owner_left_stops_nobody(kanaria: Kanaria, store: Path) -> None:
    with long_run(store.parent, store) as run:
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert (store / calls.SOCKET).exists()
        assert kanaria("incident", "list", "--store", "store").status == 0
    assert kanaria("analyze", "auth.log", "--store", "store", "-o", "again.txt").status == 0, "it was told before"
    assert not (store / calls.SOCKET).exists()


def test_an_owner_that_hangs_is_named(kanaria: Kanaria, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "ANSWER_WITHIN", 0.5)
    with long_run(store.parent, store) as run:
        run.send_signal(signal.SIGSTOP)
        done = kanaria("incident", "list", "--store", "store")
        run.send_signal(signal.SIGCONT)
    assert done.status == 2 and "expected an answer of the process that uses this store" in done.err


def test_an_owner_that_answers_nobody_or_otherwise_is_named(
    kanaria: Kanaria, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PATIENCE", 0.2)
    with alone(store):
        silent = kanaria("incident", "list", "--store", "store")
        known = {"protocol": calls.PROTOCOL + 1, "version": "9.1", "pid": 7, "socket": "nowhere"}
        (store / calls.FILE).write_text(json.dumps(known))
        newer = kanaria("incident", "list", "--store", "store")
    assert silent.status == 2 and "got none" in silent.err
    assert newer.status == 2 and "Kanaria 9.1, process 7" in newer.err and "restart it" in newer.err


def test_a_long_path_has_its_socket_elsewhere(kanaria: Kanaria, store: Path) -> None:
    deep = store.parent / ("d" * 60) / ("e" * 60)
    deep.parent.mkdir()
    store.rename(deep)
    with long_run(store.parent, deep):
        known = json.loads((deep / calls.FILE).read_text())
        place = Path(known["socket"])
        assert len(known["socket"]) < calls.LONGEST_PATH and place.parent != deep
        assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert kanaria("incident", "list", "--store", str(deep)).status == 0
    with alone(deep), calls.answering(deep, {}):
        assert not place.exists() and not place.parent.exists(), "what the killed owner left is gone"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_somebody_elses_store_is_named_with_its_owner() -> None:
    # A loaded program, for the interpreter's own files may be closed to others.
    script = (
        "import sys; from pathlib import Path; from kanaria.store import calls; import os, pwd; pwd.getpwuid(0)\n"
        "import json, kanaria; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: calls.owner(Path(sys.argv[1]))\n"
        "except Exception as error: print(error)\n"
    )
    with tempfile.TemporaryDirectory() as folder:  # below folders that everybody may enter
        done = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=False)
    assert "root" in done.stdout and "sudo -u root" in done.stdout, done.stderr


def test_what_is_no_request_is_refused_and_the_owner_goes_on(store: Path) -> None:
    import socket

    with alone(store), calls.answering(store, {"status": lambda: {"ok": 1}}):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw:
            raw.connect(str(store / calls.SOCKET))
            raw.sendall(b'\xff\x00nonsense\n[]\n{"method": "incident.drop"}\n')
            with raw.makefile("rb") as lines:
                answers = [json.loads(lines.readline()) for _ in range(3)]
        assert [answer["error"]["code"] for answer in answers] == [-32700, -32700, -32601]
        owner = calls.owner(store)
        assert owner is not None
        with owner:
            assert owner.call("status") == {"ok": 1}
    assert calls.owner(store) is None
