"""Zeek's one-word connection states worked out from what flow records say: TCP flags and packets of each side.

Flow records carry the flags of a whole direction OR-ed together, so the order of events is lost; the states are the
best reading of what is left of Zeek's own table
(https://docs.zeek.org/en/current/scripts/base/protocols/conn/main.zeek.html).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
PROTOCOL_NAMES = {
    1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 41: "ipv6", 46: "rsvp", 47: "gre", 50: "esp", 51: "ah",
    58: "icmp6", 89: "ospf", 103: "pim", 112: "vrrp", 132: "sctp",
}  # fmt: skip

_Ints = npt.NDArray[np.int64]


def states(protocol: _Ints, src_flags: _Ints, dst_flags: _Ints, src_packets: _Ints, dst_packets: _Ints) -> pa.Array:
    """One state per flow. ``protocol`` is the IANA number; flags are 0 and packets 0 where a side said nothing."""
    tcp, answered = protocol == 6, dst_packets > 0
    src = _bits(src_flags)
    dst = _bits(dst_flags)
    opened = src(SYN)
    known = (src_flags | dst_flags) > 0
    conditions = [
        (~tcp & answered, "SF"),
        (~tcp, "S0"),
        (~known, "OTH"),
        (opened & ~answered & src(RST), "RSTOS0"),
        (opened & ~answered & src(FIN), "SH"),
        (opened & ~answered, "S0"),
        (opened & dst(RST) & ~dst(SYN), "REJ"),
        (src(RST) & opened & dst(SYN), "RSTO"),
        (dst(RST) & opened & dst(SYN), "RSTR"),
        (opened & src(FIN) & dst(FIN), "SF"),
        (opened & src(FIN), "S2"),
        (opened & dst(FIN), "S3"),
        (opened & dst(SYN), "S1"),
    ]
    return pa.array(np.select([mask for mask, _ in conditions], [name for _, name in conditions], "OTH"), pa.string())


def _bits(flags: _Ints) -> Callable[[int], npt.NDArray[np.bool_]]:
    return lambda bit: (flags & bit) != 0


def parse_flags(text: str) -> int:
    """TCP flags from ``0x1b``, ``27``, ``.AP.SF`` or ``...A..S.``; 0 for anything else."""
    text = text.strip()
    if text[:2].lower() == "0x":
        try:
            return int(text, 16) & 0xFF
        except ValueError:
            return 0
    if text.isascii() and text.isdigit():
        return int(text[:4]) & 0xFF
    letters = {"F": FIN, "S": SYN, "R": RST, "P": PSH, "A": ACK, "U": URG}
    return sum(bit for letter, bit in letters.items() if letter in text.upper())
