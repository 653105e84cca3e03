"""An empty answer says of what it is one: what could not be read, and that flow records alone decide nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import Kanaria

FIELDS = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes",
          "resp_bytes", "conn_state", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes")  # fmt: skip
ZEEK = "#separator \\x09\n#fields\t" + "\t".join(FIELDS) + "\n" + "\t".join(
    ("1768035600.0", "C1", "192.168.1.20", "50000", "203.0.113.50", "443", "tcp", "ssl", "1.5", "900", "4000", "SF", "9", "1300", "8", "4400")
) + "\n"  # fmt: skip
HEADER = "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n"
THIN = [
    f"2026-01-10 {9 + slot // 12:02}:{slot % 12 * 5:02}:00.000,00:04:58.500,TCP,{ends},{packets},{size},1\n"
    for slot in range(36)
    for ends, packets, size in (("192.168.1.53,51022,203.0.113.38,3333", 40, 6600), ("203.0.113.38,3333,192.168.1.53,51022", 36, 7200))
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conn.log").write_text(ZEEK, "utf-8")
    (tmp_path / "junk.txt").write_text("one thing\nand another\n", "utf-8")
    (tmp_path / "web.log").write_text(
        '203.0.113.9 - - [10/Jan/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 10 "-" "x"\n', "utf-8"
    )
    return tmp_path


COMMANDS = [["devices"], ["beacons"], ["baseline", "learn", "--store", "s"]]
EACH = pytest.mark.parametrize("command", COMMANDS, ids=["devices", "beacons", "learn"])


@EACH
def test_nothing_readable_is_an_error_and_no_answer(command: list[str], kanaria: Kanaria, folder: Path) -> None:
    done = kanaria(*command, "junk.txt", "--lang", "en")
    assert done.status == 2
    assert "expected a log or capture in a known format" in done.err
    assert not done.out


@EACH
def test_what_was_read_in_part_is_said_and_has_a_status(command: list[str], kanaria: Kanaria, folder: Path) -> None:
    done = kanaria(*command, "conn.log", "junk.txt", "--lang", "en")
    assert done.status == 3
    assert "% of the records could not be read" in done.err and "junk.txt" in done.err
    assert done.out
    japanese = kanaria(*command, "conn.log", "junk.txt", "--lang", "ja")
    assert "を読み取れませんでした" in japanese.err


@EACH
def test_what_was_read_whole_ends_quietly(command: list[str], kanaria: Kanaria, folder: Path) -> None:
    done = kanaria(*command, "conn.log", "--lang", "en")
    assert (done.status, done.err) == (0, "")


def test_beacons_of_inputs_without_connections_say_so(kanaria: Kanaria, folder: Path) -> None:
    done = kanaria("beacons", "web.log", "--lang", "en")
    assert done.status == 0
    assert "holds no network connections" in done.err


def test_flow_records_alone_name_the_nearest_and_decide_nothing(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "flows.csv").write_text(HEADER + "".join(THIN), "utf-8")
    done = kanaria("analyze", "flows.csv", "--lang", "en")
    said = " ".join(done.out.split())
    assert done.status == 0
    assert "Only flow records were read (1 connections)" in said
    assert "192.168.1.53 → 203.0.113[.]38 port 3333 (+4.0 bits: 46 bytes/s" in said
    assert "フロー記録だけです" in "".join(kanaria("analyze", "flows.csv", "--lang", "ja").out.split())


def test_flow_records_of_which_none_is_near_say_that(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "flows.csv").write_text(
        HEADER + "2026-01-10 09:00:00.000,0.2,UDP,192.168.1.53,51022,203.0.113.53,53,1,70,1\n", "utf-8"
    )
    assert "None of them comes near it." in " ".join(kanaria("analyze", "flows.csv", "--lang", "en").out.split())
