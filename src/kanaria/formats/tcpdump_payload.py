"""Where the payload ends that ``tcpdump -A`` prints: what a stranger sent may hold lines that look like packets.

Takes a packet's printed ends and length, its first printed line and the lines that follow; returns how many of these
are its payload still. What is printed is the packet from its IP header on, a character a byte, so that the header's own
text and the declared length say where it ends; a line feed ends a line, and a carriage return before one is not shown
(``ascii_print`` of tcpdump). Where the bytes do not come out, because the capture kept only the beginning of packets or
the paste lost some, a line that looks like a packet's is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kanaria.core.late_regex import late_regex

_OPTIONS = late_regex(r", options \[([^\]]*)\]")
_SIZES = {"nop": 1, "eol": 1, "mss": 4, "wscale": 3, "sackOK": 2, "TS": 10, "md5": 18}
"""Bytes of TCP's options as tcpdump names them (RFC 9293, 7323, 2018, 2385)."""
_LINK_HEADERS = (0, 14, 16, 18, 20)
"""Bytes of a link header that ``-AA`` prints: none, Ethernet, Linux cooked, with a tag, Linux cooked 2."""
_IP = {"E": 20, "`": 40}
"""What an IP header of version 4 without options, or of version 6, begins with as text; and its length."""
_UDP = 8


def printed_length(line: str, first: str, length: int, *, tcp: bool) -> int | None:
    """Bytes of the packet that ``line`` tells of, from the first one printed on; None where that cannot be said."""
    link = next((at for at in _LINK_HEADERS if first[at : at + 1] in _IP and len(first) > at), None)
    header = _tcp_header(line) if tcp else _UDP
    return None if link is None or header is None else link + _IP[first[link]] + header + length


def _tcp_header(line: str) -> int | None:
    found = _OPTIONS.search(line)
    if found is None:
        return 20
    size = 0
    for option in found[1].split(","):
        name, _space, rest = option.strip().partition(" ")
        if name == "sack":
            size += 2 + 8 * rest.count("{")
        elif name in _SIZES:
            size += _SIZES[name]
        else:
            return None
    return 20 + (size + 3) // 4 * 4


def rest_of_payload(text: Sequence[str], ahead: Iterable[str], whole: int, begins: Callable[[str], bool]) -> int:
    """How many of the lines ``ahead`` belong to a payload of which ``text`` was printed; 0 when none do, or when the
    lines do not come out at ``whole`` bytes and then something new ``begins``."""
    used, lines = sum(map(len, text)) + len(text) - 1, len(text)
    taken = fitting = 0
    for line in ahead:
        if taken and whole - lines <= used and (not line.strip() or begins(line)):
            fitting = taken
        used, lines = used + 1 + len(line), lines + 1
        if used > whole:
            return fitting
        taken += 1
    return taken if taken and whole - lines <= used else fitting
