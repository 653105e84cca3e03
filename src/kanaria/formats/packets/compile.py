"""Compile the hot loops with Numba, keeping machine code on disk where that is possible.

The first run compiles for some seconds; later runs load the code in about half a second. An installation nobody may
write to falls back to the user's cache directory, and without any writable directory to compiling every time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """The compiled function."""
    try:
        compiled: F = numba.njit(cache=True)(function)
    except RuntimeError:  # Numba found no directory it may write its cache to
        compiled = numba.njit(function)
    return compiled
