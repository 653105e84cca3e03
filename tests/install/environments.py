"""Fresh environments with the built wheel, made by uv: what users have, and not what is developed in."""

from __future__ import annotations

import fcntl
import functools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import running

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
OWN = "{}.{}".format(*sys.version_info)
"""The Python that runs the tests: what users of this machine have, whichever release of Debian it is."""
MINUTES = 15 * 60


@dataclass(frozen=True)
class Environment:
    """One installation."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(
        self, *arguments: str | Path, before: Sequence[str] = (), folder: Path | None = None, **environment: str | None
    ) -> subprocess.CompletedProcess[str]:
        """``kanaria`` with these arguments, in surroundings of its own: no checkout, no settings, no other packages.

        ``before`` is put in front of the command; a variable given as None is taken away.
        """
        own: dict[str, str | None] = {**self._own(folder), **environment}
        return subprocess.run(
            [*before, str(self.folder / "bin" / "kanaria"), *map(str, arguments)],
            env={name: value for name, value in own.items() if value is not None},
            cwd=folder or self.folder, check=False, capture_output=True, text=True, timeout=MINUTES,
        )  # fmt: skip

    @contextmanager
    def running(self, *arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
        """``kanaria`` with these arguments beside the test; killed at the end if it still runs."""
        service = subprocess.Popen(
            [self.folder / "bin" / "kanaria", *arguments], env=self._own(folder), cwd=folder, text=True,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        with running(service):
            yield service

    def _own(self, folder: Path | None) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(folder or self.folder), "LANG": "C.UTF-8"}


def uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv") or pytest.skip("uv is not installed")


def interpreter(version: str) -> str:
    """The path of a Python of this version; skips the test, visibly, where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    # The distribution's own first: it is what users have, and everybody may run it.
    candidates = [
        f"/usr/bin/python{version}",
        shutil.which(f"python{version}"),
        *sorted(pyenv.glob(f"{version}.*/bin/python")),
    ]
    for candidate in candidates:
        if not candidate or not Path(candidate).exists():
            continue
        asked = [str(candidate), "-c", "import sys; print('{}.{}'.format(*sys.version_info))"]
        if subprocess.run(asked, check=False, capture_output=True, text=True).stdout.strip() == version:
            return str(candidate)
    pytest.skip(f"no Python {version} is installed here")


def extras() -> dict[str, list[str]]:
    """The optional parts and what each needs, as ``pyproject.toml`` lists them."""
    listed: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    return listed


@functools.cache
def built(folder: Path) -> tuple[Path, Path]:
    """The wheel, and the sdist it was not built from; built once, whichever worker of a run asks first."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (whole := sorted(folder.glob("kanaria-*"))):
            _build(folder)
            whole = sorted(folder.glob("kanaria-*"))
    return whole[0], whole[1]


def _build(folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip


def make(folder: Path, version: str, *requirements: str, options: Sequence[str] = ()) -> Environment:
    """A fresh environment with what is named, resolved anew: today's newest releases unless ``options`` say otherwise."""
    python = interpreter(version)
    for command in (
        [uv(), "venv", "-q", "-p", python, str(folder)],
        [
            uv(),
            "pip",
            "install",
            "-q",
            "--refresh-package",
            "kanaria",
            "--python",
            str(folder / "bin" / "python"),
            *options,
            *requirements,
        ],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=MINUTES)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return Environment(folder)


def modules(environment: Environment) -> set[str]:
    """The names of the distributions in an environment."""
    asked = [
        str(environment.python),
        "-c",
        "import importlib.metadata as m;print(*(d.name for d in m.distributions()))",
    ]
    listed = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()
    return {re.sub(r"[-_.]+", "-", name).lower() for name in listed}
