"""Calls that come back evenly are told from calls that come at random, in bursts, or to a clock server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner
from kit_baseline import HOUR, START_HOUR, flow, table

from kanaria.app.commands.main import cli
from kanaria.baseline.beacons import BY_CHANCE, Beacons

DICE = np.random.default_rng(7)
DAY = 86_400


def _calls(seconds: np.ndarray, **values: object) -> list[dict[str, object]]:
    moments = START_HOUR * HOUR + (np.cumsum(seconds) * 1e6).astype(np.int64)
    return [flow(0, time=int(moment), **values) for moment in moments if moment < (START_HOUR + 24) * HOUR]


def _found(*groups: list[dict[str, object]]) -> Beacons:
    collected = Beacons(duckdb.connect())
    for group in groups:  # batch by batch, as they come
        collected.add({"connection": table("connection", *group)})
    return collected


def test_even_calls_with_jitter_are_listed_first_and_random_ones_not_at_all() -> None:
    even = _calls(DICE.uniform(200, 350, 400), dst_ip="198.51.100.7", src_bytes=80, dst_bytes=327)
    random = _calls(DICE.exponential(275, 400), dst_ip="198.51.100.8", src_bytes=80, dst_bytes=327)
    browsing = _calls(DICE.uniform(200, 350, 400), dst_ip="198.51.100.9")
    for row in browsing:
        row["dst_bytes"] = int(DICE.integers(1000, 90_000))
    (beacon,) = _found(even, random, browsing).beacons()
    assert (beacon.src, beacon.dst, beacon.port, beacon.transport) == ("10.0.0.5", "198.51.100.7", 443, "tcp")
    assert (beacon.calls, beacon.up, beacon.down, beacon.callers) == (len(even), 80, 327, 1)
    assert 260 < beacon.every < 290
    assert 200 <= beacon.low < beacon.high <= 350
    assert beacon.even > 0.85
    assert (beacon.same, beacon.covered, beacon.by_design) == (1.0, 1.0, False)
    assert 0.8 < beacon.regularity < 1.0


def test_several_connections_at_once_are_one_call() -> None:
    once = _calls(np.full(140, 600.0))
    twice = [row | {"time": int(str(row["time"])) + 40_000} for row in once]
    (beacon,) = _found(once + twice).beacons()
    assert (beacon.calls, beacon.every, beacon.even) == (len(once), 600.0, 1.0)


def test_what_repeats_itself_by_design_comes_last() -> None:
    clock = _calls(np.full(80, 1024.0), dst_ip="192.0.2.123", dst_port=123, transport="udp")
    program = _calls(DICE.uniform(500, 700, 140), dst_ip="198.51.100.7")
    assert [(one.dst, one.by_design) for one in _found(clock, program).beacons()] == [
        ("198.51.100.7", False),
        ("192.0.2.123", True),
    ]


@pytest.mark.parametrize(
    ("seconds", "values"),
    [
        (np.full(20, 1800.0), {}),  # too few
        (np.full(200, 60.0), {}),  # over too short a time
        (np.full(140, 600.0), {"state": "S0"}),  # never answered
        (np.full(140, 600.0), {"src_payload": 0, "dst_payload": 0}),  # nothing said: is the port still open?
        (np.full(140, 600.0), {"dst_ip": "224.0.0.251"}),  # to a group
        (np.full(140, 600.0), {"dst_ip": "ff02::fb"}),
    ],
)
def test_what_says_nothing_about_a_program_is_left_out(seconds: np.ndarray, values: dict[str, object]) -> None:
    assert _found(_calls(seconds, **values)).beacons() == []


def test_chance_is_what_random_calls_do() -> None:
    gaps = DICE.exponential(1.0, 200_000)
    middle = np.median(gaps)
    assert np.mean(np.abs(gaps - middle) <= middle / 4) == pytest.approx(BY_CHANCE, abs=0.005)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A Zeek log as JSON with a program that calls every ten minutes."""
    path = tmp_path / "conn.log"
    rows = [
        {
            "ts": 1_767_052_800 + 600.0 * number + number % 7, "uid": f"C{number}", "id.orig_h": "192.168.1.20",
            "id.orig_p": 40_000 + number, "id.resp_h": "198.51.100.7", "id.resp_p": 8080, "proto": "tcp",
            "duration": 0.2, "orig_bytes": 80, "resp_bytes": 327, "conn_state": "SF",
        }
        for number in range(140)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_the_command_lists_them_in_both_languages_and_as_json(log: Path) -> None:
    english = CliRunner().invoke(cli, ["beacons", str(log), "--lang", "en"])
    assert english.exit_code == 0
    assert english.stdout.splitlines() == [
        "100%  192.168.1.20 → 198.51.100.7 tcp/8080  every 10:01 min (9:54 min to 10:01 min)",
        "      140 calls from 2025-12-30 00:00 to 2025-12-30 23:10, in 100% of the hours; 100% with 80 bytes up and "
        "327 down; addresses that call this service: 1",
    ]
    japanese = CliRunner().invoke(cli, ["beacons", str(log), "--lang", "ja"]).stdout
    assert "10:01 min間隔" in japanese
    assert "送信80バイト・受信327バイト" in japanese
    (beacon,) = json.loads(CliRunner().invoke(cli, ["beacons", str(log), "--format", "json"]).stdout)["beacons"]
    assert (beacon["calls"], beacon["every"], beacon["first"]) == (140, 601.0, "2025-12-30T00:00:00+00:00")


def test_it_needs_no_package_that_only_this_environment_has(log: Path) -> None:
    """DuckDB looks for pytz when it hands over a moment with a zone; pandas brings that, Kanaria does not."""
    program = (
        "import sys; sys.modules['pytz'] = None; from kanaria.app.commands.main import main; sys.argv[0] = 'k'; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "beacons", str(log), "--format", "json"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["beacons"][0]["first"] == "2025-12-30T00:00:00+00:00"


def test_nothing_regular_is_said_in_a_sentence(tmp_path: Path, log: Path) -> None:
    few = tmp_path / "few.log"
    few.write_text("".join(log.read_text("utf-8").splitlines(keepends=True)[:5]), "utf-8")
    assert CliRunner().invoke(cli, ["beacons", str(few), "--lang", "en"]).stdout.startswith("No regular calls.")
