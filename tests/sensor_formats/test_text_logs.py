"""Details of DNS server and firewall logs: years, spellings, joins, connections that stay open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from kanaria.core.stream import ReadContext
from kanaria.formats.dns_servers import BindQueryLog, DnsmasqLog, UnboundLog, WindowsDnsLog, _windows_time
from kanaria.formats.firewall import Conntrack, NetfilterLog, filterlog_row, netfilter_row
from kanaria.formats.netflow_text import NfdumpText
from kanaria.formats.text_log import Years, without_syslog

_Read = Callable[..., object]
Y2026 = ReadContext(year=2026)


@pytest.mark.parametrize(
    ("line", "tag", "when"),
    [
        ("Jan  5 09:00:00 gw kernel: text", "kernel", "2026-01-05T09:00:00+00:00"),
        ("Jan  5 09:00:00.250 gw app[12]: text", "app", "2026-01-05T09:00:00.250000+00:00"),
        ("<30>Jan 15 09:00:00 dnsmasq[9]: text", "dnsmasq", "2026-01-15T09:00:00+00:00"),
        ("<134>1 2026-01-10T09:00:00+09:00 gw app 12 ID47 [a b=\"c\"] text", "app", "2026-01-10T00:00:00+00:00"),
        ("2026-01-10T09:00:00.5Z gw app: text", "app", "2026-01-10T09:00:00.500000+00:00"),
        ("Mon Jan  5 09:00:00 2026 daemon.info app[12]: text", "app", "2026-01-05T09:00:00+00:00"),
        ("Jan  5 09:00:00 gw authpriv.warn app[12]: text", "app", "2026-01-05T09:00:00+00:00"),
    ],
)  # fmt: skip
def test_syslog_prefixes(line: str, tag: str, when: str) -> None:
    time, found, rest = without_syslog(line, Years(Y2026))
    assert time is not None
    assert (time.isoformat(), found, rest) == (when, tag, "text")


def test_a_log_over_new_year_and_impossible_days() -> None:
    years = Years(ReadContext(year=2025))
    assert years.time("Dec", "31", "23:59:59", None) == datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert years.time("Jan", "1", "00:00:00", ".5") == datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert years.time("Feb", "30", "00:00:00", None) is None
    assert without_syslog("no prefix at all", years) == (None, "", "no prefix at all")


@pytest.mark.parametrize(
    ("date", "half", "expected"),
    [
        ("1/10/2026", "PM", (2026, 1, 10, 21)), ("10/01/2026", None, (2026, 1, 10, 9)),
        ("10.01.2026", None, (2026, 1, 10, 9)), ("2026/01/10", None, (2026, 1, 10, 9)),
        ("20260110", None, (2026, 1, 10, 9)), ("13/1/2026", "AM", (2026, 1, 13, 9)),
    ],
)  # fmt: skip
def test_windows_dates_of_several_locales(date: str, half: str | None, expected: tuple[int, ...]) -> None:
    found = _windows_time(date, "9:00:00", half, Years(Y2026))
    assert found is not None
    assert (found.year, found.month, found.day, found.hour) == expected
    assert _windows_time("1/2", "9:00:00", None, Years(Y2026)) is None


def test_unbound_replies_alone_and_questions_alone(read: _Read) -> None:
    reply = b"[1768035600] unbound[1:0] info: 192.0.2.10 a.example. A IN NOERROR 0.1 0 40\n"
    question = b"[1768035600] unbound[1:0] info: 192.0.2.10 a.example. A IN\n"
    for data, count in ((reply, 1), (question, 1), (question + reply, 1), (question + reply + reply, 2)):
        assert len(read(UnboundLog(), data).rows_of("dns")) == count  # type: ignore[attr-defined]


def test_dnsmasq_answers_go_to_the_question_they_belong_to(read: _Read) -> None:
    lines = [
        "query[A] a.example from 192.0.2.10", "query[A] b.example from 192.0.2.11", "reply b.example is 203.0.113.2",
        "reply a.example is 203.0.113.1", "reply stranger.example is 203.0.113.3", "query[A] a.example from nobody",
    ]  # fmt: skip
    data = "".join(f"Jan 10 09:00:00 dnsmasq[1]: {line}\n" for line in lines).encode()
    found = read(DnsmasqLog(), data, context=Y2026)
    answers = {row["query"]: row["answers"] for row in found.rows_of("dns")}  # type: ignore[attr-defined]
    assert answers == {"a.example": ["203.0.113.1"], "b.example": ["203.0.113.2"]}


def test_bind_and_windows_say_why_a_line_was_refused(read: _Read) -> None:
    bind = read(BindQueryLog(), b"10-Jan-2026 09:00:00.1 client 999.1.1.1#1 (x): query: x IN A + (192.0.2.1)\n")
    assert "client address" in bind.rejects[0].reason  # type: ignore[attr-defined]
    windows = read(WindowsDnsLog(), b"1/10/2026 9:00:00 AM 0E44 PACKET  0001 UDP Rcv 192.0\n")
    assert "cut off" in windows.rejects[0].reason  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("prefix", "state"),
    [("[UFW BLOCK] ", "S0"), ("DROP-in: ", "S0"), ("REJECT ", "REJ"), ("[UFW ALLOW] ", None), ("", None)],
)
def test_what_the_prefix_says(prefix: str, state: str | None) -> None:
    message = f"{prefix}IN=eth0 OUT= SRC=198.51.100.7 DST=192.0.2.1 LEN=60 PROTO=TCP SPT=1 DPT=99999 SYN"
    row = netfilter_row(message, None, 1)
    assert row is not None
    assert (row["state"], row["src_port"], row["dst_port"], row["src_bytes"]) == (state, 1, None, 60)


def test_journal_lines_without_netfilter_are_passed_over(read: _Read) -> None:
    found = read(NetfilterLog(), b"Jan 10 09:00:00 gw systemd[1]: Started.\n", context=Y2026)
    assert (found.rows, found.rejects, found.tables) == (1, [], {})  # type: ignore[attr-defined]
    assert filterlog_row("1,2,3", None, 1) is None


def test_conntrack_keeps_what_never_ended_as_open(read: _Read) -> None:
    ends = "src=192.0.2.10 dst=203.0.113.5 sport={0} dport=443 [UNREPLIED] src=203.0.113.5 dst=192.0.2.10 sport=443 dport={0}"
    new = "[1768035600.5] [NEW] tcp 6 120 SYN_SENT " + ends.format(1) + "\n"
    update = "[1768035601.5] [UPDATE] tcp 6 432000 ESTABLISHED " + ends.format(1).replace("[UNREPLIED] ", "") + "\n"
    gone = "[1768035605.5] [DESTROY] udp 17 " + ends.format(2).replace("[UNREPLIED] ", "") + "\n"
    rows = read(Conntrack(), (new + update + gone).encode()).rows_of("connection")  # type: ignore[attr-defined]
    assert [(row["open"], row["state"], row["src_port"]) for row in rows] == [(False, "SF", 2), (True, "S1", 1)]
    assert rows[1]["time"] == datetime(2026, 1, 10, 9, 0, 0, 500_000, tzinfo=UTC)


NFDUMP = "Date first seen   Duration Proto Src IP Addr:Port Dst IP Addr:Port Packets Bytes Flows\n"


@pytest.mark.parametrize(
    "flow",
    [
        "2026-01-10 00:00:00.000 1.000 TCP 192.0.2.10:50000 -> 203.0.113.5:443 5 99999999999999999999 1",
        "2026-01-10 00:00:00.000 1.000 TCP 192.0.2.10:50000 -> 203.0.113.5:443 " + "9" * 400 + " 5 1",
        "2026-01-10 00:00:00.000 " + "9" * 400 + ".0 TCP 192.0.2.10:50000 -> 203.0.113.5:443 5 5 1",
        "2026-01-10 00:00:00.000 " + "9" * 5000 + ":00:01.0 TCP 192.0.2.10:50000 -> 203.0.113.5:443 5 5 1",
        "2026-01-10 00:00:00.000 1.000 TCP 192.0.2.10:" + "5" * 5000 + " -> 203.0.113.5:443 5 5 1",
        "2026-01-10 00:00:00.000 1.000 TCP 192.0.2.10:5² -> 203.0.113.5:443 5 5 1",
    ],
    ids=["bytes", "packets", "seconds", "hours", "port", "superscript"],
)
def test_numbers_no_flow_has_cost_only_their_line(read: _Read, flow: str) -> None:
    good = "2026-01-10 00:00:00.000 1.000 TCP 192.0.2.10:50000 -> 203.0.113.5:443 5 400 1"
    found = read(NfdumpText(), f"{NFDUMP}{flow}\n{good}\n".encode())
    assert ([reject.row for reject in found.rejects], found.rows) == ([2], 2)  # type: ignore[attr-defined]
    assert found.rows_of("connection")[0]["src_bytes"] == 400  # type: ignore[attr-defined]
