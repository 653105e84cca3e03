"""Loads all facts, with those of a user's folder of additions if there is one.

At run time the built-in facts come from ``compiled.json`` (generated, checked by a test): reading the YAML files takes
about a second, the compiled file some 10 ms, and ``kanaria explain`` must start in half a second. While somebody edits
the YAML files, their names and sizes differ from those noted in the compiled file and the YAML is read instead.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from kanaria.core.facts import Knowledge
from kanaria.knowledge.build import build
from kanaria.knowledge.entry import Entry

HERE = Path(__file__).parent
COMPILED = HERE / "compiled.json"
FOLDERS = ("data", "weights")


def load(folder: Path | None = None) -> Knowledge:
    """The built-in facts, with those of the user's folder added or put in their place.

    Raises RuleError (file:line:column) for a file of the user that is wrong: unknown keys, missing source or date,
    values of the wrong type, a fact stated twice.
    """
    return _builtin() if folder is None else build((compiled(), _user(folder)))


@cache
def _builtin() -> Knowledge:
    return build((compiled(),))


def compiled() -> list[Entry]:
    """Entries of the generated file, or of the YAML files when they were edited since."""
    document = json.loads(COMPILED.read_text(encoding="utf-8")) if COMPILED.is_file() else {}
    if document.get("files") != sizes():
        return [entry for folder in FOLDERS for entry in _user(HERE / folder)]
    return [
        Entry(section=section, data=data, file=COMPILED.name)
        for section, entries in document["sections"].items()
        for data in entries
    ]


def sizes() -> dict[str, int]:
    """Size in bytes of every YAML file that ships: cheap to look at, and changes with nearly every edit."""
    return {
        f"{folder}/{path.name}": path.stat().st_size
        for folder in FOLDERS
        for path in sorted((HERE / folder).glob("*.yaml"))
    }


def _user(folder: Path) -> list[Entry]:
    from kanaria.knowledge.yamlfile import read_folder  # YAML is slow to import and only users' files need it

    return read_folder(folder)
