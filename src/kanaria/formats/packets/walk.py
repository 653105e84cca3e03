"""Step from record to record in a block of capture data (compiled; twin: ``plain_decode``).

From capture bytes to ``container.RECORD`` entries. Each function returns (packets found, offset reached,
whether it stopped there because of something it does not handle itself: a section or interface block, or damage).
"""

from __future__ import annotations

from kanaria.formats.packets.compile import jit
from kanaria.formats.packets.layout import LARGEST, LATEST
from kanaria.formats.packets.state import Array, Int, i64


@jit
def _number(data: Array, at: Int, size: Int, big: bool) -> Int:
    value = i64(0)
    for index in range(size):
        shift = (size - 1 - index if big else index) * 8
        value |= i64(data[at + index]) << shift
    return value


@jit
def walk_pcap(
    data: Array, at: Int, end: Int, big: bool, divisor: Int, header: Int, link: Int, records: Array
) -> tuple[Int, Int, bool]:
    """Records of a classic pcap; a header that cannot be right stops the walk."""
    count = 0
    while count < len(records) and at + header <= end:
        second = _number(data, at, 4, big)
        part = _number(data, at + 4, 4, big)
        captured = _number(data, at + 8, 4, big)
        wire = _number(data, at + 12, 4, big)
        empty = captured == 0 and wire == 0 and second == 0
        if empty or captured > LARGEST or part >= 1_000_000 * divisor:
            return count, at, True
        if at + header + captured > end:
            break
        record = records[count]
        record["at"] = at + header
        record["time"] = second * 1_000_000 + part // divisor
        record["captured"] = captured
        record["wire"] = min(max(wire, captured), 1 << 30)
        record["link"] = link
        count += 1
        at += header + captured
    return count, at, False


@jit
def _time(ticks: Int, per_second: Int) -> Int:
    """Microseconds up to about LATEST; written so that no intermediate value overflows."""
    whole = min(ticks // per_second, LATEST // 1_000_000) * 1_000_000
    rest = ticks % per_second
    if per_second <= 1_000_000_000_000:
        return whole + rest * 1_000_000 // per_second
    return whole + rest // (per_second // 1_000_000)


@jit
def walk_pcapng(data: Array, at: Int, end: Int, big: bool, interfaces: Array, records: Array) -> tuple[Int, Int, bool]:
    """Packet blocks of a pcapng section; ``interfaces`` rows: link type, ticks per second, offset (us), snap length."""
    count = 0
    while count < len(records) and at + 12 <= end:
        kind = _number(data, at, 4, big)
        size = _number(data, at + 4, 4, big)
        if kind == 0x0A0D0D0A or kind == 1 or size < 12 or size % 4 or size > 16 << 20:
            return count, at, True
        if at + size > end:
            if kind != 6 and kind != 3 and kind != 2 and kind < 0x80000000 and kind > 0xFF:
                return count, at, True
            break
        if _number(data, at + size - 4, 4, big) != size:
            return count, at, True
        body = 28 if kind == 6 or kind == 2 else 12
        if (kind == 6 or kind == 2 or kind == 3) and size >= body + 4:
            which = _number(data, at + 8, 4 if kind == 6 else 2, big) if kind != 3 else 0
            room = size - body - 4
            wire = _number(data, at + 24, 4, big) if kind != 3 else _number(data, at + 8, 4, big)
            captured = _number(data, at + 20, 4, big) if kind != 3 else min(wire, room)
            if which >= len(interfaces) or captured > room:
                return count, at, True
            if kind == 3 and 0 < interfaces[which][3] < captured:
                captured = interfaces[which][3]
            record = records[count]
            record["at"] = at + body
            record["captured"] = captured
            record["wire"] = min(max(wire, captured), 1 << 30)
            record["link"] = interfaces[which][0]
            record["time"] = 0
            if kind != 3:
                ticks = (_number(data, at + 12, 4, big) << 32) | _number(data, at + 16, 4, big)
                time = _time(ticks & 0x7FFFFFFFFFFFFFFF, interfaces[which][1]) + interfaces[which][2]
                record["time"] = min(max(time, 0), LATEST)
            count += 1
        at += size
    return count, at, False
