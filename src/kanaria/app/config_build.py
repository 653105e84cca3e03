"""Plain values become settings: every key known, every value of its type, every message with file and line."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from kanaria.app.config_file import KeyPath, Parsed
from kanaria.core.errors import ConfigError


def build(kind: type[Any], parsed: Parsed, value: object, key: KeyPath = ()) -> Any:
    """An object of the dataclass ``kind`` from a table. Raises ConfigError for unknown, missing and wrong keys."""
    if not isinstance(value, dict):
        refuse(parsed, key, "settings as key: value", value)
    hints = get_type_hints(kind, include_extras=True)
    for name in value:
        if name not in hints:
            near = difflib.get_close_matches(str(name), hints, n=1)
            cause = f"did you mean {near[0]}?" if near else f"known settings: {', '.join(sorted(hints))}"
            refuse(parsed, (*key, str(name)), "a known setting", name, cause)
    for item in fields(kind):
        if item.name not in value and item.default is MISSING and item.default_factory is MISSING:
            refuse(parsed, (*key, item.name), "this setting", "nothing", f"known settings: {', '.join(sorted(hints))}")
    return kind(**{name: _value(hints[name], parsed, given, (*key, name)) for name, given in value.items()})


def refuse(parsed: Parsed, key: KeyPath, expected: str, got: object, cause: str = "") -> NoReturn:
    """Raise ConfigError for a key of the file."""
    raise ConfigError(
        path=parsed.path, line=parsed.line(key), key=dotted(key), expected=expected, got=got, cause=cause
    )  # fmt: skip


def dotted(key: KeyPath) -> str:
    """``("sources", 0, "path")`` as ``sources[1].path``: people count from one."""
    shown = ""
    for part in key:
        shown += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown


def _value(kind: Any, parsed: Parsed, value: object, key: KeyPath) -> object:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):  # only ``X | None``: a file has no null, so a key that is there has a value
        return _value(next(arm for arm in get_args(kind) if arm is not type(None)), parsed, value, key)
    if origin is Annotated:
        return _number(parsed, value, key, zero=True)
    if is_dataclass(kind) and isinstance(kind, type):
        return build(kind, parsed, value, key)
    if origin is tuple:
        return _items(get_args(kind)[0], parsed, value, key)
    if origin is Literal:
        choices = get_args(kind)
        if value not in choices:
            near = difflib.get_close_matches(str(value), choices, n=1)
            refuse(parsed, key, f"one of {', '.join(choices)}", value, f"did you mean {near[0]}?" if near else "")
        return value
    if origin in (dict, Mapping):
        if isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
            return value
        refuse(parsed, key, "a mapping of texts to texts", value)
    return _plain(kind, parsed, value, key)


def _items(kind: Any, parsed: Parsed, value: object, key: KeyPath) -> tuple[object, ...]:
    if kind is str:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        refuse(parsed, key, "a list of texts", value)
    if not isinstance(value, list):
        refuse(parsed, key, f"[[{dotted(key)}]] tables" if is_dataclass(kind) else "a list of texts", value)
    if get_origin(kind) is Literal:
        return tuple(_value(kind, parsed, item, (*key, index)) for index, item in enumerate(value))
    return tuple(build(kind, parsed, item, (*key, index)) for index, item in enumerate(value))


def _plain(kind: Any, parsed: Parsed, value: object, key: KeyPath) -> object:
    if kind is bool:
        if isinstance(value, bool):
            return value
        refuse(parsed, key, "true or false", value)
    if kind is int:
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        refuse(parsed, key, "a whole number above 0", value)
    if kind is float:
        return _number(parsed, value, key)
    if isinstance(value, str):
        return value
    refuse(parsed, key, "a text", value)


def _number(parsed: Parsed, value: object, key: KeyPath, *, zero: bool = False) -> float:
    """A number above 0, or with ``zero`` (``core.limits.FromZero``) also 0."""
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and 0 <= value < float("inf")
        and (zero or value)
    ):
        return float(value)
    refuse(parsed, key, "a number from 0 on" if zero else "a number above 0", value)
