"""SHA-1 of many short equal-length messages at once, compiled: a matrix of bytes in, a matrix of digests out.

One message of at most 55 bytes is one SHA-1 block (FIPS 180-4), so there is no state between blocks. ``hashlib`` is the
slow twin the tests compare it with.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_ROUND = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)


def sha1_rows(messages: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Digests (n, 20) of messages (n, width ≤ 55). Not for security: Community ID prescribes SHA-1."""
    count, width = messages.shape
    blocks = np.zeros((count, 64), np.uint8)
    blocks[:, :width] = messages
    blocks[:, width] = 0x80
    blocks[:, 62:] = np.frombuffer((width * 8).to_bytes(2, "big"), np.uint8)
    words = blocks.view(">u4").astype(np.uint32)
    digests = np.empty((count, 5), np.uint32)
    _compress(words, digests)
    return digests.astype(">u4").view(np.uint8).reshape(count, 20)


@numba.njit("void(uint32[:,::1], uint32[:,::1])", cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _compress(words: npt.NDArray[np.uint32], digests: npt.NDArray[np.uint32]) -> None:
    schedule = np.empty(80, np.uint32)
    for row in range(words.shape[0]):
        for t in range(16):
            schedule[t] = words[row, t]
        for t in range(16, 80):
            x = schedule[t - 3] ^ schedule[t - 8] ^ schedule[t - 14] ^ schedule[t - 16]
            schedule[t] = np.uint32(x << np.uint32(1)) | np.uint32(x >> np.uint32(31))
        a, b, c = np.uint32(_START[0]), np.uint32(_START[1]), np.uint32(_START[2])
        d, e = np.uint32(_START[3]), np.uint32(_START[4])
        for t in range(80):
            if t < 20:
                f, k = (b & c) | (~b & d), np.uint32(_ROUND[0])
            elif t < 40:
                f, k = b ^ c ^ d, np.uint32(_ROUND[1])
            elif t < 60:
                f, k = (b & c) | (b & d) | (c & d), np.uint32(_ROUND[2])
            else:
                f, k = b ^ c ^ d, np.uint32(_ROUND[3])
            turned = np.uint32(a << np.uint32(5)) | np.uint32(a >> np.uint32(27))
            new = np.uint32(turned + np.uint32(f) + e + k + schedule[t])
            e, d, c, b, a = d, c, np.uint32(b << np.uint32(30)) | np.uint32(b >> np.uint32(2)), a, new
        digests[row, 0] = np.uint32(_START[0]) + a
        digests[row, 1] = np.uint32(_START[1]) + b
        digests[row, 2] = np.uint32(_START[2]) + c
        digests[row, 3] = np.uint32(_START[3]) + d
        digests[row, 4] = np.uint32(_START[4]) + e
