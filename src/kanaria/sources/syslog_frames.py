"""Syslog messages (RFC 3164, RFC 5424) out of datagrams and byte streams, and the program and text in each.

A stream counts octets (RFC 6587: ``123 <34>1 …``) or ends messages with a line feed; both may come on one connection.
"""

from __future__ import annotations

import re

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass

MOST = 1 << 20
"""Bytes of a message at most; RFC 5424 asks for 2,048, senders of JSON need more."""
_COUNT = late_regex(rb"([1-9]\d{0,6}) (?=<\d{1,3}>)")
_PRIORITY = late_regex(rb"<(\d{1,3})>")
_NEW = late_regex(
    rb"1 (\S+) (\S+) (\S+) (\S+) (\S+) (?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: (?:\xef\xbb\xbf)?(.*))?$", re.DOTALL
)
_OLD = late_regex(
    rb"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) (?:(\S+) )?"
    rb"([^\s:\[]{1,48})(?:\[\d+\])?: ?(.*)$",
    re.DOTALL,
)
WEB = frozenset(
    {"nginx", "apache", "apache2", "httpd", "haproxy", "caddy", "traefik", "lighttpd", "varnishncsa", "access"}
)
"""Programs whose syslog text is a line of their own log; of others the header belongs to the line."""


@dataclass(frozen=True)
class Message:
    """The program that says it, and the line to read."""

    program: str
    line: bytes


def parse(raw: bytes) -> Message | None:
    """One message without its priority, RFC 5424 headers written as older ones; None when it is no syslog message."""
    raw = raw.rstrip(b"\r\n\0")
    priority = _PRIORITY.match(raw)
    if priority is None or int(priority[1]) > 191:
        return None
    body = raw[priority.end() :]
    if new := _NEW.match(body):
        time, host, program, pid, _kind, text = new.groups()
        if _name(program) in WEB:
            return Message(_name(program), text or b"")
        tag = program + (b"[" + pid + b"]" if pid != b"-" else b"")
        return Message(_name(program), b" ".join((time, host, tag + b":", text or b"")))
    if old := _OLD.match(body):
        name = _name(old[2])
        return Message(name, old[3] if name in WEB else body)
    return Message("", body)


class Frames:
    """Messages out of the bytes of one connection."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now."""
        self._left += data
        messages = []
        while (message := self._next()) is not None:
            if message:
                messages.append(message)
        return messages

    def rest(self) -> bytes:
        """What the sender did not end before it hung up."""
        left, self._left = self._left, b""
        return left

    def _next(self) -> bytes | None:
        counted = _COUNT.match(self._left)
        if counted:
            size = min(int(counted[1]), MOST)
            end = counted.end() + size
            if len(self._left) < end:
                return None
            message, self._left = self._left[counted.end() : end], self._left[end:]
            return message
        if re.match(rb"[1-9]\d{0,6} ?$", self._left):  # a count that is not complete yet
            return None
        message, feed, rest = self._left.partition(b"\n")
        if not feed and len(self._left) <= MOST:
            return None
        self._left = rest
        return message


def _name(program: bytes) -> str:
    return program.decode("ascii", "replace").lower()
