"""Community IDs of many flows at once, compiled: a matrix of text.

What is hashed is at most 40 bytes, one SHA-1 block (FIPS 180-4), so there is no state between blocks, and ``LANES``
blocks are hashed side by side in vector registers, which takes a fifth of the time. The NumPy code of ``community_id``
with ``hashlib`` is the slow twin the tests compare this with. SHA-1 is not for security here: Community ID prescribes
it.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 8
"""Blocks hashed at once: words of 32 bits in a register of AVX2, two of SSE2 or NEON."""
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_ROUND = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)
_ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
_BASE64 = np.stack([_ALPHABET[np.arange(4096) >> 6], _ALPHABET[np.arange(4096) & 63]], axis=1)
"""Two characters for twelve bits."""
_WORD = ir.IntType(32)
_VECTOR = ir.VectorType(_WORD, LANES)


def flow_ids(
    addresses: npt.NDArray[np.uint8], ends: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    ports: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], protocol: npt.NDArray[np.int16],
    counterparts: npt.NDArray[np.int32], seed: int,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:  # fmt: skip
    """The 30 bytes of every row's id, and which rows have one.

    ``addresses`` holds 16 bytes each, ``ends`` the places of source and destination in it (-1 unknown), ``ports`` are
    -1 where unknown, ``protocol`` too. ``counterparts`` has a row for ICMP and one for ICMPv6: the type of the answer
    to each type, -1 where there is none.
    """
    count = len(protocol)
    text, known = np.empty((count, 30), np.uint8), np.zeros(count, np.bool_)
    words = np.ascontiguousarray(addresses).view(">u4").astype(np.uint32)
    room = np.zeros((16, LANES), np.uint32), np.empty((5, LANES), np.uint32), np.zeros(LANES, np.int64)
    _ids(words, *ends, *ports, protocol, counterparts, seed, *room, text, known)
    return text, known


def _jit(function: Any) -> Any:
    """Compiled without the interpreter's lock and without counting references: nothing is allocated in here."""
    return numba.njit(cache=True, nogil=True, _nrt=False)(function)


