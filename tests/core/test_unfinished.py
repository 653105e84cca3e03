"""What is made beside its place: nothing is left of it, and of a process that was killed only until the next."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from kanaria.app.output import write_bytes
from kanaria.core.unfinished import unfinished
from kanaria.store.database import begin


def killed_meanwhile(folder: Path, *, makes_folder: bool) -> None:
    """A process that was killed while it made something."""
    child = os.fork()
    if child == 0:
        with unfinished(folder, ".report.", ".part", folder=makes_folder):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize("makes_folder", [False, True])
def test_what_a_killed_process_left_is_gone_with_the_next(tmp_path: Path, makes_folder: bool) -> None:
    killed_meanwhile(tmp_path, makes_folder=makes_folder)
    (left,) = tmp_path.iterdir()
    with unfinished(tmp_path, ".report.", ".part") as (mine, _descriptor):
        assert not left.exists()
        with unfinished(tmp_path, ".report.", ".part"):  # one that is being made stays
            assert mine.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_others_call_so_stays(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".report.01234567.part").symlink_to(tmp_path / "precious")
    (tmp_path / ".report.part").touch()
    with unfinished(tmp_path, ".report.", ".part"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".report.01234567.part", ".report.part", "precious"]
    assert (tmp_path / "precious").read_text() == "precious"


def test_reports_and_stores_are_made_so(tmp_path: Path) -> None:
    for name in (".r.txt.01234567.part", ".kanaria-new-01234567"):
        (tmp_path / name).touch()
    write_bytes(b"report", str(tmp_path / "r.txt"))
    begin(tmp_path / "incidents.sqlite")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["incidents.sqlite", "r.txt"]
