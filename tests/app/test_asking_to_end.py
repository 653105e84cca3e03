"""Ctrl-C and SIGTERM at any moment: what listens or serves ends in seconds, with the status that is documented."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kanaria.app.commands import interrupts
from kanaria.app.commands.interrupts import asking
from tests.running import PATIENCE, free_port, running, unconfigured, until

ASKED = [signal.SIGINT, signal.SIGTERM]
SOURCE = Path(__file__).parents[2] / "src" / "kanaria"
SECONDS = 90.0
"""In which a run ends on a machine that is slow and busy with other tests; alone it takes less than two."""


def test_one_module_handles_signals() -> None:
    handling = {path.name for path in SOURCE.rglob("*.py") if re.search(r"\bsignal\.signal\(", path.read_text("utf-8"))}
    assert handling == {"interrupts.py"}


@pytest.mark.parametrize("number", ASKED)
def test_a_request_meets_no_lock_that_the_main_thread_holds(number: signal.Signals) -> None:
    lock, done, met = threading.Lock(), threading.Event(), []

    def end() -> None:
        met.append(lock.acquire(timeout=PATIENCE))
        done.set()

    with asking(end):
        with lock:
            signal.raise_signal(number)
        assert done.wait(PATIENCE)
    assert met == [True]


@pytest.mark.parametrize("number", ASKED)
def test_when_it_is_over_a_request_gives_up(number: signal.Signals) -> None:
    asked: list[bool] = []
    with pytest.raises((KeyboardInterrupt, SystemExit)), asking(lambda: asked.append(True), lambda: True):
        signal.raise_signal(number)
    assert asked == []


@pytest.mark.parametrize("number", ASKED)
def test_the_request_that_ends_it_is_none_that_came_afterwards(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """However late the thread that waits for requests looks whether it is over: the report is made as long as it takes."""
    monkeypatch.setattr(interrupts, "LEAVES_WITHIN", 0.05)
    ended, given_up, left = threading.Event(), threading.Event(), list[int]()

    def over() -> bool:
        return ended.wait(PATIENCE if threading.current_thread().name == "requests that wait" else 0.0)

    def leave(number: int) -> None:
        left.append(number)
        given_up.set()

    with asking(ended.set, over, leave):
        signal.raise_signal(number)
        assert ended.wait(PATIENCE)
        time.sleep(0.3)
        assert left == []
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            signal.raise_signal(number)
        assert given_up.wait(PATIENCE)  # what it interrupts has not ended in time
    assert left == [number]


def as_shells_count(returncode: int) -> int:
    """Seen once at a load of 12, with a request at the very beginning: "interrupted" was said, and the process was ended
    by the signal afterwards. Shells show that as the status of a command that ended by itself."""
    return 128 - returncode if returncode < 0 else returncode


def until_handled(pid: int) -> None:
    """Until the program has its handler of SIGTERM; before that Python or the system ends it in their own way."""

    def handled() -> bool:
        caught = int(Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)

    until(handled, every=0.005)


@pytest.mark.parametrize("number", ASKED)
@pytest.mark.parametrize("after", [0.0, 0.3, None])
def test_listening_ends_in_seconds(tmp_path: Path, number: signal.Signals, after: float | None) -> None:
    """``after`` it handles signals; None: once it says that it listens, which gives the report."""
    started = subprocess.Popen(
        [sys.executable, "-m", "kanaria", "analyze", "--listen", f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"], cwd=tmp_path,
        env=unconfigured(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )  # fmt: skip
    with running(started) as run:
        assert run.stderr is not None
        first = ""
        if after is None:
            first = run.stderr.readline()
        else:
            until_handled(run.pid)
            time.sleep(after)
        run.send_signal(number)
        out, err = run.communicate(timeout=SECONDS)
    if "Listening" in first + err and "Stopped listening" in err:
        assert run.returncode == 0 and "no datagram arrived" in out
    else:
        assert as_shells_count(run.returncode) == 128 + number, err
        assert run.returncode > 0 or "interrupted" in err, "ended before it could say so"
    assert "Traceback" not in err


@pytest.mark.parametrize("number", ASKED)
def test_a_second_request_gives_up_the_report(tmp_path: Path, number: signal.Signals) -> None:
    """It comes while the report is made, however soon: the run ends, with the report or without."""
    started = subprocess.Popen(
        [sys.executable, "-m", "kanaria", "analyze", "--listen", f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"], cwd=tmp_path,
        env=unconfigured(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with running(started) as run:
        assert run.stderr is not None and "Listening" in run.stderr.readline()
        run.send_signal(number)
        assert "Stopped" in run.stderr.readline()
        run.send_signal(number)
        _, err = run.communicate(timeout=SECONDS)
    assert run.returncode in {0, 128 + number}
    assert "Traceback" not in err


@pytest.mark.parametrize("number", ASKED)
def test_a_service_that_is_asked_before_it_watches_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    """While it compiles for the first time, or reads its store: systemd would call another status a failure."""
    (tmp_path / "k.toml").write_text('store = "s"\n[[sources]]\nkind = "stdin"\n')
    code = f"""
