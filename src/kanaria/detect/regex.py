"""What regular expressions need: whether DuckDB's engine (RE2) takes them, and the literals in every match.

RE2 has no lookaround and no backreferences, and that is why it never takes exponential time on hostile text. Rules that
need those run through Python's ``re`` on the few candidate rows, cut to ``LOOKED_AT``, unless they ``backtrack``: who
writes the log chooses the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
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


MOST_SPELLINGS = 32
"""Texts that neighbouring parts may have together; a part that would make more begins anew."""
Exact = frozenset[str]
_EMPTY: Exact = frozenset([""])


def _sequence(items: Sequence[tuple[Any, Any]]) -> frozenset[str] | None:
    """The most selective requirement of the parts of a sequence; neighbouring texts and choices are one."""
    options: list[frozenset[str] | None] = []
    run = _EMPTY
    for operation, argument in items:
        exact = _exact(str(operation), argument)
        joined = None if exact is None else _product(run, exact)
        if joined is None:
            options += [_usable(run), _part(str(operation), argument)]
        run = joined or exact or _EMPTY
    options.append(_usable(run))
    return max(filter(None, options), key=lambda literals: (min(map(len, literals)), -len(literals)), default=None)


def _usable(texts: Exact) -> frozenset[str] | None:
    """What to look for when one of the texts occurs; None when some of them are too short."""
    pieces = [fragment([text]) for text in texts]
    return None if None in pieces else _shortest(piece for piece in pieces if piece)


def _shortest(texts: Iterable[str]) -> frozenset[str]:
    """The texts without those that contain another."""
    shortest: list[str] = []
    for text in sorted(set(texts), key=len):
        if not any(shorter in text for shorter in shortest):
            shortest.append(text)
    return frozenset(shortest)


def _product(left: Exact, right: Exact) -> Exact | None:
    if len(left) * len(right) > MOST_SPELLINGS:
        return None
    return frozenset(before + after for before in left for after in right)


def _exact(operation: str, argument: Any) -> Exact | None:
    """All texts that the part matches, where they can be counted up; what has no width is the empty text."""
    if operation == "LITERAL":
        return frozenset([chr(argument)])
    if operation == "AT":
        return _EMPTY
    if operation in ("SUBPATTERN", "ATOMIC_GROUP"):
        return _exact_sequence(list(argument[-1] if operation == "SUBPATTERN" else argument))
    if operation in ("MAX_REPEAT", "MIN_REPEAT") and argument[:2] == (0, 1):
        inner = _exact_sequence(list(argument[2]))
        return None if inner is None else inner | _EMPTY
    if operation == "BRANCH":
        return _union([_exact_sequence(list(branch)) for branch in argument[1]])
    if operation == "IN" and all(str(kind) == "LITERAL" for kind, _ in argument):
        return _union([frozenset([chr(code)]) for _, code in argument])
    return None


def _exact_sequence(items: Sequence[tuple[Any, Any]]) -> Exact | None:
    run: Exact | None = _EMPTY
    for operation, argument in items:
        exact = _exact(str(operation), argument)
        run = None if run is None or exact is None else _product(run, exact)
    return run


def _union(choices: Sequence[Exact | None]) -> Exact | None:
    together = frozenset(text for choice in choices for text in choice or ())
    return None if None in choices or len(together) > MOST_SPELLINGS else together


def _part(operation: str, argument: Any) -> frozenset[str] | None:
    if operation in ("SUBPATTERN", "ATOMIC_GROUP"):
        return _sequence(list(argument[-1] if operation == "SUBPATTERN" else argument))
    if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and argument[0] >= 1:
        return _sequence(list(argument[2]))
    if operation == "BRANCH":
        branches = [_sequence(list(branch)) for branch in argument[1]]
        return None if None in branches else _shortest(text for literals in branches for text in literals or ())
    return None
