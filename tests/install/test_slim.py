"""What is taken out of an environment, and that it comes back when something turns out to need it."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

from tests.install.environments import ROOT


@pytest.fixture
def slim() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slim", ROOT / "scripts" / "slim.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "pyarrow/lib.so", "pyarrow/libarrow_flight.so.2600", "pyarrow/tests/test_a.py", "numpy/f2py/tests/test_b.py",
        "numpy/f2py/__init__.py", "numpy/__init__.py",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    return tmp_path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_only_what_is_listed_goes(slim: ModuleType, packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slim, "works", lambda: "")
    assert slim.main() == 0
    assert files(packages) == {"pyarrow/lib.so", "numpy/__init__.py"}


def test_everything_comes_back_when_the_environment_does_not_work_without(
    slim: ModuleType, packages: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(packages)
    monkeypatch.setattr(slim, "works", lambda: "ImportError: libarrow_flight.so.2600")
    assert slim.main() == 1
    assert files(packages) == before and "libarrow_flight" in capsys.readouterr().err


def test_a_part_that_cannot_be_moved_brings_the_others_back(
    slim: ModuleType, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, move = files(packages), slim.move

    def refused(part: Path, source: Path, target: Path) -> None:
        if source == packages and part.name == "tests":
            raise PermissionError(part)
        move(part, source, target)

    monkeypatch.setattr(slim, "move", refused)
    assert slim.main() == 1
    assert files(packages) == before


def test_this_environment_does_its_work(slim: ModuleType) -> None:
    assert slim.works() == ""
