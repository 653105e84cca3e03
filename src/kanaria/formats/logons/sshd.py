"""What an SSH server says about a logon: from one message of OpenSSH or Dropbear to columns of ``logon``.

The texts are those of OpenSSH's sources (``auth.c``, ``auth2.c``, ``packet.c``) from version 3 to 10 and of Dropbear's
``svr-auth*.c``. User names are whatever the client sent, blanks and `` from `` included: the last address counts.
"""

from __future__ import annotations

import re
from functools import cache

from kanaria.core.late_regex import late_regex
from kanaria.formats.logons.emit import address, endpoint, number
from kanaria.formats.text_log import Row

compiled = cache(re.compile)
"""Expressions are compiled when a message first needs them: detecting a format loads this module."""

_FROM = r"from (?P<ip>[0-9a-fA-F.:%\w]+)(?: port (?P<port>\d{1,5}))?"
_TAIL = r"(?: ssh\d?)?(?::.*)?(?: \[preauth\])?$"

# (how the message begins, pattern, outcome, reason). Groups: user, ip, port, method.
_MESSAGES: tuple[tuple[str, str, bool | None, str | None], ...] = tuple(
    (start, pattern, success, reason)
    for start, pattern, success, reason in (
        ("Accepted ", rf"Accepted (?P<method>\S+) for (?P<user>.*) {_FROM}{_TAIL}", True, None),
        ("Failed ", rf"Failed (?P<method>\S+) for (?P<bad>invalid user |illegal user )?(?P<user>.*) {_FROM}{_TAIL}",
         False, None),
        ("Invalid user ", rf"Invalid user (?P<user>.*) {_FROM}\s*{_TAIL}", False, "unknown user"),
        ("Illegal user ", rf"Illegal user (?P<user>.*) {_FROM}\s*{_TAIL}", False, "unknown user"),
        ("User ", rf"User (?P<user>.*) {_FROM} not allowed because (?P<why>.*)$", False, None),
        ("ROOT LOGIN REFUSED ", r"ROOT LOGIN REFUSED FROM (?P<ip>\S+)(?: port (?P<port>\d{1,5}))?", False,
         "root logon refused"),
        ("error: maximum authentication attempts exceeded",
         rf"error: maximum authentication attempts exceeded for (?:invalid user )?(?P<user>.*) {_FROM}{_TAIL}",
         False, "too many attempts"),
        ("Disconnecting ", r"Disconnecting (?:authenticating|invalid) user (?P<user>.*) (?P<ip>\S+) port "
         r"(?P<port>\d{1,5}): Too many authentication failures", False, "too many attempts"),
        ("Connection ", r"Connection (?:closed|reset) by (?:authenticating|invalid) user (?P<user>.*) (?P<ip>\S+) port "
         r"(?P<port>\d{1,5})", False, "connection closed before a logon"),
        ("Disconnected ", r"Disconnected from (?:authenticating|invalid) user (?P<user>.*) (?P<ip>\S+) port "
         r"(?P<port>\d{1,5})", False, "disconnected before a logon"),
        ("Bad password attempt ", r"Bad password attempt for '(?P<user>.*)' from (?P<end>\S+)$", False, None),
        ("Password auth succeeded ", r"Password auth succeeded for '(?P<user>.*)' from (?P<end>\S+)$", True, None),
        ("Pubkey auth succeeded ", r"Pubkey auth succeeded for '(?P<user>.*)' with .* from (?P<end>\S+)$", True, None),
        ("Login attempt ", r"Login attempt for nonexistent user(?: '(?P<user>.*)')? from (?P<end>\S+)$", False,
         "unknown user"),
        ("Login attempt ", r"Login attempt with wrong user (?P<user>.*) from (?P<end>\S+)$", False, "unknown user"),
    )
)  # fmt: skip
_CONNECTIONS: tuple[tuple[str, str, str], ...] = tuple(
    (start, pattern, reason)
    for start, pattern, reason in (
        ("Did not receive identification", rf"Did not receive identification string {_FROM}", "sent no SSH banner"),
        ("Bad protocol version", rf"Bad protocol version identification '(?P<sent>.*)' {_FROM}", "did not speak SSH"),
        ("Unable to negotiate with", r"Unable to negotiate with (?P<ip>\S+)(?: port (?P<port>\d{1,5}))?:",
         "no algorithm in common"),
        ("banner exchange:", rf"banner exchange: Connection {_FROM}", "did not speak SSH"),
        ("fatal: Timeout before", r"fatal: Timeout before authentication for (?:connection from )?"
         r"(?P<ip>[0-9a-fA-F.:]+)(?:\.| port (?P<port>\d{1,5})| to )?", "no logon in time"),
        ("Timeout before", r"Timeout before authentication for connection from (?P<ip>[0-9a-fA-F.:]+) to",
         "no logon in time"),
        ("Connection ", r"Connection (?:closed|reset) by (?P<ip>[0-9a-fA-F.:]+)(?: port (?P<port>\d{1,5}))? "
         r"\[preauth\]", "connection closed before a logon"),
    )
)  # fmt: skip
_STARTS = tuple(start for start, _pattern, _reason in _CONNECTIONS)
_DROPBEAR = {
    "Bad password attempt ": "password",
    "Password auth succeeded ": "password",
    "Pubkey auth succeeded ": "publickey",
}

