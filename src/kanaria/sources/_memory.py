"""Text a user typed or piped as a stream, and the size of inputs for the progress bar."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from kanaria.sources._decompress import HEAD
from kanaria.sources._inputs import expand


class TextStream:
    """Bytes already in memory, under a name for reports."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.path: Path | None = None
        self.size: int | None = len(data)
        self._data = data

    def head(self) -> bytes:
        return self._data[:HEAD]

    def open(self) -> BinaryIO:
        return io.BytesIO(self._data)


def text_stream(name: str, data: bytes) -> TextStream:
    """A stream over these bytes."""
    return TextStream(name, data)


def total_size(paths: Sequence[str]) -> int | None:
    """Compressed bytes of all inputs together; None when one of them has no known end (a pipe, standard input).

    Raises SourceError like ``open_inputs`` does.
    """
    names = expand(paths)
    if not all(os.path.isfile(name) for name in names):
        return None
    return sum(os.stat(name).st_size for name in names)
