"""Rows of events on disk: Parquet files, each whole or not there, and the list of them in the store's database.

In: tables of one kind. Out: ``Part`` values that the transaction of a commit lists (``change``), together with the
incidents and positions of the same moment. What the list does not name is of a run that was killed, and is deleted
before anything is written; nothing is ever found by looking into the folder.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sqlite3
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from kanaria.core.values import dataclass
from kanaria.store.database import private_folder

if TYPE_CHECKING:
    import numpy.typing as npt

FOLDER = "events"
PART_ROWS, PART_BYTES = 200_000, 16 << 20
"""A part is not made larger than this by joining smaller ones, which takes a second of processor time for 500,000 rows
while a service waits. Half of it is large enough to be left alone."""
DAY_ROWS = 10_000
"""Days with fewer rows share a file of their month: a file costs 3 ms and 10 kB whatever it holds."""
FAN = 8
"""So many parts of like size are joined into one: every row is written once more for each power of it, and a table has
at most so many parts of a day for each."""
DAY_US = 86_400_000_000
# No value comes twice, or hardly: a dictionary of them takes a third more time and no less room.
_PLAIN = frozenset({
    "event_id", "time", "line", "src_port", "community_id", "duration_us", "src_bytes", "dst_bytes", "src_packets",
    "dst_packets", "src_payload", "dst_payload", "raw", "url",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file of rows of one table: times in microseconds since 1970, the first and the last of them."""

    file: str
    kind: str
    begins: int
    ends: int
    records: int
    bytes: int

    @property
    def period(self) -> str:
        """The day in which all of it lies, or the month."""
        first, last = _day(self.begins), _day(self.ends)
        return first if first == last else first.rpartition("-")[0]

    @property
    def large(self) -> bool:
        """Whether it is joined with no other."""
        return self.records * 2 > PART_ROWS or self.bytes * 2 > PART_BYTES


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a commit changes about the list."""

    added: tuple[Part, ...] = ()
    removed: tuple[Part, ...] = ()


NO_CHANGES = Changes()


def listed(db: sqlite3.Connection) -> list[Part]:
    """All parts, the earliest first."""
    rows = db.execute("SELECT file, kind, begins, ends, records, bytes FROM part ORDER BY begins, ends, file")
    return [
        Part(file=file, kind=kind, begins=begins, ends=ends, records=records, bytes=size)
        for file, kind, begins, ends, records, size in rows
    ]


def change(db: sqlite3.Connection, changes: Changes) -> None:
    """Bring the list up to date, in the transaction that is open."""
    db.executemany("DELETE FROM part WHERE file = ?", [(part.file,) for part in changes.removed])
    db.executemany(
        "INSERT INTO part (file, kind, begins, ends, records, bytes) VALUES (?, ?, ?, ?, ?, ?)",
        [(part.file, part.kind, part.begins, part.ends, part.records, part.bytes) for part in changes.added],
    )


def _day(microseconds: int) -> str:
    """As 2026-06-21, for whatever a clock may have said."""
    return str(np.datetime64(microseconds, "us").astype("datetime64[D]"))


class EventFiles:
    """The folder of the parts. Only who owns the store writes."""

    def __init__(self, folder: Path, compression: Literal["zstd", "lz4"] = "zstd") -> None:
        self.folder, self._compression = folder, compression

    def write(self, kind: str, table: pa.Table) -> list[Part]:
        """The rows that have a time as files that are on disk, by day where a day has enough of them."""
        private_folder(self.folder)
        return [self._write(kind, rows) for rows in _by_time(table)]

    def settle(self) -> None:
        """The names, too, are on disk."""
        place = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)

    def joined(self, parts: Sequence[Part]) -> Part:
        """One part with the rows of several, the earliest first."""
        import pyarrow.parquet as pq

        tables = [pq.read_table(self.folder / part.file) for part in sorted(parts, key=lambda part: part.begins)]
        return self._write(parts[0].kind, pa.concat_tables(tables, promote_options="default"))

    def without(self, part: Part, event_ids: pa.ChunkedArray) -> list[Part] | None:
        """Another part, or none, with the rows but these; None where it has none of them."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        wanted = event_ids.combine_chunks()
        own = pq.read_table(self.folder / part.file, columns=["event_id"])["event_id"]
        left = pc.invert(pc.is_in(own, wanted))
        if pc.all(left).as_py():
            return None
        rows = pq.read_table(self.folder / part.file).filter(left)
        return [self._write(part.kind, rows)] if len(rows) else []

    def remove(self, parts: Iterable[Part]) -> None:
        """Delete what the list does not name any more."""
        for part in parts:
            (self.folder / part.file).unlink(missing_ok=True)

    def sweep(self, parts: Iterable[Part]) -> None:
        """Delete what the list does not name: a run wrote it and was killed."""
        if not self.folder.is_dir():
            return
        listed = {part.file for part in parts}
        for item in os.scandir(self.folder):
            if item.name not in listed and item.is_file(follow_symlinks=False):
                Path(item.path).unlink(missing_ok=True)

    def whole(self, part: Part) -> str | None:
        """None where a plain file is there and as long as it was made, else what is wrong with it."""
        try:
            status = (self.folder / part.file).lstat()
        except OSError as error:
            return str(error.strerror)
        if not stat.S_ISREG(status.st_mode):
            return "no plain file"
        size = status.st_size
        return None if size == part.bytes else f"{size} bytes instead of {part.bytes}"

    def headed(self, part: Part) -> str | None:
        """None where the file says of itself that it holds these rows, else what is wrong."""
        import pyarrow.parquet as pq

        try:
            rows = pq.read_metadata(self.folder / part.file).num_rows
        except (OSError, pa.ArrowException) as error:
            return str(error).splitlines()[0]
        return None if rows == part.records else f"{rows} rows instead of {part.records}"

    def readable(self, part: Part) -> str | None:
        """None where every row can be read, else what is wrong."""
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self.folder / part.file) as file:
                for _batch in file.iter_batches():
                    pass
        except (OSError, pa.ArrowException) as error:
            return str(error).splitlines()[0]
        return None

    def _free(self, stem: str) -> str:
        """A name that nothing has: the same rows have the same, whoever was killed before."""
        names = itertools.chain([f"{stem}.parquet"], (f"{stem}-{n}.parquet" for n in itertools.count(1)))
        return next(name for name in names if not (self.folder / name).exists())

    def _write(self, kind: str, table: pa.Table) -> Part:
        import pyarrow.parquet as pq

        ends = _microseconds(table)
        begins, last = int(ends.min()), int(ends.max())
        name = self._free(f"{kind}-{_day(begins)}-{_digest(table)}")
        plain = [column for column in table.column_names if column not in _PLAIN]
        hidden = self.folder / f".{name}"
        try:
            target = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(target, "wb") as file:
                pq.write_table(table, file, compression=self._compression, use_dictionary=plain)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            hidden.rename(self.folder / name)
        finally:
            hidden.unlink(missing_ok=True)
        return Part(file=name, kind=kind, begins=begins, ends=last, records=len(table), bytes=size)


