"""Secrets that settings name instead of holding them: ``env:NAME``, ``file:PATH``, ``credential:NAME``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

from kanaria.core.errors import ConfigError


def named(settings: object, kind: str) -> Iterator[str]:
    """What settings name in that way, wherever it stands in them: of ``credential:NAME`` the names."""
    if isinstance(settings, str):
        before, colon, name = settings.partition(":")
        if colon and before == kind:
            yield name
    elif isinstance(settings, Mapping):
        for value in settings.values():
            yield from named(value, kind)
    elif isinstance(settings, tuple | list):
        for value in settings:
            yield from named(value, kind)
    elif is_dataclass(settings):
        for field in fields(settings):
            yield from named(getattr(settings, field.name), kind)


def secret(text: str, key: str) -> str:
    """The secret that a setting names, never an empty one: whoever sends nothing would know it. Raises ConfigError
    naming ``key``, never the secret."""
    value = _named(text, key)
    if not value:
        raise ConfigError(path="settings", key=key, expected="a text", got="an empty one")
    return value


def _named(text: str, key: str) -> str:
    kind, colon, name = text.partition(":")
    if not colon or kind not in {"env", "file", "credential"}:
        return text
    if kind == "env":
        value = os.environ.get(name)
        if value is None:
            raise ConfigError(path="settings", key=key, expected=f"the environment variable {name}", got="none")
        return value
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if kind == "credential" and folder is None:
        raise ConfigError(
            path="settings", key=key, expected=f"the credential {name}", got="no credentials",
            cause="they exist only under systemd, by LoadCredential=",
        )  # fmt: skip
    place = Path(folder or "") / name if kind == "credential" else Path(name)
    try:
        return place.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            path="settings", key=key, expected="a readable file with the secret", got=str(place), cause=str(error)
        ) from error
