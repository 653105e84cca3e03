"""What is rare here: the history's hours in, the calibration table that scoring joins and the alert threshold out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.baseline import calibration, roles, shape

if TYPE_CHECKING:
    from kanaria.baseline.settings import BaselineSettings
    from kanaria.baseline.state import State

BUDGET_DAYS = 14
"""Days whose device hours say how many there are in a day."""


def refresh(state: State, settings: BaselineSettings) -> float:
    """Leave p-values by role, feature and bin in ``baseline_calibration``; returns the threshold of an alert."""
    ranks: list[dict[int, calibration.Counts]] = [{} for _ in shape.RANKED]
    latest = int(state.get("latest_hour") or shape.LANDMARK)
    scale = shape.scale_at(latest, settings.half_life_days * 24)
    found = state.statements.run(f"SELECT grp, rank, bin, sum(weight) FROM {state.alias}.peaks GROUP BY ALL")  # noqa: S608
    for group, rank, number, weight in found.fetchall():
        counts = ranks[int(rank)].setdefault(int(group), np.zeros(shape.CALIBRATION_BINS))
        counts[int(number)] = weight * scale
    groups = state.engine.execute(f"SELECT DISTINCT grp FROM {state.alias}.devices").fetchall()  # noqa: S608
    wanted = {int(group) for (group,) in groups} | {roles.group_of(state.engine, "unknown")}
    wanted |= {group for hours in ranks for group in hours}
    numbers = np.arange(shape.CALIBRATION_BINS, dtype=np.int64)
    keys: list[np.ndarray] = []
    values: list[np.ndarray] = []
    for rank, (name, hours) in enumerate(zip(shape.RANKED, ranks, strict=True)):
        least = calibration.SUM_SLOPE if name == "together" else calibration.LEAST_SLOPE
        table = calibration.p_values(hours, least)
        steps = (numbers + rank * shape.CALIBRATION_BINS) * shape.RANK_STEP
        for group in wanted:
            keys.append(np.int64(group) ^ steps)
            values.append(table.get(group, table[0]))
    # As Arrow: handed over as a list, each element would cost DuckDB an attempt to import pandas.
    made = pa.table({"key": np.concatenate(keys), "p": np.concatenate(values)})
    state.statements.take_in("baseline_calibration", made)
    return _threshold(state, settings)


def _threshold(state: State, settings: BaselineSettings) -> float:
    """The p-value that as many device hours a day fall below by chance as the budget allows."""
    latest, first = int(state.get("latest_hour") or 0), int(state.get("first_hour") or 0)
    hours = state.one(
        f"SELECT sum(device_hours) FROM {state.alias}.days WHERE day > {latest // 24 - BUDGET_DAYS}"  # noqa: S608
    )
    if not hours:
        return 0.0
    # From the first hour on and not from midnight: two half days are one day.
    days = min((latest + 1 - first) / 24, BUDGET_DAYS)
    return min(calibration.MARGIN * settings.alerts_per_day * days / float(str(hours)), 1.0)
