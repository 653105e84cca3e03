"""Two weeks of 200 devices: every deviation put in stands above everything benign, within the alert budget."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from kit_baseline import pattern

from kanaria.lab import office

WARM_UP_HOURS = 168


@pytest.mark.slow
def test_every_deviation_is_called_anomalous_within_the_budget() -> None:
    log = office.generate(1)
    learned = pattern(warm_up_days=7.0, device_warm_up_hours=24.0)
    bad = np.array([event for deviation in log.deviations for event in deviation.event_ids])
    kept = []
    for part in log.slices(24):
        scored = learned.score(part)
        rows = scored["connection"]
        flagged = rows.filter(rows["baseline.anomalous"])["event_id"].to_pylist()
        learned.learn(scored, exclude_event_ids=flagged)
        kept.append(rows.select(["event_id", "time", "src_ip", "dst_ip", "direction", "baseline.p_value",
                                 "baseline.surprise_bits", "baseline.anomalous", "baseline.learning"]))  # fmt: skip
    rows = pa.concat_tables(kept)
    mine = pa.array(np.isin(rows["event_id"].to_numpy(), bad))
    for deviation in log.deviations:
        part = rows.filter(pc.is_in(rows["event_id"], pa.array(deviation.event_ids)))
        print(
            deviation.name, min(part["baseline.p_value"].to_pylist()), max(part["baseline.surprise_bits"].to_pylist())
        )
        assert any(part["baseline.anomalous"].to_pylist()), deviation.name
    false = rows.filter(pc.and_(rows["baseline.anomalous"], pc.invert(mine)))
    hours = {(time.replace(minute=0, second=0, microsecond=0), dst if direction == "inbound" else src)
             for time, src, dst, direction in zip(*(false[name].to_pylist() for name in
                                                    ("time", "src_ip", "dst_ip", "direction")), strict=True)}  # fmt: skip
    print(f"{len(hours)} false alerts in 7 days")
    assert len(hours) <= MOST_FALSE
    settled = pc.invert(rows["baseline.learning"])
    benign = pc.min(rows.filter(pc.and_(settled, pc.invert(mine)))["baseline.p_value"]).as_py()
    for name in ("dns_server_mines", "smb_fan_out", "night_upload"):
        (events,) = [deviation.event_ids for deviation in log.deviations if deviation.name == name]
        part = rows.filter(pc.is_in(rows["event_id"], pa.array(events)))
        assert min(part["baseline.p_value"].to_pylist()) < benign, name


MOST_FALSE = 7
"""The budget: one a day over the seven days after warm-up. Measured: 5 with this seed."""
