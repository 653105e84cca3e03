"""Compile the loops of ``_cells`` and ``_json_cells`` with Numba, keeping machine code on disk where that is possible.

Numba's cache looks only at the file of the function itself. These functions call each other across modules, so their
cached code is tied to the state of all of them; otherwise an update could run old code.

Reference counting (``_nrt``) is off: the loops allocate nothing, and counting references to the arrays they hand to
each other took a quarter of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_FILES = [Path(__file__).with_name(f"{name}.py").stat() for name in ("_cells", "_json_cells", "_json_text", "compiled")]
_STAMP = tuple((file.st_mtime_ns, file.st_size) for file in _FILES)


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """The compiled function, which runs without the interpreter's lock."""
    compiled: Any
    try:
        compiled = numba.njit(cache=True, nogil=True, _nrt=False)(function)
    except RuntimeError:  # Numba found no place it may write to: a read-only installation without a home directory
        return numba.njit(nogil=True, _nrt=False)(function)  # type: ignore[no-any-return, unused-ignore]
    compiled._cache._cache_file._source_stamp = _STAMP
    kept: Callable[..., Any] = compiled
    return kept
