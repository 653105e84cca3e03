"""Whether a machine's load rose at some moment and stayed up: from sysstat's own history to ``LoadStep``.

The history is read with ``sadf -j`` from the files of the days around the moment. A machine without sysstat has none.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from kanaria.core.values import dataclass

FOLDERS = (Path("/var/log/sysstat"), Path("/var/log/sa"))  # Debian's and Red Hat's
BEFORE = timedelta(hours=24)
"""A whole day before the moment, so that nightly jobs are part of what is usual."""
AFTER = timedelta(hours=2)
"""Long enough for 12 samples at sysstat's usual 10 minutes, short enough to belong to the moment."""
ENOUGH_BEFORE, ENOUGH_AFTER = 12, 3
"""Samples: one window's worth before; after, so many that one slow job does not make a median."""
STEP = 10.0
"""Points of load: one core of ten kept busy. Smaller machines step by more; a miner kept below this earns nothing."""
_TIMEOUT = 20.0
_KEPT = timedelta(days=31)  # file names are days of the month, so there is never more history than that

Load = tuple[datetime, float]
"""End of an interval, and how busy all processors together were in it, in percent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadStep:
    """Median load before and after; ``usual`` is the highest two hours' median of the day before.

    ``stepped`` when what came after lies ``STEP`` points above what was usual.
    """

    begin: datetime
    end: datetime
    before: float
    after: float
    usual: float
    stepped: bool


def measure(history: Sequence[Load], start: datetime, end: datetime) -> LoadStep | None:
    """Load before ``start`` against load after it, up to two hours past ``end``; None with too few samples."""
    ordered = sorted(history)
    before = [load for load in ordered if start - BEFORE <= load[0] <= start]
    after = [load for load in ordered if start < load[0] <= end + AFTER]
    last = after[-1][0] if after else end
    after = [load for load in after if load[0] > last - AFTER]  # whether it stayed up, not whether it once rose
    if len(before) < ENOUGH_BEFORE or len(after) < ENOUGH_AFTER:
        return None
    level = median(load for _time, load in after)
    usual = max(_levels(before))
    return LoadStep(
        begin=before[0][0], end=after[-1][0], before=median(load for _time, load in before), after=level, usual=usual,
        stepped=level >= usual + STEP,
    )  # fmt: skip


def _levels(loads: Sequence[Load]) -> Iterator[float]:
    """Medians of the two hours up to each sample, where there are enough samples."""
    first = 0
    for place, (time, _load) in enumerate(loads):
        while loads[first][0] <= time - AFTER:
            first += 1
        if place - first + 1 >= ENOUGH_AFTER:
            yield median(load for _time, load in loads[first : place + 1])
    yield median(load for _time, load in loads)


def history(start: datetime, end: datetime, folders: Sequence[Path] = FOLDERS) -> list[Load] | None:
    """Recorded load between two times, or None where there is no history to read."""
    files = dict.fromkeys(_files(max(start, end - _KEPT), end, folders))
    loads: list[Load] = []
    read = False
    for file in files:
        document = _sadf(file)
        if document is not None:
            read = True
            loads += [load for load in _loads(document) if start <= load[0] <= end]
    return sorted(set(loads)) if read else None


def _files(start: datetime, end: datetime, folders: Sequence[Path]) -> Iterator[Path]:
    """The files of every day in between, by either of sysstat's names (``sa07``, ``sa20260107``); local days differ."""
    day = (start - timedelta(days=1)).date()
    while day <= (end + timedelta(days=1)).date():
        for folder in folders:
            for name in (f"sa{day:%Y%m%d}", f"sa{day:%d}"):
                if (folder / name).is_file():
                    yield folder / name
        day += timedelta(days=1)


def _sadf(file: Path) -> bytes | None:
    """sysstat's own reading of one of its files; None when the tool or the file cannot be used."""
    try:
        done = subprocess.run(["sadf", "-j", str(file), "--", "-u"], capture_output=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _loads(document: bytes) -> Iterator[Load]:
    from kanaria.core.stream import ReadContext
    from kanaria.formats.host.sadf import SadfJson
    from kanaria.sources import text_stream

    for batch in SadfJson().read(text_stream("sadf", document), ReadContext()):
        for row in batch.tables["host"].select(["time", "cpu_percent"]).to_pylist() if batch.tables else ():
            if row["time"] is not None:
                yield row["time"], row["cpu_percent"]