import signal, sys
from kanaria.app.commands.main import main
from kanaria.app.live.service import Service
Service.run = lambda service: signal.raise_signal({int(number)})
sys.argv = ["kanaria", "serve", "--config", "k.toml"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=unconfigured(tmp_path), capture_output=True,
        text=True, timeout=SECONDS, check=False, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )  # fmt: skip
    assert done.returncode == 0 and "stopped before it began" in done.stderr


@pytest.mark.parametrize("number", ASKED)
def test_a_service_ends_though_a_library_hears_of_no_request(tmp_path: Path, number: signal.Signals) -> None:
    """A compiler goes on until it is done, as a lock does that is taken twice."""
    (tmp_path / "k.toml").write_text('store = "s"\n[[sources]]\nkind = "stdin"\n')
    code = """
import ctypes, sys
from kanaria.app.commands.main import main
from kanaria.app.live.service import Service
def hang(service, *_):
    lock, known = ctypes.create_string_buffer(64), ctypes.CDLL(None)
    known.pthread_mutex_lock(lock)
    print("hangs", flush=True)
    known.pthread_mutex_lock(lock)
Service.PLACE = hang
sys.argv = ["kanaria", "serve", "--config", "k.toml"]
main()
"""
    for place in ("__init__", "run"):
        started = subprocess.Popen(
            [sys.executable, "-c", code.replace("PLACE", place)], cwd=tmp_path,
            env=unconfigured(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
        )  # fmt: skip
        with running(started) as run:
            assert run.stdout is not None and run.stdout.readline() == "hangs\n"
            run.send_signal(number)
            _, err = run.communicate(timeout=SECONDS)
        assert run.returncode == 0 and "stopped before it began" in err


@pytest.mark.parametrize("number", ASKED)
def test_a_request_that_comes_in_a_callback_of_a_library_is_not_lost(tmp_path: Path, number: signal.Signals) -> None:
    """Python drops what is raised there, and says so on standard error."""
    code = f"""
import ctypes, signal, sys, time
import click
from kanaria.app.commands.exit_status import run
kind = ctypes.CFUNCTYPE(None)
@kind
def called_back():
    signal.raise_signal({int(number)})
@click.command()
def command():
    called_back()
    time.sleep({SECONDS})
    print("went on")
run(command)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=unconfigured(tmp_path), capture_output=True,
        text=True, timeout=2 * SECONDS, check=False, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )  # fmt: skip
    assert done.returncode == 128 + number
    assert "went on" not in done.stdout and "ignored" not in done.stderr


@pytest.mark.parametrize("number", [*ASKED, signal.SIGHUP])
def test_a_command_ends_though_a_library_hears_of_no_request(tmp_path: Path, number: signal.Signals) -> None:
    """Nothing is left behind then either: no scratch folder, no half-made file, no program that was started."""
    code = """
import atexit, contextlib, ctypes, itertools, subprocess, sys, tempfile, threading, time
from pathlib import Path
import click
from kanaria.app.commands.exit_status import run
from kanaria.app.run.workspace import Workspace
from kanaria.core.unfinished import unfinished
@click.command()
def command():
    kept, folder = Workspace(), tempfile.TemporaryDirectory()
    # What others do at the end may wait for the thread that hangs.
    atexit.register(lambda: threading.current_thread() is threading.main_thread() or time.sleep(1000))
    def works():
        with contextlib.suppress(FileNotFoundError):
            for number in itertools.count():
                (kept.scratch / str(number)).touch()
                time.sleep(0.001)
    threading.Thread(target=works, daemon=True).start()
    with unfinished(Path("out"), ".report-"), subprocess.Popen(["sleep", "1000"]) as child:
        lock, known = ctypes.create_string_buffer(64), ctypes.CDLL(None)
        known.pthread_mutex_lock(lock)
        threading.Timer(1.0, print, (child.pid,), {"flush": True}).start()
        known.pthread_mutex_lock(lock)
run(command)
"""
    for made in ("out", "scratch"):
        (tmp_path / made).mkdir()
    started = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=unconfigured(tmp_path, TMPDIR="scratch"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )  # fmt: skip
    with running(started) as run:
        assert run.stdout is not None
        child = Path("/proc") / run.stdout.readline().strip()
        made = {path.parent.name for path in tmp_path.glob("*/*")}
        run.send_signal(number)
        _, err = run.communicate(timeout=SECONDS)
    assert made == {"out", "scratch"}
    assert (run.returncode, err) == (128 + number, "interrupted\n")
    assert list(tmp_path.glob("*/*")) == [] and not child.exists()
