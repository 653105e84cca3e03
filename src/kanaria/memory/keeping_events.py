"""What a commit keeps of the rows that a run has read: parts that are new, joined, written over, too old or too much.

In: the rows of the run. Out: ``Changes`` for the commit's transaction; ``settle`` afterwards makes them true here. A
run that is killed in between leaves files that are not listed, which the next one deletes.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import pyarrow as pa

from kanaria.core.limits import EventLimits
from kanaria.core.words import Text
from kanaria.memory.listed_parts import ListedParts, ends_of, microseconds, outside
from kanaria.memory.own_rows import OwnRows, RunRows
from kanaria.store.events import NO_CHANGES, Changes, EventFiles, Part, to_join, too_old

_UNKEPT = Text(
    en="For want of disk space, rows of connections could not be kept; questions about that time are answered without.",
    ja="ディスクの空きが足りず、接続などの記録を一部保存できませんでした。その期間については、保存できた分だけで判断します。",
)
_TOO_OLD = Text(
    en="{n} records were analysed and are not kept for questions of later runs: they are older than the {days:g} days "
    "up to the newest record that the store knows of (events.days).",
    ja="{n}件の記録は解析しましたが、今後の解析のためには保存しません。ストアにある最も新しい記録から{days:g}日より前の"
    "ものです(events.days)。",
)


class Keeping:
    """Belongs to whoever owns the store; ``files`` are the store's."""

    def __init__(self, files: EventFiles, listed: ListedParts, run: RunRows, limits: EventLimits) -> None:
        self._files, self._listed, self._run, self._limits = files, listed, run, limits
        self._written_over: list[Part] = []
        self._pending: list[Part] = []
        """Parts that were written and are not listed yet."""
        self._changes, self._swept = NO_CHANGES, False
        self._most, self._unkept = int(limits.megabytes * 1e6), False

    def write(self, kind: str, rows: pa.Table) -> list[Part]:
        """Make parts of rows that the next commit lists. Raises OSError."""
        self._sweep()
        made = self._files.write(kind, rows)
        self._pending += made
        return made

    def _sweep(self) -> None:
        """Once: delete what a run left that was killed."""
        if not self._swept:
            self._files.sweep(self._listed)
            self._swept = True

    def changes(self, newest: datetime | None, *, endless: bool) -> Changes:
        """Write what is new to parts and say what the commit's transaction is to change about the list: they come, and
        what is joined, older than the limit by the ``newest`` record, or too much goes. Raises OSError; a run that is
        ``endless`` goes on without what it cannot write."""
        self._sweep()
        self._files.remove(part for part in self._changes.added if part not in self._pending)  # it was not committed
        self._pending = [part for part in self._pending if part not in self._written_over]
        for kind, own in self._run.new.items():
            if own.rows and self._most:
                self._kept(kind, own, endless=endless)
        rewritten = self._write_over()
        listed = self._listed.readable()
        since = microseconds(newest - timedelta(days=self._limits.days)) if newest else None
        since = since if self._limits.days else sys.maxsize
        gone = {*too_old([*listed, *self._pending], since, self._most), *rewritten}
        left = [part for part in (*listed, *self._pending) if part not in gone]
        groups = to_join(left)
        made = [self._files.joined(group) for group in groups]
        if self._pending or made:
            self._files.settle()
        dropped = gone.union(*groups)
        self._changes = Changes(
            added=tuple(part for part in (*self._pending, *made) if part not in dropped),
            removed=tuple(part for part in listed if part in dropped),
        )
        return self._changes

    def _write_over(self) -> set[Part]:
        """Write parts anew without the rows that are no more, and those that have taken their place. Returns the parts
        that are no more."""
        over, made = set[Part](), list[Part]()
        for kind in [kind for kind, dropped in self._run.dropped.items() if dropped]:
            rows = self._run.dropped_ids(kind)
            low, high = map(microseconds, ends_of(rows))
            for part in (*self._listed.of(kind), *(part for part in self._pending if part.kind == kind)):
                if outside(part, low, high) or self._listed.lose([part]):
                    continue
                left = self._files.without(part, rows["event_id"])
                if left is not None:
                    over.add(part)
                    made += left
            revised = self._run.revised[kind]
            made += self._files.write(kind, revised.rows_together()) if revised.rows and self._most else []
        self._written_over = made
        self._pending += made
        return over

    def _kept(self, kind: str, own: OwnRows, *, endless: bool) -> None:
        try:
            own.move_to(self.write(kind, own.rows_together()))
        except OSError:
            if not endless:
                raise
            own.move_to(())  # a service goes on without them: incidents are worth more
            self._unkept = True

    def too_old(self, newest: datetime | None) -> list[Text]:
        """What of this run the next commit will not keep because of its age, in words."""
        if newest is None or not self._limits.days:
            return []
        since = microseconds(newest - timedelta(days=self._limits.days)) or 0
        count = sum(own.before(since) for own in self._run.new.values())
        words = {"n": f"{count:,}", "days": self._limits.days}
        return [Text(en=_TOO_OLD.en.format(**words), ja=_TOO_OLD.ja.format(**words))] if count else []

    def shed(self, missing: float) -> None:
        """So many bytes more must be free on the disk: with the next commit the oldest rows go. None are missing: as
        much is kept as the settings say."""
        most = int(self._limits.megabytes * 1e6)
        self._most = most if missing <= 0 else max(0, min(most, self._listed.size()["bytes"] - int(missing)))

    def settle(self) -> None:
        """The changes are committed: what was new is listed, and what is not listed any more is deleted."""
        changes, self._changes = self._changes, NO_CHANGES
        self._listed.change(changes)
        self._files.remove((*changes.removed, *(part for part in self._pending if part not in changes.added)))
        self._pending, self._written_over = [], []

    def notes(self) -> list[Text]:
        """What could not be kept, in words."""
        return [_UNKEPT] if self._unkept else []
