"""The indicators of an analysis as a table for people: defanged values, those with the same comment together.

Comes in: an ``Analysis``. Goes out: plain text, one block per incident. Nothing in it can be opened by a click:
``203.0.113[.]5``, ``pool.example[.]org``, ``hxxp://203.0.113[.]5/x.sh``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kanaria.core.network import parse_address
from kanaria.core.text import printable, width
from kanaria.core.types import Analysis, Incident, Indicator, Language, Text
from kanaria.report.phrases import HEADINGS

_VALUE = Text(en="IoC", ja="IoC")
_COMMENT = Text(en="Comment", ja="コメント")
_NONE = Text(en="No indicators.", ja="痕跡情報(IoC)はありません。")
NETWORK_TYPES = frozenset({"ipv4", "ipv6", "domain", "url"})
# Wider values would push the comments off the screen: they stand on a line of their own.
VALUE_COLUMNS = 48

_SCHEME = re.compile(r"\b(h)tt(ps?)(?=:/)|\b(f)t(p)(?=:/)", re.IGNORECASE)
_URL = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:/*)?([^/?#]*)(.*)$", re.DOTALL)


def export(analysis: Analysis, language: Language) -> str:
    """Every incident that has indicators, or the sentence that there are none."""
    blocks = [list(_block(item, language)) for item in analysis.incidents if item.indicators]
    lines = [line for number, block in enumerate(blocks) for line in ([""] if number else []) + block]
    return "\n".join(lines or [_NONE.to(language)]) + "\n"


def defanged(indicator: Indicator) -> str:
    """The value, printable, that no program turns into a link."""
    text = printable(indicator.value)
    if indicator.type == "url":
        scheme, host, rest = _URL.fullmatch(text).groups()  # type: ignore[union-attr]  # the pattern matches any text
        return f"{_hide_scheme(scheme or '')}{_hide_dots(host)}{_hide_scheme(rest)}"
    if indicator.type in NETWORK_TYPES:
        return _hide_dots(text)
    return _hide_scheme(text)


def _hide_dots(host: str) -> str:
    """The last dot of an address as usual, every dot of a name; the colons of IPv6 where it is shortened."""
    address = parse_address(host)
    if address is None:
        return host.replace(".", "[.]").replace("://", "[://]")
    if address.version == 6:
        return host.replace(":", "[:]", 1)
    return "[.]".join(host.rsplit(".", 1))


def _hide_scheme(text: str) -> str:
    return _SCHEME.sub(lambda m: f"{m[1]}xx{m[2]}" if m[1] else f"{m[3]}x{m[4]}", text)


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
