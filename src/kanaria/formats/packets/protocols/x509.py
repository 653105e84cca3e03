"""Subject and issuer of an X.509 certificate (RFC 5280): from DER bytes to names as RFC 4514 text.

Only the few fields before the public key are walked, so a certificate cut short later still gives its names.
"""

from __future__ import annotations

from kanaria.formats.packets.protocols.cursor import Cursor, Short

_ATTRIBUTES = {
    b"\x55\x04\x03": "CN", b"\x55\x04\x05": "serialNumber", b"\x55\x04\x06": "C", b"\x55\x04\x07": "L",
    b"\x55\x04\x08": "ST", b"\x55\x04\x09": "street", b"\x55\x04\x0a": "O", b"\x55\x04\x0b": "OU",
    b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19": "DC", b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01": "emailAddress",
}  # fmt: skip
_BMP = 0x1E
_MOST = 64  # parts of a name; real ones have under ten


def names_of(certificate: bytes) -> tuple[str | None, str | None]:
    """(subject, issuer), each None when it is not there."""
    subject = issuer = None
    try:
        fields = Cursor(_open(Cursor(_open(Cursor(certificate)))))
        if fields.data[:1] == b"\xa0":
            _element(fields)  # version
        for _ in range(2):
            _element(fields)  # serial number, signature algorithm
        issuer = _name(_element(fields)[1])
        _element(fields)  # validity
        subject = _name(_element(fields)[1])
    except Short:
        pass
    return subject, issuer


def _length(cursor: Cursor) -> int:
    first = cursor.number(1)
    if first < 0x80:
        return first
    return cursor.number(min(first & 0x7F, 8))


def _element(cursor: Cursor) -> tuple[int, bytes]:
    """(tag, content) of the next element."""
    tag = cursor.number(1)
    return tag, cursor.take(_length(cursor))


def _open(cursor: Cursor) -> bytes:
    """What is there of a sequence's content, even when the sequence was cut."""
    cursor.take(1)
    size = _length(cursor)
    return cursor.data[cursor.at : cursor.at + size]


def _name(content: bytes) -> str:
    """Relative distinguished names, the most specific first as RFC 4514 has it."""
    parts: list[str] = []
    names = Cursor(content)
    while names.left and len(parts) < _MOST:
        pair = Cursor(_open(Cursor(_element(names)[1])))
        oid, (tag, value) = _element(pair)[1], _element(pair)
        text = value.decode("utf-16-be" if tag == _BMP else "utf-8", "backslashreplace" if tag != _BMP else "replace")
        parts.append(f"{_ATTRIBUTES.get(oid, oid.hex())}={_escaped(text)}")
    return ",".join(reversed(parts))


def _escaped(text: str) -> str:
    return "".join("\\" + char if char in ',+"\\<>;' else char for char in text)
