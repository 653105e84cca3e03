"""Addresses that every machine has and that mean itself: ``127.0.0.1`` in two logs is two machines.

Takes an address and where it was recorded; returns the name under which it may be compared with others. Link-local and
private addresses are not among these: ``fe80::`` holds what a machine drew or its card's number, and a private network
is one network until its owner says otherwise.
"""

from __future__ import annotations

import os
import re

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address

MARK = "\x1f"
"""Between such an address and its machine: no address, name or path of a log holds it."""
BEGINNINGS = ("127.", "::", "0")
"""How they begin, in whatever spelling; most texts that begin so are others."""
_ROTATED = late_regex(
    r"(?:[-._](?:19|20)\d\d[-._]?\d\d[-._]?\d\d(?:[-._T]?\d\d(?:[-._:]?\d\d){0,2})?(?=[-._]|$)|\.\d{1,4}(?=\.log$|$))"
)
_COMPRESSED = late_regex(r"\.(?:gz|bz2|xz|zst|lzma|z)$", re.IGNORECASE)


def means_itself(address: str) -> bool:
    """Whether the address is that of whoever uses it."""
    if not address.startswith(BEGINNINGS):
        return False
    parsed = parse_address(address)
    return parsed is not None and (parsed.is_loopback or parsed.is_unspecified)


def machine(source: str, host: object = None) -> str:
    """Whose log it is: the machine's name where records have it, else the set of rotated files the input is one of."""
    if isinstance(host, str) and host:
        return host
    folder, name = os.path.split(source)
    return os.path.join(folder, _ROTATED.sub("", _COMPRESSED.sub("", name)))


def apart(address: str, source: str, host: object = None) -> str:
    """The address, told apart from the same one of another machine where it means the machine itself."""
    return f"{address}{MARK}{machine(source, host)}" if means_itself(address) else address


def together(address: str) -> str:
    """The address again."""
    return address.partition(MARK)[0]
