"""FTP's logons (RFC 959, 5.4): which reply is the verdict on which password, whatever else was said in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from build_packets import START, Reader, conversation, pcap

Script = list[tuple[str, bytes]]
Attempts = list[tuple[str | None, bool | None]]

HELLO = ("s", b"220 FTP server ready\r\n")
WANTED = ("s", b"331 Password required\r\n")


def user(name: bytes) -> tuple[str, bytes]:
    return "c", b"USER " + name + b"\r\n"


PASSWORD = ("c", b"PASS secret\r\n")
IN, REFUSED = ("s", b"230 Logged in\r\n"), ("s", b"530 Login incorrect\r\n")

SCRIPTS: dict[str, tuple[Script, Attempts]] = {
    "one good": ([HELLO, user(b"ann"), WANTED, PASSWORD, IN], [("ann", True)]),
    "one bad": ([HELLO, user(b"ann"), WANTED, PASSWORD, REFUSED], [("ann", False)]),
    "three tries": (
        [HELLO, *[user(b"ann"), WANTED, PASSWORD, REFUSED] * 2, user(b"bob"), WANTED, PASSWORD, IN],
        [("ann", False), ("ann", False), ("bob", True)],
    ),
    "no verdict seen": ([HELLO, user(b"ann"), WANTED, PASSWORD], [("ann", None)]),
    "a greeting of several lines": (
        [("s", b"220-Welcome\r\n 230 users online\r\n530 is our number\r\n220 Ready for FTP\r\n"), user(b"ann"), WANTED, PASSWORD, REFUSED],
        [("ann", False)],
    ),
    "a verdict of several lines": (  # RFC 959, 4.2: the first line has a hyphen, the last one the code again
        [HELLO, user(b"ann"), WANTED, PASSWORD, ("s", b"230-Welcome\r\n 530 files here\r\n230 Logged in\r\n")],
        [("ann", True)],
    ),
    "the name itself refused": (  # vsftpd with an allow-list: 530 answers USER, no password is asked for
        [HELLO, user(b"root"), ("s", b"530 Permission denied.\r\n"), user(b"ann"), WANTED, PASSWORD, IN],
        [("root", False), ("ann", True)],
    ),
    "a password sent although the name was refused": (  # 503 says: first a name
        [HELLO, user(b"root"), REFUSED, PASSWORD, ("s", b"503 Login with USER first.\r\n"), user(b"ann"), WANTED, PASSWORD, IN],
        [("root", False), ("ann", True)],
    ),
    "a name that needs no password": (  # 230 answers USER
        [HELLO, user(b"guest"), IN, user(b"ann"), WANTED, PASSWORD, REFUSED],
        [("guest", True), ("ann", False)],
    ),
    "other commands between": (
        [HELLO, ("c", b"FEAT\r\n"), ("s", b"211-Features:\r\n MDTM\r\n UTF8\r\n211 End\r\n"), ("c", b"SYST\r\n"),
         ("s", b"530 Please login with USER and PASS.\r\n"), user(b"ann"), WANTED, PASSWORD, IN],
        [("ann", True)],
    ),
    "the door closed": ([HELLO, user(b"ann"), WANTED, PASSWORD, ("s", b"421 Too many connections\r\n")], [("ann", False)]),
    "an account wanted on top": ([HELLO, user(b"ann"), WANTED, PASSWORD, ("s", b"332 Need account\r\n")], [("ann", None)]),
    "superfluous": ([HELLO, user(b"ann"), WANTED, PASSWORD, ("s", b"202 Superfluous\r\n")], [("ann", True)]),
    "small letters and a blank more": (
        [HELLO, ("c", b"user  ann\r\n"), WANTED, ("c", b"pass x\r\n"), REFUSED], [("ann", False)],
    ),
    "line feeds alone": ([("s", b"220 FTP\n"), ("c", b"USER ann\n"), ("s", b"331 go\n"), ("c", b"PASS x\n"), ("s", b"230 in\n")], [("ann", True)]),
    "no password at all": ([HELLO, user(b"ann"), WANTED, ("c", b"PASS\r\n"), REFUSED], [("ann", False)]),
    "a name in other letters": ([HELLO, user(b"\xe3\x81\x82\xff"), WANTED, PASSWORD, REFUSED], [("あ\\xff", False)]),
    "no logon": ([HELLO, ("c", b"QUIT\r\n"), ("s", b"221 Bye\r\n")], []),
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_verdicts_belong_to_the_password_they_answer(name: str, read: Reader) -> None:
    script, attempts = SCRIPTS[name]
    rows, rejects = read(pcap(conversation(script, dport=21)))
    assert not rejects
    assert rows["connection"][0]["service"] == "ftp"
    assert [(row["user"], row["success"]) for row in rows.get("logon", [])] == attempts


def test_a_password_is_nowhere_in_the_rows(read: Reader) -> None:
    rows, _ = read(pcap(conversation(SCRIPTS["three tries"][0], dport=21)))
    assert "secret" not in str(rows["logon"])


def test_each_attempt_has_its_own_time(read: Reader) -> None:
    frames = conversation(SCRIPTS["three tries"][0], dport=21)
    rows, _ = read(pcap([(number * 1_000_000, frame) for number, frame in enumerate(frames)]))
    began = datetime.fromtimestamp(START / 1e6, UTC)
    assert [(row["time"] - began) // timedelta(seconds=1) for row in rows["logon"]] == [6, 10, 14]
    assert len({row["event_id"] for row in rows["logon"]}) == 3
