"""How much of what was given an answer speaks of.

Takes counts; returns ``Coverage`` and its share in words. Nothing is claimed of unread records but that they were
searched.
"""

from __future__ import annotations

from kanaria.core.values import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """``records`` were given, of ``unread`` of them nothing is claimed."""

    records: int
    unread: int

    @property
    def share(self) -> float:
        """The unread share, 0 to 1."""
        return self.unread / self.records if self.records else 0.0

    @property
    def percent(self) -> str:
        """The unread share in per cent. It never reads as nothing or as everything when it is not."""
        if self.unread in (0, self.records):
            return "100" if self.unread else "0"
        percent = 100 * self.share
        if percent < 0.1:
            return "< 0.1"
        if percent > 99.9:
            return "> 99.9"
        return f"{percent:.1f}" if percent < 10 or percent > 90 else f"{percent:.0f}"
