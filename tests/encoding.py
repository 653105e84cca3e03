"""What servers, wallets and browsers write, for tests of what reads it: the inverse of the readers in the program."""

from __future__ import annotations

import hashlib

from kanaria.mining.addresses import BASE58

_BLOCK_CHARS = (0, 2, 3, 5, 6, 7, 9, 10, 11)
_NAMED = {0x22: b'\\"', 0x5C: b"\\\\", 8: b"\\b", 9: b"\\t", 10: b"\\n", 13: b"\\r"}


def escape_apache(data: bytes) -> bytes:
    """The bytes as Apache writes them inside a quoted field."""
    names = {**_NAMED, 11: b"\\v"}
    return b"".join(names.get(c, bytes((c,)) if 0x20 <= c < 0x7F else b"\\x%02x" % c) for c in data)


def escape_nginx(data: bytes) -> bytes:
    """The bytes as nginx writes them with its default escaping."""
    return b"".join(bytes((c,)) if 0x20 <= c < 0x7F and c not in b'"\\' else b"\\x%02X" % c for c in data)


def escape_json(data: bytes) -> bytes:
    """The bytes as nginx writes them with ``escape=json``: control characters escaped, bytes above 0x7F as they are."""
    names = {**_NAMED, 12: b"\\f"}
    return b"".join(names.get(c, bytes((c,)) if c >= 0x20 else b"\\u%04X" % c) for c in data)


def cryptonote_encode(data: bytes) -> str:
    """Bytes to CryptoNote base58."""
    blocks = (data[start : start + 8] for start in range(0, len(data), 8))
    return "".join(_base58(int.from_bytes(block, "big")).rjust(_BLOCK_CHARS[len(block)], "1") for block in blocks)


def base58check_encode(payload: bytes) -> str:
    """Version and hash to a base58check address."""
    data = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + _base58(int.from_bytes(data, "big"))


def frame_text(payload: bytes, mask: bytes | None = None) -> bytes:
    """One final WebSocket text frame, masked when a 4-byte mask is given."""
    size, flag = len(payload), 0x80 if mask else 0
    if size < 126:
        head = bytes([0x81, flag | size])
    elif size < 1 << 16:
        head = bytes([0x81, flag | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x81, flag | 127]) + size.to_bytes(8, "big")
    return head + (mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if mask else payload)


def _base58(number: int) -> str:
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(BASE58[digit])
    return "".join(reversed(digits))
