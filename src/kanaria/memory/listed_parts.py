"""Parts of earlier commits, as the store's database lists them: which a question reads, and which cannot be read.

In: the list, and what a commit changes about it. Out: parts for a question, notes about those that are lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from kanaria.core.text import printable
from kanaria.core.words import Text
from kanaria.store.events import Changes, EventFiles, Part

ASKED, ASKED_LIVE = 5_000_000, 1_000_000
"""Rows of earlier commits that one question reads at most, the newest first: a million takes 60 ms of processor time
for the columns of a question. A service asks with every incident that changes, a run once."""


class ListedParts:
    """``files`` are the store's, None where there is no store."""

    def __init__(self, files: EventFiles | None, listed: Iterable[Part]) -> None:
        self._files = files
        self._listed: dict[str, list[Part]] = defaultdict(list)
        self._since: dict[str, int] = {}
        self.now = 0
        """A moment: what is listed after it is what a question about what came after it reads."""
        self._lost: dict[str, tuple[Part, str]] = {}
        for part in listed:
            self._listed[part.kind].append(part)
            if files and (wrong := files.whole(part)):
                self._lost[part.file] = part, wrong

    def __iter__(self) -> Iterator[Part]:
        return (part for parts in self._listed.values() for part in parts)

    def of(self, kind: str) -> list[Part]:
        """Those of one table that can be read."""
        return [part for part in self._listed[kind] if part.file not in self._lost]

    def readable(self) -> list[Part]:
        """Those that can be read."""
        return [part for part in self if part.file not in self._lost]

    def chosen(
        self, kind: str, since: datetime | None, until: datetime | None, after: int = -1, most: int = ASKED
    ) -> list[Part]:
        """Those with rows between two times that were listed after a moment, of too many rows the newest."""
        low, high = microseconds(since), microseconds(until)
        chosen = list[Part]()
        for part in sorted(self.of(kind), key=lambda part: (-part.ends, part.file)):
            if outside(part, low, high) or self._since.get(part.file, 0) <= after:
                continue
            most -= part.records
            if most < 0 and chosen:
                break
            chosen.append(part)
        return chosen

    def lose(self, parts: Iterable[Part]) -> list[Part]:
        """Those of the parts that cannot be read: they are left out from now on."""
        lost = []
        for part in parts if self._files else ():
            wrong = self._files.whole(part) or self._files.readable(part) if self._files else None
            if wrong:
                self._lost[part.file] = part, wrong
                lost.append(part)
        return lost

    def change(self, changes: Changes) -> None:
        """The transaction that lists these is committed."""
        self.now += 1
        for part in changes.removed:
            self._listed[part.kind].remove(part)
        for part in changes.added:
            self._listed[part.kind].append(part)
            self._since[part.file] = self.now

    def notes(self) -> list[Text]:
        """What could not be read, in words."""
        return [_unread(part, wrong) for part, wrong in self._lost.values()]

    def size(self) -> dict[str, Any]:
        """Files, rows, bytes, and the time of the first row in microseconds since 1970."""
        parts = list(self)
        return {
            "files": len(parts), "rows": sum(part.records for part in parts),
            "bytes": sum(part.bytes for part in parts), "first": min((part.begins for part in parts), default=None),
        }  # fmt: skip


def outside(part: Part, low: int | None, high: int | None) -> bool:
    """Whether none of its rows is between two times."""
    return (low is not None and part.ends < low) or (high is not None and part.begins > high)


def ends_of(rows: pa.Table) -> tuple[datetime | None, datetime | None]:
    """The first and the last time of rows."""
    import pyarrow.compute as pc

    ends = pc.min_max(rows["time"]).as_py()
    return ends["min"], ends["max"]


def microseconds(time: datetime | None) -> int | None:
    """Since 1970."""
    return None if time is None else round(time.timestamp() * 1_000_000)


def moment(since_1970: int) -> datetime:
    """A time by its microseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=since_1970)


def _unread(part: Part, wrong: str) -> Text:
    named, why, rows = printable(part.file), printable(wrong), f"{part.records:,}"
    return Text(
        en=f"{rows} earlier records cannot be read ({named}: {why}); what they would have said is missing here. "
        "kanaria restore --set-aside puts the file aside.",
        ja=f"以前の記録{rows}件を読めないため({named}: {why})、その内容はこの結果に含まれていません。"
        "kanaria restore --set-aside でこのファイルを退避できます。",
    )
