"""What every row that a condition accepts must contain.

A literal is safe only when the row's own bytes contain it, ignoring ASCII case: texts are cut at wildcards and at
characters outside ASCII, whose case a byte scanner does not know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kanaria.core.values import dataclass

SHORTEST = 4
"""Shorter literals (GET, 200, /) are in most rows of a log: looking for them costs more than evaluating the rule."""
MOST = 2000
"""A rule with more alternatives than this is a list to look up, not something to put into every scan."""

FEW_VALUES = frozenset(
    {"direction", "transport", "service", "method", "protocol", "sensor", "kind", "action", "result"}
)
"""Columns whose every value is in a good part of all rows."""


@dataclass(frozen=True, slots=True)
class Need:
    """At least one of ``literals`` (column, text) occurs, at least one of ``present`` is not null; None: no promise."""

    literals: frozenset[tuple[str, str]] | None = None
    present: frozenset[str] | None = None


def fragment(texts: Sequence[str]) -> str | None:
    """The longest usable piece of a text with wildcards, lower case, or None when all are too short.

    Pieces are cut at line breaks too: those join the columns a keyword is looked for in.
    """
    pieces = [piece for text in texts for piece in re.split(r"[^\x00-\x09\x0b-\x7f]+", text)]
    longest = max(pieces, key=len, default="")
    return longest.lower() if len(longest) >= SHORTEST else None


def all_of(needs: Sequence[Need]) -> Need:
    """What a conjunction needs: that of its most selective member."""
    literals = [need.literals for need in needs if need.literals is not None]
    present = [need.present for need in needs if need.present is not None]
    return Need(
        literals=max(literals, key=_selectivity, default=None),
        present=min(present, key=lambda pairs: (not all("." in name for name in pairs), len(pairs)), default=None),
    )


def _selectivity(literals: frozenset[tuple[str, str]]) -> tuple[bool, int, int]:
    """Long and few texts select best; those of a column with a handful of values hardly select at all."""
    return (
        not any(column in FEW_VALUES for column, _ in literals),
        min(len(text) for _, text in literals),
        -len(literals),
    )


def any_of(needs: Sequence[Need]) -> Need:
    """What a disjunction needs: one of its members', so no promise if any member makes none."""
    literals: frozenset[tuple[str, str]] | None = frozenset()
    present: frozenset[str] | None = frozenset()
    for need in needs:
        literals = None if literals is None or need.literals is None else literals | need.literals
        present = None if present is None or need.present is None else present | need.present
    return Need(literals=literals if literals is None or len(literals) <= MOST else None, present=present)
