"""The command killed at operations of its own, then the same run again: what is kept is equal, and told once.

All points are for ``python -m benchmarks.kill_table``; here are a few of them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(("points", "name"), [(12, "web log"), (4, "Zeek folder")])
def test_a_run_that_is_killed_and_begun_again_keeps_the_same(points: int, name: str) -> None:
    command = [sys.executable, "-m", "benchmarks.kill_table", "--points", f"{points}", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()[2:]]
    phases = {row[1]: list(map(int, row[2:])) for row in rows}
    assert all(points == equal == sum(left) for points, *left, equal in phases.values())
    assert phases["committing"][0] and phases["telling"][0]
    assert sum(row[2] for row in phases.values())  # some of them between kept and told
