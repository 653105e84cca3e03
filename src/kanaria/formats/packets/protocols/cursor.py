"""Read big-endian fields from bytes that may end anywhere. Reading past the end gives ``Short``, nothing else."""

from __future__ import annotations


class Short(Exception):
    """The bytes ended inside a field."""


class Cursor:
    """A place in some bytes; every read moves on."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def take(self, count: int) -> bytes:
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise Short
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def block(self, size: int) -> Cursor:
        """The bytes behind a length field of that size, as their own cursor."""
        return Cursor(self.take(self.number(size)))

    @property
    def left(self) -> int:
        return len(self.data) - self.at
