"""Loops compiled by Numba. Comes in: Python functions. Goes out: the same compiled, their machine code kept on disk.

The first run compiles, which takes up to half a minute; later runs load the code in about a second. Numba keeps it
beside the module, or in the user's cache where nobody may write there, and without any such folder it compiles every
time. ``core.first_use`` says who is told when compiling begins.

Numba's cache looks only at the file of the function itself. These functions call each other across modules, so their
kept code is tied to the state of all of them; otherwise an update could run old code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import event

from kanaria.core.first_use import compiling

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
        compiled: Any
        try:
            compiled = numba.njit(cache=True, _nrt=False, **options)(function)
        except RuntimeError:  # Numba found no folder it may write to: a read-only installation without a home folder
            compiled = numba.njit(_nrt=False, **options)(function)
        else:
            compiled._cache._cache_file._source_stamp = stamp
        typed: F = compiled
        return typed

    return jit
