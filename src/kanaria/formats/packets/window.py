"""A stream as a sliding window: from a ``Stream`` to an array with unread bytes between two marks."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Any

import numpy as np

from kanaria.core.errors import SourceError
from kanaria.core.stream import Stream
from kanaria.formats.packets.container import LARGEST_BLOCK

BLOCK = 8 << 20  # bytes read at a time; measured equal from 4 to 32 MB


class Window:
    """``data[start:end]`` are the bytes not used yet; whoever uses them moves ``start``.

    With ``wait`` (seconds) the stream is live: ``fill`` hands on whatever is there, and nothing after that time.
    """

    def __init__(self, stream: Stream, wait: float | None) -> None:
        self.data = np.empty(BLOCK, np.uint8)
        self.start = self.end = self.offset = 0
        self.last = False
        self.cause = ""
        self._wait, self._path = wait, stream.path
        self._file = stream.open()
        file: Any = self._file
        self._read: Callable[[Any], int | None] = getattr(file, "readinto1", file.readinto)
        self._descriptor = _descriptor(self._file) if wait else None

    def fill(self) -> bool:
        """Read more; False when the stream had ended already."""
        if self.last:
            self._file.close()
            return False
        self._make_room()
        if self._descriptor is not None and not select.select([self._descriptor], [], [], self._wait)[0]:
            return True
        while self.end < len(self.data):
            count = self._read_some()
            if count == 0:
                self.last = True
            if count == 0 or self._wait is not None:
                break
        return True

    def _read_some(self) -> int:
        if self._only_hole_follows():
            self.cause = "the rest of the file is a hole (a sparse file)"
            return 0
        try:
            count = self._read(self.data[self.end :].data) or 0
        except (OSError, EOFError, ValueError) as error:  # damaged compression, a vanished network share
            self.cause = f"the input could not be read further: {error}"
            return 0
        except SourceError as error:
            self.cause = str(error)
            return 0
        self.end += count
        self.offset += count
        return count

    def _make_room(self) -> None:
        """Move unused bytes to the front; a single record larger than the window makes it grow."""
        left = self.end - self.start
        if left == len(self.data) and left < 4 * LARGEST_BLOCK:
            self.data = np.concatenate([self.data, np.empty(len(self.data), np.uint8)])
        elif self.start:
            self.data[:left] = self.data[self.start : self.end].copy()
            self.start, self.end = 0, left

    def _only_hole_follows(self) -> bool:
        """Whether a regular file has no data after this point although it goes on."""
        if self._path is None or self.offset < BLOCK:
            return False
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            os.lseek(descriptor, self.offset, os.SEEK_DATA)
        except OSError:
            return os.fstat(descriptor).st_size > self.offset
        finally:
            os.close(descriptor)
        return False


def _descriptor(file: object) -> int | None:
    try:
        return int(file.fileno())  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return None
