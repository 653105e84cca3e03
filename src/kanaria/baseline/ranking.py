"""What is rare here: the history's hours in, the calibration table that scoring joins and the alert threshold out.

The threshold is a p-value; bits differ by role, because roles differ in what their hours hold. Bits are for people, who
see surprise in bits; decisions are made on p-values. An hour may be told of below them, too, when one feature alone is
rare enough.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.baseline import calibration, roles, shape
from kanaria.baseline.evaluate import Rows

if TYPE_CHECKING:
    from kanaria.baseline.settings import BaselineSettings
    from kanaria.baseline.state import State
    from kanaria.baseline.statements import Statements

_TOGETHER = shape.RANKED.index("together")
BUDGET_DAYS = 14
"""Days whose device hours say how many there are in a day."""


class Calibration:
    """How rare each bin of surprise is, by feature and role, and below which p-value an hour is told of."""

    def __init__(self, p: Mapping[tuple[int, int], calibration.Counts], threshold: float) -> None:
        """``p`` holds the p-values of all bins by (rank, group)."""
        self._p = p
        self.threshold = threshold
        self._in_engine = False
        self._rows: dict[frozenset[int], Rows] = {}

    @cached_property
    def arrow(self) -> pa.Table:
        """(key, p) as ``shape.HISTORY`` has them."""
        # As Arrow: handed over as a list, each element would cost DuckDB an attempt to import pandas.
        return pa.table(self._made(list(self._p)))

    def _made(self, of: Sequence[tuple[int, int]]) -> dict[str, np.ndarray]:
        steps = np.arange(shape.CALIBRATION_BINS, dtype=np.int64)
        keys = [np.int64(group) ^ ((steps + rank * len(steps)) * shape.RANK_STEP) for rank, group in of]
        return {"key": np.concatenate(keys), "p": np.concatenate([self._p[key] for key in of])}

    def rows(self, groups: Collection[int]) -> Rows:
        """The same of some groups, for a handful of rows."""
        wanted = frozenset(groups)
        if wanted not in self._rows:
            arrays = self._made([(rank, group) for rank, group in self._p if group in wanted])
            self._rows[wanted] = Rows({name: values.tolist() for name, values in arrays.items()})
        return self._rows[wanted]

    def hand_over(self, statements: Statements) -> None:
        """Leave it in the temporary table ``baseline_calibration``, once."""
        if not self._in_engine:
            statements.take_in("baseline_calibration", self.arrow)
            self._in_engine = True

    def alert_bits(self, group: int) -> float | None:
        """Bits of all features together from which an hour of that group is told of; None when no hour is."""
        p = self._p.get((_TOGETHER, group))
        if p is None:
            return None
        rare = np.flatnonzero(p * shape.LOOKS["together"] <= self.threshold)
        return float(rare[0]) / shape.BINS_PER_BIT if rare.size else None


def refresh(state: State, settings: BaselineSettings) -> Calibration:
    """What the history's hours say is rare now."""
    ranks: list[dict[int, calibration.Counts]] = [{} for _ in shape.RANKED]
    latest = int(state.get("latest_hour") or shape.LANDMARK)
    scale = shape.scale_at(latest, settings.half_life_days * 24)
    sums = state.statements.run(f"SELECT grp, rank, bin, sum(weight) FROM {state.alias}.peaks GROUP BY ALL")  # noqa: S608
    for group, rank, number, weight in sums.fetchall():
        counts = ranks[int(rank)].setdefault(int(group), np.zeros(shape.CALIBRATION_BINS))
        counts[int(number)] = weight * scale
    groups = state.statements.run(f"SELECT DISTINCT grp FROM {state.alias}.devices").fetchall()  # noqa: S608
    wanted = {int(group) for (group,) in groups} | {roles.group_of(state.engine, "unknown")}
    wanted |= {group for hours in ranks for group in hours}
    p: dict[tuple[int, int], calibration.Counts] = {}
    for rank, (name, hours) in enumerate(zip(shape.RANKED, ranks, strict=True)):
        least = calibration.SUM_SLOPE if name == "together" else calibration.LEAST_SLOPE
        table = calibration.p_values(hours, least)
        p |= {(rank, group): table.get(group, table[0]) for group in wanted}
    return Calibration(p, _threshold(state, settings))


def _threshold(state: State, settings: BaselineSettings) -> float:
    """The p-value that as many device hours a day fall below by chance as the budget allows; 0 while too little was
    seen. A network of which less than one device an hour is seen is held to what one device that is always on is
    allowed: or a few captures of a day, each of them new, would all be rare enough."""
    if observed(state, settings) < 1.0:
        return 0.0
    latest, first = int(state.get("latest_hour") or 0), int(state.get("first_hour") or 0)
    hours, _days = _recent(state)
    # From the first hour on and not from midnight: two half days are one day.
    days = min((latest + 1 - first) / 24, BUDGET_DAYS)
    return min(calibration.MARGIN * settings.alerts_per_day * days / max(hours, 24 * days), 1.0)


def observed(state: State, settings: BaselineSettings, span_days: float = BUDGET_DAYS) -> float:
    """How much of what a warm-up, or the days since the first record, has to show was seen lately; 1.0 for all of it.

    A span of time is no history: captures of a minute each, made over years, have taught nothing. The least is what one
    device in an office shows in that time, eight hours on five days of a week.
    """
    weeks = min(settings.warm_up_days, BUDGET_DAYS, span_days) / 7
    hours, days = _recent(state)
    if not hours:
        return 0.0
    return min(1.0, hours / (40 * weeks), days / max(int(5 * weeks), 1)) if weeks else 1.0


def _recent(state: State) -> tuple[int, int]:
    """Device hours of the last days, and on how many days they were."""
    latest = int(state.get("latest_hour") or 0)
    totals = state.statements.run(
        f"""SELECT coalesce(sum(device_hours), 0), count(DISTINCT day) FILTER (device_hours > 0)
        FROM {state.alias}.days WHERE day > {latest // 24 - BUDGET_DAYS}"""  # noqa: S608
    ).fetchone()
    return (int(totals[0]), int(totals[1])) if totals else (0, 0)
