"""The program itself: what absorbing does to scores, on a history small enough to follow by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit_baseline import HOUR, START_HOUR, connection, flow, history_of, pattern, table

from kanaria.baseline import calibration, compile, encode, shape
from kanaria.baseline.plans import TARGET, plans
from kanaria.baseline.statements import Statements
from kanaria.baseline.words import describe

ACTOR = "SELECT (hash('device', '10.0.0.5') >> 1)::BIGINT"


def test_what_happens_every_hour_is_cheap_and_what_never_happened_is_dear() -> None:
    learned = pattern()
    learned.learn(connection(*(flow(hour) for hour in range(48))))
    usual = learned.score(connection(flow(48)))["connection"]
    new = learned.score(connection(flow(48, dst_ip="198.51.100.7")))["connection"]
    assert usual["baseline.endpoint_bits"][0].as_py() < 0.5
    assert new["baseline.endpoint_bits"][0].as_py() > 5
    assert new["baseline.new_to_device"][0].as_py() is True
    assert new["baseline.new_to_network"][0].as_py() is True


def test_a_burst_buys_no_normality() -> None:
    """A thousand connections inside one hour count like one."""
    bits = []
    for times in (1, 1000):
        learned = pattern()
        learned.learn(connection(*(flow(hour) for hour in range(24))))
        learned.learn(learned.score(connection(*[flow(24, dst_ip="198.51.100.7")] * times)))
        scored = learned.score(connection(flow(25, dst_ip="198.51.100.7")))["connection"]
        bits.append(scored["baseline.endpoint_bits"][0].as_py())
    assert bits[0] == pytest.approx(bits[1])


def test_the_three_levels_stay_apart() -> None:
    learned = pattern()
    others = [(hour, f"10.0.0.{n}") for hour in range(24) for n in range(20, 25)]
    usual = [flow(hour) for hour in range(24)]
    learned.learn(connection(*usual, *(flow(hour, src_ip=src, dst_ip="198.51.100.9") for hour, src in others)))
    row = learned.score(connection(flow(24, dst_ip="198.51.100.9")))["connection"]
    device, network = (row[f"baseline.endpoint_bits_{level}"][0].as_py() for level in ("device", "network"))
    assert row["baseline.new_to_device"][0].as_py() is True
    assert row["baseline.new_to_network"][0].as_py() is False
    assert device > network


def test_bytes_beyond_anything_met_are_surprising_and_fewer_are_not() -> None:
    learned = pattern()
    learned.learn(connection(*(flow(hour, src_bytes=1000 + hour % 20) for hour in range(48))))
    sizes = [flow(49, src_bytes=size) for size in (10, 1000, 10**9)]
    small, same, large = learned.score(connection(*sizes))["connection"]["baseline.volume_bits"].to_pylist()
    assert small < 1
    assert same < 1
    assert large > 15


def test_calls_from_outside_that_nobody_answered_are_nobodys_behaviour() -> None:
    learned = pattern()
    row = learned.score(connection(flow(0, src_ip="192.0.2.1", dst_ip="10.0.0.5", direction="inbound", state="S0")))
    assert row["connection"]["baseline.surprise_bits"][0].as_py() is None
    assert row["connection"]["baseline.anomalous"][0].as_py() is False


def test_scoring_changes_nothing() -> None:
    learned = pattern()
    learned.learn(learned.score(connection(*(flow(hour) for hour in range(30)))))
    before = history_of(learned)
    learned.score(connection(*(flow(hour, dst_ip="198.51.100.7") for hour in range(30, 90))))
    assert history_of(learned) == before


def test_a_batch_of_many_hours_counts_its_own_past() -> None:
    """Offline runs hand over days at once: the second day must not look as new as the first."""
    learned = pattern(warm_up_days=1.0)
    flows = [flow(hour, dst_ip=f"198.51.100.{n % 20}") for hour in range(72) for n in range(60)]
    scored = learned.score(connection(*flows))["connection"]
    new = scored["baseline.new_to_network"].to_pylist()
    assert all(new[:20])
    assert not any(new[-60:])
    learning = scored["baseline.learning"].to_pylist()
    assert learning[0] is True
    assert learning[-1] is False


@given(hours=st.lists(st.integers(0, 60), min_size=1, max_size=25), cut=st.integers(0, 25))
@settings(max_examples=4, deadline=None)
def test_the_same_rows_leave_a_device_the_same_ties_however_they_are_cut(hours: list[int], cut: int) -> None:
    flows = [flow(hour, dst_ip=f"198.51.100.{hour % 5}") for hour in sorted(hours)]
    whole, parts = pattern(), pattern()
    whole.learn(connection(*flows))
    for part in (flows[:cut], flows[cut:]):
        if part:
            parts.learn(connection(*part))
    own = f"SELECT tie, round(log2(sum(weight)), 6), max(last) FROM {{}}.ties WHERE subject IN ({ACTOR}) GROUP BY ALL ORDER BY 1"  # noqa: S608
    left, right = (one.state.engine.execute(own.format(one.state.alias)).fetchall() for one in (parts, whole))
    assert left == right
    assert history_of(parts)["texts"] == history_of(whole)["texts"]


def test_the_committed_plans_are_what_the_program_compiles_to() -> None:
    """After changing the program: ``python -m kanaria.baseline.compile``."""
    assert TARGET.read_text("utf-8") == compile.text()
    assert {*plans(336.0).score, "grown"} == {*shape.STEPS, "scored"}
    assert {*plans(336.0).absorb} <= {*shape.HISTORY, "grown"}


@pytest.mark.parametrize("hours", [336.0, 72.5])
def test_a_half_life_filled_in_is_a_half_life_compiled(hours: float) -> None:
    fresh = compile.compiled(hours)
    filled = plans(hours)
    few = {part: {name: json.loads(text) for name, text in steps.items()} for part, steps in fresh["few"].items()}
    assert asdict(filled) == fresh | {"few": few}


def test_scoring_and_learning_import_no_compiler() -> None:
    """A process that starts pays for reading a file, not for importing Ibis and compiling the program."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from kit_baseline import connection, flow, pattern\n"
        "learned = pattern()\n"
        "learned.learn(learned.score(connection(flow(0))))\n"
        "print(sorted(name for name in ('ibis', 'sqlglot') if name in sys.modules))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parent)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_rows_outside_the_shape_are_left_alone() -> None:
    """No time, no direction, other networks' traffic: never scored, never an error."""
    rows = connection(flow(0, time=None), flow(1, direction="external"), flow(2, src_ip=None, dst_ip=None, device=None))
    scored = pattern().score(rows)["connection"]
    assert scored["baseline.surprise_bits"].null_count == 3
    assert len(scored) == 3