def to_join(parts: Iterable[Part]) -> list[list[Part]]:
    """Groups of parts of one table and day (or month) worth joining now, as many as make up one large part.

    So many of like size are, and once a later day has begun all that a day has left, unless they are little beside the
    largest of them: rows that come late must not have a whole day written again.
    """
    days: dict[tuple[str, str], list[Part]] = defaultdict(list)
    newest: dict[str, str] = {}
    for part in parts:
        newest[part.kind] = max(newest.get(part.kind, ""), part.period)
        if not part.large:
            days[part.kind, part.period].append(part)
    groups = (_group(same_days, over=period < newest[kind]) for (kind, period), same_days in days.items())
    rows, chosen = 0, list[list[Part]]()
    for group in sorted(filter(None, groups), key=lambda group: (-len(group), group[0].file)):
        rows += sum(part.records for part in group)
        if rows > PART_ROWS and chosen:
            break
        chosen.append(group)
    return chosen


def _group(parts: list[Part], *, over: bool) -> list[Part]:
    ordered = _fitting(sorted(parts, key=lambda part: part.records))
    rest = sum(part.records for part in ordered[:-1])
    if over and len(ordered) > 1 and rest * FAN >= ordered[-1].records:
        return ordered
    sizes: dict[int, list[Part]] = defaultdict(list)
    for part in ordered:
        sizes[_power(part.records)].append(part)
    return next((alike for _, alike in sorted(sizes.items()) if len(alike) >= FAN), [])


