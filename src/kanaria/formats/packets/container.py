"""Walk the records of pcap and pcapng data: from bytes to ``RECORD`` entries (where each packet lies).

Both readers are driven the same way: ``scan`` fills ``records`` with whole packets and says how far it got. Damage is
stepped over: a record or block whose lengths cannot be right makes the reader look for the next plausible one, and
``damage`` counts what was skipped. Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from kanaria.core.values import dataclass
from kanaria.formats.packets.layout import LARGEST

Bytes = np.ndarray[Any, Any]

RECORD = np.dtype([("at", "i8"), ("time", "i8"), ("captured", "i4"), ("wire", "i4"), ("link", "i4")], align=True)
"""A packet in a block: offset and length of its bytes, length on the wire, microseconds since 1970, link type."""

LARGEST_BLOCK = 16 << 20  # pcapng blocks besides packets (names, decryption secrets) stay well below
BLOCK_RECORDS = 1 << 16
_DIVISORS = {0xA1B2C3D4: 1, 0xA1B23C4D: 1000, 0xA1B2CD34: 1}
_NEAR = 2 * 366 * 86_400  # after damage, a record within two years of the last good one is believed
_FILE_HEADER = 24
_WINDOW = 1 << 18  # bytes searched at a time after damage
_SHB, _IDB, _EPB, _SPB, _OPB = 0x0A0D0D0A, 1, 6, 3, 2

Walk = Callable[..., tuple[int, int, bool]]


def magic(head: bytes) -> str | None:
    """``pcap`` or ``pcapng`` when the bytes begin like one."""
    if head[:4] == b"\x0a\x0d\x0d\x0a":
        return "pcapng" if head[8:12] in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a") else None
    if len(head) >= 4 and any(struct.unpack(order + "I", head[:4])[0] in _DIVISORS for order in "<>"):
        return "pcap"
    return None


@dataclass(slots=True)
class Damage:
    """What had to be skipped so far; ``first`` shows the bytes at the first place."""

    places: int = 0
    skipped: int = 0
    first: bytes = b""

    def add(self, skipped: int, raw: bytes) -> None:
        self.first = self.first or raw
        self.places += 1
        self.skipped += skipped


class PcapReader:
    """Classic pcap, either byte order, micro- or nanoseconds, also with Kuznetzov's longer record headers.

    ``walk`` is ``walk.walk_pcap`` compiled or plain.
    """

    def __init__(self, walk: Walk) -> None:
        self.records = np.zeros(BLOCK_RECORDS, RECORD)
        self.damage = Damage()
        self._walk = walk
        self._order = ""
        self._divisor, self._header, self._link, self._near = 1, 16, -1, 0

    def scan(self, data: Bytes, start: int, end: int, last: bool) -> tuple[int, int]:
        """Fill ``records`` from ``data[start:end]``: (packets found, offset reached); ``last`` when nothing follows."""
        if not self._order:
            if end - start < _FILE_HEADER:
                if last and end > start:
                    self.damage.add(end - start, data[start : min(start + 64, end)].tobytes())
                return 0, end if last else start
            self._open(data[start : start + _FILE_HEADER].tobytes())
            start += _FILE_HEADER
        count, at, damaged = self._walk(
            data, start, end, self._order == ">", self._divisor, self._header, self._link, self.records
        )
        if count:
            self._near = int(self.records[count - 1]["time"]) // 1_000_000
        if damaged and count == 0:
            following = self._resync(data, at + 1, end)
            self.damage.add(following - at, data[at : min(at + 64, end)].tobytes())
            return 0, following
        if last and count == 0 and at < end:  # cut, or a length so wrong that it swallows what follows
            following = self._resync(data, at + 1, end, whole=True)
            following = following if following + self._header < end else end
            self.damage.add(following - at, data[at : min(at + 64, end)].tobytes())
            at = following
        return count, at

    def _open(self, head: bytes) -> None:
        self._order = next(order for order in "<>" if struct.unpack(order + "I", head[:4])[0] in _DIVISORS)
        number, *_, link = struct.unpack(self._order + "IHHiIII", head)
        self._divisor = _DIVISORS[number]
        self._header = 24 if number == 0xA1B2CD34 else 16
        self._link = link & 0xFFFF

    def _resync(self, data: Bytes, start: int, end: int, *, whole: bool = False) -> int:
        """The next offset where a record seems to begin and another (or the end) follows it, else near ``end``.

        ``whole`` wants the record to lie before ``end``.
        """
        for low in range(start, end, _WINDOW):
            window = data[low : min(low + _WINDOW + self._header, end)]
            if not window.any():
                continue
            for at in np.flatnonzero(self._plausible(window)).tolist():
                following = low + at + self._header + int(_u32(window[at + 8 : at + 12], self._order)[0])
                if whole and following > end:
                    continue
                after = data[following : min(following + self._header, end)]
                if len(after) < self._header or self._plausible(after).any():
                    return low + at
        return max(end - self._header, start)

    def _plausible(self, window: Bytes) -> Bytes:
        """For every offset of the window, whether a good record header could begin there."""
        if len(window) < 16:
            return np.zeros(0, bool)
        words = _u32(window, self._order).astype(np.int64)
        second, part, captured, wire = words[:-12], words[4:-8], words[8:-4], words[12:]
        good = (part < 1_000_000 * self._divisor) & (captured >= 14) & (captured <= LARGEST)
        good &= (captured <= wire) & (wire <= LARGEST)
        return good & (np.abs(second - self._near) < _NEAR) if self._near else good


class PcapngReader:
    """pcapng: any sections in either byte order, any number of interfaces; packets in EPB, SPB and the old block."""

    def __init__(self, walk: Walk) -> None:
        self.records = np.zeros(BLOCK_RECORDS, RECORD)
        self.damage = Damage()
        self._walk = walk
        self._big = False
        self._table = np.zeros((16, 4), np.int64)  # link type, ticks per second, offset in us, snap length
        self._count = 0

    @property
    def _interfaces(self) -> Bytes:
        return self._table[: self._count]

    def _add_interface(self, values: list[int]) -> None:
        """The table doubles when it is full: who writes the file decides how many interfaces it names."""
        if self._count == len(self._table):
            self._table = np.concatenate([self._table, np.zeros_like(self._table)])
        self._table[self._count] = values
        self._count += 1

    def scan(self, data: Bytes, start: int, end: int, last: bool) -> tuple[int, int]:
        """As ``PcapReader.scan``."""
        at = start
        while True:
            count, at, stopped = self._walk(data, at, end, self._big, self._interfaces, self.records)
            if count or not stopped:
                break
            step = self._describe(data, at, end, last)
            if step == 0:
                break
            at += step
        if last and count == 0 and at < end:  # cut, or a length so wrong that it swallows what follows
            at += self._skip(data, at, end)
            if at + 12 >= end:
                self.damage.skipped += end - at
                at = end
        return count, at

    def _describe(self, data: Bytes, at: int, end: int, last: bool) -> int:
        """Take in a section or interface block, or step over damage; returns the bytes used, 0 when more are needed."""
        head = data[at : min(end, at + 12)].tobytes()
        if head[:4] == b"\x0a\x0d\x0d\x0a" and head[8:12] in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
            self._big = head[8:12] == b"\x1a\x2b\x3c\x4d"
            self._count = 0
        order = ">" if self._big else "<"
        kind, size = struct.unpack_from(order + "II", head) if len(head) >= 8 else (0, 0)
        if kind in (_SHB, _IDB) and 12 <= size <= LARGEST_BLOCK and size % 4 == 0:
            if at + size > end and not last:
                return 0
            block = data[at : min(at + size, end)].tobytes()
            if len(block) == size and struct.unpack_from(order + "I", block, size - 4)[0] == size:
                if kind == _IDB and size >= 20:
                    self._add_interface(_interface(block, order))
                return int(size)
        return self._skip(data, at, end)

    def _skip(self, data: Bytes, start: int, end: int) -> int:
        """Bytes to the next block whose two lengths agree; damage may have shifted blocks to any offset."""
        order = ">" if self._big else "<"
        next_block = max(end - 12, start + 1)
        for low in range(start + 1, end - 12, _WINDOW):
            words = _u32(data[low : min(low + _WINDOW + 8, end)], order)
            kind, size = words[:-4], words[4:]
            good = np.isin(kind, (_SHB, _IDB, _EPB, _SPB)) & (size >= 12) & (size <= LARGEST_BLOCK) & (size % 4 == 0)
            for at in np.flatnonzero(good).tolist():
                tail = low + at + int(size[at]) - 4
                if tail + 4 <= end and _u32(data[tail : tail + 4], order)[0] == size[at]:
                    next_block = low + at
                    break
            else:
                continue
            break
        self.damage.add(next_block - start, data[start : min(start + 64, end)].tobytes())
        return next_block - start


def _u32(data: Bytes, order: str) -> Bytes:
    """The 32-bit number at every offset (three fewer than there are bytes)."""
    if len(data) < 4:
        return np.zeros(0, np.uint32)
    wide = data.astype(np.uint32)
    parts = (wide[:-3], wide[1:-2], wide[2:-1], wide[3:])
    first, second, third, fourth = parts if order == "<" else parts[::-1]
    return first | second << 8 | third << 16 | fourth << 24


def _interface(block: bytes, order: str) -> list[int]:
    """Link type, ticks per second, time offset and snap length of an Interface Description Block."""
    link, _, snap = struct.unpack_from(order + "HHI", block, 8)
    ticks, offset, at = 1_000_000, 0, 16
    while at + 4 <= len(block) - 4:
        code, size = struct.unpack_from(order + "HH", block, at)
        value = block[at + 4 : at + 4 + size]
        if code == 0:
            break
        if code == 9 and len(value) == 1:  # if_tsresol: a power of ten, or of two when the top bit is set
            power = value[0] & 0x7F
            ticks = 1 << min(power, 62) if value[0] & 0x80 else 10 ** min(power, 18)
        if code == 14 and len(value) == 8:  # if_tsoffset, seconds
            offset = struct.unpack(order + "q", value)[0]
        at += 4 + size + (-size % 4)
    return [link, ticks, max(min(offset, 1 << 40), -(1 << 40)) * 1_000_000, snap]
