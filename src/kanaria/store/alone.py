"""One process at a time owns a store: a second run would lose what the first one is about to leave there.

In: the store's folder. The lock belongs to the process, so one that was killed holds it no longer. What root leaves in
the store of another user, as in the service's, is handed over to this user, who could not go on with it otherwise.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from kanaria.core.errors import SourceError, StoreBusy, system_words
from kanaria.store.database import plain, private_folder

FILE = "run.lock"
PROBED = 0.25
"""Seconds to try: whoever asks whether the store is owned holds the lock for some microseconds."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the store for one run. Raises SourceError when another run has it, or when there can be no such folder."""
    owner = owner_of(folder)
    try:
        private_folder(folder)
        plain(folder / FILE)
        file = os.fdopen(os.open(folder / FILE, os.O_CREAT | os.O_WRONLY, 0o600), "w")
    except OSError as error:
        words = system_words(error)
        raise SourceError(source=str(folder), expected="a folder to keep incidents in", got=words) from error
    with file:
        if not _locked(file, time.monotonic() + PROBED):
            raise StoreBusy(
                source=str(folder),
                expected="a store that no other run is using",
                got="another run is using it",
                cause="wait until it has ended, or give each a --store of its own",
            )
        try:
            yield
        finally:
            hand_over(folder, owner)


def owner_of(folder: Path) -> tuple[int, int]:
    """User and group whose folder that is, or that of the first folder above it which is there."""
    there = next((place for place in (folder, *folder.absolute().parents) if place.exists()), Path("/"))
    status = there.stat()
    return status.st_uid, status.st_gid


def hand_over(folder: Path, owner: tuple[int, int]) -> None:
    """Where root works for another user, give this user what belongs to root in the folder, and the folder.

    Only folders and plain files of one name: no way for that user to be given what lies elsewhere.
    """
    if os.geteuid() or not owner[0]:
        return
    for place in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):
            status = place.lstat()
            if not status.st_uid and (
                stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)
            ):
                os.chown(place, *owner, follow_symlinks=False)


def owned(folder: Path) -> bool:
    """Whether a process has the store now. Raises Damaged when something else lies where its lock is."""
    try:
        plain(folder / FILE)
        file = (folder / FILE).open("rb")
    except (FileNotFoundError, NotADirectoryError):
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
