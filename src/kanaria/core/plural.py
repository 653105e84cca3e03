"""English counts: "1 record", "2 records". Templates say both beside the number, ``{count:record|records}``, and
everything that goes with it, ``{count:record is|records are}``; Japanese needs neither."""

from __future__ import annotations

import string
from typing import Any


class _Filler(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        one, bar, many = format_spec.partition("|")
        if not bar:
            return str(super().format_field(value, format_spec))
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        return f"{shown} {one if shown == '1' else many}"


_FILLER = _Filler()


def fill(template: str, /, **values: object) -> str:
    """The template with its values; what is counted agrees with its number."""
    return _FILLER.vformat(template, (), values)


def counted(number: int, one: str, many: str = "") -> str:
    """A number with what it counts; ``many`` is ``one`` with an s where it is left out."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