def _fitting(parts: Sequence[Part]) -> list[Part]:
    """As many of them, in this order, as one part may hold."""
    rows = size = 0
    fitting = []
    for part in parts:
        rows, size = rows + part.records, size + part.bytes
        if rows > PART_ROWS or size > PART_BYTES:
            break
        fitting.append(part)
    return fitting


def _power(records: int) -> int:
    """How often the fan goes into it."""
    return (max(records, 1).bit_length() - 1) // (FAN.bit_length() - 1)


def too_old(parts: Iterable[Part], since: int | None, most: int) -> list[Part]:
    """Parts that end before ``since``, and the oldest of the others as long as all are more than ``most`` bytes."""
    ordered = sorted(parts, key=lambda part: (part.ends, part.file))
    gone = [part for part in ordered if since is not None and part.ends < since]
    left = sum(part.bytes for part in ordered) - sum(part.bytes for part in gone)
    for part in ordered[len(gone) :]:
        if left <= most:
            break
        gone.append(part)
        left -= part.bytes
    return gone


def parts_of(table: pa.Table) -> Iterator[tuple[int, int]]:
    """Of each file that these rows would be written to, the last time and the number of rows."""
    for rows in _by_time(table):
        yield int(_microseconds(rows)[-1]), len(rows)


def _by_time(table: pa.Table) -> Iterator[pa.Table]:
    """Rows with a time, in order of it: by month, by day where days are full, never more than one part holds."""
    import pyarrow.compute as pc

    if table["time"].null_count:
        table = table.filter(pc.is_valid(table["time"]))
    if not len(table):
        return
    times = _microseconds(table)
    if (np.diff(times) < 0).any():
        order = np.argsort(times, kind="stable")
        table, times = table.take(pa.array(order)), times[order]
    edges = _edges(times)
    for low, high in itertools.pairwise([0, *edges, len(table)]):
        yield table.slice(low, high - low)


def _edges(times: npt.NDArray[np.int64]) -> list[int]:
    days = times // DAY_US
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    new_day, new_month = np.diff(days) != 0, np.diff(months) != 0
    starts = [0, *(np.flatnonzero(new_month) + 1).tolist(), len(times)]
    edges: set[int] = set(starts[1:-1])
    for low, high in itertools.pairwise(starts):
        cuts = np.flatnonzero(new_day[low : high - 1]) + low + 1
        if (high - low) >= DAY_ROWS * (len(cuts) + 1):
            edges.update(cuts.tolist())
    whole = [0, *sorted(edges), len(times)]
    for low, high in itertools.pairwise(whole):
        edges.update(range(low + PART_ROWS, high, PART_ROWS))
    return sorted(edges)


def _digest(table: pa.Table) -> str:
    """Of the ids of the rows."""
    return hashlib.blake2b(np.ascontiguousarray(table["event_id"].to_numpy()).tobytes(), digest_size=8).hexdigest()


def _microseconds(table: pa.Table) -> npt.NDArray[np.int64]:
    import pyarrow.compute as pc

    times: npt.NDArray[np.int64] = pc.cast(table["time"], pa.int64()).to_numpy()
    return times
