"""Findings, messages and records as JSON values and back, so that a later run can go on from them.

Unlike the JSON document for other programs (``report.document``), nothing is left out. A value of an older version that
lacks a property gets that property's default; one it no longer knows is passed over.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, TypeVar

from kanaria.core.types import Evidence, Finding, Record, StratumMessage, Text

Json = dict[str, Any]
Made = TypeVar("Made", Finding, StratumMessage, Record, Evidence)
_TEXTS = frozenset({"title", "why", "because"})


def plain(value: object) -> Any:
    """The value as JSON values; times and bytes are marked, tuples become lists."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return {"@time": value.isoformat()}
    if isinstance(value, bytes):
        return {"@bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def made(kind: type[Made], kept: Json) -> Made:
    """A finding, message, record or piece of evidence out of what ``plain`` gave."""
    names = {field.name for field in fields(kind)}
    return kind(**{name: _value(name, item) for name, item in kept.items() if name in names})


def _value(name: str, item: Any) -> Any:
    if name in _TEXTS and isinstance(item, dict):
        return Text(en=item["en"], ja=item["ja"])
    if name == "evidence":
        return tuple(made(Evidence, one) for one in item)
    if isinstance(item, list):
        return tuple(_plain_back(one) for one in item)
    return _plain_back(item)


def _plain_back(item: Any) -> Any:
    if not isinstance(item, dict):
        return [_plain_back(one) for one in item] if isinstance(item, list) else item
    if "@time" in item:
        return datetime.fromisoformat(item["@time"])
    if "@bytes" in item:
        return base64.b64decode(item["@bytes"])
    return {key: _plain_back(one) for key, one in item.items()}