@pytest.mark.parametrize(
    ("name", "registered"),
    [
        ("www.shop.example", "shop.example"),
        ("a.b.shop.co.jp", "shop.co.jp"),
        ("shop.co.jp", "shop.co.jp"),
        ("localhost", "localhost"),
        ("192.0.2.1", None),
        ("2001:db8::1", None),
        ("", None),
        ("WWW.Shop.Example.", "shop.example"),
    ],
)
def test_names_are_reduced_to_what_somebody_registered(name: str, registered: str | None) -> None:
    engine = duckdb.connect()
    engine.execute("CREATE TABLE devices (actor BIGINT, grp BIGINT, role VARCHAR, first BIGINT)")
    statements = Statements(engine)
    encode.encode(statements, connection(flow(0, sni=name)), "devices")
    encode.want_texts(statements, "SELECT row FROM encoded")
    assert engine.execute("SELECT name_text FROM encoded_texts").fetchall() == [(registered,)]
    assert engine.execute("SELECT name IS NULL FROM encoded").fetchall() == [(registered is None,)]


def test_p_values_fall_with_surprise_and_never_reach_zero() -> None:
    hours = {1: np.bincount([20] * 90 + [30] * 10, minlength=shape.CALIBRATION_BINS).astype(float)}
    p = calibration.p_values(hours)[1]
    assert (np.diff(p) <= 1e-12).all()
    assert p[0] == pytest.approx(1.0)
    assert 0 < p[-1] < 1e-6
    assert p[30] == pytest.approx(0.1, abs=0.03)


