"""What is normal, as a file that is whole or not there: a run works on a copy, and the copy replaces nothing.

Each checkpoint writes a new generation of the file and then its number into the store's database, in the transaction
that also says how far the inputs were read. A run that is killed leaves a file nobody asks for, which the next run
removes: it has taught nothing, and the same inputs again teach what they would have taught.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from kanaria.baseline.state import FILE
from kanaria.store.database import private_folder

_NUMBERED = re.compile(re.escape(FILE.removesuffix(".duckdb")) + r"\.(\d+)\.duckdb$")


def restore(folder: Path, generation: int, into: Path) -> None:
    """A copy of that generation in the folder ``into``; generation 0 is the file of older versions, if there is one."""
    into.mkdir(parents=True, exist_ok=True)
    source = _file(folder, generation)
    if source.is_file():
        shutil.copyfile(source, into / FILE)
    journal = source.with_name(f"{source.name}.wal")
    if generation == 0 and journal.is_file():
        shutil.copyfile(journal, into / journal.name)


def legacy(folder: Path) -> bool:
    """Whether an older version left its file here."""
    return (folder / FILE).is_file()


def keep(working: Path, folder: Path, generation: int) -> None:
    """Write the working file as that generation, complete and on disk when this returns."""
    private_folder(folder)
    part = folder / f"{FILE}.part"
    try:
        part.unlink(missing_ok=True)  # of a run that was killed
        target = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with (working / FILE).open("rb") as source, os.fdopen(target, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        part.rename(_file(folder, generation))
    finally:
        part.unlink(missing_ok=True)
    _settle(folder)


def sweep(folder: Path, generation: int) -> None:
    """Remove what belongs to no checkpoint. Only who owns the store may do this."""
    for file in folder.glob(f"{FILE.removesuffix('.duckdb')}*"):
        numbered = _NUMBERED.search(file.name)
        old = int(numbered[1]) != generation if numbered else generation > 0
        if old or file.name.endswith(".part"):
            file.unlink(missing_ok=True)


def _file(folder: Path, generation: int) -> Path:
    return folder / (FILE.replace(".duckdb", f".{generation}.duckdb") if generation else FILE)


def _settle(folder: Path) -> None:
    """The new name, too, is on disk."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
