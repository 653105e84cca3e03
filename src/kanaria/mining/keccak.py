"""Keccak-256 as CryptoNote and Ethereum addresses use it: bytes in, a 32-byte digest out.

This is the original Keccak padding (0x01), not the SHA-3 padding (0x06) that hashlib offers; the permutation is the
same (FIPS 202, section 3). Addresses are one or two blocks long, so plain Python is fast enough (about 0.3 ms a block).
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
_RATE = 136  # bytes absorbed per permutation for a 256-bit digest: (1600 - 2 * 256) / 8


def _round_constants() -> tuple[int, ...]:
    """The 24 constants of the iota step, from the LFSR x^8 + x^6 + x^5 + x^4 + 1 (FIPS 202, algorithm 5)."""
    constants, register = [], 1
    for _ in range(24):
        value = 0
        for j in range(7):
            if register & 1:
                value |= 1 << ((1 << j) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(value)
    return tuple(constants)


def _walk() -> tuple[tuple[int, int], ...]:
    """Lane order and rotation of the combined rho and pi steps: (target lane, rotation) from lane 1 on."""
    steps, x, y = [], 1, 0
    for t in range(24):
        x, y = y, (2 * x + 3 * y) % 5
        steps.append((x + 5 * y, (t + 1) * (t + 2) // 2 % 64))
    return tuple(steps)


_CONSTANTS = _round_constants()
_STEPS = _walk()


def _rotate(lane: int, by: int) -> int:
    return ((lane << by) | (lane >> (64 - by))) & _MASK


def _permute(lanes: list[int]) -> None:
    """Keccak-f[1600] in place over 25 lanes of 64 bits, lane ``x + 5 * y``."""
    for constant in _CONSTANTS:
        parity = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        for x in range(5):
            change = parity[x - 1] ^ _rotate(parity[(x + 1) % 5], 1)
            for y in range(0, 25, 5):
                lanes[x + y] ^= change
        carried = lanes[1]
        for target, rotation in _STEPS:
            lanes[target], carried = _rotate(carried, rotation), lanes[target]
        for y in range(0, 25, 5):
            row = lanes[y : y + 5]
            for x in range(5):
                lanes[x + y] = row[x] ^ (~row[(x + 1) % 5] & _MASK & row[(x + 2) % 5])
        lanes[0] ^= constant


def sponge256(data: bytes, suffix: int) -> bytes:
    """The 256-bit sponge with a domain suffix: 0x01 gives Keccak-256, 0x06 gives SHA3-256."""
    padded = bytearray(data) + bytes([suffix]) + bytes(-(len(data) + 1) % _RATE)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for block in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            start = block + 8 * lane
            lanes[lane] ^= int.from_bytes(padded[start : start + 8], "little")
        _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def keccak256(data: bytes) -> bytes:
    """Keccak-256 of ``data``."""
    return sponge256(data, 0x01)
