"""Ids derived from content: the same input gives the same ids on every machine and every run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

ROW_BITS = 40
"""A source may have 2**40 records (a 100 TB log); 23 bits are left to tell sources apart inside one run."""


def source_id(name: str) -> int:
    """A 23-bit number for a source name (path or sensor); combine with a row by ``event_id``."""
    return int.from_bytes(hashlib.blake2b(_bytes(name), digest_size=8).digest(), "big") >> 41


def _bytes(name: str) -> bytes:
    """A name's bytes, as a file system has them; a sensor may also be called by halves of characters."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")


def first_event_id(name: str) -> int:
    """The id of row 0 of a source; row *n* has this plus *n*. Fits a signed 64-bit integer."""
    return source_id(name) << ROW_BITS


def content_id(prefix: str, parts: Iterable[object]) -> str:
    """A short stable id such as ``f-3c9a51b07e2d`` over the parts, in order."""
    text = "\x1f".join(str(part) for part in parts)
    return f"{prefix}-{hashlib.blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=6).hexdigest()}"
