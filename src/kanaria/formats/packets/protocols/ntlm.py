"""NTLM authenticate messages ([MS-NLMP] 2.2.1.3): from bytes with one inside to its account."""

from __future__ import annotations

import struct
from typing import NamedTuple

_MARK = b"NTLMSSP\0\x03\0\0\0"


class Account(NamedTuple):
    """Who wants in, from where; empty text is None."""

    user: str | None
    domain: str | None
    workstation: str | None


def account(data: bytes) -> Account | None:
    """The account of the first authenticate message, or None without a whole one."""
    at = data.find(_MARK)
    message = data[at:]
    if at < 0 or len(message) < 64:
        return None
    unicode = bool(struct.unpack_from("<I", message, 60)[0] & 1)
    domain, user, workstation = (_field(message, place, unicode) for place in (28, 36, 44))
    return Account(user, domain, workstation)


def _field(message: bytes, place: int, unicode: bool) -> str | None:
    size, _, offset = struct.unpack_from("<HHI", message, place)
    raw = message[offset : offset + min(size, 512)]
    text = raw[: len(raw) & ~1].decode("utf-16-le", "replace") if unicode else raw.decode("latin-1")
    return text or None
