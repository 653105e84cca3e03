"""What regular expressions need: whether DuckDB's engine (RE2) takes them, and the literals in every match.

RE2 has no lookaround and no backreferences, and that is why it never takes exponential time on hostile text. Rules that
need those run through Python's ``re`` on the few candidate rows, cut to ``LOOKED_AT``, unless they ``backtrack``: who
writes the log chooses the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from kanaria.detect.literals import fragment

# The parser behind the standard library's re.compile; its tree is what says which texts every match contains.
_parser: Any = re._parser  # type: ignore[attr-defined]


@cache
def accepted_by_re2(pattern: str) -> bool:
    """Whether RE2 compiles the pattern; asks DuckDB itself, so that the answer is right for its version."""
    import duckdb  # 150 ms; only rules with expressions that are not bundled come here

    try:
        _engine().execute("SELECT regexp_matches('', ?)", [pattern]).fetchall()
    except duckdb.Error:
        return False
    return True


@cache
def _engine() -> Any:
    import duckdb

    return duckdb.connect()


LOOKED_AT = 4_096
"""Characters of a value that Python's engine sees: with no repeat inside another, it takes at most their square."""
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT")
_OFTEN = 8


def backtracks(pattern: str) -> bool:
    """Whether Python's engine may take exponential time: a repeat of something that repeats or has alternatives."""
    try:
        return _nested(list(_parser.parse(pattern)), False)
    except (re.error, OverflowError, RecursionError):
        return True


def _nested(items: Sequence[tuple[Any, Any]], repeated: bool) -> bool:
    for operation, argument in items:
        name = str(operation)
        if name in _REPEATS:
            often = argument[1] > _OFTEN
            if (often and repeated) or _nested(list(argument[2]), repeated or often):
                return True
        elif name == "BRANCH":
            if repeated or any(_nested(list(branch), repeated) for branch in argument[1]):
                return True
        elif name in ("SUBPATTERN", "ASSERT", "ASSERT_NOT"):
            if _nested(list(argument[-1]), repeated):
                return True
    return False


def required(pattern: str) -> frozenset[str] | None:
    """Texts (lower case) of which at least one is in everything the pattern matches; None when nothing is certain."""
    try:
        return _sequence(list(_parser.parse(pattern)))
    except (re.error, OverflowError, RecursionError):
        return None


def _sequence(items: Sequence[tuple[Any, Any]]) -> frozenset[str] | None:
    """The most selective requirement of the parts of a sequence; neighbouring characters are one text."""
    options: list[frozenset[str]] = []
    run = ""
    for operation, argument in [*items, (None, None)]:
        if str(operation) == "LITERAL":
            run += chr(argument)
            continue
        text = fragment([run])
        options += [frozenset([text])] if text else []
        run = ""
        inner = _part(str(operation), argument)
        options += [inner] if inner else []
    return max(options, key=lambda found: (min(map(len, found)), -len(found)), default=None)


def _part(operation: str, argument: Any) -> frozenset[str] | None:
    if operation in ("SUBPATTERN", "ATOMIC_GROUP"):
        return _sequence(list(argument[-1] if operation == "SUBPATTERN" else argument))
    if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and argument[0] >= 1:
        return _sequence(list(argument[2]))
    if operation == "BRANCH":
        branches = [_sequence(list(branch)) for branch in argument[1]]
        return None if None in branches else frozenset(text for found in branches for text in found or ())
    return None
