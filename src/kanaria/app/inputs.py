"""Keeps account of what was read: per input its format, rows, rejected rows and the time it covers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pyarrow as pa

from kanaria.core.types import Batch, InputSummary, Text


@dataclass
class Inputs:
    """Summaries in the order inputs were opened, and notes for the reader."""

    summaries: dict[str, InputSummary] = field(default_factory=dict)
    notes: list[Text] = field(default_factory=list)
    doubles: int = 0
    """Rows left out because a better sensor saw the same flow."""

    def open(self, name: str, format_name: str) -> None:
        self.summaries.setdefault(name, InputSummary(path=name, format=format_name, rows=0, rejected=0))

    def unknown(self, name: str) -> None:
        """An input nobody recognised."""
        self.summaries[name] = InputSummary(path=name, format=None, rows=0, rejected=0)

    def count(self, batch: Batch) -> None:
        known = self.summaries[batch.source]
        low, high = known.first, known.last
        for table in batch.tables.values():
            first, last = _span(table)
            low = min(filter(None, (low, first)), default=None)
            high = max(filter(None, (high, last)), default=None)
        rejected = known.rejected + max(len(batch.rejects), batch.rejected)
        self.summaries[batch.source] = replace(
            known, rows=known.rows + batch.rows, rejected=rejected, first=low, last=high
        )


def _span(table: pa.Table) -> tuple[datetime | None, datetime | None]:
    import pyarrow.compute as pc

    if not len(table):
        return None, None
    ends = pc.min_max(table["time"]).as_py()
    return tuple(end.astimezone(UTC) if end else None for end in (ends["min"], ends["max"]))  # type: ignore[return-value]
