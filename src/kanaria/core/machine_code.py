"""Loops compiled by Numba. Takes Python functions; returns the same compiled, their machine code kept on disk.

The first run compiles, which takes up to half a minute; later runs load the code in about a second. Numba keeps it
beside the module, or in the user's cache where nobody may write there, and without any such folder it compiles every
time. A folder that others can write to is none: their code would run here. ``core.first_use`` says who is told when
compiling begins.

Numba's cache looks only at the file of the function itself. These functions call each other across modules, so their
kept code is tied to the state of all of them; otherwise an update could run old code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import event
from numba.core.caching import NullCache

from kanaria.core.first_use import compiling, refuse
from kanaria.core.folders import cache_folder, private

F = TypeVar("F", bound=Callable[..., object])


class _Beginning(event.Listener):  # type: ignore[misc]  # Numba ships no types
    """Told of compilations; Numba says nothing where it finds kept code."""

    def on_start(self, _event: event.Event) -> None:
        compiling()

    def on_end(self, _event: event.Event) -> None:
        pass


event.register("numba:compile", _Beginning())


def compiler(files: Iterable[Path], **options: Any) -> Callable[[F], F]:
    """A decorator for the functions of ``files``; ``options`` are Numba's.

    Reference counting (``_nrt``) is off: the loops allocate nothing, and counting references to every view they take
    made the tracking of packets 2.5 times slower (478 against 188 ns a packet).
    """
    states = [path.stat() for path in files]
    stamp = tuple((state.st_mtime_ns, state.st_size) for state in states)

    def jit(function: F) -> F:
        compiled: Any = numba.njit(_nrt=False, **options)(function)
        if _kept(compiled):
            compiled._cache._cache_file._source_stamp = stamp
        typed: F = compiled
        return typed

    return jit


def _kept(compiled: Any) -> bool:
    """Whether a function's machine code has a place: the one Numba chooses, or else a folder of this user's own."""
    chosen = numba.config.CACHE_DIR
    for place in (chosen, str(cache_folder() / "compiled")):
        numba.config.CACHE_DIR = place
        # RuntimeError: no folder that may be written to, as in a read-only installation without a home folder.
        with suppress(RuntimeError):
            compiled.enable_caching()
        numba.config.CACHE_DIR = chosen
        if not isinstance(compiled._cache, NullCache) and _trusted(os.fspath(compiled._cache.cache_path)):
            return True
        compiled._cache = NullCache()
    return False


@cache
def _trusted(folder: str) -> bool:
    if private(Path(folder)):
        return True
    refuse(Path(folder))
    return False
