"""What a report says of its inputs: the time they cover reaches to the end of the last flow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kanaria.app.run.input_accounts import LONGEST_US, Inputs
from kanaria.core.schema import from_rows
from kanaria.core.types import Batch, Position
from kanaria.lab.mining import Plan, conversation
from kanaria.lab.scenario import Host, write_pcap
from tests.app.running import Kanaria

START = datetime(2026, 6, 21, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("durations", "seconds"),
    [
        ([None, None], 60.0),
        ([30_000_000, None], 60.0),
        ([600_000_000, 1_000_000], 600.0),
        ([LONGEST_US, -5], 60.0),
    ],
)
def test_the_time_covered_ends_with_the_last_flow(durations: list[int | None], seconds: float) -> None:
    rows = [
        {"event_id": number, "time": START + timedelta(minutes=number), "duration_us": duration}
        for number, duration in enumerate(durations)
    ]
    tables = {"connection": from_rows("connection", rows), "dns": from_rows("dns", [{"event_id": 9, "time": START}])}
    account = Inputs()
    account.open("a.pcap", "pcap")
    account.count(Batch(source="a.pcap", format="pcap", tables=tables, rows=3, position=Position(source="a.pcap")))
    known = account.summaries["a.pcap"]
    assert (known.first, known.last) == (START, START + timedelta(seconds=seconds))


def test_a_capture_of_one_long_flow_covers_its_length(kanaria: Kanaria, tmp_path: Path) -> None:
    plan = Plan(dialect="cryptonote", seconds=3600)
    talk = conversation(plan, Host("miner", "192.168.10.53"), Host("pool", "203.0.113.38"), 3333)
    write_pcap([talk], tmp_path / "miner.pcap")
    (read,) = kanaria("analyze", "--format", "json", "miner.pcap").document["inputs"]
    covered = datetime.fromisoformat(read["last"]) - datetime.fromisoformat(read["first"])
    assert timedelta(minutes=55) < covered < timedelta(minutes=65)
