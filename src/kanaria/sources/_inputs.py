"""Paths as the user gave them to streams in reading order.

In: files, directories, globs and ``-``. Out: one ``Stream`` per input, decompressed, rotated sets oldest first. What
does not exist or may not be read is a ``SourceError`` before the first byte is read.
"""

from __future__ import annotations

import glob
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from kanaria.core.errors import SourceError
from kanaria.core.stream import Stream
from kanaria.sources._decompress import HEAD, Decompressed, compression, decompressed
from kanaria.sources._plain_text import SAMPLE, Plain, plain
from kanaria.sources._rotation import in_time_order

Progress = Callable[[int], None]


def open_inputs(paths: Sequence[str], *, on_progress: Progress | None = None) -> Iterator[Stream]:
    """Streams of everything ``paths`` name, each opened when it is reached and closed when the next one is asked for.

    ``on_progress`` is called with the number of compressed bytes read since its last call. Raises SourceError at once
    for a path that is missing, not readable, or a directory or glob without any file.
    """
    names = expand(paths)
    return _streams(names, on_progress or (lambda _count: None))


def _streams(names: Sequence[str], on_progress: Progress) -> Iterator[Stream]:
    for name in names:
        stream = InputStream(name, on_progress)
        try:
            yield stream
        finally:
            stream.close()


def expand(paths: Sequence[str]) -> list[str]:
    """File names (and ``-``) that ``paths`` stand for, each once, rotated sets in time order."""
    names: list[str] = []
    seen: set[str] = set()
    for path in paths:
        for name in in_time_order([path]) if path == "-" else _expand(path):
            key = name if name == "-" else os.path.realpath(name)
            if key not in seen:
                seen.add(key)
                names.append(name)
    return in_time_order(names)


def _expand(path: str) -> list[str]:
    if os.path.isdir(path):
        return _directory(path)
    if os.path.lexists(path):
        return [_readable(path)]
    if _hidden(path):
        raise _denied(path)
    matches = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else []
    if not matches:
        cause = "no file matches the pattern" if glob.has_magic(path) else "a typing error, or the log is elsewhere"
        raise SourceError(source=path, expected="a file, a directory, a pattern or -", got="nothing there", cause=cause)
    return [name for match in matches for name in (_directory(match) if os.path.isdir(match) else [_readable(match)])]


def _hidden(path: str) -> bool:
    """Whether this user may not even see if there is anything."""
    try:
        os.lstat(path)
    except OSError as error:
        return isinstance(error, PermissionError)
    return False


def _readable(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise SourceError(
            source=path, expected="a file", got=error.strerror or "an error", cause="a broken link"
        ) from error
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise SourceError(source=path, expected="a file or a pipe", got="a socket or a block device")
    return path


def _denied(path: str) -> SourceError:
    cause = "it belongs to another user; run with sudo, or join the group that may read it (often adm)"
    return SourceError(source=path, expected="a readable file", got="permission denied", cause=cause)


def _directory(path: str) -> list[str]:
    """Regular files below a directory, without hidden ones; links to directories are followed once."""

    files: list[str] = []

    def refuse(error: OSError) -> None:
        files.append(str(error.filename))  # cannot be opened as an input either, which is told there

    visited: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(path, followlinks=True, onerror=refuse):
        here = os.stat(folder)
        if (here.st_dev, here.st_ino) in visited:
            folders.clear()
            continue
        visited.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = (os.path.join(folder, name) for name in sorted(names) if not name.startswith("."))
        files.extend(_readable(name) for name in visible if os.path.isfile(name))
    if not files:
        raise SourceError(source=path, expected="a directory with log files", got="an empty directory")
    return files


class InputStream:
    """One input. Nothing is opened before ``head`` or ``open`` is called."""

    def __init__(self, name: str, on_progress: Progress) -> None:
        self.name = name
        self.path: Path | None = None
        self.size: int | None = None
        self._on_progress = on_progress
        self._reader: Decompressed | None = None
        self._head = b""
        self._text: Plain | None = None
        if name != "-" and os.path.isfile(name) and os.access(name, os.R_OK):
            self.size = os.stat(name).st_size
            with _open(name) as peek:
                self.path = Path(name) if _as_it_is(peek) else None

    @property
    def damage(self) -> str | None:
        """Why the bytes ended early (a truncated or corrupt archive), known once everything was read."""
        return self._reader.damage if self._reader else None

    def head(self) -> bytes:
        """The first bytes (up to 256 KiB, decompressed) without consuming them."""
        self._start()
        return self._head

    def open(self) -> BinaryIO:
        """The decompressed bytes from the beginning. May be called once."""
        self._start()
        rest = self._source if self._text is None else self._text
        return io.BufferedReader(_Joined(self._head, rest), buffer_size=1 << 16)

    def close(self) -> None:
        """Let go of the file; standard input stays open."""
        if self._reader is not None:
            self._reader.close()

    @property
    def _source(self) -> Decompressed:
        if self._reader is None:
            raw = standard_input() if self.name == "-" else _open(self.name)
            self._reader = decompressed(raw, self._on_progress, owned=self.name != "-")
        return self._reader

    def _start(self) -> None:
        if self._reader is None:
            self._head = _behind_the_hole(self._source)
            self._text = plain(self._head, self._source)
            if self._text is not None:
                self._head = _filled(self._text, HEAD)


def _behind_the_hole(source: Decompressed) -> bytes:
    """The first bytes that are something. A log that was emptied in place (``copytruncate``) while its writer kept its
    place in it begins with a hole as long as the log was: zeros, which belong to no line."""
    head = source.take(HEAD)
    while len(head) == HEAD and not head.strip(b"\0") and (more := source.take(HEAD)):
        head = more.lstrip(b"\0") or more
    return head + source.take(HEAD - len(head)) if len(head) < HEAD else head


def _as_it_is(peek: BinaryIO) -> bool:
    """Whether a file can be read by its path: not compressed, in no encoding of its own, on a disk that works."""
    try:
        first = peek.read(SAMPLE)
        return compression(first) is None and bool(first.strip(b"\0") or not first) and plain(first, peek) is None
    except OSError:
        return False


def standard_input() -> BinaryIO:
    """Standard input as bytes. Raises SourceError when whoever started us closed it."""
    if sys.stdin is None:
        raise SourceError(source="-", expected="lines on standard input", got="a closed standard input")
    return sys.stdin.buffer


def _filled(source: io.RawIOBase, count: int) -> bytes:
    """Up to ``count`` bytes, fewer only at the end."""
    parts, left = [], count
    while left and (part := source.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


class _Joined(io.RawIOBase):
    """The head again, then the rest."""

    def __init__(self, head: bytes, rest: io.RawIOBase) -> None:
        self._head, self._rest = memoryview(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        if not self._head:
            return self._rest.readinto(target)
        count = min(len(target), len(self._head))
        target[:count] = self._head[:count]
        self._head = self._head[count:]
        return count


def _open(name: str) -> BinaryIO:
    try:
        return open(name, "rb", buffering=0)
    except PermissionError as error:
        raise _denied(name) from error
    except OSError as error:
        raise SourceError(source=name, expected="a readable file", got=error.strerror or str(error)) from error
