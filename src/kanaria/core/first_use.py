"""Who is told when loops have to be compiled first (``core.machine_code``): until that ends, nothing else happens.

Light on purpose: a command says who is told before it is known whether anything heavy will be loaded at all.
"""

from __future__ import annotations

from collections.abc import Callable

_told: list[Callable[[], None]] = []


def announce(tell: Callable[[], None]) -> None:
    """Call ``tell`` once, when something is compiled for the first time; the last one named is the one told."""
    _told[:] = [tell]


def compiling() -> None:
    """Compiling begins."""
    while _told:
        _told.pop()()
