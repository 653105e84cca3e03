"""A disk that is full, fails, or loses its power after a run: nothing is lost that was told, and the rest is said.

All points are for ``python -m benchmarks.disk_table``; here are a few of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import faults
from benchmarks.kill_table import web_log
from tests.running import unconfigured

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_what_a_failing_disk_kept_is_completed_by_the_same_run_again() -> None:
    command = [sys.executable, "-m", "benchmarks.disk_table", "--points", "2", "--input", "web log"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()[2:]]
    assert all(int(runs) == int(said) + int(well) == int(equal) for _, _, runs, said, well, equal in rows)
    assert sum(int(row[3]) for row in rows)


def test_a_report_is_on_disk_before_the_store_says_that_somebody_was_told(tmp_path: Path) -> None:
    library = faults.compiled(tmp_path)
    if library is None:
        pytest.skip("needs Linux and a C compiler")
    (tmp_path / "logs").mkdir()
    web_log(tmp_path / "logs", False)
    log = tmp_path / "operations"
    command = [sys.executable, "-m", "kanaria", "analyze", "logs", "--store", "s", "-o", "out/report.txt"]
    (tmp_path / "out").mkdir()
    environment = {**unconfigured(tmp_path), **faults.environment(library, "count", 0, tmp_path, log)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    names = [(one.name, os.path.relpath(one.path, tmp_path)) for one in faults.operations(log)]
    named = names.index(("rename", "out/report.txt"))
    (part,) = {path for _name, path in names[:named] if path.endswith(".part") and path.startswith("out/")}
    assert ("sync", part) in names[:named]
    told = next(at for at in range(named, len(names)) if names[at] == ("write", "s/incidents.sqlite-wal"))
    assert ("sync", "out") in names[named:told]
