"""Ibis programs as SQL text, compiled once per process and half-life.

Ibis only compiles here: it costs about a second to import and 5 to 125 ms per expression, so neither happens before the
first batch, and no later batch pays again. The engine that executes is passed in by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, kw_only=True)
class Plans:
    """SQL for DuckDB. Tables are named as in ``program.tables``: rows, seen, ties, totals, …"""

    score: dict[str, str]
    absorb: dict[str, str]
    close_hours: dict[str, str]
    compact: dict[str, str]


@lru_cache(maxsize=4)
def plans(half_life_hours: float) -> Plans:
    """The plans for a half-life in hours."""
    import ibis

    from kanaria.baseline import program

    tables = program.tables()

    def sql(expression: object) -> str:
        return str(ibis.to_sql(expression, dialect="duckdb"))

    absorbed = program.absorb(tables["rows"], tables["choices"], tables["seen"], half_life_hours)
    closed = program.close_hours(tables["hourly"], tables["flows"], half_life_hours)
    return Plans(
        score={name: sql(table) for name, table in program.score(tables, half_life_hours).items()},
        absorb={name: sql(table) for name, table in absorbed.items()},
        close_hours={name: sql(table) for name, table in closed.items()},
        compact={name: sql(table) for name, table in program.compact(tables).items()},
    )
