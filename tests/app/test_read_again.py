"""What is read again, as it was, is judged as it was: more has been learned since, and of these very records."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.kill_table import capture, differing, kept
from tests.app.running import Kanaria
from tests.app.test_state_parts import forget

RULE = "anomalous_external_activity_from_critical_network_device"


@pytest.mark.slow
def test_a_capture_read_twice_is_the_same_until_settings_change(kanaria: Kanaria, tmp_path: Path) -> None:
    """The second reading knows from the first that the device serves names; the first did not when it judged."""
    place = tmp_path / "place"
    (tmp_path / "in").mkdir()
    place.mkdir()
    run = ("analyze", "in", "--store", "place/store", "--format", "json", "-o", "place/report.json")
    for only_first in (True, False):
        capture(tmp_path / "in", only_first)
        assert kanaria(*run).status in (0, 1)
    once = kept(place)
    assert RULE not in str(once["finding"])
    shutil.copytree(place / "store", tmp_path / "cut")
    forget(tmp_path / "cut", "judged")
    assert RULE in kanaria("analyze", "in", "--store", "cut", "--format", "json").out, "what the part is good for"
    assert kanaria(*run).status in (0, 1)
    assert differing(once, kept(place)) == []
    (tmp_path / "kanaria.toml").write_text("alerts_per_day = 2\n")
    assert kanaria(*run, "--config", "kanaria.toml").status in (0, 1)
    assert RULE in str(kept(place)["finding"])
