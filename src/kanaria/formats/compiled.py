"""Compile the loops of the readers with Numba, keeping machine code on disk where that is possible.

Numba's cache looks only at the file of the function itself. These functions call each other across modules, so their
cached code is tied to the state of all of them; otherwise an update could run old code.

Reference counting (``_nrt``) is off: the loops allocate nothing, and counting references to the arrays they hand to
each other took a quarter of the time. No loop divides by what it reads, so NumPy's model of errors spares the checks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_FILES = (
    "compiled", "_vector", "_gather", "_line_ends", "_cells", "_json_cells", "_json_text", "web/_kernel", "web/_values",
)  # fmt: skip
_STATES = [Path(__file__).parent.joinpath(f"{name}.py").stat() for name in _FILES]
_STAMP = tuple((state.st_mtime_ns, state.st_size) for state in _STATES)


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """The compiled function, which runs without the interpreter's lock."""
    compiled: Any
    try:
        compiled = numba.njit(cache=True, nogil=True, _nrt=False, error_model="numpy")(function)
    except RuntimeError:  # Numba found no place it may write to: a read-only installation without a home directory
        return numba.njit(nogil=True, _nrt=False, error_model="numpy")(function)  # type: ignore[no-any-return, unused-ignore]
    compiled._cache._cache_file._source_stamp = _STAMP
    kept: Callable[..., Any] = compiled
    return kept


def inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled into its callers: handing six arrays over costs more than some functions do."""
    compiled: Callable[..., Any] = numba.njit(forceinline=True, _nrt=False, error_model="numpy")(function)
    return compiled
