"""Windows event log files, built chunk by chunk: each kind of logon, damage in every place, names chosen by attackers."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

from kanaria.core.stream import ReadContext
from kanaria.formats.logons.evtx_file import Evtx
from tests.logon_formats.build_evtx import CHUNK, FIRST_RECORD, LOGON_FAILED, evtx
from tests.reading_formats import Everything, read_all

pytest.importorskip("evtx")

WHEN = datetime(2026, 1, 10, 9, 0, 0, tzinfo=UTC)
SECURITY, SERVER = "Security", "SRV-1.example"
TERMINAL = "Microsoft-Windows-TerminalServices-{}/Operational"


def event(
    code: int, data: Mapping[str, str], *, channel: str = SECURITY, provider: str = "Microsoft-Windows-Security-Auditing",
    computer: str = SERVER, time: str = "2026-01-10T09:00:00.000000Z", user_data: bool = False,
) -> str:  # fmt: skip
    """An event's XML; ``user_data`` has fields as elements of one element of their own, as some providers write them."""
    if user_data:
        fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in data.items())
        inside = f"<UserData><EventXML>{fields}</EventXML></UserData>"
    else:
        fields = "".join(f"<Data Name={quoteattr(name)}>{escape(value)}</Data>" for name, value in data.items())
        inside = f"<EventData>{fields}</EventData>"
    return (
        f"<Event><System><Provider Name={quoteattr(provider)}/><EventID>{code}</EventID>"
        f"<TimeCreated SystemTime={quoteattr(time)}/><EventRecordID>7</EventRecordID><Channel>{channel}</Channel>"
        f"<Computer>{computer}</Computer></System>{inside}</Event>"
    )


def read(data: bytes) -> Everything:
    return read_all(Evtx(), data, "Security.evtx")


def one(table: str, *events: str) -> dict[str, Any]:
    found = read(evtx(events))
    assert not found.rejects
    (row,) = found.rows_of(table)
    return row


TARGET = {"TargetUserName": "admin", "TargetDomainName": "CORP", "LogonType": "3", "WorkstationName": "PC-7",
          "IpAddress": "198.51.100.7", "IpPort": "50001", "AuthenticationPackageName": "NTLM"}  # fmt: skip

