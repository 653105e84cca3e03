"""The command killed at moments spread over a run, then the same run again: what is kept is equal.

All points are for ``python -m benchmarks.kill_table``; here are a few of them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_run_that_is_killed_and_begun_again_keeps_the_same() -> None:
    command = [sys.executable, "-m", "benchmarks.kill_table", "--points", "5", "Zeek folder"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    cells = [cell.strip() for cell in done.stdout.splitlines()[-1].strip("|").split("|")]
    assert (cells[0], cells[1], cells[-1]) == ("Zeek folder", "5", "5")
    assert sum(map(int, cells[2:5])) == 5
