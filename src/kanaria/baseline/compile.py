"""The precompiler: the Ibis program in, ``plans.json`` out. Run ``python -m kanaria.baseline.compile``.

A test compares the file with a fresh compilation, so a change of the program cannot be forgotten here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import ibis

from kanaria.baseline import program
from kanaria.baseline.lowering import lowered
from kanaria.baseline.plans import HALF_LIFE, TARGET


def compiled(half_life_hours: float = HALF_LIFE) -> dict[str, Any]:
    """SQL by part of the program and step, for a half-life in hours; under ``few`` the same as operations."""
    tables = program.tables()
    parts: Mapping[str, Mapping[str, Any]] = {
        "score": program.score(tables, half_life_hours),
        "absorb": program.absorb(tables, half_life_hours),
        "close_hours": program.close_hours(tables["hourly"], tables["flows"], half_life_hours),
    }
    sql = {
        part: {name: str(ibis.to_sql(table, dialect="duckdb", pretty=False)) for name, table in steps.items()}
        for part, steps in parts.items()
    }
    few = {part: {name: _one_line(lowered(table)) for name, table in steps.items()} for part, steps in parts.items()}
    return sql | {"few": few}


def _one_line(operations: object) -> str:
    return json.dumps(operations, separators=(",", ":"))


def text(half_life_hours: float = HALF_LIFE) -> str:
    """The file's content."""
    return json.dumps(compiled(half_life_hours), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), "utf-8")
