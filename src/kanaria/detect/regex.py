"""Which regular expressions DuckDB's engine (RE2) takes. A pattern in, yes or no out.

RE2 has no lookaround and no backreferences, and that is why it never takes exponential time on hostile text. Rules that
need those run through Python's ``re`` on the few candidate rows.
"""

from __future__ import annotations

from functools import cache
from typing import Any


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
