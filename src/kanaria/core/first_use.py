"""Who is told when loops have to be compiled first (``core.machine_code``): until that ends, nothing else happens.

Light on purpose: a command says who is told before it is known whether anything heavy will be loaded at all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_told: list[Callable[[], None]] = []
_refused: dict[Path, None] = {}


def announce(tell: Callable[[], None]) -> None:
    """Call ``tell`` once, when something is compiled for the first time; the last one named is the one told."""
    _told[:] = [tell]


def compiling() -> None:
    """Compiling begins."""
    while _told:
        _told.pop()()


def refuse(folder: Path) -> None:
    """Compiled code is neither read from this folder nor kept there: others can write to it."""
    _refused[folder] = None


def refused() -> tuple[Path, ...]:
    """The folders that were refused so far."""
    return tuple(_refused)
