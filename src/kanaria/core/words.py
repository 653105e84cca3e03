"""Words for people, in every language we speak. Light: commands show them before anything heavy is loaded."""

from __future__ import annotations

from typing import Literal

from kanaria.core.text import printable
from kanaria.core.values import dataclass

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ja")


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """Words for a person, in every language we speak. They may quote a log; what ``to`` gives is printable."""

    en: str
    ja: str

    def to(self, language: Language) -> str:
        """The words of one language on one line, without control, format or unassigned characters."""
        words = self.ja if language == "ja" else self.en
        return printable(words)
