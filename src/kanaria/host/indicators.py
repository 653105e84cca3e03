"""Whether a running program is on an imported list: by the hash of its file, or by its path or name.

In: a process and the facts. Out: why it is suspicious, or None. Files are read only when a list holds
hashes.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from kanaria.core.facts import Knowledge, KnownIndicator
from kanaria.core.text import cut, printable
from kanaria.core.types import Text
from kanaria.host.sampler import Process
from kanaria.knowledge.indicators_match import index_of

# Mining programs are below 20 MB; a larger program is not read for seconds on every look.
LARGEST = 256 << 20
_SHOWN = 60
_ALGORITHMS = ("sha256", "sha1", "md5")


def listed_hash(process: Process, facts: Knowledge, proc: Path = Path("/proc")) -> Text | None:
    """The program's file has a listed hash; a deleted file is still readable through ``proc``."""
    index = index_of(facts.indicators)
    if not index.holds("hash") or process.kernel:
        return None
    indicator = next(filter(None, map(index.of_hash, _digests(proc / str(process.pid) / "exe"))), None)
    return (
        _words(indicator, "its file has a listed hash", "ファイルのハッシュ値が一覧に載っています")
        if indicator
        else None
    )


def listed_file(process: Process, facts: Knowledge) -> Text | None:
    """The program's path or name is listed; names are chosen freely, so this is a suspicion only."""
    index = index_of(facts.indicators)
    if not index.holds("file") or process.kernel:
        return None
    places = (process.executable or "", *process.command[:1], process.name)
    indicator = next(filter(None, map(index.of_file, filter(None, places))), None)
    return _words(indicator, "its file is listed", "ファイルが一覧に載っています") if indicator else None


def _words(item: KnownIndicator, en: str, ja: str) -> Text:
    about = f"{item.provenance.source}, {item.provenance.date}"
    about = f"{item.comment}; {about}" if item.comment else about
    shown, who = cut(printable(item.value), _SHOWN), cut(printable(about), _SHOWN)
    return Text(en=f"{en}: {shown} ({who})", ja=f"{ja}: {shown}({who})")


def _digests(path: Path) -> tuple[str, ...]:
    """Digests of a program's file; none when it may not be read."""
    try:
        about = path.stat()
        return () if about.st_size > LARGEST else _read(path, about.st_dev, about.st_ino, about.st_mtime_ns)
    except OSError:
        return ()


@lru_cache(maxsize=512)
def _read(path: Path, _device: int, _inode: int, _changed: int) -> tuple[str, ...]:
    hashes = [hashlib.new(name, usedforsecurity=False) for name in _ALGORITHMS]
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            for one in hashes:
                one.update(block)
    return tuple(one.hexdigest() for one in hashes)
