"""A test run that is ended leaves nothing running: neither its programs nor what these started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.install.environments import ROOT

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


@pytest.mark.parametrize(("ending", "workers"), [(None, "0"), (signal.SIGTERM, "0"), (signal.SIGINT, "0"), (None, "1")])
def test_nothing_is_left_when_a_run_is_ended(ending: signal.Signals | None, workers: str, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_TEST.replace("WAIT", "time.sleep(60)" if ending else "child = None"))
    options = ["-q", "-p", "tests.leftovers", "-p", "no:cacheprovider", "-n", workers, "--rootdir", str(tmp_path)]
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, "-W", "ignore", "test_it.py"], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background shell ignores it
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "pids").exists() and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        started = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        if ending:
            assert all(psutil.pid_exists(pid) for pid in started)
            run.send_signal(ending)
        assert run.wait(60) is not None
        assert not [pid for pid in started if psutil.pid_exists(pid)]
    finally:
        run.kill()
