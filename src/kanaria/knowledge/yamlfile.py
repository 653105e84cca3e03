"""Reads a knowledge file: entries with their places.

A file is a mapping from section to a list of entries; ``date`` and ``source`` at the top are defaults for every entry.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from kanaria.core.errors import RuleError
from kanaria.knowledge.entry import Entry

_DEFAULTS = ("date", "source")


def read_folder(folder: Path) -> list[Entry]:
    """Entries of every ``*.yaml`` below the folder, in the order of the file names."""
    if not folder.is_dir():
        raise RuleError(file=str(folder), expected="a folder with knowledge files (*.yaml)", got="no such folder")
    return [entry for path in sorted(folder.rglob("*.yaml")) for entry in read_file(path)]


def read_file(path: Path) -> list[Entry]:
    """Entries of one file. Raises RuleError at the place where the YAML or its outline is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        if (listed := _listed(text, str(path))) is not None:
            return listed
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise RuleError(
            file=str(path), line=line, column=column, expected="valid YAML", got=error.problem or str(error)
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RuleError(file=str(path), expected="valid YAML in UTF-8", got=str(error)) from error
    if root is None:
        return []
    return _entries(root, str(path))


def _listed(text: str, file: str) -> list[Entry] | None:
    """Entries of a file as an import writes it, one JSON object a line; None for any other YAML.

    A hundred thousand indicators take half a minute as YAML and a fraction of a second as JSON.
    """
    head, *lines = text.splitlines() or [""]
    section = head.removesuffix(":")
    if head != f"{section}:" or not section.isalpha() or not all(line.startswith("  - {") for line in lines):
        return None
    try:
        listed = json.loads(f"[{','.join(line[4:] for line in lines)}]", object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None  # YAML that only looks like it, or a mistake: the YAML reader says where
    if len(listed) != len(lines) or not all(isinstance(data, dict) for data in listed):
        return None
    return [Entry(section=section, data=data, file=file, line=line, column=5) for line, data in enumerate(listed, 2)]


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError(pairs)
    return entries


class _Loader(yaml.SafeLoader):
    """Safe loading; a key written twice in one mapping is an error, not a silent overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        names: set[str] = set()
        for key, _ in node.value:
            if key.value in names:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} twice", key.start_mark)
            names.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _entries(root: yaml.Node, file: str) -> list[Entry]:
    if not isinstance(root, yaml.MappingNode):
        raise _error(file, root, "a mapping from section to entries", "something else")
    defaults: dict[str, object] = {}
    sections: list[tuple[str, yaml.Node]] = []
    for key, value in root.value:
        if key.value in _DEFAULTS:
            defaults[key.value] = _construct(value, file)
        else:
            sections.append((key.value, value))
    return [entry for name, node in sections for entry in _section(name, node, file, defaults)]


def _section(name: str, node: yaml.Node, file: str, defaults: dict[str, object]) -> list[Entry]:
    if not isinstance(node, yaml.SequenceNode):
        raise _error(file, node, f"a list of entries under {name}", "something else")
    entries = []
    for item in node.value:
        data = _construct(item, file)
        if not isinstance(data, dict):
            raise _error(file, item, f"a mapping as entry of {name}", repr(data))
        line, column = item.start_mark.line + 1, item.start_mark.column + 1
        entries.append(Entry(section=name, data={**defaults, **data}, file=file, line=line, column=column))
    return entries


def _construct(node: yaml.Node, file: str) -> object:
    loader = _Loader("")
    try:
        return loader.construct_object(node, deep=True)
    except yaml.MarkedYAMLError as error:
        raise _error(file, node, "valid YAML", error.problem or str(error), error.problem_mark) from error
    except ValueError as error:
        raise _error(file, node, "valid YAML values", str(error)) from error


def _error(file: str, node: yaml.Node, expected: str, got: str, mark: yaml.Mark | None = None) -> RuleError:
    at = mark or node.start_mark
    return RuleError(file=file, line=at.line + 1, column=at.column + 1, expected=expected, got=got)
