"""What is normal, as a file that is whole or not there: a run works on a copy, which replaces nothing before a commit.

Each checkpoint writes the next generation beside the file and then its number into the store's database, in the
transaction that also says how far the inputs were read; only then does it take the place of the file. A run that is
killed leaves a next generation that the database does not name, which the next run removes, or one that it does name,
which is the file from then on: it has taught nothing or everything, and nothing twice.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from kanaria.baseline.state import FILE
from kanaria.core.late_regex import late_regex
from kanaria.store.database import Damaged, plain, private_folder

_NEXT = late_regex(re.escape(FILE) + r"\.(\d+)\.next$")


def restore(folder: Path, generation: int, into: Path) -> None:
    """A copy of what that generation learned in the folder ``into``; nothing where nothing was learned yet."""
    into.mkdir(parents=True, exist_ok=True)
    for source in (_next(folder, generation), folder / FILE):  # the owner may give the first the place of the second
        with suppress(FileNotFoundError):
            shutil.copyfile(source, into / FILE)
            break
    journal = folder / f"{FILE}.wal"  # older versions worked on the file itself
    if generation == 0 and journal.is_file():
        shutil.copyfile(journal, into / journal.name)


def check(folder: Path, generation: int) -> None:
    """Raises Damaged when the file of the generation that the database names is gone, empty, or no plain file."""
    files = [file for file in (_next(folder, generation), folder / FILE) if os.path.lexists(file)]
    for file in (*files, folder / f"{FILE}.wal"):
        plain(file)
    if generation and not files:
        raise Damaged(folder / FILE, "none, but the store says that something was learned", "what is normal, as kept")
    if files and not files[0].stat().st_size:
        raise Damaged(files[0], "one cut to 0 bytes", "what is normal, as kept")


def current(folder: Path, generation: int) -> Path:
    """The file of a generation, where there is one."""
    named = _next(folder, generation)
    return named if named.is_file() else folder / FILE


def exists(folder: Path) -> bool:
    """Whether anything was learned here."""
    return (folder / FILE).is_file()


def keep(working: Path, folder: Path, generation: int) -> None:
    """Write the working file as the next generation, complete and on disk when this returns."""
    private_folder(folder)
    part = folder / f"{FILE}.part"
    try:
        part.unlink(missing_ok=True)  # of a run that was killed
        target = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with (working / FILE).open("rb") as source, os.fdopen(target, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        part.rename(_next(folder, generation))
    finally:
        part.unlink(missing_ok=True)
    _settle(folder)


def settle(folder: Path, generation: int) -> None:
    """The database names this generation: its file takes its place. Only who owns the store may do this."""
    named = _next(folder, generation)
    if named.is_file():
        named.rename(folder / FILE)
        (folder / f"{FILE}.wal").unlink(missing_ok=True)
        _settle(folder)
    for file in folder.glob(f"{FILE}.*"):
        if _NEXT.search(file.name) or file.name.endswith(".part"):
            file.unlink(missing_ok=True)


def _next(folder: Path, generation: int) -> Path:
    return folder / f"{FILE}.{generation}.next"


def _settle(folder: Path) -> None:
    """The new name, too, is on disk."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
