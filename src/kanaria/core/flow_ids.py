"""Community IDs of many flows at once, compiled: places of addresses, ports and protocols in, a matrix of text out.

What is hashed is at most 40 bytes, one SHA-1 block (FIPS 180-4), so there is no state between blocks. The NumPy code of
``community_id`` with ``hashlib`` is the slow twin the tests compare this with. SHA-1 is not for security here:
Community ID prescribes it.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_ROUND = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)
_BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
_WORDS = 80 + 5  # the message schedule and the digest


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
    room = np.zeros(64, np.uint8), np.empty(_WORDS, np.uint32)
    _ids(addresses, *ends, *ports, protocol, counterparts, seed, *room, text, known)
    return text, known


def _jit(function: Any) -> Any:
    """Compiled without the interpreter's lock and without counting references: nothing is allocated in here."""
    return numba.njit(cache=True, nogil=True, _nrt=False)(function)


@_jit
def _turn(value: Any, by: int) -> Any:
    return np.uint32(value << np.uint32(by)) | np.uint32(value >> np.uint32(32 - by))


@_jit
def _compress(words: Any) -> None:
    """``words[:16]`` is the message; its digest goes to ``words[80:]``."""
    for t in range(16, 80):
        words[t] = _turn(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1)
    a, b, c = np.uint32(_START[0]), np.uint32(_START[1]), np.uint32(_START[2])
    d, e = np.uint32(_START[3]), np.uint32(_START[4])
    for t in range(20):
        new = np.uint32(_turn(a, 5) + ((b & c) | (~b & d)) + e + np.uint32(_ROUND[0]) + words[t])
        e, d, c, b, a = d, c, _turn(b, 30), a, new
    for t in range(20, 40):
        new = np.uint32(_turn(a, 5) + (b ^ c ^ d) + e + np.uint32(_ROUND[1]) + words[t])
        e, d, c, b, a = d, c, _turn(b, 30), a, new
    for t in range(40, 60):
        new = np.uint32(_turn(a, 5) + ((b & c) | (b & d) | (c & d)) + e + np.uint32(_ROUND[2]) + words[t])
        e, d, c, b, a = d, c, _turn(b, 30), a, new
    for t in range(60, 80):
        new = np.uint32(_turn(a, 5) + (b ^ c ^ d) + e + np.uint32(_ROUND[3]) + words[t])
        e, d, c, b, a = d, c, _turn(b, 30), a, new
    words[80] = np.uint32(_START[0]) + a
    words[81] = np.uint32(_START[1]) + b
    words[82] = np.uint32(_START[2]) + c
    words[83] = np.uint32(_START[3]) + d
    words[84] = np.uint32(_START[4]) + e


@_jit
def _is_v4(addresses: Any, place: int) -> bool:
    for i in range(10):
        if addresses[place, i] != 0:
            return False
    return bool(addresses[place, 10] == 255 and addresses[place, 11] == 255)


@_jit
def _after(addresses: Any, src: int, sport: int, dst: int, dport: int) -> bool:
    """Whether the first endpoint sorts after the second."""
    for i in range(16):
        if addresses[src, i] != addresses[dst, i]:
            return bool(addresses[src, i] > addresses[dst, i])
    return sport > dport


@_jit
def _write(text: Any, row: int, words: Any) -> None:
    """``1:`` and base64 of the digest."""
    text[row, 0], text[row, 1] = 49, 58
    for group in range(7):
        bits: Any = 0
        for i in range(3 * group, 3 * group + 3):
            byte = 0 if i == 20 else (np.int64(words[80 + i // 4]) >> (24 - 8 * (i % 4))) & 255
            bits = (bits << 8) | byte
        for i in range(4):
            text[row, 2 + 4 * group + i] = _BASE64[(bits >> (18 - 6 * i)) & 63]
    text[row, 29] = 61


@_jit
def _message(block: Any, addresses: Any, first: int, second: int, skip: int, protocol: int, seed: int) -> int:
    """Seed, both addresses, protocol and padding; returns how long that is."""
    block[0], block[1] = seed >> 8, seed & 255
    size = 2
    for i in range(skip, 16):
        block[size] = addresses[first, i]
        block[size + 16 - skip] = addresses[second, i]
        size += 1
    size += 16 - skip
    block[size], block[size + 1] = protocol, 0
    return size + 2


@_jit
def _ids(
    addresses: Any, srcs: Any, dsts: Any, sports: Any, dports: Any, protocols: Any, counterparts: Any, seed: int,
    block: Any, words: Any, text: Any, known: Any,
) -> None:  # fmt: skip
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
        size: Any = _message(block, addresses, src, dst, 12 if four else 0, protocol, seed)
        if ported:
            block[size], block[size + 1] = sport >> 8, sport & 255
            block[size + 2], block[size + 3] = dport >> 8, dport & 255
            size += 4
        block[size] = 0x80
        for i in range(size + 1, 64):
            block[i] = 0
        block[62], block[63] = size * 8 >> 8, size * 8 & 255
        for t in range(16):
            words[t] = (
                (np.uint32(block[4 * t]) << np.uint32(24))
                | (np.uint32(block[4 * t + 1]) << np.uint32(16))
                | (np.uint32(block[4 * t + 2]) << np.uint32(8))
                | np.uint32(block[4 * t + 3])
            )
        _compress(words)
        _write(text, row, words)
        known[row] = True
