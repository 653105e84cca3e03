"""Our values as JSON values and back: one way for all that is kept, compiled, or told to another process.

The annotations of a type decide. A property that an older version did not write gets its default, one that is no longer
known is passed over; anything else that does not fit is a ``ValueError`` that says where.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

Made = TypeVar("Made")


def plain(value: object) -> Any:
    """The value as JSON values: times as ISO 8601 with their zone, bytes in base64."""
    return msgspec.to_builtins(value)


def made(kind: type[Made], kept: object) -> Made:
    """The value of that type which ``plain`` gave."""
    try:
        return msgspec.convert(kept, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def made_of_text(kind: type[Made], text: bytes) -> Made:
    """The same out of JSON text, without any values between."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def marked(value: object) -> Any:
    """JSON values of something whose type nothing says: times and bytes say what they are."""
    if isinstance(value, datetime):
        return {"@time": value.isoformat()}
    if isinstance(value, bytes):
        return {"@bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, Mapping):
        return {str(key): marked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [marked(item) for item in value]
    return value


def unmarked(kept: Any) -> Any:
    """What ``marked`` was given, with lists for tuples."""
    if isinstance(kept, list):
        return [unmarked(item) for item in kept]
    if not isinstance(kept, Mapping):
        return kept
    if set(kept) == {"@time"} and isinstance(kept["@time"], str):
        return datetime.fromisoformat(kept["@time"])
    if set(kept) == {"@bytes"} and isinstance(kept["@bytes"], str):
        return base64.b64decode(kept["@bytes"])
    return {key: unmarked(item) for key, item in kept.items()}
