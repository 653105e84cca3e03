"""Formats that are data: each YAML file in ``layouts`` says which fields of a record become which columns."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

_SUFFIX = ".yaml"


def places() -> tuple[str, ...]:
    """An entry for ``formats.registry`` per layout, sorted by name."""
    names = sorted(file.name for file in files(__name__).joinpath("layouts").iterdir())
    return tuple(f"{__name__}:{name.removesuffix(_SUFFIX)}" for name in names if name.endswith(_SUFFIX))


def __getattr__(name: str) -> Any:
    """The class of a layout's format, called like that of any other."""
    if f"{__name__}:{name}" not in places():
        raise AttributeError(name)
    from functools import partial

    from kanaria.formats.mapped.layout import load
    from kanaria.formats.mapped.mapped import Mapped

    return partial(Mapped, load(name))
