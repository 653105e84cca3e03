"""Ties a test to the sentence of a page that promises what it shows, and to the same sentence of the Japanese page.

A sentence that is rewritten fails its test: whoever changes a promise looks at what holds it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from tests.docs.doc_pages import ROOT, counterpart


def promised(page: str, english: str, japanese: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The decorated test shows what ``docs/how-to/page.md`` says in these words, as does its twin in those."""

    def tied(test: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(test)
        def checked(*given: Any, **named: Any) -> Any:
            place = ROOT / "docs" / "how-to" / f"{page}.md"
            for file, words in ((place, english), (counterpart(place), japanese)):
                assert words in re.sub(r"\s+", " ", file.read_text("utf-8")), f"{file.name} no longer says: {words}"
            return test(*given, **named)

        return checked

    return tied
