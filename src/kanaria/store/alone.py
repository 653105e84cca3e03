"""One process at a time owns a store: a second run would lose what the first one is about to leave there.

In: the store's folder. The lock belongs to the process, so one that was killed holds it no longer.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kanaria.core.errors import SourceError, StoreBusy
from kanaria.store.database import plain, private_folder

FILE = "run.lock"
PROBED = 0.25
"""Seconds to try: whoever asks whether the store is owned holds the lock for some microseconds."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the store for one run. Raises SourceError when another run has it, or when there can be no such folder."""
    try:
        private_folder(folder)
        plain(folder / FILE)
        file = os.fdopen(os.open(folder / FILE, os.O_CREAT | os.O_WRONLY, 0o600), "w")
    except OSError as error:
        raise SourceError(source=str(folder), expected="a folder to keep incidents in", got=str(error)) from error
    with file:
        if not _locked(file, time.monotonic() + PROBED):
            raise StoreBusy(
                source=str(folder),
                expected="a store that no other run is using",
                got="another run is using it",
                cause="wait until it has ended, or give each a --store of its own",
            )
        yield


def owned(folder: Path) -> bool:
    """Whether a process has the store now. Raises Damaged when something else lies where its lock is."""
    plain(folder / FILE)
    try:
        file = (folder / FILE).open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _locked(file: IO[str], until: float) -> bool:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.01)
        else:
            return True
