"""Generates ``compiled.json`` from the YAML files: ``python -m kanaria.knowledge.compile [--check]``.

Takes ``data/*.yaml`` and ``weights/*.yaml``; returns the same entries as JSON, one a line and in the order of the
files: a change is a small diff, and where the first match wins the order is meant.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date

from kanaria.knowledge.build import build
from kanaria.knowledge.entry import Entry
from kanaria.knowledge.loader import COMPILED, FOLDERS, HERE, sizes
from kanaria.knowledge.yamlfile import read_folder


def sources() -> list[Entry]:
    """Entries of every YAML file that ships."""
    return [entry for folder in FOLDERS for entry in read_folder(HERE / folder)]


def render(entries: Sequence[Entry]) -> str:
    """The compiled text; raises RuleError when an entry is wrong."""
    build((entries,))
    sections: dict[str, list[str]] = {}
    for entry in entries:
        line = json.dumps(entry.data, ensure_ascii=False, sort_keys=True, default=_iso)
        sections.setdefault(entry.section, []).append(line)
    parts = [f"{json.dumps(name)}: [\n" + ",\n".join(lines) + "\n]" for name, lines in sorted(sections.items())]
    return f'{{"files": {json.dumps(sizes(), indent=1)},\n"sections": {{\n' + ",\n".join(parts) + "\n}}\n"


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def main(arguments: Sequence[str]) -> int:
    """Write the file; with ``--check`` only say (exit 1) whether it is out of date."""
    text = render(sources())
    if "--check" in arguments:
        return 0 if COMPILED.exists() and COMPILED.read_text(encoding="utf-8") == text else 1
    COMPILED.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
