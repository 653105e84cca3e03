"""Entries of the journal as ``journalctl -o json`` writes them (systemd, "Journal Export Formats"), and what they mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kanaria.formats.journald import JournaldJson, text_of
from tests.reading_formats import Everything, read_all

WHEN = datetime(2026, 1, 10, 9, 0, 0, 250_000, UTC)
MICROS = 1_768_035_600_250_000
REFUSED = "Failed password for root from 198.51.100.7 port 50000 ssh2"


def entry(message: object = REFUSED, program: object = "sshd", /, **fields: object) -> dict[str, object]:
    """What the journal adds to every entry, as text; a field that is None is left out."""
    every: dict[str, object] = {
        "__CURSOR": "s=1;i=2;b=3;m=4;t=5;x=6", "__REALTIME_TIMESTAMP": str(MICROS), "__MONOTONIC_TIMESTAMP": "12345",
        "_BOOT_ID": "0" * 32, "_MACHINE_ID": "1" * 32, "_HOSTNAME": "srv", "_TRANSPORT": "syslog", "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": program, "_PID": "4021", "MESSAGE": message, **fields,
    }  # fmt: skip
    return {name: value for name, value in every.items() if value is not None}


def lines(*entries: object) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in entries)


def read(data: bytes) -> Everything:
    return read_all(JournaldJson(), data, "journal.json")


def logon(*entries: object) -> dict[str, Any]:
    found = read(lines(*entries))
    assert not found.rejects
    (row,) = found.rows_of("logon")
    return row


def bytes_of(text: str) -> list[int]:
    return list(text.encode())


def test_an_entry_says_who_tried_from_where_on_which_machine() -> None:
    row = logon(entry())
    meant = {"user": "root", "success": False, "src_ip": "198.51.100.7", "src_port": 50_000, "service": "ssh",
             "host_name": "srv", "device": "srv", "time": WHEN, "line": 1}  # fmt: skip
    assert {name: row[name] for name in meant} == meant


SHAPES: dict[str, dict[str, object]] = {
    "as text": {},
    "a message of bytes": {"MESSAGE": bytes_of(REFUSED)},
    "a program of bytes": {"SYSLOG_IDENTIFIER": bytes_of("sshd")},
    "a host of bytes": {"_HOSTNAME": bytes_of("srv")},
    "a message said twice": {"MESSAGE": [REFUSED, "another"]},
    "a program said twice": {"SYSLOG_IDENTIFIER": ["sshd", "sshd"]},
    "several, of bytes": {"MESSAGE": [bytes_of(REFUSED), bytes_of("other")]},
    "no identifier, but a command": {"SYSLOG_IDENTIFIER": None, "_COMM": "sshd"},
    "the process by syslog's word": {"_PID": None, "SYSLOG_PID": "4021"},
    "no process": {"_PID": None},
    "newer sshd": {"SYSLOG_IDENTIFIER": "sshd-session"},
    "colours": {"MESSAGE": f"\x1b[31m{REFUSED}\x1b[0m"},
    "numbers as numbers": {"__REALTIME_TIMESTAMP": MICROS, "_PID": 4021, "PRIORITY": 6},
    "other fields": {"_SYSTEMD_UNIT": "ssh.service", "CODE_FUNC": "x" * 5000, "NESTED": {"a": [1, None]}},
}


@pytest.mark.parametrize("name", SHAPES)
def test_fields_in_every_form_they_come_in(name: str) -> None:
    """ "Journal JSON Format": text; an array of numbers for what is no UTF-8; an array for a field with several values."""
    row = logon(entry(**SHAPES[name]))
    assert (row["user"], row["success"], row["src_ip"], row["host_name"]) == ("root", False, "198.51.100.7", "srv")
    assert row["time"] == WHEN


@pytest.mark.parametrize("value", [None, [], [[]], "", {}, [300], [-1]])
def test_a_message_that_is_none_is_no_logon(value: object) -> None:
    """Fields beyond what fits are null ("--all" shows them)."""
    found = read(lines(entry(value, "sshd", MESSAGE=value)))
    assert (found.rows_of("logon"), found.rejects, found.rows) == ([], [], 1)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("text", "text"), (None, ""), ([], ""), (7, "7"), (bytes_of("あ"), "あ"), ([255, 254], "\\xff\\xfe"),
        (["first", "second"], "first"), ([[104, 105], "x"], "hi"), ([256], "256"), ([None], ""),
    ],
    ids=str,
)  # fmt: skip
def test_a_field_as_text(value: object, meant: str) -> None:
    assert text_of(value) == meant


TIMES: dict[str, tuple[dict[str, object], datetime | None]] = {
    "when the journal got it": ({}, WHEN),
    "when it was said, which counts more": (
        {"_SOURCE_REALTIME_TIMESTAMP": str(MICROS - 1_000_000)}, datetime(2026, 1, 10, 8, 59, 59, 250_000, UTC),
    ),
    "nothing that is a time": ({"__REALTIME_TIMESTAMP": "soon"}, None),
    "negative": ({"__REALTIME_TIMESTAMP": "-1"}, None),
    "beyond the calendar": ({"__REALTIME_TIMESTAMP": str(2**63)}, None),
    "the first moment": ({"__REALTIME_TIMESTAMP": "0"}, datetime(1970, 1, 1, tzinfo=UTC)),
    "one that a machine may still see": ({"__REALTIME_TIMESTAMP": "4102444800000000"}, datetime(2100, 1, 1, tzinfo=UTC)),
    "one that is broken and one that is right": ({"_SOURCE_REALTIME_TIMESTAMP": "x"}, WHEN),
}  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
def test_times(name: str) -> None:
    fields, meant = TIMES[name]
    assert logon(entry(**fields)).get("time") == meant


@pytest.mark.parametrize("separator", [b"", b"\n", b"\r\n", b"\n\n", b"\x1e", b",\n", b" "], ids=repr)
def test_entries_apart_in_any_way(separator: bytes) -> None:
    """One a line; with blank lines between; RFC 7464's separator (``-o json-seq``); a list's commas."""
    whole = separator.join(
        json.dumps(entry(f"Failed password for u{n} from 198.51.100.7 port 1 ssh2")).encode() for n in range(3)
    )
    assert [row["user"] for row in read(whole).rows_of("logon")] == ["u0", "u1", "u2"]


@pytest.mark.parametrize("indent", [None, 2, "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_pretty_entries(indent: int | str | None, mark: bytes) -> None:
    """``-o json-pretty``, and what editors put before it."""
    data = mark + b"\n".join(json.dumps(entry(), indent=indent).encode() for _ in range(2))
    assert len(read(data).rows_of("logon")) == 2


@pytest.mark.parametrize(
    "broken", [b'{"MESSAGE": "x', b"nonsense", b'{"__REALTIME_TIMESTAMP":}', b"{]", b'"text"', b"7", b"null"]
)
def test_what_is_no_entry_is_told_and_costs_nothing_else(broken: bytes) -> None:
    found = read(lines(entry()) + broken + b"\n" + lines(entry()))
    assert len(found.rows_of("logon")) == 2
    assert len(found.rejects) == 1
    assert "journal entry" in found.rejects[0].reason


def test_cut_at_any_byte_the_whole_entries_are_kept_and_the_cut_is_told() -> None:
    one, two = lines(entry()), lines(entry())
    for size in range(1, len(two) - 1, 9):
        found = read(one + two[:size])
        assert len(found.rows_of("logon")) == 1, size
        assert len(found.rejects) == 1, size


def test_lines_of_several_processes_do_not_answer_for_each_other() -> None:
    """PAM's line is held until the same process says more precisely who it was."""
    pam = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.7  user=root"
    found = read(lines(entry(pam, _PID="1"), entry(pam, _PID="2"), entry(REFUSED, _PID="1")))
    assert [row["success"] for row in found.rows_of("logon")] == [False, False]
    apart = read(lines(entry(pam, _PID="1", _HOSTNAME="a"), entry(REFUSED, _PID="1", _HOSTNAME="b")))
    assert sorted(str(row["host_name"]) for row in apart.rows_of("logon")) == ["a", "b"]


