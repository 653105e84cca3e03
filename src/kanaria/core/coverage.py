"""How much of what was given could be read: inputs' summaries come in, counts go out.

Nothing may be claimed of a record that could not be read; whoever says that nothing was found says this first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kanaria.core.types import InputSummary


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """Records that were met, those among them that could not be read, and inputs in no known format."""

    records: int
    unread: int
    strange: tuple[str, ...] = ()
    """Paths of inputs of which nothing was read because nobody knows their format; their records are not counted."""

    @property
    def share(self) -> float:
        """The share of records that could not be read, 0 to 1."""
        return self.unread / self.records if self.records else 0.0

    @property
    def complete(self) -> bool:
        return not self.unread and not self.strange


def coverage(inputs: Sequence[InputSummary]) -> Coverage:
    """What became of all inputs together."""
    return Coverage(
        records=sum(item.rows for item in inputs),
        unread=sum(min(item.rejected, item.rows) for item in inputs),
        strange=tuple(item.path for item in inputs if item.format is None and not item.rows and not _empty(item)),
    )


def _empty(item: InputSummary) -> bool:
    return item.note is not None and item.note.en == "empty."
