"""From the alert budget back to bits: how surprising an hour of a device must be to be told of.

The threshold is a p-value (``ranking``); bits differ by role, because roles differ in what their hours hold. This is
for people, who see surprise in bits; decisions are made on p-values. An hour may be told of below it, too, when one
feature alone is rare enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kanaria.baseline import roles, shape

if TYPE_CHECKING:
    import duckdb

_TOGETHER = shape.RANKED.index("together") * shape.CALIBRATION_BINS
_RAREST = f"""
SELECT min(bins.number) FROM (SELECT unnest(range({shape.CALIBRATION_BINS})) AS number) AS bins
JOIN baseline_calibration AS known ON known.key = xor($group, ({_TOGETHER} + bins.number) * {shape.RANK_STEP})
WHERE known.p * {shape.LOOKS["together"]} <= $threshold"""  # noqa: S608


def alert_bits(engine: duckdb.DuckDBPyConnection, role: str, threshold: float) -> float | None:
    """Bits of all features together from which an hour of such a device is told of; None when no hour is.

    ``engine`` holds the calibration of the moment; ``threshold`` is the p-value that belongs to it.
    """
    row = engine.execute(_RAREST, {"group": roles.group_of(engine, role), "threshold": threshold}).fetchone()
    return None if row is None or row[0] is None else row[0] / shape.BINS_PER_BIT
