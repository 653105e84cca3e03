"""WebSocket framing (RFC 6455): bytes of one direction in, the text messages inside out.

Browser miners, and pools behind web front ends, carry their dialect in WebSocket frames; the client's are masked, so
that nothing readable is left in the bytes. Compressed messages (RFC 7692) are inflated with a bounded output.
"""

from __future__ import annotations

import zlib

from kanaria.core.values import dataclass

MAX_FRAMES = 10_000
MAX_INFLATED = 1 << 20
_TEXT_OR_BINARY = (0x1, 0x2)
_CONTROL = (0x8, 0x9, 0xA)


@dataclass(frozen=True, slots=True)
class _Frame:
    final: bool
    compressed: bool
    opcode: int
    payload: bytes
    end: int
    whole: bool


def unframe(data: bytes) -> bytes | None:
    """The payloads of the frames at the beginning of ``data``, one a line, or None when these are no frames.

    A HTTP upgrade in front is skipped. The last frame may be cut. At least one data frame must be there.
    """
    if data[:4] in (b"GET ", b"HTTP"):
        data = data.partition(b"\r\n\r\n")[2]
    out, inflater, position, size = [], zlib.decompressobj(-15), 0, 0
    for _ in range(MAX_FRAMES):
        frame = _frame(data, position)
        if frame is None:
            break
        position = frame.end
        if frame.opcode not in _CONTROL:
            payload = _inflate(inflater, frame) if frame.compressed else frame.payload
            size += len(payload)
            out.append(payload + (b"\n" if frame.final else b""))
        if not frame.whole or size > MAX_INFLATED:
            break
    # Something else than a frame close to the beginning: chance made the first bytes look like a header.
    if not out or (frame is None and position < len(data) and len(out) < 2):
        return None
    return b"".join(out)


def _frame(data: bytes, position: int) -> _Frame | None:
    if len(data) < position + 2:
        return None
    first, second = data[position], data[position + 1]
    opcode, masked, length, at = first & 0x0F, second & 0x80, second & 0x7F, position + 2
    if first & 0x30 or (opcode not in _TEXT_OR_BINARY and opcode not in (0x0, *_CONTROL)):
        return None
    extra = {126: 2, 127: 8}.get(length, 0)
    if extra:
        length, at = int.from_bytes(data[at : at + extra], "big"), at + extra
        if length < 126:
            return None
    mask, at = (data[at : at + 4], at + 4) if masked else (b"", at)
    payload = data[at : at + length]
    return _Frame(
        final=bool(first & 0x80),
        compressed=bool(first & 0x40),
        opcode=opcode,
        payload=_masked(payload, mask) if len(mask) == 4 else payload,
        end=at + length,
        whole=len(payload) == length,
    )


def _masked(payload: bytes, mask: bytes) -> bytes:
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


def _inflate(inflater: zlib._Decompress, frame: _Frame) -> bytes:
    try:
        return inflater.decompress(frame.payload + b"\0\0\xff\xff", MAX_INFLATED)
    except zlib.error:
        return b""
