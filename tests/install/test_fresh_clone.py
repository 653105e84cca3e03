"""The README's first command as a newcomer runs it: a fresh clone, an empty home folder, nothing prepared."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.install.environments import MINUTES, ROOT

pytestmark = pytest.mark.install
MOST_MEGABYTES = 450
"""In the files of the environment after the demo, pip and compiled modules included, as ``du -m`` counts megabytes."""


def surroundings(home: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name.startswith(("PATH", "PIP_", "UV_", "SSL", "HTTP"))
    }
    return kept | {"HOME": str(home), "LANG": "C.UTF-8"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("no Git here to clone with")
    subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / "kanaria")], check=True)
    return tmp_path / "kanaria"


def made(clone: Path, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "demo"],
        cwd=clone,
        env=surroundings(home),
        check=False,
        capture_output=True,
        text=True,
        timeout=MINUTES,
    )


def test_the_first_command_shows_both_cases_and_repairs_what_is_half_made(clone: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    first = made(clone, home)
    assert first.returncode == 0, first.stderr
    assert "Internet-wide probe for mining pools" in first.stdout and "192.168.10.53" in first.stdout
    size = sum(file.lstat().st_size for file in (clone / ".venv").rglob("*") if not file.is_symlink()) / 2**20
    assert size < MOST_MEGABYTES
    # Stopped in the middle of the installation: the mark of the beginning is there, half of the packages is gone.
    (clone / ".venv" / "making").touch()
    (clone / ".venv" / "ready").unlink()
    shutil.rmtree(next((clone / ".venv" / "lib").glob("python3*")) / "site-packages" / "duckdb")
    again = made(clone, home)
    assert again.returncode == 0, again.stderr
    assert "half made" in again.stderr
