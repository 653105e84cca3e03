"""IP fragments become whole packets again: from records of a block to the same with whole packets in place of the last
fragments.

A fragment counts only as part of a packet that is complete, as for the host it was sent to. Fragments that contradict
each other, in what they overlap or in where the packet ends, make nothing (RFC 5722 asks that of IPv6, and a host that
read IPv4's otherwise could be shown other bytes than we see). What never became whole is counted, and so is what was
dropped because too much waited.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from dataclasses import field

import numpy as np

from kanaria.core.values import dataclass
from kanaria.formats.packets import layout as L
from kanaria.formats.packets.flowset import Array
from kanaria.formats.packets.plain_links import Bad, ip_offset, u16

MOST_WAITING, MOST_BYTES = 4_096, 16 << 20
"""Packets and bytes that may wait for their other parts; Linux holds 4 MB for all of a machine's."""
_PART_BYTES = 150  # measured: two list entries, a bytes object and a number
PATIENCE = 30 * L.SECOND
"""Of capture time: Linux gives up after so long (net.ipv4.ipfrag_time)."""
LARGEST = 65_535
WORDS = "IP fragments were not read: their packets never became whole, or their parts contradict each other"

Find = Callable[[Array, Array, int], "list[tuple[int, int]]"]
"""Data, records and their number to (record, offset of its IP header) of every fragment."""

_ETHERNET, _RAW = 1, 101
# An ARP frame: what the place of a fragment holds that became part of a whole packet elsewhere.
_NOTHING = bytes(12) + b"\x08\x06"
_CHAINED = (0, 43, 60, 135)


@dataclass(frozen=True, slots=True)
class _Part:
    """One fragment: which packet it belongs to, where in it, and the header that the whole packet gets."""

    key: bytes
    offset: int
    more: bool
    body: bytes
    head: bytes


@dataclass(slots=True)
class _Waiting:
    """A packet that is not whole. ``size`` is known with its last fragment; ``spoiled`` when parts contradict."""

    since: int
    starts: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    payload: int = 0
    size: int | None = None
    head: bytes = b""
    parts: int = 0
    spoiled: bool = False

    @property
    def weight(self) -> int:
        """Bytes of memory: a part of eight bytes takes far more."""
        return self.payload + _PART_BYTES * len(self.starts)

    def add(self, part: _Part) -> None:
        self.parts += 1
        if self.spoiled or self._contradicts(part):
            self._spoil()
            return
        if not part.more:
            self.size = part.offset + len(part.body)
        if part.offset == 0:
            self.head = part.head
        place = bisect.bisect_left(self.starts, part.offset)
        if place < len(self.starts) and self.starts[place] == part.offset:
            return  # the same again
        self.starts.insert(place, part.offset)
        self.bodies.insert(place, part.body)
        self.payload += len(part.body)

    def _contradicts(self, part: _Part) -> bool:
        end = part.offset + len(part.body)
        size = end if not part.more else self.size
        if self.size not in (None, size) or (size is not None and end > size) or end + len(part.head) > LARGEST:
            return True
        if size is not None and self.starts and self.starts[-1] + len(self.bodies[-1]) > size:
            return True
        place = bisect.bisect_left(self.starts, part.offset)
        if place < len(self.starts) and self.starts[place] == part.offset:
            return self.bodies[place] != part.body
        before = place > 0 and self.starts[place - 1] + len(self.bodies[place - 1]) > part.offset
        return before or (place < len(self.starts) and end > self.starts[place])

    def _spoil(self) -> None:
        self.spoiled, self.payload, self.starts, self.bodies = True, 0, [], []

    def whole(self) -> bytes | None:
        """The packet, when nothing is missing."""
        if self.size is None or self.payload != self.size or not self.head:
            return None
        return self.head + b"".join(self.bodies)


