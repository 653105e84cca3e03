"""Compiles the loops of the readers (``core.machine_code``).

No loop divides by what it reads, so NumPy's model of errors spares the checks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from kanaria.core.machine_code import compiler

_FILES = (
    "compiled", "_vector", "_gather", "_line_ends", "_cells", "_json_cells", "_json_text", "web/_kernel", "web/_values",
)  # fmt: skip

_PATHS = [Path(__file__).parent.joinpath(f"{name}.py") for name in _FILES]
jit: Callable[[Callable[..., Any]], Callable[..., Any]] = compiler(_PATHS, nogil=True, error_model="numpy")
"""Decorator: the compiled function, which runs without the interpreter's lock."""


def inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled into its callers: handing six arrays over costs more than some functions do."""
    compiled: Callable[..., Any] = numba.njit(forceinline=True, _nrt=False, error_model="numpy")(function)
    return compiled
