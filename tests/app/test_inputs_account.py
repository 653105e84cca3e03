"""What a report says of its inputs: the time they cover reaches to the end of the last flow."""

from __future__ import annotations

import io
import tarfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kanaria.app.run.input_accounts import LONGEST_US, Inputs
from kanaria.core.schema import from_rows
from kanaria.core.types import Batch, Position
from kanaria.lab.mining import Plan, conversation
from kanaria.lab.scenario import Host, write_pcap
from tests.app.running import Kanaria
from tests.packets.build_packets import pcap
from tests.packets.hostile_traffic import conversation as spoken
from tests.packets.hostile_traffic import mining

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


def test_what_lies_beside_logs_in_an_archive_is_passed_over_with_a_word(kanaria: Kanaria, tmp_path: Path) -> None:
    """A folder as Zeek and people leave it: not one record of it is unread, and what a document quotes is still found."""
    folder = tmp_path / "2026-01-10"
    folder.mkdir()
    fields = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"
    (folder / "conn.00:00:00-01:00:00.log").write_text(
        fields + "1768035600.0\tC1\t192.0.2.7\t50000\t192.0.2.9\t443\ttcp\n"
    )
    summary = "\n>== Total === 2026-01-10-00-00-02 - 2026-01-10-00-59-59\n   - Connections 1.6k - Payload 134.4k -\n"
    (folder / "conn-summary.00:00:00-01:00:00.log").write_text(summary)
    (folder / "README.md").write_text("# The sensor in rack 3\n\nRestarted on Friday.\n")
    done = kanaria("analyze", "--format", "json", "--lang", "en", str(folder))
    assert (done.status, done.document["coverage"]["records"], done.document["coverage"]["unread"]) == (0, 1, 0)
    notes = {Path(one["path"]).name: one["note"] and one["note"]["en"] for one in done.document["inputs"]}
    assert notes["conn-summary.00:00:00-01:00:00.log"].startswith("Zeek's summary of connections")
    assert notes["README.md"] == "a document and no log, by its name: passed over, only searched."
    assert kanaria("analyze", str(folder / "README.md")).status == 2  # nothing else was given


def test_a_miner_that_tells_of_itself_is_heard_and_who_asked_is_no_pool(kanaria: Kanaria, tmp_path: Path) -> None:
    body = b'{"kind":"miner","ua":"XMRig/6.21.0","results":{"shares_good":55},"hashrate":{"total":[998.0]}}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    asked = b"GET /2/summary HTTP/1.1\r\nHost: 192.168.1.20:8080\r\n\r\n"
    (tmp_path / "a.pcap").write_bytes(
        pcap(spoken([("c", asked), ("s", head + body)], "192.168.1.5", "192.168.1.20", dport=8080))
    )
    (one,) = kanaria("analyze", "--format", "json", "--lang", "en", "a.pcap").document["incidents"]
    assert (one["severity"], one["entities"]["devices"]) == ("critical", ["192.168.1.20"])
    advice = next(item["text"]["en"] for item in one["recommendations"] if item["id"] == "isolate")
    assert "block its connections to the pool" in advice and "192.168.1.5" not in advice


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_of_files_is_said_to_be_one(kanaria: Kanaria, tmp_path: Path, kind: str) -> None:
    """A miner's words in it are texts out of their place: nobody is accused by them, and nobody is told that all is
    well."""
    inside = pcap(spoken(mining()))
    with io.BytesIO() as made:
        if kind == "zip":
            with zipfile.ZipFile(made, "w") as archive:
                archive.writestr("capture.pcap", inside)
        else:
            with tarfile.open(fileobj=made, mode="w:gz" if kind.endswith("gz") else "w") as archive:
                member = tarfile.TarInfo("capture.pcap")
                member.size = len(inside)
                archive.addfile(member, io.BytesIO(inside))
        (tmp_path / f"evidence.{kind}").write_bytes(made.getvalue())
    done = kanaria("analyze", "--lang", "en", f"evidence.{kind}")
    assert done.status == 2
    assert "an archive of files" in done.out.replace("\n", " ") and "critical" not in done.out
