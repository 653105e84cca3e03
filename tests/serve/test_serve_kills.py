"""``kanaria serve`` killed while its logs grow: what it keeps and tells is what an undisturbed one keeps and tells.

All kills are for ``python -m benchmarks.serve_kills``; here are a few of them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(("kills", "scenario"), [(4, "steady"), (5, "fates"), (3, "two"), (2, "slow disk")])
def test_a_killed_service_keeps_and_tells_what_an_undisturbed_one_does(kills: int, scenario: str) -> None:
    command = [sys.executable, "-m", "benchmarks.serve_kills", "--points", f"{kills}", scenario]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    cells = [cell.strip() for cell in done.stdout.splitlines()[-1].strip("|").split("|")]
    assert (cells[0], cells[1], cells[-1]) == (scenario, f"{kills}", "all equal")
    assert int(cells[4])  # somebody was told
