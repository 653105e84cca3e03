"""One log file as it grows: complete lines from a mark on, whatever its name is by now."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

from kanaria.core.errors import MAY_READ, SourceError
from kanaria.sources.file_marks import HEAD, Mark, digest, matches, read_on

LONGEST = 1 << 20
"""A line longer than this is cut: no server writes one, and what is no text must not fill memory."""
PREAMBLE = 64 << 10
"""Header lines of a file end long before."""


class FollowedFile:
    """An open file and how far it was read. Raises SourceError when it cannot be opened or is no regular file."""

    def __init__(self, path: str, mark: Mark) -> None:
        self._fd = _open(path)
        status = os.fstat(self._fd)
        self.mark = replace(mark, device=status.st_dev, inode=status.st_ino)
        self.gone_since: float | None = None
        """When its name was last found to lead elsewhere while something still came."""
        self._partial = b""
        """What was read of a line that has no end yet."""

    @property
    def behind(self) -> int:
        return max(0, os.fstat(self._fd).st_size - self.mark.offset)

    @property
    def was_replaced(self) -> bool:
        """Whether what was read is no longer in it: it was truncated, and written anew perhaps."""
        return bool(self.mark.length) and not matches(self._fd, self.mark)

    def close(self) -> None:
        os.close(self._fd)

    def restart(self, mark: Mark) -> None:
        """Read it from its start as another file."""
        self.mark, self._partial = replace(mark, device=self.mark.device, inode=self.mark.inode), b""

    def skip(self) -> None:
        """Pass over everything that is complete already."""
        while self.read(1 << 20):
            pass

    def read(self, limit: int) -> bytes:
        """More complete lines, about ``limit`` bytes at most; nothing when there are none."""
        start = self.mark.offset + len(self._partial)
        data = self._partial + os.pread(self._fd, max(limit, 1 << 12), start)
        end = data.rfind(b"\n") + 1
        if not end and len(data) > LONGEST:
            end = len(data)
        self._partial = data[end:]
        if not end and not self.mark.offset:  # a copy of it may be all that is left before its first line is complete
            head = self._partial[:HEAD]
            self.mark = replace(self.mark, length=len(head), head=digest(head), tail=digest(b""))
        return self._taken(data[:end])

    def rest(self) -> bytes:
        """The last line without an end, once nothing more can come."""
        data, self._partial = self._partial, b""
        return self._taken(data)

    def _taken(self, data: bytes) -> bytes:
        if not data:
            return b""
        head = os.pread(self._fd, HEAD, 0)[: self.mark.offset + len(data)]
        if not self.mark.preamble:
            begun = preamble(os.pread(self._fd, PREAMBLE, 0))
            self.mark = replace(self.mark, preamble=begun.decode("latin-1"))
        end = self.mark.offset + len(data)
        before = os.pread(self._fd, min(HEAD, end), end - min(HEAD, end))
        self.mark = read_on(self.mark, data, head=head, before=before)
        return data if data.endswith(b"\n") else data + b"\n"


def preamble(head: bytes) -> bytes:
    """Lines that begin with ``#`` before any other: headers of Zeek's and W3C logs."""
    end = 0
    while head[end : end + 1] == b"#":
        after = head.find(b"\n", end) + 1
        if not after:
            break
        end = after
    return head[:end]


def _open(path: str) -> int:
    """A descriptor that never waits: a pipe in place of a file is no reason to hang."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        denied = isinstance(error, PermissionError)
        raise SourceError(
            source=path, expected="a readable file", got=error.strerror or str(error), retry_after=1.0,
            cause=MAY_READ if denied else "",
        ) from error  # fmt: skip
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise SourceError(source=path, expected="a regular file", got="a pipe, device or folder", retry_after=1.0)
