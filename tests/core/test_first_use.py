"""Compiling before the first use is announced once, and only when it happens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kanaria.app.commands.progress import announce_compiling
from kanaria.core.first_use import announce, compiling
from kanaria.core.folders import private
from kanaria.core.machine_code import compiler

pytestmark = pytest.mark.ordinary_user


def _double(values: np.ndarray) -> float:
    return float(values.sum()) * 2


def test_compiling_is_announced_once_and_kept_code_is_not() -> None:
    told: list[str] = []
    jit = compiler([Path(__file__)])
    announce(lambda: told.append("first"))
    first = jit(_double)
    assert told == [], "nothing is compiled before it is called"
    assert first(np.ones(3)) == 6.0
    if told:  # otherwise an earlier run of this test left its code
        assert first(np.ones(3, np.int32)) == 6.0
        assert told == ["first"]
    told.clear()
    announce(lambda: told.append("second"))
    assert jit(_double)(np.ones(3)) == 6.0
    assert told == [], "kept code was loaded"
    announce(lambda: None)


def test_the_word_about_it_is_in_the_readers_language(capsys: pytest.CaptureFixture[str]) -> None:
    announce_compiling("ja")
    compiling()
    compiling()
    said = capsys.readouterr().err
    assert said.count("準備しています") == 1
    announce_compiling("en")
    compiling()
    assert "This happens once" in capsys.readouterr().err


_PROBE = """
import sys, numpy as np
from kanaria.app.commands.progress import announce_compiling
from kanaria.core import machine_code
from pathlib import Path
import probed
announce_compiling("en")
compiled = machine_code.compiler([Path(probed.__file__)])(probed.double)
assert compiled(np.ones(3)) == 6.0
print(getattr(compiled._cache, "cache_path", None))
"""


def _compiled_in(folder: Path, home: Path) -> tuple[str, str]:
    """Where a module of this folder keeps its machine code, and what is said about it."""
    (folder / "probed.py").write_text("def double(values):\n    return values.sum() * 2\n")
    named = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "HOME": str(home), "LANG": "C.UTF-8"}
    done = subprocess.run([sys.executable, "-c", _PROBE], env=named, check=True, capture_output=True, text=True)
    return done.stdout.strip(), done.stderr


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    folder = tmp_path / "installed"
    (folder / "__pycache__").mkdir(parents=True)
    return folder


def test_machine_code_lies_beside_the_module_where_only_its_owner_writes(installed: Path, tmp_path: Path) -> None:
    kept, said = _compiled_in(installed, tmp_path / "home")
    assert kept == str(installed / "__pycache__") and "Others can write" not in said


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o757])
def test_code_that_others_could_have_put_there_is_never_run(installed: Path, tmp_path: Path, mode: int) -> None:
    (installed / "__pycache__").chmod(mode)
    kept, said = _compiled_in(installed, tmp_path / "home")
    assert kept.startswith(str(tmp_path / "home" / ".cache" / "kanaria" / "compiled")), said
    assert f"Others can write to {installed / '__pycache__'}" in said and "chmod go-w" in said
    assert not list((installed / "__pycache__").glob("*.nb?"))


def test_without_any_folder_of_ones_own_nothing_is_kept(installed: Path, tmp_path: Path) -> None:
    (home := tmp_path / "home").mkdir()
    for folder in (installed / "__pycache__", home):
        folder.chmod(0o777)
    kept, said = _compiled_in(installed, home)
    assert kept == "None" and said.count("Others can write") == 2


def test_a_folder_is_private_only_if_all_above_it_are(tmp_path: Path) -> None:
    (folder := tmp_path / "open" / "own").mkdir(parents=True)
    assert private(folder) and not private(folder / "missing")
    (tmp_path / "open").chmod(0o777)
    assert not private(folder), "somebody else can put another folder in its place"
    (tmp_path / "open").chmod(0o1777)
    assert private(folder)
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        assert not private(folder), "it belongs to somebody else"