class Reassembler:
    """Keeps what waits between the blocks of one stream."""

    def __init__(self) -> None:
        self.lost = 0
        """Fragments that were given up, since somebody last set this to zero."""
        self._waiting: dict[bytes, _Waiting] = {}
        self._memory = 0

    def whole(self, find: Find, data: Array, records: Array, count: int) -> tuple[Array, Array]:
        """Data and records in which every fragment's place holds the whole packet it completes, or nothing."""
        places = find(data, records, count)
        if not places:
            return data, records
        records = records[:count].copy()
        low, high = int(records["at"][0]), int(records["at"][-1] + records["captured"][-1])
        kept, added = data[low:high], [_NOTHING]
        records["at"] -= low
        size = len(kept) + len(_NOTHING)
        for index, at in places:
            start, time, captured, _, _ = records[index].item()
            part = _part(kept[at - low : start + captured].tobytes())
            if part is None:
                continue
            made = self._take(part, time)
            if made is None:
                records[index] = (len(kept), time, len(_NOTHING), len(_NOTHING), _ETHERNET)
            else:
                records[index] = (size, time, len(made), len(made), _RAW)
                added.append(made)
                size += len(made)
        return np.concatenate([kept, np.frombuffer(b"".join(added), np.uint8)]), records

    def end(self) -> None:
        """Nothing more comes: what waits is given up."""
        self.lost += sum(packet.parts for packet in self._waiting.values())
        self._waiting.clear()

    def _take(self, part: _Part, now: int) -> bytes | None:
        self._give_up(now)
        packet = self._waiting.setdefault(part.key, _Waiting(now))
        self._memory -= packet.weight
        packet.add(part)
        self._memory += packet.weight
        made = packet.whole()
        if made is not None:
            self._memory -= packet.weight
            del self._waiting[part.key]
        return made

    def _give_up(self, now: int) -> None:
        """Forget what waited too long, and the oldest while too much waits."""
        for key in list(self._old(now)):
            packet = self._waiting.pop(key)
            self._memory -= packet.weight
            self.lost += packet.parts

    def _old(self, now: int) -> Iterator[bytes]:
        left, held = len(self._waiting), self._memory
        for key, packet in self._waiting.items():  # oldest first
            if abs(now - packet.since) <= PATIENCE and left < MOST_WAITING and held <= MOST_BYTES:
                return
            left, held = left - 1, held - packet.weight
            yield key


def _part(packet: bytes) -> _Part | None:
    """A fragment from its IP header on; None when it is none, or was not captured whole."""
    return _part4(packet) if packet[0] >> 4 == 4 else _part6(packet)


def _part4(packet: bytes) -> _Part | None:
    header, total, field_ = (packet[0] & 15) * 4, u16(packet, 2), u16(packet, 6)
    if header < 20 or total <= header or len(packet) < total:
        return None
    more, body = bool(field_ & 0x2000), packet[header:total]
    if more and len(body) % 8:
        return None
    # The whole packet has no options, and a length of zero: it is as long as it is.
    head = b"\x45" + packet[1:2] + bytes(2) + packet[4:6] + bytes(2) + packet[8:20]
    return _Part(b"4" + packet[4:6] + packet[9:10] + packet[12:20], (field_ & 0x1FFF) * 8, more, body, head)


def _part6(packet: bytes) -> _Part | None:
    at = _fragment_header(packet)
    end = 40 + u16(packet, 4)
    if at is None or end == 40 or len(packet) < end or at + 8 >= end:
        return None
    field_ = u16(packet, at + 2)
    more, body = bool(field_ & 1), packet[at + 8 : end]
    if more and len(body) % 8:
        return None
    head = packet[:4] + bytes(2) + packet[at : at + 1] + packet[7:40]
    return _Part(b"6" + packet[at + 4 : at + 8] + packet[8:40], field_ & 0xFFF8, more, body, head)


def _fragment_header(packet: bytes) -> int | None:
    """Where the fragment header of an IPv6 packet is."""
    kind, at = packet[6], 40
    for _ in range(L.HEADERS):
        if kind == 44:
            return at if at + 8 <= len(packet) else None
        if kind not in _CHAINED or at + 8 > len(packet):
            return None
        kind, at = packet[at], at + (packet[at + 1] + 1) * 8
    return None


def fragments_plainly(data: Array, records: Array, count: int) -> list[tuple[int, int]]:
    """The plain-Python twin of ``decode.fragments``."""
    raw, found = data.data, []
    for index, (start, _, captured, _, link) in enumerate(records[:count].tolist()):
        frame = bytes(raw[start : start + captured])
        try:
            at = ip_offset(frame, link)
        except Bad:
            continue
        if 0 <= at and at + 20 <= len(frame) and _is_fragment(frame[at:]):
            found.append((index, start + at))
    return found


def _is_fragment(packet: bytes) -> bool:
    if packet[0] >> 4 == 4:
        return bool(u16(packet, 6) & 0x3FFF)
    if packet[0] >> 4 != 6 or len(packet) < 48:
        return False
    at = _fragment_header(packet)
    return at is not None and bool(u16(packet, at + 2) & 0xFFF9)
