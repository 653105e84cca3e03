"""Compiled search expressions, kept in the user's cache: expressions in, Hyperscan's database out.

Some hundred expressions take Hyperscan a third of a second and come back in a millisecond. What is kept is found by the
expressions and their flags; Hyperscan refuses what another version or another processor's compiled and what is damaged,
and then it is compiled anew.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import hyperscan

from kanaria.core.folders import cache_folder, private

WORTH_KEEPING = 100
"""Expressions from which on their database is kept; fewer are compiled in some 10 ms."""
_SETS = 8
"""Databases kept; one takes half a megabyte."""


def database(expressions: Sequence[bytes], flags: Sequence[int], make: Callable[[], Any]) -> Any:
    """What ``make`` gives, from the cache where it is there."""
    if len(expressions) < WORTH_KEEPING:
        return make()
    place = cache_folder() / "patterns" / f"{_name(expressions, flags)}.hs"
    found = _read(place)
    if found is None:
        found = make()
        with suppress(OSError):  # a cache that cannot be written costs time and nothing else
            _write(place, hyperscan.dumpb(found))
    return found


def _name(expressions: Sequence[bytes], flags: Sequence[int]) -> str:
    basis = repr((list(expressions), list(flags)))
    return hashlib.sha256(basis.encode()).hexdigest()[:32]


def _read(place: Path) -> Any:
    if not private(place.parent):  # a database that somebody else may have put there
        return None
    try:
        found = hyperscan.loadb(place.read_bytes(), hyperscan.HS_MODE_BLOCK)
        found.scratch = hyperscan.Scratch(found)
    except (OSError, hyperscan.error):
        return None
    with suppress(OSError):
        os.utime(place)  # the sets used last are kept
    return found


def _write(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_suffix(f".{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(place)
    others = sorted(place.parent.glob("*.hs"), key=lambda file: -file.stat().st_mtime_ns)
    for old in others[_SETS:]:
        old.unlink(missing_ok=True)
