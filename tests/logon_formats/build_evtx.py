"""Makes Windows event log files: an XML event in, a file with one chunk out, in binary XML without templates,
whose elements carry no dependency id.

The layout is that of Metz's description (libyal, "Windows XML Event Log (EVTX)"): a file header, a chunk header, records
whose names are written out where they first stand, checksums as CRC-32.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from xml.etree import ElementTree

CHUNK, FIRST_RECORD = 65_536, 512
_FILETIME_1970 = 116_444_736_000_000_000
LOGON_FAILED = """<Event><System><Provider Name="Microsoft-Windows-Security-Auditing"/><EventID>4625</EventID>
<TimeCreated SystemTime="2026-01-10T09:00:00.000000Z"/><EventRecordID>1</EventRecordID><Channel>Security</Channel>
<Computer>DESKTOP-1</Computer></System><EventData><Data Name="TargetUserName">guest</Data><Data Name="LogonType">3</Data>
<Data Name="IpAddress">203.0.113.9</Data><Data Name="IpPort">50000</Data></EventData></Event>"""


def evtx(events: Sequence[str] = (LOGON_FAILED,), *, seconds: int = 1_768_035_600) -> bytes:
    """A file with these events, written at one time (seconds since 1970). They have to fit into one chunk."""
    records = b""
    last = FIRST_RECORD
    for number, event in enumerate(events, 1):
        last = FIRST_RECORD + len(records)
        # The event's XML begins after the signature, size, number and time of its record.
        body = b"\x0f\x01\x01\x00" + _element(ElementTree.fromstring(event), last + 24 + 4) + b"\x00"  # noqa: S314
        size = 24 + len(body) + 4
        head = struct.pack("<4sIQQ", b"**\0\0", size, number, _FILETIME_1970 + seconds * 10_000_000)
        records += head + body + struct.pack("<I", size)
    assert FIRST_RECORD + len(records) <= CHUNK
    return _file(len(events)) + _chunk(records, len(events), last)


def _file(events: int) -> bytes:
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, 0, events + 1, 128, 1, 3, 4096, 1).ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(4096, b"\0")


def _chunk(records: bytes, events: int, last: int) -> bytes:
    end = FIRST_RECORD + len(records)
    ids = struct.pack("<QQQQ", 1, events, 1, events)
    head = b"ElfChnk\0" + ids + struct.pack("<IIII", 128, last, end, zlib.crc32(records))
    head = head.ljust(120, b"\0")
    tables = bytes(FIRST_RECORD - 128)
    return (head + struct.pack("<II", 0, zlib.crc32(head + tables)) + tables + records).ljust(CHUNK, b"\0")


def _element(node: ElementTree.Element, at: int) -> bytes:
    """A start tag with its attributes, what is inside, and the end tag; ``at`` is its place in the chunk."""
    name = _name(node.tag)
    begin = 1 + 4 + 4 + len(name)
    attributes = b""
    for number, (key, value) in enumerate(node.items(), 1):
        place = at + begin + 4 + len(attributes)
        more = 0x46 if number < len(node.items()) else 0x06
        attributes += struct.pack("<BI", more, place + 5) + _name(key) + _text(value)
    listed = struct.pack("<I", len(attributes)) + attributes if attributes else b""
    inside = b"\x02"
    if node.text and node.text.strip():
        inside += _text(node.text.strip())
    for child in node:
        inside += _element(child, at + begin + len(listed) + len(inside))
    rest = name + listed + inside + b"\x04"
    return struct.pack("<BII", 0x41 if attributes else 0x01, len(rest) + 4, at + 9) + rest


def _name(name: str) -> bytes:
    value = 0
    for char in name:
        value = (value * 65_599 + ord(char)) & 0xFFFF_FFFF
    return struct.pack("<IHH", 0, value & 0xFFFF, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _text(text: str) -> bytes:
    units = text.encode("utf-16-le")
    return struct.pack("<BBH", 0x05, 0x01, len(units) // 2) + units
