"""The same captures and the same anomalies, however they are read: whole, while the file grows, or from day to day."""

from __future__ import annotations

import struct
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kanaria.app.run.engine import Engine
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.setup import Setup, prepare
from kanaria.sources import open_inputs
from tests.app.test_between_runs import mined
from tests.app.test_cli_incident import DAY, SERVER, flow
from tests.app.test_same_however_read import stored, told

STRANGE = "203.0.113.99"


@pytest.fixture(scope="module")
def setup() -> Setup:
    """Ready to say what is unusual after two days."""
    made = prepare()
    return replace(made, config=replace(made.config, baseline=replace(made.config.baseline, warm_up_days=2.0)))


def run(setup: Setup, folder: Path, store: str, name: str, content: bytes) -> Any:
    """One run over the file as it is now; what is kept then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # an input is called after its path
        Path(name).write_bytes(content)
        with Engine(stored(setup, folder / store)) as engine:
            engine.mark_notified(engine.commit(analyse(open_inputs([name]), engine)))
    return told(folder / store)


def packets(capture: bytes) -> list[int]:
    """Where each packet of a classic capture ends."""
    ends, at = [], 24
    while at < len(capture):
        at += 16 + struct.unpack_from("<I", capture, at + 8)[0]
        ends.append(at)
    return ends


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("capture") / "mined.pcap"
    mined(path, begin=0.0, seconds=1_800)
    return path.read_bytes()


@settings(
    max_examples=2, phases=(Phase.generate,), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.integers(10, 95))
def test_a_capture_that_grows_is_the_capture(setup: Setup, capture: bytes, share: int) -> None:
    whole = capture
    ends = packets(whole)
    with tempfile.TemporaryDirectory() as name:
        run(setup, Path(name), "s", "mined.pcap", whole[: ends[share * len(ends) // 100]])
        grown = run(setup, Path(name), "s", "mined.pcap", whole)
        assert grown == run(setup, Path(name), "whole", "mined.pcap", whole)


def days() -> list[tuple[float, str]]:
    """Five days of a server that always asks the same two, and on the fifth a stranger, much and long."""
    lines = []
    for n in range(24 * 5 * 6):
        time = DAY + timedelta(minutes=10 * n)
        lines.append((time.timestamp(), flow(time, n, SERVER, "192.168.1.1" if n % 3 else "192.168.1.2", 53)))
    for n in range(40):
        time = DAY + timedelta(days=4, hours=12, minutes=2 * n)
        lines.append((time.timestamp(), flow(time, 5_000 + n, SERVER, STRANGE, 4444, seconds=60, size=900_000)))
    return sorted(lines)


@settings(
    max_examples=2, phases=(Phase.generate,), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(hours=st.lists(st.integers(1, 119), min_size=1, max_size=2))
def test_what_is_unusual_is_so_however_the_days_are_read(setup: Setup, hours: list[int]) -> None:
    lines = days()
    with tempfile.TemporaryDirectory() as name:
        for hour in [*sorted(hours), 24 * 5]:
            end = (DAY + timedelta(hours=hour)).timestamp()
            content = "".join(f"{line}\n" for time, line in lines if time <= end).encode()
            found = run(setup, Path(name), "s", "conn.log", content)
        assert found == run(setup, Path(name), "whole", "conn.log", content)
    assert {"unexplained_anomaly"} & {finding[1] for incident in found for finding in incident[-1]}, found