_BY_WORD = {line[0].partition(" ")[0]: [m for m in _MESSAGES if m[0].split(" ")[0] == line[0].split(" ")[0]]
            for line in _MESSAGES}  # fmt: skip


def ssh_row(message: str) -> Row | None:
    """Columns of ``logon`` for a message about an attempt, else None."""
    for start, pattern, success, reason in _BY_WORD.get(message.partition(" ")[0], ()):
        if not message.startswith(start):
            continue
        match = compiled(pattern).match(message)
        if match:
            parts = match.groupdict()
            src_ip, src_port = _client(parts)
            if src_ip is None and not parts.get("ip") and not parts.get("end"):
                continue
            method = parts.get("method") or _DROPBEAR.get(start)
            return {
                "service": "ssh", "user": _user(parts.get("user"), message), "success": success,
                "src_ip": src_ip, "src_port": src_port, "method": method,
                "reason": parts.get("why") or ("unknown user" if parts.get("bad") else reason),
                **({} if src_ip else {"client_name": parts.get("ip")}),
            }  # fmt: skip
    return None


_SAYING = "client sent invalid protocol identifier"
_SENT = late_regex(
    r"(?:error: )?kex_exchange_identification: client sent invalid protocol identifier \"(?P<sent>.*)\"$"
)


def ssh_sent(message: str) -> str | None:
    """What a client said instead of SSH, where OpenSSH (since 8.2) tells it on a line before the client's address."""
    match = _SENT.match(message) if _SAYING in message else None
    return match["sent"] if match else None


def ssh_connection(message: str) -> tuple[Row, str | None] | None:
    """Columns of a client that connected and tried no account, and what it said instead of SSH, where that is known."""
    for start, pattern, reason in _CONNECTIONS if message.startswith(_STARTS) else ():
        if message.startswith(start) and (match := compiled(pattern).match(message)):
            parts = match.groupdict()
            src_ip, src_port = _client(parts)
            if src_ip is None:
                return None
            row: Row = {"service": "ssh", "src_ip": src_ip, "src_port": src_port, "reason": reason}
            return row, parts.get("sent")
    return None


def _client(parts: dict[str, str | None]) -> tuple[str | None, int | None]:
    if end := parts.get("end"):
        return endpoint(end)
    return address(parts.get("ip")), number(parts.get("port"), 65_535)


def _user(text: str | None, message: str) -> str | None:
    """OpenSSH writes an empty name as nothing; Accepted lines never have one."""
    return text.strip() or None if text is not None else "root" if message.startswith("ROOT ") else None