LOGONS: dict[str, tuple[int, dict[str, str], dict[str, Any]]] = {
    "over the network": (
        4624, TARGET,
        {"user": "admin", "domain": "CORP", "success": True, "logon_type": 3, "src_ip": "198.51.100.7", "src_port": 50001,
         "client_name": "PC-7", "method": "ntlm", "service": "windows"},
    ),
    "refused": (
        4625, {**TARGET, "Status": "0xc000006d", "SubStatus": "0xc000006a"},
        {"user": "admin", "success": False, "reason": "0xc000006a", "src_ip": "198.51.100.7"},
    ),
    "refused, without a finer reason": (
        4625, {**TARGET, "Status": "0xc0000234", "SubStatus": "0x0"}, {"success": False, "reason": "0xc0000234"},
    ),
    "by remote desktop": (4624, {**TARGET, "LogonType": "10"}, {"service": "rdp", "logon_type": 10, "success": True}),
    "refused by remote desktop": (4625, {**TARGET, "LogonType": "10"}, {"service": "rdp", "success": False}),
    "through openssh": (
        4624, {**TARGET, "LogonType": "8", "ProcessName": "C:\\Windows\\System32\\OpenSSH\\sshd.exe"}, {"service": "ssh"},
    ),
    "through a web server": (
        4624, {**TARGET, "LogonType": "8", "ProcessName": "C:\\Windows\\System32\\inetsrv\\w3wp.exe"}, {"service": "iis"},
    ),
    "from an IPv6 address": (4624, {**TARGET, "IpAddress": "2001:db8::7"}, {"src_ip": "2001:db8::7"}),
    "from an address in IPv6's clothes": (4624, {**TARGET, "IpAddress": "::ffff:198.51.100.7"}, {"src_ip": "198.51.100.7"}),
    "with all rights": (4624, {**TARGET, "ElevatedToken": "%%1842"}, {"privileged": True}),
    "without": (4624, {**TARGET, "ElevatedToken": "%%1843"}, {"privileged": False}),
    "with another's password": (
        4648, TARGET, {"user": "admin", "reason": "explicit credentials", "src_ip": "198.51.100.7"},
    ),
    "special rights": (
        4672, {"SubjectUserName": "admin", "SubjectDomainName": "CORP", "PrivilegeList": "SeDebugPrivilege"},
        {"user": "admin", "domain": "CORP", "privileged": True},
    ),
    "checked by a domain controller": (
        4776, {"TargetUserName": "admin", "Workstation": "PC-7", "Status": "0xc0000064"},
        {"user": "admin", "client_name": "PC-7", "success": False, "method": "ntlm", "reason": "0xc0000064"},
    ),
    "checked and right": (
        4776, {"TargetUserName": "admin", "Workstation": "PC-7", "Status": "0x0"}, {"success": True, "method": "ntlm"},
    ),
    "a ticket": (
        4768, {"TargetUserName": "admin", "TargetDomainName": "CORP", "Status": "0x0", "IpAddress": "::ffff:10.0.0.7"},
        {"success": True, "method": "kerberos", "src_ip": "10.0.0.7"},
    ),
    "a ticket refused": (
        4768, {"TargetUserName": "nobody", "Status": "0x6", "IpAddress": "10.0.0.7"},
        {"success": False, "reason": "0x6", "user": "nobody"},
    ),
    "wrong before a ticket": (
        4771, {"TargetUserName": "admin", "Status": "0x18", "IpAddress": "10.0.0.7"}, {"success": False, "reason": "0x18"},
    ),
    "locked out": (
        4740, {"TargetUserName": "admin", "TargetDomainName": "PC-7"},
        {"user": "admin", "client_name": "PC-7", "reason": "account locked out"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGONS)
def test_logons_of_the_security_channel(name: str) -> None:
    """Microsoft's "Audit logon" pages: each event's fields by their names."""
    code, data, meant = LOGONS[name]
    row = one("logon", event(code, data))
    assert {key: row.get(key) for key in meant} == meant
    assert (row["event_code"], row["channel"], row["host_name"], row["time"]) == (code, SECURITY, SERVER, WHEN)


@pytest.mark.parametrize("code", sorted({code for code, _, _ in LOGONS.values()}))
@pytest.mark.parametrize("channel", ["Application", "Setup", "Example-App/Operational"])
def test_the_same_number_in_another_channel_is_another_event(code: int, channel: str) -> None:
    found = read(evtx([event(code, TARGET, channel=channel, provider="Example-App")]))
    assert (found.tables, found.rejects, found.rows) == ({}, [], 1)


@pytest.mark.parametrize("value", ["-", "", "LOCAL", "not an address", "300.1.2.3", "0.0.0.0", "::", "1.2.3"])  # noqa: S104
def test_what_is_no_address_is_none(value: str) -> None:
    row = one("logon", event(4625, {**TARGET, "IpAddress": value}))
    assert "src_ip" not in row
    assert row["user"] == "admin"


@pytest.mark.parametrize(("value", "port"), [("0", None), ("-", None), ("65535", 65535), ("65536", None), ("x", None)])
def test_what_is_no_port_is_none(value: str, port: int | None) -> None:
    assert one("logon", event(4625, {**TARGET, "IpPort": value})).get("src_port") == port


NAMES = [
    "administrator",
    "user name",
    "a<b>&c",
    "'; DROP TABLE x",
    "日本語",
    "💰",
    "x" * 2000,
    "a]]>b",
    "%%1842",
    "${jndi:x}",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_kept_as_they_were_tried(name: str) -> None:
    """A name is two bytes a unit in the file; characters beyond the first plane take two units."""
    row = one("logon", event(4625, {**TARGET, "TargetUserName": name}))
    assert row["user"] == name.rpartition("\\")[2]


@pytest.mark.parametrize("forged", ["x</Data><Data Name='IpAddress'>203.0.113.1", "x\nIpAddress: 203.0.113.1", "IpAddress=203.0.113.1"])  # fmt: skip
def test_a_name_that_looks_like_other_fields_moves_none(forged: str) -> None:
    row = one("logon", event(4625, {**TARGET, "TargetUserName": forged}))
    assert (row["src_ip"], row["user"]) == ("198.51.100.7", forged)


DESKTOP: dict[str, tuple[str, int, dict[str, str], dict[str, Any]]] = {
    "let in by the listener": (
        TERMINAL.format("RemoteConnectionManager"), 1149,
        {"Param1": "admin", "Param2": "CORP", "Param3": "198.51.100.7"}, {"user": "admin", "src_ip": "198.51.100.7"},
    ),
    "a session began": (
        TERMINAL.format("LocalSessionManager"), 21,
        {"User": "CORP\\admin", "SessionID": "2", "Address": "198.51.100.7"}, {"user": "admin", "domain": "CORP"},
    ),
    "a session was taken up again": (
        TERMINAL.format("LocalSessionManager"), 25,
        {"User": "CORP\\admin", "SessionID": "2", "Address": "198.51.100.7"}, {"user": "admin", "src_ip": "198.51.100.7"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DESKTOP)
def test_logons_of_remote_desktop(name: str) -> None:
    channel, code, data, meant = DESKTOP[name]
    provider = channel.partition("/")[0]
    row = one("logon", event(code, data, channel=channel, provider=provider, user_data=True))
    assert {key: row.get(key) for key in meant} == meant
    assert row["service"] == "rdp"


def test_times_have_their_fraction_and_are_of_utc() -> None:
    row = one("logon", event(4625, TARGET, time="2026-01-10T23:59:59.999999900Z"))
    assert row["time"] == datetime(2026, 1, 10, 23, 59, 59, 999999, UTC)


def test_events_keep_their_order_and_have_their_number() -> None:
    found = read(evtx([event(4625, {**TARGET, "TargetUserName": f"u{number}"}) for number in range(25)]))
    assert [(row["line"], row["user"]) for row in found.rows_of("logon")] == [(n + 1, f"u{n}") for n in range(25)]
    assert len({row["event_id"] for row in found.rows_of("logon")}) == 25


def test_what_is_asked_for_of_every_event_is_there() -> None:
    """Rules of SigmaHQ look at any event: each comes as such, with all its fields."""
    context = ReadContext(events=True)
    data = evtx([event(4625, TARGET), event(1102, {"SubjectUserName": "admin"}), event(9999, {"Odd": "a b"})])
    found = read_all(Evtx(), data, "Security.evtx", context)
    assert [row["event_code"] for row in found.rows_of("event")] == [4625, 1102, 9999]
    assert "\x1fodd=a b\x1f" in str(found.rows_of("event")[2]["fields"])


# --- damage -------------------------------------------------------------------------------------------------------------

THREE = [event(4625, {**TARGET, "TargetUserName": name}) for name in ("first", "second", "third")]


def starts(data: bytes) -> list[int]:
    """Where the records of the first chunk begin."""
    found, at = [], 4096 + FIRST_RECORD
    while data[at : at + 4] == b"**\0\0":
        found.append(at)
        at += struct.unpack_from("<I", data, at + 4)[0]
    return found


def users(data: bytes) -> list[object]:
    return [row["user"] for row in read(data).rows_of("logon")]


def test_a_file_cut_anywhere_keeps_only_what_is_whole() -> None:
    data = evtx(THREE)
    ends = [*starts(data)[1:], None]
    for size in [*range(0, 4096, 509), 4096, 4096 + FIRST_RECORD, *(at + 9 for at in starts(data)), 4096 + CHUNK - 1]:
        found = read(data[:size])
        assert [row["user"] for row in found.rows_of("logon")] == ["first", "second", "third"][
            : len(found.rows_of("logon"))
        ]
        if 0 < size < 4096 + CHUNK:
            assert found.rejects or not found.rows_of("logon"), size
    assert len(ends) == 3
    assert users(data) == ["first", "second", "third"]


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("damage", [b"\xff" * 16, bytes(64)], ids=["noise", "zeros"])
def test_a_damaged_record_costs_no_other_its_truth(number: int, damage: bytes) -> None:
    data = bytearray(evtx(THREE))
    at = starts(bytes(data))[number] + 60
    data[at : at + len(damage)] = damage
    found = read(bytes(data))
    names = ["first", "second", "third"]
    kept = [row.get("user") for row in found.rows_of("logon")]
    assert [name for name in kept if name in names] == [name for name in names if name in kept]
    assert all(name in kept for name in names[:number])


@pytest.mark.parametrize("place", range(0, 128, 5))
def test_any_byte_of_the_file_header_may_be_wrong(place: int) -> None:
    data = bytearray(evtx([LOGON_FAILED]))
    data[place] ^= 0xFF
    found = read(bytes(data))
    assert [row["user"] for row in found.rows_of("logon")] in (["guest"], [])
    if not found.rows_of("logon"):
        assert found.rejects


@pytest.mark.parametrize(
    "place", [*range(0, 128, 7), FIRST_RECORD, FIRST_RECORD + 4, FIRST_RECORD + 8, FIRST_RECORD + 16]
)
def test_any_byte_of_the_chunks_header_may_be_wrong(place: int) -> None:
    data = bytearray(evtx([LOGON_FAILED]))
    data[4096 + place] ^= 0xFF
    found = read(bytes(data))
    assert [row["user"] for row in found.rows_of("logon")] in (["guest"], [])


def test_a_second_chunk_is_read_where_the_first_is_damaged() -> None:
    one_chunk, other = evtx([THREE[0]]), evtx([THREE[1]])
    both = bytearray(one_chunk[:4096] + one_chunk[4096:] + other[4096:])
    struct.pack_into("<H", both, 42, 2)  # chunks in the file
    assert users(bytes(both)) == ["first", "second"]
    both[4096:4104] = b"garbage!"
    found = read(bytes(both))
    assert [row["user"] for row in found.rows_of("logon")] == ["second"]


def test_a_file_without_events_is_well() -> None:
    found = read(evtx([]))
    assert (found.tables, found.rejects) == ({}, [])
    assert Evtx().sniff(evtx([]), "x") == 1.0
    assert Evtx().sniff(b"ElfChnk\0" + bytes(100), "Security.evtx") == 0.0
