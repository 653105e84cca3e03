"""A test run that is ended leaves nothing running: neither its programs nor what these started."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.install.environments import ROOT
from tests.running import PATIENCE, running

_TEST = """
import subprocess, sys, time
from pathlib import Path

def test_that_starts_a_program_which_starts_another():
    # The middle one ends at once, so the last one has lost its parent and is in a session of its own.
    middle = (
        "import subprocess as s;"
        "print(s.Popen(['sleep', '600'], start_new_session=True, stdout=s.DEVNULL, stderr=s.DEVNULL).pid)"
    )
    orphan = subprocess.run([sys.executable, "-c", middle], capture_output=True, text=True, check=True).stdout
    child = subprocess.Popen(["sleep", "600"])
    Path("pids.part").write_text(f"{orphan.strip()} {child.pid}")
    Path("pids.part").rename("pids")
    WAIT
"""


KEEPERS = {"brokers.py", "talkers.py"}
"""End what they started themselves: several programs, some of them more than once."""


def started_without_an_end(source: str) -> list[int]:
    """Lines that start a program beside the test, and hand it to no ``running``, in the same function."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            kept = {
                part.id if isinstance(part, ast.Name) else id(part)
                for call in calls
                if isinstance(call.func, ast.Name) and call.func.id == "running"
                for part in call.args[:1]
            }
            named = {
                id(node.value): target.id
                for node in ast.walk(function)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            found += [
                call.lineno
                for call in calls
                if isinstance(call.func, ast.Attribute)
                and call.func.attr == "Popen"
                and not {id(call), named.get(id(call))} & kept
            ]
    return found


def test_every_program_that_a_test_starts_beside_itself_ends_with_its_block() -> None:
    """One that stays makes the next test fail, or the machine busy."""
    files = {path.name: path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py") if path.name not in KEEPERS}
    left = {name: started_without_an_end(text) for name, text in files.items() if ".Popen(" in text}
    assert {name: lines for name, lines in left.items() if lines} == {}


def test_such_a_program_is_seen() -> None:
    start = "    one = subprocess.Popen(['sleep', '9'])\n"
    assert started_without_an_end("def test():\n" + start) == [2]
    assert started_without_an_end("def test():\n" + start + "    with running(two):\n        pass") == [2]
    assert started_without_an_end("def test():\n" + start + "    with running(one):\n        pass") == []
    assert (
        started_without_an_end("def test():\n    with running(subprocess.Popen(['ls']), SIGTERM):\n        pass") == []
    )


def test_what_runs_in_a_block_ends_with_it_and_leaves_no_pipe_open() -> None:
    started = subprocess.Popen(["sleep", "600"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with pytest.raises(KeyboardInterrupt), running(started) as program:
        assert program.stdin is not None
        program.stdin.write(b"what it never reads")
        raise KeyboardInterrupt
    assert started.returncode == -signal.SIGKILL
    assert all(pipe is not None and pipe.closed for pipe in (started.stdin, started.stdout, started.stderr))


def test_what_is_asked_to_end_ends_its_own() -> None:
    asked = "trap 'echo ended; exit 3' TERM; echo begun; while :; do sleep 0.05; done"
    started = subprocess.Popen(["sh", "-c", asked], stdout=subprocess.PIPE)
    with running(started, signal.SIGTERM) as program:
        assert program.stdout is not None and program.stdout.readline() == b"begun\n"
    assert started.returncode == 3


@pytest.mark.parametrize(("ending", "workers"), [(None, "0"), (signal.SIGTERM, "0"), (signal.SIGINT, "0"), (None, "1")])
def test_nothing_is_left_when_a_run_is_ended(ending: signal.Signals | None, workers: str, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_TEST.replace("WAIT", "time.sleep(60)" if ending else "child = None"))
    options = ["-q", "-p", "tests.leftovers", "-p", "no:cacheprovider", "-n", workers, "--rootdir", str(tmp_path)]
    begun = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, "-W", "ignore", "test_it.py"], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background shell ignores it
    )  # fmt: skip
    with running(begun) as run:
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / "pids").exists() and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        started = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        if ending:
            assert all(psutil.pid_exists(pid) for pid in started)
            run.send_signal(ending)
        assert run.wait(PATIENCE) is not None
        assert not [pid for pid in started if psutil.pid_exists(pid)]
