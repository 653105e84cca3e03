"""Three days of a real exposed server: alerts keep to their budget, and the beacon that is planted there stands out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kanaria.app.commands import baseline_answers as life
from kanaria.app.commands import beacon_list as regular
from kanaria.app.config import Baseline, Config
from kanaria.app.owning import owning
from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from kanaria.baseline import words

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif("KANARIA_DATA" not in os.environ, reason="KANARIA_DATA does not name the folder of real logs"),
]


def test_an_exposed_server_keeps_to_the_budget_and_its_beacon_is_what_is_most_usual(tmp_path: Path) -> None:
    logs = Path(os.environ["KANARIA_DATA"]) / "zeek-homelab" / "missing_host"
    settings = Baseline(warm_up_days=1.0, device_warm_up_hours=12.0)
    setup = prepare(Config(home=("64.225.56.201/32",), baseline=settings), store=tmp_path)
    with owning(tmp_path, "baseline learn") as mine:
        lines, ended = life.learn([str(logs)], setup, "en", mine)
    assert lines
    assert ended == 0, "the README and the hourly summaries beside the logs are none"
    with Engine(setup) as engine:
        learned = engine.memory.learned.life()
        status = learned.status()
        told = [text.en for text in words.describe(learned, "64.225.56.201")]
    assert status.learned_hours >= 72
    assert not status.learning
    assert status.alerts <= 2 * setup.config.alerts_per_day  # two days after the warm-up
    assert "looks like a web server" in told[0]
    # It was there from the first hour, so it is no anomaly; but of some nine thousand addresses none is as faithful.
    (addresses,) = [line for line in told if line.startswith("Usual addresses")]
    assert ": 73.54.23.243 (" in addresses


def test_the_planted_beacon_is_the_first_of_thousands_of_callers() -> None:
    """It calls every 200 to 350 seconds."""
    logs = Path(os.environ["KANARIA_DATA"]) / "zeek-homelab" / "missing_host"
    first = regular.beacons([str(logs)], prepare(), "en")[0][0]
    assert (first.src, first.port) == ("73.54.23.243", 80)
    assert 200 <= first.low < first.high <= 350
    assert first.callers > 1000
