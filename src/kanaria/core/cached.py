"""What costs seconds to make and is the same every time, kept as files in the user's cache.

What is read back is trusted like code: only out of folders that nobody else can write to. A cache that cannot be
written costs time and nothing else.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from kanaria.core.folders import cache_folder, private


def load(kind: str, name: str) -> bytes | None:
    """What was kept under that name, None where nothing is or somebody else may have put it there."""
    place = cache_folder() / kind / name
    if not private(place.parent):
        return None
    try:
        return place.read_bytes()
    except OSError:
        return None


def used(kind: str, name: str) -> None:
    """It was good for something: what was used last is kept longest."""
    with suppress(OSError):
        os.utime(cache_folder() / kind / name)


def keep(kind: str, name: str, data: bytes, *, most: int) -> None:
    """Keep it, and of its kind no more than the ``most`` that were used last."""
    place = cache_folder() / kind / name
    partial = place.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(place)
        for old in _latest_first(place)[most:]:
            old.unlink(missing_ok=True)


def _latest_first(place: Path) -> list[Path]:
    return sorted(place.parent.glob(f"*{place.suffix}"), key=lambda file: -file.stat().st_mtime_ns)
