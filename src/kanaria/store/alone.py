"""One run at a time: a second run with the same store would lose what the first one is about to leave there.

Comes in: the store's folder. The lock belongs to the process, so one that was killed holds it no longer.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kanaria.core.errors import SourceError, StoreBusy
from kanaria.store.database import private_folder

FILE = "run.lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the store for one run. Raises SourceError when another run has it, or when there can be no such folder."""
    try:
        private_folder(folder)
        file = os.fdopen(os.open(folder / FILE, os.O_CREAT | os.O_WRONLY, 0o600), "w")
    except OSError as error:
        raise SourceError(source=str(folder), expected="a folder to keep incidents in", got=str(error)) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreBusy(
                source=str(folder),
                expected="a store that no other run is using",
                got="another run is using it",
                cause="wait until it has ended, or give each a --store of its own",
            ) from error
        yield