def test_nothing_is_made_rarer_than_its_bits_say() -> None:
    """Hours that always look the same fit a steep tail; one bit more than ever is still no miracle."""
    hours = {1: np.bincount([10] * 2000, minlength=shape.CALIBRATION_BINS).astype(float)}
    p = calibration.p_values(hours)[1]
    bits = np.arange(len(p)) / shape.BINS_PER_BIT
    assert (p >= 2.0**-bits).all()
    assert p[80] == pytest.approx(2.0**-40)
    gentle = calibration.p_values(hours, calibration.SUM_SLOPE)[1]
    assert (gentle >= p).all()
    assert gentle[14] == pytest.approx(gentle[12] / 2, rel=0.01)


def test_a_large_transfer_that_peers_make_too_is_not_charged_twice() -> None:
    """A device's first large download costs what its peers' habits say, and no more for being beyond its own."""
    bits = []
    for peers_too in (False, True):
        learned = pattern()
        large = range(2, 9) if peers_too else ()
        for morning in range(0, 60, 12):
            rows = [
                flow(hour, src_ip=f"10.0.0.{number}", dst_bytes=size)
                for hour in range(morning, morning + 12)
                for size, numbers in ((4_000, range(1, 9)), (4_000_000, large))
                for number in numbers
            ]
            learned.learn(connection(*rows))
        scored = learned.score(connection(flow(61, src_ip="10.0.0.1", dst_bytes=4_000_000)))["connection"]
        bits.append(scored["baseline.volume_bits"][0].as_py())
    assert bits[1] < 4
    assert bits[0] > bits[1] + 8


def test_without_history_every_p_value_is_one() -> None:
    assert (calibration.p_values({})[0] == 1.0).all()


def test_hours_of_any_clock_stay_finite() -> None:
    for hour in (0, START_HOUR, 2**31):
        assert 0 < shape.scale_at(hour, 336.0) < float("inf")
    scored = pattern().score(connection(flow(-START_HOUR)))["connection"]
    assert isinstance(scored, pa.Table)
    assert HOUR == 3_600_000_000


def test_a_program_never_seen_at_a_server_is_surprising_and_its_next_release_is_not() -> None:
    learned = pattern()
    ends = {"src_ip": "192.0.2.9", "dst_ip": "10.0.0.5", "direction": "inbound"}

    def visit(hour: int, agent: str) -> dict[str, pa.Table]:
        return {"http": table("http", flow(hour, **ends, user_agent=agent))}

    for hour in range(24):
        learned.learn(visit(hour, f"Browser/12{hour}.0 (Example OS 1{hour % 3})"))
    bits = [
        learned.score(visit(25, agent))["http"]["baseline.agent_bits"][0].as_py()
        for agent in ("Browser/199.4 (Example OS 20)", "tool/1.0")
    ]
    assert bits[0] < 0.5
    assert bits[1] > 4
    assert "Browser/ (Example OS )" in " ".join(text.en for text in describe(learned, "10.0.0.5"))


def test_one_new_thing_is_rare_for_a_role_that_never_meets_any() -> None:
    """Ranks are kept by role and feature: what is usual among workstations does not excuse a server."""
    hours = {1: np.bincount([2] * 40, minlength=shape.CALIBRATION_BINS).astype(float),
             2: np.bincount([30] * 400, minlength=shape.CALIBRATION_BINS).astype(float)}  # fmt: skip
    p = calibration.p_values(hours)
    assert p[2][30] > 0.9
    assert p[1][30] < 0.02


def test_looking_several_ways_is_paid_for() -> None:
    assert sum(1 / factor for factor in shape.LOOKS.values()) == pytest.approx(1.0)
    assert set(shape.LOOKS) == set(shape.RANKED)
