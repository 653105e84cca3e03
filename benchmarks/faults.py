"""Disks that misbehave at a chosen operation: ``faults.c``, compiled where there is a C compiler and preloaded.

In: what is to happen (``count``, ``kill``, ``torn``, ``eio``, ``eio-once``, ``enospc``, ``slow``), at which operation
below which folder. Out: the environment of a process to which it happens, or for a forked child of one that runs
under ``preloaded`` already a call. ``operations`` reads the log of what was counted.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_suffix(".c")
PRELOADED = "KANARIA_FAULTS"
"""Names the compiled library in processes that were begun anew under it."""


class Operation(NamedTuple):
    """One operation on a file below the folder: ``name`` is write, truncate, sync, rename, link or remove."""

    number: int
    name: str
    path: str


def compiled(folder: Path) -> Path | None:
    """The library, made in ``folder``; None where nothing can make it: no compiler, or not Linux."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "faults.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def environment(library: Path, what: str, number: int, below: Path, log: Path | None = None) -> dict[str, str]:
    """Variables with which a process meets the fault."""
    asked = {"LD_PRELOAD": str(library), "KANARIA_FAULT": f"{what}:{number}:{below.resolve()}"}
    return {**asked, **({"KANARIA_FAULT_LOG": str(log)} if log else {})}


def arm(what: str, number: int, below: Path, log: Path | None = None) -> None:
    """The same for this process, which was begun under ``preloaded``."""
    library = ctypes.CDLL(os.environ[PRELOADED])
    library.fault_arm.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_char_p, ctypes.c_char_p]
    library.fault_arm(what.encode(), number, os.fsencode(below.resolve()), os.fsencode(log) if log else None)


def preloaded(module: str, arguments: Sequence[str]) -> None:
    """Begin this process anew as ``python -m module`` with the library loaded, unless it is. Exits with status 2 when
    there is no way to make it."""
    if library := os.environ.get(PRELOADED):
        atexit.register(shutil.rmtree, Path(library).parent)
        return
    made = compiled(Path(tempfile.mkdtemp(prefix="kanaria-faults-")))
    if made is None:
        print("needs Linux and a C compiler", file=sys.stderr)
        raise SystemExit(2)
    command = [sys.executable, "-m", module, *arguments]
    os.execve(command[0], command, {**os.environ, "LD_PRELOAD": str(made), PRELOADED: str(made)})  # noqa: S606


def operations(log: Path) -> list[Operation]:
    """What a log says, in order."""
    lines = log.read_text("utf-8", "surrogateescape").splitlines() if log.exists() else []
    return [Operation(int(number), name, path) for number, name, path in (line.split("\t", 2) for line in lines)]
