"""What was learned of a device, in sentences."""

from __future__ import annotations

from kanaria.baseline import words
from kanaria.baseline.pattern import PatternOfLife
from kanaria.core.text import printable
from kanaria.core.words import Text

_UNKNOWN = Text(en="Nothing is known about {device}.", ja="{device} についての記録はありません。")


def what_is_normal(device: str | None, life: PatternOfLife) -> list[Text]:
    """What was learned so far; about one device, or how far learning got."""
    if device is None:
        return [words.status(life)]
    name = printable(device)
    return list(words.describe(life, device)) or [
        Text(en=_UNKNOWN.en.format(device=name), ja=_UNKNOWN.ja.format(device=name))
    ]
