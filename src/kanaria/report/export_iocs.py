"""The indicators of an analysis as a table for people: defanged values, those with the same comment together.

Takes an ``Analysis``; returns plain text, one block per incident. Nothing in it can be opened by a click:
``203.0.113[.]5``, ``pool.example[.]org``, ``hxxp://203.0.113[.]5/x.sh``.
"""

from __future__ import annotations

from collections.abc import Iterator

from kanaria.core.text import defang, hide_host, hide_scheme, printable, width
from kanaria.core.types import Analysis, Incident, Indicator, Language, Text
from kanaria.report.phrases import HEADINGS

_VALUE = Text(en="IoC", ja="IoC")
_COMMENT = Text(en="Comment", ja="コメント")
_NONE = Text(en="No indicators.", ja="痕跡情報(IoC)はありません。")
NETWORK_TYPES = frozenset({"ipv4", "ipv6", "domain", "url"})
# Wider values would push the comments off the screen: they stand on a line of their own.
VALUE_COLUMNS = 48


def export(analysis: Analysis, language: Language) -> str:
    """Every incident that has indicators, or the sentence that there are none."""
    blocks = [list(_block(item, language)) for item in analysis.incidents if item.indicators]
    lines = [line for number, block in enumerate(blocks) for line in ([""] if number else []) + block]
    return "\n".join(lines or [_NONE.to(language)]) + "\n"


def defanged(indicator: Indicator) -> str:
    """The value, printable, that no program turns into a link."""
    text = printable(indicator.value)
    if indicator.type == "url":
        return defang(text) if "://" in text else hide_scheme(text)
    return hide_host(text) if indicator.type in NETWORK_TYPES else hide_scheme(text)


def _block(incident: Incident, language: Language) -> Iterator[str]:
    yield f"{incident.title.to(language)} ({incident.id})"
    yield f"{HEADINGS['indicators'].to(language)}:"
    groups: dict[str, list[str]] = {}
    for indicator in incident.indicators:
        groups.setdefault(indicator.comment.to(language), []).append(defanged(indicator))
    shown = [width(value) for values in groups.values() for value in values if width(value) <= VALUE_COLUMNS]
    column = max([width(_VALUE.to(language)), *shown]) + 2
    yield _row(_VALUE.to(language), _COMMENT.to(language), column)
    yield _row("-" * (column - 2), "-" * width(_COMMENT.to(language)), column)
    for comment, values in groups.items():
        for value in values:
            yield from _rows(value, comment, column)


def _rows(value: str, comment: str, column: int) -> Iterator[str]:
    """A value and its comment; a value too long for the column stands alone, above its comment."""
    if width(value) <= column - 2:
        yield _row(value, comment, column)
        return
    yield value
    if comment:
        yield _row("", comment, column)


def _row(value: str, comment: str, column: int) -> str:
    return (value + " " * (column - width(value)) + comment).rstrip()
