"""An attempt at logging on counts once, however many lines it took; a name chosen by an attacker changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.stream import ReadContext
from kanaria.formats.auth_log import AuthLog
from kanaria.formats.logons import windows_event, windows_rows
from kanaria.formats.logons.emit import endpoint
from kanaria.formats.logons.sshd import ssh_row
from kanaria.formats.logons.windows_csv import day_first, local_time
from kanaria.formats.logons.windows_event import from_document, time_of
from kanaria.formats.logons.windows_layout import sections
from kanaria.formats.logons.windows_rows import rows_of

Read = Callable[..., Any]
FAIL = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.7  user=root"
WORD = "Failed password for root from 198.51.100.7 port 50000 ssh2"
NAME = "Invalid user x from 198.51.100.7 port 50000"
END = "Connection closed by authenticating user root 198.51.100.7 port 50000 [preauth]"
OPEN = "pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)"
DONE = "Accepted publickey for root from 198.51.100.7 port 50000 ssh2: RSA SHA256:example"


def _outcomes(read: Read, *messages: tuple[int, str]) -> list[bool | None]:
    text = "".join(f"Jan 10 09:00:{n:02d} srv sshd[{pid}]: {said}\n" for n, (pid, said) in enumerate(messages))
    rows = read(AuthLog(), text.encode(), "auth.log", ReadContext(year=2026)).rows_of("logon")
    return [row.get("success") for row in rows]


@pytest.mark.parametrize(
    ("messages", "outcomes"),
    [
        ([(1, FAIL), (1, WORD)], [False]),
        ([(1, FAIL), (1, WORD), (1, WORD)], [False, False]),
        ([(1, FAIL), (2, FAIL), (1, WORD), (2, WORD)], [False, False]),
        ([(1, FAIL)], [False]),
        ([(1, FAIL), (1, FAIL)], [False, False]),
        ([(1, NAME), (1, FAIL), (1, WORD), (1, END)], [False]),
        ([(1, NAME), (1, END)], [False]),
        ([(1, NAME)], [False]),
        ([(1, END)], [False]),
        ([(1, WORD), (1, END)], [False]),
        ([(1, DONE), (1, OPEN)], [True]),
        ([(1, OPEN)], [True]),
        ([(1, FAIL), (1, WORD), (1, DONE), (1, OPEN)], [False, True]),
        ([(1, "Received disconnect from 198.51.100.7: 11: Bye Bye [preauth]")], []),
    ],
)
def test_an_attempt_counts_once(read: Read, messages: list[tuple[int, str]], outcomes: list[bool]) -> None:
    assert _outcomes(read, *messages) == outcomes


@pytest.mark.parametrize(
    "lines",
    [
        ['error: kex_exchange_identification: client sent invalid protocol identifier "{\\"id\\":1,\\001}"'
         .replace('\\"', '"'), "banner exchange: Connection from 198.51.100.7 port 50000: invalid format"],
        ["Bad protocol version identification '{\"id\":1,\\001}' from 198.51.100.7 port 50000"],
    ],
)  # fmt: skip
def test_what_was_said_instead_of_ssh_is_kept_byte_for_byte(read: Read, lines: list[str]) -> None:
    text = "".join(f"Jan 10 09:00:00 srv sshd[7]: {line}\n" for line in lines)
    everything = read(AuthLog(), text.encode(), "auth.log", ReadContext(year=2026))
    (connection,) = everything.rows_of("connection")
    assert connection["src_first"] == b'{"id":1,\x01}'
    assert (connection["src_ip"], connection["src_port"], connection["service"]) == ("198.51.100.7", 50000, "ssh")
    (row,) = everything.rows_of("logon")
    assert "success" not in row
    assert row["reason"] == "did not speak SSH"


@settings(max_examples=100, deadline=None)
@given(name=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60))
def test_the_last_address_counts_whatever_the_name(name: str) -> None:
    row = ssh_row(f"Failed password for invalid user {name} from 198.51.100.7 port 50000 ssh2")
    assert row is not None
    assert (row["src_ip"], row["src_port"], row["success"]) == ("198.51.100.7", 50000, False)
    assert row["user"] == (name.strip() or None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1:445", ("192.0.2.1", 445)),
        ("[2001:db8::1]:445", ("2001:db8::1", 445)),
        ("2001:db8::1", ("2001:db8::1", None)),
        ("ipv4:192.0.2.1:445", ("192.0.2.1", 445)),
        ("ipv6:2001:db8::1:445", ("2001:db8::1", 445)),
        ("::ffff:192.0.2.1", ("192.0.2.1", None)),
        ("unix:", (None, None)),
        ("LOCAL", (None, None)),
        ("192.0.2.1:99999", ("192.0.2.1", None)),
    ],
)
def test_endpoints(text: str, expected: tuple[str | None, int | None]) -> None:
    assert endpoint(text) == expected


@pytest.mark.parametrize(
    ("text", "european", "expected"),
    [
        ("2026/01/10 9:00:00", False, "2026-01-10T09:00:00+00:00"),
        ("1/10/2026 9:00:00 PM", False, "2026-01-10T21:00:00+00:00"),
        ("1/10/2026 12:00:00 AM", False, "2026-01-10T00:00:00+00:00"),
        ("10/01/2026 09:00:00", True, "2026-01-10T09:00:00+00:00"),
        ("10.01.2026 09:00:00", True, "2026-01-10T09:00:00+00:00"),
        ("2026-01-10 09:00:00", True, "2026-01-10T09:00:00+00:00"),
        ("31/31/2026 09:00:00", True, None),
        ("yesterday", True, None),
    ],
)
def test_local_times_of_event_viewer(text: str, european: bool, expected: str | None) -> None:
    found = local_time(text, day_first=european)
    assert (found.isoformat() if found else None) == expected


def test_the_order_of_day_and_month_is_told_by_the_file() -> None:
    assert day_first("x,13/01/2026 09:00:00,y")
    assert day_first("x,01.02.2026 09:00:00,y")
    assert not day_first("x,01/13/2026 09:00:00,y")
    assert not day_first("x,1/2/2026 9:00:00 AM,y")
    assert not day_first("x,2026/01/02 9:00:00,y")


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-10T09:00:00.000Z", "2026-01-10T09:00:00.0000000Z", "2026-01-10T18:00:00+09:00", "/Date(1768035600000)/",
        1768035600, 1768035600.0, 1768035600000, "1768035600", {"value": "/Date(1768035600000)/", "DateTime": "午前"},
        {"#text": "2026-01-10T09:00:00Z"},
    ],
)  # fmt: skip
def test_times_of_every_exporter(value: object) -> None:
    found = time_of(value)
    assert found is not None
    assert found.isoformat() == "2026-01-10T09:00:00+00:00"


@pytest.mark.parametrize("value", [None, True, "", "soon", -5, 1e30, float("nan"), [], {}])
def test_what_is_no_time_is_none(value: object) -> None:
    assert time_of(value) is None


def _event(code: int, channel: str, **data: object) -> dict[str, object]:
    return {"Event": {"System": {"EventID": code, "Channel": channel, "Computer": "SRV"}, "EventData": data}}


@pytest.mark.parametrize("channel", ["Application", "System", "", "ForwardedEvents", "Microsoft-Windows-X/Operational"])
def test_the_id_of_a_failed_logon_means_nothing_in_another_channel(channel: str) -> None:
    found = from_document(_event(4625, channel, TargetUserName="x", IpAddress="198.51.100.7"))
    assert found is not None
    assert rows_of(found) == []
    security = from_document(_event(4625, "Security", TargetUserName="x"))
    assert security is not None
    assert [table for table, _row in rows_of(security)] == ["logon"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [("0xC000006A", "0xc000006a"), (3221225578, "0xc000006a"), (-1073741718, "0xc000006a"), ("0x0", None), ("-", None)],
)
def test_failure_codes_have_one_spelling(status: object, reason: str | None) -> None:
    found = from_document(_event(4776, "Security", TargetUserName="x", Status=status))
    assert found is not None
    ((_table, row),) = rows_of(found)
    assert row.get("reason") == reason


def test_an_inbound_connection_of_the_filtering_platform_is_turned_round() -> None:
    ends = {"SourceAddress": "192.0.2.1", "SourcePort": "3389", "DestAddress": "198.51.100.7", "DestPort": "50000"}
    found = from_document(_event(5156, "Security", Direction="%%14592", Protocol="6", **ends))
    assert found is not None
    ((_table, row),) = rows_of(found)
    assert (row["src_ip"], row["dst_ip"], row["dst_port"], row["transport"]) == (
        "198.51.100.7",
        "192.0.2.1",
        3389,
        "tcp",
    )


def test_sections_of_a_message_do_not_depend_on_its_words() -> None:
    message = "見出し\r\n\r\nあ:\r\n\t一:\t\tA\r\n\t二:\t-\r\n\r\n種類:\t\t3\r\n\r\n説明の文です。\r\n\t- 注: これは値ではない"
    assert sections(message) == [["A", "-"], ["3"]]


def test_no_event_with_a_reader_is_skipped() -> None:
    assert {code for _channel, code in windows_rows._READERS} == windows_event.CODES
