"""The program as SQL text, and as operations for a handful of rows: read from ``plans.json``, not compiled at run time.

Ibis costs about a second to import and the program three more to compile, so neither happens when Kanaria runs:
``baseline.compile`` wrote the file. Only the half-life is filled in here.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from kanaria.core.values import dataclass

TARGET = Path(__file__).with_name("plans.json")
HALF_LIFE = 123_456_789.125
"""Stands for the half-life in the compiled text: no other number of the program comes near it."""


@dataclass(frozen=True, kw_only=True)
class Plans:
    """SQL for DuckDB by step. Tables are named as in ``shape``: baseline_rows, baseline_seen, baseline_ties, …"""

    score: dict[str, str]
    absorb: dict[str, str]
    close_hours: dict[str, str]
    few: dict[str, dict[str, list[list[Any]]]]
    """The same as operations for ``evaluate``, by part and step."""


@lru_cache(maxsize=4)
def plans(half_life_hours: float) -> Plans:
    """The plans for a half-life in hours."""
    stored = json.loads(TARGET.read_text("utf-8").replace(repr(HALF_LIFE), repr(float(half_life_hours))))
    few = {part: {name: json.loads(text) for name, text in steps.items()} for part, steps in stored["few"].items()}
    return Plans(**stored | {"few": few})
