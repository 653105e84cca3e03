"""Stratum V2: first bytes and first message lengths of a flow in, the shape of its handshake out.

Over the Internet Stratum V2 is encrypted from the first byte (Noise NX over secp256k1 with ElligatorSwift keys): the
initiator sends exactly 64 bytes, its key; the responder answers exactly 234, key 64, encrypted static key 80, encrypted
certificate 90. On a local network it may be unencrypted and begins with a SetupConnection frame. Source: the Stratum V2
specification, parts 3 (frames), 4 (security) and 5 (mining protocol).
"""

from __future__ import annotations

import struct

from kanaria.mining.shapes import Shape

INITIATOR_BYTES = 64
RESPONDER_BYTES = 234
# The first encrypted frame is a 6-byte header and its 16-byte tag, then SetupConnection and a tag.
_SMALLEST_ENCRYPTED = 38
# Of 64 random bytes 56.6 are distinct on average, standard deviation 2.3 (simulated); text, TLS and padding have fewer.
_LEAST_DISTINCT = 44

_SETUP = 0x00
_PROTOCOLS = {0: "mining", 1: "job_declaration", 2: "template_distribution"}


def noise_handshake(lengths: list[tuple[bool, int]], first: bytes | None) -> Shape | None:
    """The Noise handshake, by the first messages as (from client, bytes); ``first`` are the client's first bytes."""
    if lengths[:2] != [(True, INITIATOR_BYTES), (False, RESPONDER_BYTES)]:
        return None
    if len(lengths) > 2 and lengths[2][1] < _SMALLEST_ENCRYPTED:
        return None
    if first is not None and not looks_random(first[:INITIATOR_BYTES]):
        return None
    return Shape(
        dialect="stratum_v2",
        method="noise_handshake",
        direction="client",
        # Bitcoin's own encrypted transport (BIP 324) also opens with a 64-byte key, but follows it with up to 4,095
        # random bytes of padding in each direction: one flow in 4,096 x 4,096 has these lengths.
        confidence=0.9 if first is not None else 0.6,
    )


def looks_random(data: bytes) -> bool:
    """Whether 64 bytes could be a random key."""
    return len(data) == INITIATOR_BYTES and len(set(data)) >= _LEAST_DISTINCT


def setup_connection(data: bytes) -> Shape | None:
    """An unencrypted SetupConnection frame at the beginning of the client's bytes."""
    if len(data) < 20 or data[:3] != bytes((0, 0, _SETUP)):
        return None
    body = data[6 : 6 + int.from_bytes(data[3:6], "little")]
    if len(body) < 12 or body[0] not in _PROTOCOLS:
        return None
    lowest, highest, flags = struct.unpack("<HHI", body[1:9])
    if not 2 <= lowest <= highest < 16 or flags >> 8:
        return None
    words, rest = [], body[9:]
    for index in range(5):
        size = rest[0] if rest else 0
        words.append(rest[1 : 1 + size].decode("utf-8", "replace"))
        # The port stands between the host and the vendor.
        rest = rest[1 + size + (2 if index == 0 else 0) :]
    if not words[0].isprintable():
        return None
    return Shape(
        dialect="stratum_v2",
        method="SetupConnection",
        direction="client",
        agent=" ".join(word for word in (words[1], words[3]) if word) or None,
        worker=words[4] or None,
        fields={"protocol": _PROTOCOLS[body[0]], "host": words[0]},
    )