def test_what_other_programs_say_is_handed_on_to_be_searched() -> None:
    found = read(lines(entry("GET /x HTTP/1.1", "nginx"), entry("started", "systemd"), entry()))
    assert len(found.rows_of("logon")) == 1
    left = [row for batch in found.batches if batch.unparsed is not None for row in batch.unparsed.to_pylist()]
    assert [row["line"] for row in left] == [1, 2]
    assert any(b"nginx: GET /x HTTP/1.1" in bytes(str(row).encode()) for row in left)
    assert sum(batch.passed_over for batch in found.batches) >= 1


@pytest.mark.parametrize(
    "name", ["a\\012b", "x from 203.0.113.9 port 1 ssh2", "\x1b[2J", "ro\u202eot", "あ", "a\\u0000b"]
)
def test_a_name_chosen_by_an_attacker_moves_no_address(name: str) -> None:
    row = logon(entry(f"Failed password for invalid user {name} from 198.51.100.7 port 50000 ssh2"))
    assert (row["src_ip"], row["src_port"], row["success"]) == ("198.51.100.7", 50_000, False)


SAID: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a key that was accepted": (
        "sshd", "Accepted publickey for deploy from 2001:db8::7 port 50000 ssh2: ED25519 SHA256:example",
        {"user": "deploy", "success": True, "method": "publickey", "src_ip": "2001:db8::7"},
    ),
    "sudo that was refused": (
        "sudo", "bob : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/bin/sh",
        {"user": "bob", "success": False, "service": "sudo"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_what_programs_say(name: str) -> None:
    program, message, meant = SAID[name]
    row = logon(entry(message, program))
    assert {key: row.get(key) for key in meant} == meant


def test_a_packet_of_the_firewall_is_a_connection() -> None:
    said = ("IN=eth0 OUT= MAC=00 SRC=198.51.100.7 DST=192.0.2.10 LEN=60 TOS=0x00 PREC=0x00 TTL=50 ID=1 DF PROTO=TCP "
            "SPT=50000 DPT=23 WINDOW=1024 RES=0x00 SYN URGP=0")  # fmt: skip
    (row,) = read(lines(entry(said, "kernel"))).rows_of("connection")
    assert (row["src_ip"], row["dst_ip"], row["dst_port"], row["transport"]) == (
        "198.51.100.7",
        "192.0.2.10",
        23,
        "tcp",
    )


@pytest.mark.parametrize(
    ("data", "sure"),
    [
        (lines(entry()), True), (lines(entry("hello", "unknown-program")), False), (lines({"MESSAGE": REFUSED}), False),
        (b"", False), (b"Jan 10 09:00:00 srv sshd[1]: x\n", False),
    ],
    ids=["sshd", "others", "no journal", "nothing", "text"],
)  # fmt: skip
def test_recognised_by_what_is_in_it(data: bytes, sure: bool) -> None:
    score = JournaldJson().sniff(data, "journal.json")
    assert (score > 0.9) == sure
    assert 0 <= score <= 1
