"""Compiled rules of large collections, kept in the user's cache.

A collection of thousands of rules takes half a minute to compile and a quarter of a second to read back, without
pySigma. What is kept is found by every file's name, size and time, and by the compiler's own code, so that a changed
rule, another version or other placeholders compile anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from kanaria.core import cached
from kanaria.core.conversion import made, plain
from kanaria.core.errors import RuleError
from kanaria.detect.model import Rule

WORTH_KEEPING = 50
"""Rule files from which on they are kept; a few of one's own compile in less than a second and change often."""
_KIND, _SETS = "rules", 4
"""Collections kept; one takes some 10 MB."""
_ERROR = ("file", "line", "column", "expected", "got", "cause")

Compiled = tuple[tuple[Rule, ...], list[RuleError]]


def compiled(
    paths: Sequence[Path],
    make: Callable[[], Compiled],
    *,
    placeholders: Mapping[str, Sequence[str]] | None,
    other_rules: Iterable[Rule],
) -> Compiled:
    """What ``make`` gives, from the cache where it is there."""
    files = _files(paths)
    if len(files) < WORTH_KEEPING:
        return make()
    name = f"{_name(files, placeholders, other_rules)}.json"
    compiled_rules = _read(name)
    if compiled_rules is None:
        compiled_rules = make()
        cached.keep(_KIND, name, _written(compiled_rules), most=_SETS)
    return compiled_rules


def _files(paths: Sequence[Path]) -> list[tuple[str, int, int]]:
    stats = []
    for path in paths:
        inside = [path] if not path.is_dir() else [*path.rglob("*.yml"), *path.rglob("*.yaml")]
        for file in inside:
            with suppress(OSError):  # gone meanwhile: whoever compiles says so
                state = file.stat()
                stats.append((str(file.absolute()), state.st_size, state.st_mtime_ns))
    return sorted(set(stats))


def _name(
    files: list[tuple[str, int, int]], placeholders: Mapping[str, Sequence[str]] | None, other_rules: Iterable[Rule]
) -> str:
    rules = sorted((rule.id, rule.version, rule.table) for rule in other_rules)
    values_of = {name: list(values) for name, values in (placeholders or {}).items()}
    basis = json.dumps([files, values_of, rules, _compiler()], sort_keys=True)
    return hashlib.sha256(basis.encode()).hexdigest()[:32]


@cache
def _compiler() -> str:
    """A digest of everything that decides what a rule compiles to: this package, its mappings, and the schema."""
    here = Path(__file__).resolve().parent
    parts = sorted([*here.glob("*.py"), *here.glob("mappings/*.yaml"), *here.parent.glob("core/schema*.py")])
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()


def _read(name: str) -> Compiled | None:
    data = cached.load(_KIND, name)
    if data is None:
        return None
    try:
        value = json.loads(data)
        rules = made(tuple[Rule, ...], value["rules"])
        errors = [RuleError(**dict(zip(_ERROR, error, strict=True))) for error in value["errors"]]
    except (ValueError, KeyError, TypeError):
        return None
    cached.used(_KIND, name)
    return rules, errors


def _written(compiled_rules: Compiled) -> bytes:
    rules, errors = compiled_rules
    value: dict[str, Any] = {
        "rules": plain(rules),
        "errors": [[getattr(error, name) for name in _ERROR] for error in errors],
    }
    return json.dumps(value, ensure_ascii=False).encode("utf-8")
