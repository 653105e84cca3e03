"""Who sent what a line of text speaks of: the address that stands where lines name a client.

Takes a line of any program, and the part of it that the sender chose; returns address and port, or nothing: an address
inside what was sent is no sender, nor are dates, file names and names of programs.
"""

from __future__ import annotations

import re

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.core.text import decimal

# Words that logs put before a client: postfix, sshd, nginx, Apache, geth, PostgreSQL, Exim, dovecot, key=value logs.
_NAMED = late_regex(
    r"(?:\b(?:client|from|peer|remote|remote_addr|src|srcip|src_ip|source|rhost|rip|host|addr|conn|ip|H)\b[\s:=\"'(]{1,3}"
    r"(?:[\w.-]*\[)?)(?P<address>[0-9A-Fa-f:.]{3,45})\]?",
    re.IGNORECASE,
)
_ANY = late_regex(r"(?<![\w./:@%-])\[?(?P<address>[0-9A-Fa-f:.]{3,45})\]?(?![\w/%@-])")
_BRACKETED = late_regex(r"[\w.-]*\[(?P<address>[0-9A-Fa-f:.]{3,45})\]")
_PORT = late_regex(r"(?:\]?:| port[ =])(\d{1,5})\b")


def sender(text: str, sent: tuple[int, int]) -> tuple[str | None, int | None]:
    """The client a line names outside of ``sent``, the part from..to that the client chose."""
    outside = text[: sent[0]] + "\n" + text[sent[1] :]
    for pattern in (_NAMED, _BRACKETED, _ANY):
        for match in pattern.finditer(outside):
            address, port = _split(match["address"])
            if address:
                behind = _PORT.match(outside, match.end("address"))
                return address, int(behind[1]) if port is None and behind and int(behind[1]) < 65536 else port
    return None, None


def _split(text: str) -> tuple[str | None, int | None]:
    """An address, with the port IPv4 may carry. Times of day and versions are none."""
    text = text.strip(".")
    text = text if text.endswith("::") else text.rstrip(":")
    if parse_address(text):
        # "::" alone and short forms like "12::" come from times and code, never from a client.
        return (text, None) if "." in text or (text.count(":") >= 2 and len(text) > 4) else (None, None)
    host, _, port = text.rpartition(":")
    number = decimal(port, 5)
    return (host, number) if "." in host and parse_address(host) and number is not None else (None, None)
