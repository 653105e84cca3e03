"""Incidents for other programs, as OCSF: lines in a file that rotates by size, and events for a webhook's body.

Every time an incident is news it is written anew, as it is then; ``metadata.uid`` is the same for the same thing. After
a crash lines may come twice, and none is missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kanaria.core.clock import SystemClock
from kanaria.core.facts import Knowledge
from kanaria.core.types import Language
from kanaria.report import ocsf
from kanaria.report.reading import kept_analysis
from kanaria.store.incidents import IncidentStore

Json = dict[str, Any]
KEPT = 5
"""Full files kept beside the one that is written: ``NAME.1`` is the newest."""


class Siem:
    """Events of one store's incidents. ``path`` is the file to write, None for none."""

    def __init__(self, store: Path, facts: Knowledge, language: Language, path: Path | None, limit: int) -> None:
        self._store, self._facts, self._language = store, facts, language
        self.path, self._limit = path, limit

    def events(self, incident: str) -> list[Json]:
        """A Detection Finding for each finding, then the Incident Finding."""
        with IncidentStore(self._store) as store:
            document = store.get(incident).document
        analysis = kept_analysis(document)
        return list(ocsf.export(analysis, self._facts, self._language, SystemClock().now()))

    def write(self, news: Sequence[Mapping[str, Any]]) -> None:
        """Append the events of these incidents. Raises OSError when the file cannot be written."""
        if self.path is None or not news:
            return
        lines = [json.dumps(event, ensure_ascii=False) for item in news for event in self.events(item["id"])]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
            size = file.tell()
        if size >= self._limit:
            self._rotate(self.path)

    def _rotate(self, path: Path) -> None:
        """By renaming, so that whoever follows the file reads it to its end."""
        for number in range(KEPT - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            if older.exists():
                os.replace(older, path.with_name(f"{path.name}.{number + 1}"))
        os.replace(path, path.with_name(f"{path.name}.1"))
