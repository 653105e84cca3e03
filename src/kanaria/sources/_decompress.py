"""Compressed bytes to plain ones: gzip, bzip2, xz and zstd, told by their magic and never by the file's name.

Several members or frames one after the other are one stream, as their tools make them; what was compressed twice is
read through both. Damage ends the stream after the
last good byte and is kept in ``damage``; it is never an exception.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

HEAD = 256 << 10  # bytes a format may look at before it is chosen (core.stream.Stream.head)
CHUNK = 256 << 10  # compressed bytes per read: big enough for speed, small enough for a smooth progress bar
_NESTED = 2
"""Compressions inside the first that are opened: a rotated log that was compressed, archived and compressed again."""
_STEP = 64  # compressed bytes fed at once while looking for the last good one before damage

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))


def compression(head: bytes) -> str | None:
    """The compression whose magic the bytes start with."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /, max_length: int = ...) -> bytes: ...


def _decoder(kind: str) -> _Decoder:
    if kind == "gzip":
        return zlib.decompressobj(wbits=31)
    return bz2.BZ2Decompressor() if kind == "bzip2" else lzma.LZMADecompressor(format=lzma.FORMAT_XZ)


def decompressed(source: BinaryIO, on_progress: Callable[[int], None], *, owned: bool = True) -> Decompressed:
    """The plain bytes of ``source``, also where a compressed file was compressed again."""
    decompressed = Decompressed(source, on_progress, owned=owned)
    for _ in range(_NESTED):
        if decompressed.kind is None:
            break
        decompressed = Decompressed(decompressed, lambda _count: None)
    return decompressed


class Decompressed(io.RawIOBase):
    """A raw binary stream of the plain bytes of ``source``. ``on_progress`` hears of every compressed byte once."""

    def __init__(
        self, source: BinaryIO | Decompressed, on_progress: Callable[[int], None], *, owned: bool = True
    ) -> None:
        self._outer = source if isinstance(source, Decompressed) else None
        self._damage: str | None = None
        self._input = _Counted(source, on_progress, owned=owned)
        first = self._input.peek()
        self.kind = compression(first)
        self._pending = memoryview(b"")
        self._decoder: _Decoder | None = None
        self._done = False
        self._zstd = _zstd(self._input) if self.kind == "zstd" else None

    @property
    def damage(self) -> str | None:
        """Why the bytes ended early: a disk or device that failed, a truncated or corrupt archive."""
        outer = self._outer.damage if self._outer is not None else None
        return self._input.failure or outer or self._damage

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._input.close()
        super().close()

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        if self.kind is None:
            return self._input.readinto(target)
        while not self._pending and not self._done:
            self._pending = memoryview(self._next())
        count = min(len(target), len(self._pending))
        target[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def take(self, count: int) -> bytes:
        """Up to ``count`` bytes, fewer only at the end."""
        parts, left = [], count
        while left and (part := self.read(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _next(self) -> bytes:
        if self._zstd is not None:
            return self._read_zstd(self._zstd)
        data = self._input.read(CHUNK) or b""
        if not data:
            return self._end()
        return self._feed(data)

    def _feed(self, data: bytes) -> bytes:
        """Decode one chunk; after an end of member, go on with the next unless only padding follows."""
        parts: list[bytes] = []
        while data and not self._done:
            if self._decoder is None:
                data = data.lstrip(b"\0")
                if not data:
                    break
                self._decoder = _decoder(str(self.kind))
            plain, data = self._decode(self._decoder, data)
            parts.append(plain)
            if self._decoder is not None and self._decoder.eof:
                self._decoder = None
        return b"".join(parts)

    def _decode(self, decoder: _Decoder, data: bytes) -> tuple[bytes, bytes]:
        try:
            whole = decoder.copy() if hasattr(decoder, "copy") else None
            return decoder.decompress(data), decoder.unused_data
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            self._stop(error)
            return (_salvage(whole, data) if whole is not None else b""), b""

    def _end(self) -> bytes:
        self._done = True
        if self._decoder is not None:
            self._damage = f"the {self.kind} data ends in the middle (a cut or still growing file)"
        return b""

    def _stop(self, error: Exception) -> None:
        self._done = True
        self._damage = f"the {self.kind} data is damaged after {self._input.count} compressed bytes: {error}"

    def _read_zstd(self, source: BinaryIO) -> bytes:
        try:
            plain = source.read(CHUNK)
        except (OSError, ValueError) as error:
            self._stop(error)
            return b""
        self._done = not plain
        return plain


def _salvage(decoder: _Decoder, data: bytes) -> bytes:
    """What can be decoded of a chunk that has damage somewhere."""
    parts = []
    for start in range(0, len(data), _STEP):
        try:
            parts.append(decoder.decompress(data[start : start + _STEP]))
        except zlib.error:
            break
    return b"".join(parts)


def _zstd(source: io.RawIOBase) -> BinaryIO:
    import pyarrow as pa  # 60 ms; only zstd needs it

    plain: BinaryIO = pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd")
    return plain


class _Counted(io.RawIOBase):
    """The compressed bytes, counted as they are read, with a peek at the first."""

    def __init__(self, source: BinaryIO | Decompressed, on_progress: Callable[[int], None], *, owned: bool) -> None:
        self._source, self._on_progress, self._owned = source, on_progress, owned
        self._ahead = b""
        self.count = 0
        self.failure: str | None = None
        """Why no more could be read; what was read before stands."""

    def readable(self) -> bool:
        return True

    def peek(self) -> bytes:
        """The first 8 bytes, fewer only if there are no more."""
        try:
            while len(self._ahead) < 8 and (more := self._source.read(8 - len(self._ahead))):
                self._ahead += more
        except OSError as error:
            self._fail(error)
        return self._ahead

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        if self._ahead:
            count = min(len(self._ahead), len(target))
            target[:count] = self._ahead[:count]
            self._ahead = self._ahead[count:]
        else:
            count = self._tried(target)
        self.count += count
        self._on_progress(count)
        return count

    def _tried(self, target: memoryview) -> int:
        if self.failure is not None:
            return 0
        try:
            return self._read_into(target)
        except OSError as error:
            self._fail(error)
            return 0

    def _fail(self, error: OSError) -> None:
        self.failure = f"reading failed: {error.strerror or error}"

    def _read_into(self, target: memoryview) -> int:
        """Straight into the target where the source can: a copy less of every byte."""
        into = getattr(self._source, "readinto1", None) or getattr(self._source, "readinto", None)
        if into is not None:
            return into(target) or 0
        data = self._source.read(len(target)) or b""
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if self._owned:
            self._source.close()
        super().close()
