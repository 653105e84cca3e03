"""Rule files read as YAML: documents with their nodes, which say where a message points to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from sigma.exceptions import SigmaError
from sigma.rule.base import check_alias_expansion

from kanaria.core.errors import RuleError
from kanaria.core.values import dataclass
from kanaria.detect.places import at, place, unreadable

LARGEST = 4 << 20
"""Bytes. The largest rule of the public collections is 200 kB; a file this size is not a rule."""


@dataclass(frozen=True)
class Document:
    """One YAML document: ``file`` as shown to people, ``alone`` when the file holds no other."""

    file: str
    stem: str
    value: dict[str, Any]
    node: yaml.Node
    alone: bool


def rule_files(paths: Sequence[Path]) -> list[Path]:
    """All rule files in folders and single files, sorted."""
    files: set[Path] = set()
    for path in paths:
        files |= {path} if not path.is_dir() else {*path.rglob("*.yml"), *path.rglob("*.yaml")}
    return sorted(files)


def read(path: Path, shown: str, errors: list[RuleError]) -> list[Document]:
    """The documents of one file; what cannot be read goes to ``errors``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        errors.append(RuleError(file=shown, expected="a readable file", got=str(error.strerror)))
        return []
    if len(data) > LARGEST:
        errors.append(RuleError(file=shown, expected=f"at most {LARGEST} bytes", got=f"{len(data)} bytes"))
        return []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        errors.append(
            RuleError(file=shown, line=line, column=1, expected="UTF-8 text", got=repr(data[error.start : error.end]))
        )
        return []
    return documents(text, shown, path.stem, errors)


def documents(text: str, shown: str, stem: str, errors: list[RuleError]) -> list[Document]:
    """The documents of a text."""
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=yaml.CSafeLoader) if node is not None]
    except yaml.YAMLError as error:
        errors.append(unreadable(shown, error))
        return []
    except (RecursionError, ValueError) as error:
        errors.append(RuleError(file=shown, line=1, column=1, expected="YAML nested a few levels deep", got=str(error)))
        return []
    parsed = (_document(node, shown, stem, len(nodes) == 1, errors) for node in nodes)
    return [document for document in parsed if document is not None]


def _document(node: yaml.Node, shown: str, stem: str, alone: bool, errors: list[RuleError]) -> Document | None:
    twice = next(_duplicates(node), None)
    if twice is not None:
        errors.append(
            at(shown, twice, expected="every key once", got=repr(twice.value), cause="the second would win silently")
        )
        return None
    try:
        value = yaml.SafeLoader("").construct_document(node)
        check_alias_expansion(value)
    except SigmaError as error:
        errors.append(place(shown, node, error))
        return None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None) or node.start_mark
        errors.append(_plain(shown, mark.line + 1, mark.column + 1, error))
        return None
    if not isinstance(value, dict):
        errors.append(
            at(shown, node, expected="a mapping with title, logsource and detection", got=type(value).__name__)
        )
        return None
    return Document(shown, stem, value, node, alone)


def _plain(shown: str, line: int, column: int, error: Exception) -> RuleError:
    got = (str(error) or type(error).__name__).splitlines()[0]
    return RuleError(file=shown, line=line, column=column, expected="plain YAML values", got=got)


def _duplicates(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key
                seen.add(key.value)
            if value.start_mark.index > node.start_mark.index:  # an alias points backwards: already looked at
                yield from _duplicates(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if item.start_mark.index > node.start_mark.index:
                yield from _duplicates(item)
