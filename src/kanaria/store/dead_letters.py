"""Records that could not be read, kept in files of bounded size: one JSON object a line, the oldest file goes first."""

from __future__ import annotations

import json
from pathlib import Path

from kanaria.core.types import RejectedRecord

LARGEST, FILES = 10_000_000, 5
"""Bytes of a file, and files: what is broken for weeks must not fill the disk."""
KEPT = 4_096
"""Bytes kept of a record."""


class DeadLetters:
    """Appends to ``rejected.jsonl`` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "rejected.jsonl"

    def keep(self, record: RejectedRecord) -> None:
        """Keep where it stood, why it could not be read, and what it was."""
        raw = record.raw[:KEPT].decode("utf-8", "backslashreplace")
        where = {"source": record.source, "row": record.row, **({"origin": record.origin} if record.origin else {})}
        line = json.dumps({**where, "reason": record.reason, "raw": raw})
        if self._path.exists() and self._path.stat().st_size > LARGEST:
            self._rotate()
        with self._path.open("a", encoding="ascii") as file:
            file.write(line + "\n")

    def drop(self) -> int:
        """Delete everything kept; returns the bytes that became free."""
        files = [path for path in self._path.parent.glob("rejected*.jsonl") if path.is_file()]
        freed = sum(path.stat().st_size for path in files)
        for path in files:
            path.unlink(missing_ok=True)
        return freed

    def _rotate(self) -> None:
        for number in range(FILES - 1, 0, -1):
            older = self._path.with_suffix(f".{number}.jsonl")
            if older.exists():
                older.replace(self._path.with_suffix(f".{number + 1}.jsonl"))
        self._path.replace(self._path.with_suffix(".1.jsonl"))
        self._path.with_suffix(f".{FILES}.jsonl").unlink(missing_ok=True)