@intrinsic  # type: ignore[untyped-decorator]
def _digest(_: Any, blocks: Any, digests: Any) -> Any:
    """``digests[i]`` of the messages ``blocks[:, i]``: all rounds in a row, every step for all lanes."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target = (
            builder.bitcast(context.make_array(kind)(context, builder, array).data, _VECTOR.as_pointer())
            for kind, array in zip(signature.args, args, strict=True)
        )
        words = [builder.load(builder.gep(source, [ir.Constant(_WORD, i)]), align=4) for i in range(16)]
        for i, value in enumerate(_rounds(builder, words)):
            builder.store(value, builder.gep(target, [ir.Constant(_WORD, i)]), align=4)
        return context.get_dummy_value()

    return types.void(blocks, digests), code


def _constant(value: int) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES)


def _rounds(builder: Any, message: list[Any]) -> list[Any]:
    """The five words of the digest of a message of sixteen."""

    def turn(value: Any, by: int) -> Any:
        return builder.or_(builder.shl(value, _constant(by)), builder.lshr(value, _constant(32 - by)))

    words = list(message)
    a, b, c, d, e = (_constant(value) for value in _START)
    for t in range(80):
        if t >= 16:
            mixed = builder.xor(builder.xor(words[t - 3], words[t - 8]), builder.xor(words[t - 14], words[t - 16]))
            words.append(turn(mixed, 1))
        if t < 20:
            chosen = builder.xor(d, builder.and_(b, builder.xor(c, d)))
        elif 40 <= t < 60:
            chosen = builder.or_(builder.and_(b, c), builder.and_(d, builder.or_(b, c)))
        else:
            chosen = builder.xor(builder.xor(b, c), d)
        given = builder.add(builder.add(words[t], _constant(_ROUND[t // 20])), e)
        new = builder.add(builder.add(turn(a, 5), chosen), given)
        e, d, c, b, a = d, c, turn(b, 30), a, new
    return [builder.add(value, _constant(start)) for value, start in zip((a, b, c, d, e), _START, strict=True)]


@_jit
def _is_v4(addresses: Any, place: int) -> bool:
    return bool(addresses[place, 0] == 0 and addresses[place, 1] == 0 and addresses[place, 2] == 0xFFFF)


@_jit
def _after(addresses: Any, src: int, sport: int, dst: int, dport: int) -> bool:
    """Whether the first endpoint sorts after the second."""
    for i in range(4):
        if addresses[src, i] != addresses[dst, i]:
            return bool(addresses[src, i] > addresses[dst, i])
    return sport > dport


@_jit
def _write(text: Any, row: int, digests: Any, lane: int) -> None:
    """``1:`` and base64 of the digest, whose 160 bits are followed by two zero bits and a padding character."""
    text[row, 0], text[row, 1] = 49, 58
    bits: Any = 0
    have, to = 0, 2
    for i in range(5):
        bits = ((bits & 0xFFF) << 32) | np.int64(digests[i, lane])
        have += 32
        while have >= 12:
            have -= 12
            pair = (bits >> have) & 0xFFF
            text[row, to], text[row, to + 1] = _BASE64[pair, 0], _BASE64[pair, 1]
            to += 2
    text[row, to], text[row, to + 1] = _BASE64[(bits << (12 - have)) & 0xFFF, 0], 61


@_jit
def _append(blocks: Any, lane: int, halves: int, value: Any) -> int:
    """Put 32 more bits behind ``halves`` half words, of which there is an odd number; returns how many there are."""
    blocks[halves >> 1, lane] |= np.uint32(np.uint32(value) >> np.uint32(16))
    blocks[(halves >> 1) + 1, lane] = np.uint32(np.uint32(value) << np.uint32(16))
    return halves + 2


@_jit
def _message(
    blocks: Any, lane: int, addresses: Any, first: int, second: int, four: bool, protocol: int, seed: int
) -> int:
    """Seed, both addresses, protocol and padding; returns how many half words that is."""
    for t in range(16):
        blocks[t, lane] = 0
    blocks[0, lane] = np.uint32(seed << 16)
    halves = 1
    for i in range(3 if four else 0, 4):
        halves = _append(blocks, lane, halves, addresses[first, i])
    for i in range(3 if four else 0, 4):
        halves = _append(blocks, lane, halves, addresses[second, i])
    blocks[halves >> 1, lane] |= np.uint32(protocol << 8)
    return halves + 1


@_jit
def _finish(blocks: Any, lanes: int, rows: Any, digests: Any, text: Any) -> None:
    """Hash what is in the lanes and write the ids of their rows."""
    _digest(blocks, digests)
    for lane in range(lanes):
        _write(text, rows[lane], digests, lane)


@_jit
def _ids(
    addresses: Any, srcs: Any, dsts: Any, sports: Any, dports: Any, protocols: Any, counterparts: Any, seed: int,
    blocks: Any, digests: Any, rows: Any, text: Any, known: Any,
) -> None:  # fmt: skip
    lanes = 0
    for row in range(protocols.shape[0]):
        src, dst = srcs[row], dsts[row]
        protocol: Any = np.int64(protocols[row])
        text[row, :] = 0
        if src < 0 or dst < 0 or protocol < 0:
            continue
        four = _is_v4(addresses, src) and _is_v4(addresses, dst)
        if protocol == 1 and not four:
            protocol = 58  # sensors say icmp for both
        ported = protocol == 6 or protocol == 17 or protocol == 1 or protocol == 58 or protocol == 132
        one_way, sport = False, sports[row]
        dport: Any = dports[row]
        if ported and (sport < 0 or dport < 0):
            continue
        if protocol == 1 or protocol == 58:
            answer = counterparts[1 if protocol == 58 else 0, sport]
            one_way = answer < 0
            if answer >= 0:
                dport = np.int64(answer)
        if not one_way and _after(addresses, src, sport if ported else 0, dst, dport if ported else 0):
            src, dst, sport, dport = dst, src, dport, sport
        size: Any = _message(blocks, lanes, addresses, src, dst, four, protocol, seed)
        if ported:
            blocks[size >> 1, lanes] = np.uint32((sport << 16) | dport)
            size += 2
        blocks[size >> 1, lanes] = np.uint32(0x80000000)
        blocks[15, lanes] = np.uint32(size * 16)
        rows[lanes], known[row] = row, True
        lanes += 1
        if lanes == LANES:
            _finish(blocks, lanes, rows, digests, text)
            lanes = 0
    if lanes:
        _finish(blocks, lanes, rows, digests, text)
