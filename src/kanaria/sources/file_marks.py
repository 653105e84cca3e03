"""Which files were read how far: found again by inode or by content, whatever their names are now.

A ``Mark`` is a file under the name it was written under, numbered by how many there were before it under that name. So
records keep their ids whether a log is read at once, followed, or followed with interruptions.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kanaria.core.conversion import made, plain
from kanaria.core.late_regex import late_regex
from kanaria.core.limits import Limits
from kanaria.core.values import dataclass
from kanaria.sources._decompress import compression, decompressed
from kanaria.sources._rotation import in_time_order, split
from kanaria.sources.chunks import Position

HEAD = 1024
"""Bytes at the beginning, and before the position, by which a file is recognised; fewer while it is shorter."""
MOST_FOLDERS = 400
"""Days of an archive that are gone through for one file: a year and some more."""
_DAY = late_regex(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Mark:
    """How far a file was read. Digests are of its first ``length`` bytes and of those just before ``offset``."""

    path: str
    generation: int = 0
    device: int = 0
    inode: int = 0
    offset: int = 0
    lines: int = 0
    length: int = 0
    head: str = ""
    tail: str = ""
    preamble: str = ""

    @property
    def place(self) -> str:
        return f"{self.path}#{self.generation}"

    @property
    def identity(self) -> str:
        """What tells its records from those of earlier files of the same name."""
        return str(self.generation) if self.generation else ""

    @property
    def key(self) -> tuple[int, int]:
        return self.device, self.inode


class Marks:
    """The marks of one source, by place, those longest unread first: these are forgotten when there are too many."""

    def __init__(self, kept: Mapping[str, Position], most: int = Limits.positions) -> None:
        self._marks, self._most = made(dict[str, Mark], kept), most

    def __len__(self) -> int:
        return len(self._marks)

    def keep(self, mark: Mark) -> dict[str, Any]:
        """Remember how far a file was read; returns its position."""
        self._marks.pop(mark.place, None)
        self._marks[mark.place] = mark
        while len(self._marks) > self._most:
            del self._marks[next(iter(self._marks))]
        position: dict[str, Any] = plain(mark)
        return position

    def latest(self, path: str) -> Mark | None:
        """The newest file that was read under this name."""
        return max((m for m in self._marks.values() if m.path == path), key=lambda m: m.generation, default=None)

    @staticmethod
    def key(path: str) -> tuple[int, int] | None:
        """Device and inode of the file at a path."""
        status = _stat(path)
        return (status.st_dev, status.st_ino) if status else None

    def others(self, path: str, mark: Mark) -> bool:
        """Whether the file was read under another mark than this."""
        key = self.key(path)
        return any(m.key == key and m.place != mark.place and continues(path, m) for m in self._marks.values())

    def newest(self) -> list[Mark]:
        """Of every name, the newest file that was read under it."""
        return list({m.path: m for m in sorted(self._marks.values(), key=lambda m: m.generation)}.values())

    def next_of(self, path: str) -> Mark:
        """A mark for a file under this name that is none of those before."""
        before = self.latest(path)
        return Mark(path=path, generation=before.generation + 1 if before else 0)

    def of(self, path: str, taken: Iterable[Mark]) -> Mark | None:
        """The mark of the file at ``path``, known by its inode or as a copy; those ``taken`` are open already."""
        places = {mark.place for mark in taken}
        free = [mark for mark in self._marks.values() if mark.place not in places]
        status = os.stat(path)
        same = [m for m in free if m.key == (status.st_dev, status.st_ino) and continues(path, m)]
        if same:
            return same[-1]
        present = {(s.st_dev, s.st_ino) for name in siblings(path) if (s := _stat(name)) is not None}
        stem = split(path)[0]
        copies = [m for m in free if split(m.path)[0] == stem and m.key not in present and continues(path, m)]
        return copies[-1] if copies else None


def continues(path: str, mark: Mark) -> bool:
    """Whether the file is the one of the mark, grown perhaps: the same at its beginning and before the position."""
    if not mark.length:
        return False
    try:
        with open(path, "rb", buffering=0) as raw:
            packed = compression(raw.read(8)) is not None
            raw.seek(0)
            if packed:  # as far as it is worth decompressing: a rotated log does not change any more
                return digest(decompressed(raw, lambda _count: None, owned=False).take(mark.length)) == mark.head
            return matches(raw.fileno(), mark)
    except OSError:
        return False


def matches(descriptor: int, mark: Mark) -> bool:
    """The same for an open file."""
    if os.fstat(descriptor).st_size < mark.offset:
        return False
    before = min(HEAD, mark.offset)
    return (
        digest(os.pread(descriptor, mark.length, 0)) == mark.head
        and digest(os.pread(descriptor, before, mark.offset - before)) == mark.tail
    )


def read_on(mark: Mark, data: bytes, *, head: bytes, before: bytes) -> Mark:
    """The mark after these lines; ``head`` is how the file begins, ``before`` the bytes that end with these lines."""
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    after = replace(mark, offset=mark.offset + len(data), lines=mark.lines + lines)
    return replace(after, length=len(head), head=digest(head), tail=digest(before))


def siblings(path: str) -> list[str]:
    """Files beside this one that rotation makes of it, itself included."""
    folder, stem = os.path.dirname(path) or ".", split(path)[0]
    try:
        names = [os.path.join(folder, name) if os.path.dirname(path) else name for name in os.listdir(folder)]
    except OSError:
        return []
    return [name for name in names if split(name)[0] == stem and os.path.isfile(name)]


def archived(mark: Mark) -> list[str]:
    """The file of a mark, and all of its set after it, oldest first, in the archive of ZeekControl: folders called by
    their day beside ``current`` with the open logs (``2026-11-28/conn.00:00:00-01:00:00.log.gz``). Looked for from
    the newest back; empty when it is not in ``MOST_FOLDERS`` of them."""
    folder, stem = os.path.dirname(mark.path), split(os.path.basename(mark.path))[0]
    if os.path.basename(folder) != "current":
        return []
    paths: list[str] = []
    for dated in _dated(os.path.dirname(folder))[:MOST_FOLDERS]:
        names = (os.path.join(dated, name) for name in _listed(dated) if split(name)[0] == stem)
        for path in reversed(in_time_order(sorted(names))):
            paths.insert(0, path)
            if continues(path, mark):
                return paths
    return []


def appeared(marks: Iterable[Mark]) -> list[tuple[str, str]]:
    """Files in such an archive of logs that none of the marks is of, each with the path it was written under, oldest
    first: from the hour on in which the last log of the marks was archived, for what appeared earlier has a mark."""
    archives: list[tuple[str, str]] = []
    places: dict[str, list[Mark]] = {}
    for mark in marks:
        if os.path.basename(folder := os.path.dirname(mark.path)) == "current":
            places.setdefault(folder, []).append(mark)
    for current, known in places.items():
        gone = [members[0] for mark in known if not continues(mark.path, mark) and (members := archived(mark))]
        stems = {split(os.path.basename(mark.path))[0] for mark in known}
        for path in _since(os.path.dirname(current), max(map(_hour, gone), default=None)):
            stem = split(os.path.basename(path))[0]
            if stem.endswith(".log") and stem not in stems:
                archives.append((path, os.path.join(current, stem)))
    return archives


def _since(folder: str, hour: tuple[str, str] | None) -> Iterator[str]:
    """Files of an archive from an hour on, each set in order of time."""
    for dated in reversed(_dated(folder)[:MOST_FOLDERS]) if hour else ():
        paths = [os.path.join(dated, name) for name in sorted(_listed(dated))]
        yield from (path for path in in_time_order(paths) if hour and _hour(path) >= hour)


def _hour(path: str) -> tuple[str, str]:
    """The day and the time of day at which an archived log begins."""
    return os.path.basename(os.path.dirname(path)), split(os.path.basename(path))[1][1]


def _dated(folder: str) -> list[str]:
    """Its subfolders that are called by a day, the newest first."""
    names = sorted((name for name in _listed(folder or ".") if _DAY.fullmatch(name)), reverse=True)
    return [os.path.join(folder, name) for name in names]


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)
    except OSError:
        return None
