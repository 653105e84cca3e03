"""One entry of a knowledge file before it becomes a fact: plain values, and the place it was written at.

Takes a mapping from YAML or from the compiled file; returns values of the type the fact needs, or ``RuleError`` with
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from kanaria.core.errors import RuleError
from kanaria.core.facts import Provenance
from kanaria.core.types import Text
from kanaria.core.values import dataclass


@lru_cache(maxsize=1024)
def _iso_day(text: str) -> date:
    """A day; lists say the same one again and again."""
    return date.fromisoformat(text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """``section`` says what kind of fact; ``data`` its fields; the rest where it stands."""

    section: str
    data: Mapping[str, object]
    file: str
    line: int | None = None
    column: int | None = None

    def error(self, *, expected: str, got: object, cause: str = "") -> RuleError:
        return RuleError(
            file=self.file, line=self.line, column=self.column, expected=expected, got=str(got)[:200], cause=cause
        )

    def within(self, data: object, what: str) -> Entry:
        """A nested mapping of this entry, at this entry's place."""
        if not isinstance(data, Mapping):
            raise self.error(expected=f"{what} as a mapping", got=repr(data))
        return Entry(section=self.section, data=data, file=self.file, line=self.line, column=self.column)

    def only(self, *keys: str) -> None:
        """Refuse keys nobody reads: a misspelled key would otherwise be a fact silently lost."""
        for key in self.data:
            if key not in keys:
                raise self.error(
                    expected=f"one of the keys {', '.join(sorted(keys))} in {self.section}",
                    got=f"{key!r}",
                    cause="misspelled?",
                )

    def text(self, key: str) -> str:
        """A non-empty string. YAML reads an unquoted ``no`` or ``1.0`` as something else: that is refused."""
        value = self.data.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(
                expected=f"{key} as text in {self.section}", got=repr(value), cause="missing, empty, or not quoted?"
            )
        return value

    def optional(self, key: str) -> str | None:
        return None if self.data.get(key) is None else self.text(key)

    def number(self, key: str) -> float:
        value = self.data.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(expected=f"{key} as a number in {self.section}", got=repr(value))
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.error(
                expected=f"{key} as a list of texts in {self.section}",
                got=repr(value),
                cause="quote numbers and yes/no",
            )
        return tuple(value)

    def words(self, key: str) -> Text:
        """Words for people: both languages or nothing."""
        inner = self.within(self.data.get(key), f"{key} with en and ja")
        inner.only("en", "ja")
        return Text(en=inner.text("en").strip(), ja=inner.text("ja").strip())

    def day(self, key: str) -> date:
        value = self.data.get(key)
        if isinstance(value, date):
            return value
        try:
            return _iso_day(str(value))
        except ValueError as error:
            raise self.error(expected=f"{key} as a date like 2026-11-21 in {self.section}", got=repr(value)) from error

    def provenance(self) -> Provenance:
        return Provenance(source=self.text("source"), date=self.day("date"))

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = default if default is not None and key not in self.data else self.text(key)
        if value not in allowed:
            raise self.error(expected=f"{key} as one of {', '.join(allowed)}", got=repr(value))
        return value
