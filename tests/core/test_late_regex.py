"""Expressions of modules: not compiled when they are read, the same as compiled ones when they are used."""

from __future__ import annotations

import ast
import gc
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

import kanaria
from kanaria.core.late_regex import Late, late_regex

TEXT = "pool:3333 and pool:4444"
USES = [
    ("search", ("a pool:1",)), ("search", ("none",)), ("match", (TEXT, 14)), ("fullmatch", (TEXT,)),
    ("finditer", (TEXT,)), ("findall", (TEXT,)), ("split", (TEXT, 1)), ("sub", ("x", TEXT)), ("subn", ("x", TEXT)),
]  # fmt: skip


def told(found: object) -> object:
    """A match by its groups and place."""
    if isinstance(found, re.Match):
        return found.groups(), found.span()
    return [told(one) for one in found] if type(found).__name__ == "callable_iterator" else found  # type: ignore[attr-defined]


@pytest.mark.parametrize(("use", "arguments"), USES)
def test_it_answers_as_the_compiled_expression(use: str, arguments: tuple[object, ...]) -> None:
    late, compiled = (make(r"(?P<name>POOL):(\d+)", re.I) for make in (late_regex, re.compile))
    assert told(getattr(late, use)(*arguments)) == told(getattr(compiled, use)(*arguments))


def test_it_says_what_it_is() -> None:
    late, compiled = (make(rb"(?P<name>a)(b)", re.M) for make in (late_regex, re.compile))
    for name in ("pattern", "flags", "groups", "groupindex"):
        assert getattr(late, name) == getattr(compiled, name)
    with pytest.raises(AttributeError, match="scanner_of_its_own"):
        late.scanner_of_its_own  # type: ignore[attr-defined]  # noqa: B018


def test_it_is_compiled_when_it_is_used() -> None:
    wrong = late_regex(r"(")
    with pytest.raises(re.error):
        wrong.search("")


def test_every_expression_of_ours_can_be_compiled() -> None:
    for module in pkgutil.walk_packages(kanaria.__path__, "kanaria."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:  # those run when they are read
            import_module(module.name)
    gc.unfreeze()  # what was loaded before the tests began is among them
    ours = [found for found in gc.get_objects() if type(found) is Late and found.written[0] != "("]
    assert len(ours) > 400
    assert all(re.compile(*found.written) for found in ours)  # type: ignore[type-var]


def test_no_match_is_asked_which_constant_found_it() -> None:
    """It would name the compiled expression, which no constant is."""
    folder = Path(kanaria.__file__).parent
    asked = [
        f"{path.relative_to(folder)}:{node.lineno}"
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "re"
    ]
    assert asked == []
