"""Japanese for the short English messages of errors, refused records and the command line.

They arise deep in stages that do not know who reads them, so they are written in English there and looked up here by
whoever shows them. A message is a template: ``{}`` stands for what only the moment knows (a name, a number), which is
looked up as well. What has no entry stays as it is; a test finds every message in the source and asks for its entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from kanaria.core.late_regex import late_regex

Templates = dict[str, str]
DEEPEST = 4
"""Messages inside messages (an error of a record in an error of a file): no deeper than this is looked, and there only for
whole ones."""


def in_japanese(message: str, deep: int = 0) -> str:
    """The message in Japanese, or as it is where no template fits."""
    text = message.strip()
    exact = _templates().get(text)
    if exact is not None:
        return exact
    for template, japanese in _patterns() if deep < DEEPEST else ():
        match = template.fullmatch(text)
        if match:
            return japanese.format(*(in_japanese(part, deep + 1) for part in match.groups()))
    return text


def quoted(message: str) -> str:
    """The message in Japanese, or as a quotation: what other programs say is in their language."""
    japanese = in_japanese(message)
    foreign = " " in japanese and not _JAPANESE.search(japanese) and japanese[0] not in _QUOTES
    return f"「{japanese}」" if foreign else japanese


_JAPANESE = late_regex("[\u3040-\u30ff\u4e00-\u9fff]")
_QUOTES = "'\"「("


@cache
def _templates() -> Templates:
    from kanaria.core.japanese.causes import CAUSES
    from kanaria.core.japanese.command_line import COMMAND_LINE
    from kanaria.core.japanese.expectations import EXPECTATIONS
    from kanaria.core.japanese.records import RECORDS
    from kanaria.core.japanese.system import SYSTEM

    return {**SYSTEM, **EXPECTATIONS, **CAUSES, **RECORDS, **COMMAND_LINE}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Templates with holes, those that say most first: a short one fits nearly everything. What stands in quotes holds
    no quote, unless nothing else fits: two quotations are not one."""
    holed = sorted((one for one in _templates().items() if "{}" in one[0]), key=lambda one: -len(one[0]))
    strict = [(_pattern(english, quoted="([^']*?)"), japanese) for english, japanese in holed]
    loose = [(_pattern(english), japanese) for english, japanese in holed if "'{}'" in english]
    return (*strict, *loose)


def _pattern(template: str, quoted: str = "(.*?)") -> re.Pattern[str]:
    parts = (re.escape(part).replace(r"\{\}", "(.*?)") for part in template.split("'{}'"))
    return re.compile(f"'{quoted}'".join(parts), re.DOTALL)


def templates() -> Iterator[str]:
    """Every English message that has a Japanese one."""
    yield from _templates()
