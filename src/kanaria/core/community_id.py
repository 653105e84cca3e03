"""Community ID v1: the same short hash of a flow's 5-tuple whichever sensor saw it and whichever way it was written.

In come columns (or single values) of transport names, addresses and ports, out go strings ``1:<base64 SHA-1>``. The
specification is https://github.com/corelight/community-id-spec; ICMP types stand in for ports as it prescribes.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.distinct import Distinct
from kanaria.core.network import ip16

PROTOCOLS: Mapping[str, int] = {
    "icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "udp": 17, "ipv6": 41, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51,
    "icmp6": 58, "ospf": 89, "pim": 103, "vrrp": 112, "sctp": 132,
}  # fmt: skip
"""IANA protocol numbers by the names the ``transport`` column uses."""

_WITH_PORTS = (1, 6, 17, 58, 132)
# Type and counterpart of two-way ICMP messages, as the specification's reference implementation pairs them.
_ICMP4_PAIRS = ((8, 0), (13, 14), (15, 16), (10, 9), (17, 18))
_ICMP6_PAIRS = ((128, 129), (133, 134), (135, 136), (130, 131), (139, 140), (144, 145))
_V4_PREFIX = b"\0" * 10 + b"\xff\xff"

_Bytes = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]
_Ports = npt.NDArray[np.uint16]


def community_id(
    transport: str, src_ip: str, src_port: int | None, dst_ip: str, dst_port: int | None, *, seed: int = 0
) -> str | None:
    """The id of one flow, or None when an address, the transport or a needed port is missing.

    For ICMP ``src_port`` is the type and ``dst_port`` the code or the counterpart type.
    """
    row = [pa.array([value], kind) for value, kind in (
        (transport, pa.string()), (src_ip, pa.string()), (src_port, pa.int32()), (dst_ip, pa.string()),
        (dst_port, pa.int32()))]  # fmt: skip
    result: str | None = community_ids(*row, seed=seed)[0].as_py()
    return result


def community_ids(
    transport: pa.Array | pa.ChunkedArray,
    src_ip: pa.Array | pa.ChunkedArray,
    src_port: pa.Array | pa.ChunkedArray,
    dst_ip: pa.Array | pa.ChunkedArray,
    dst_port: pa.Array | pa.ChunkedArray,
    *,
    seed: int = 0,
    ends: tuple[Distinct, Distinct] | None = None,
) -> pa.Array:
    """One id per row as ``pa.string()``, null where it cannot be computed. All columns have one length.

    ``ends`` are the distinct values of both address columns, for callers who have them already.
    """
    if _worth(len(transport)):
        ends = ends or (Distinct(src_ip), Distinct(dst_ip))
        return _compiled_ids(transport, *ends, src_port, dst_port, seed)
    return _plain_ids(transport, src_ip, src_port, dst_ip, dst_port, seed)


_Column: TypeAlias = "pa.Array | pa.ChunkedArray"


def _compiled_ids(
    transport: _Column, src: Distinct, dst: Distinct, src_port: _Column, dst_port: _Column, seed: int
) -> pa.Array:
    from kanaria.core.flow_ids import flow_ids

    packed = [ip16(text) for side in (src, dst) for text in side.values]
    places = np.array([-1 if value is None else index for index, value in enumerate(packed)], np.int64)
    split = len(src.values)
    ends = [np.append(side, -1)[one.codes] for side, one in ((places[:split], src), (places[split:], dst))]
    ports = [np.where(known, values.astype(np.int64), -1) for values, known in (_ports(src_port), _ports(dst_port))]
    addresses = np.frombuffer(b"".join(value or bytes(16) for value in [*packed, None]), np.uint8).reshape(-1, 16)
    text, known = flow_ids(
        addresses, (ends[0], ends[1]), (ports[0], ports[1]), _protocols(transport),
        np.stack([_counterparts(pairs) for pairs in (_ICMP4_PAIRS, _ICMP6_PAIRS)]), seed,
    )  # fmt: skip
    return _strings(text, known)


def _plain_ids(
    transport: _Column, src_ip: _Column, src_port: _Column, dst_ip: _Column, dst_port: _Column, seed: int
) -> pa.Array:
    """The readable twin of ``_compiled_ids``, and quicker for few rows."""
    protocol = _protocols(transport)
    src, src_known = _addresses(src_ip)
    dst, dst_known = _addresses(dst_ip)
    four = _is_v4(src) & _is_v4(dst)
    protocol = np.where((protocol == 1) & ~four, 58, protocol).astype(np.int16)  # sensors say icmp for both
    ported = np.isin(protocol, _WITH_PORTS)
    sport, sport_known = _ports(src_port)
    dport, dport_known = _ports(dst_port)
    dport, one_way = _icmp(protocol, sport, dport)
    known = src_known & dst_known & (protocol >= 0) & (~ported | (sport_known & dport_known))
    flip = ~one_way & _after(src, sport, dst, dport, ported)
    first, second = np.where(flip[:, None], dst, src), np.where(flip[:, None], src, dst)
    low, high = np.where(flip, dport, sport), np.where(flip, sport, dport)
    out = np.zeros((len(protocol), 21), np.uint8)
    for version, use_ports in ((4, True), (4, False), (6, True), (6, False)):
        rows = np.flatnonzero(known & (four == (version == 4)) & (ported == use_ports))
        if len(rows):
            skip = 12 if version == 4 else 0
            packed = _pack(first[rows, skip:], second[rows, skip:], protocol[rows], seed)
            if use_ports:
                packed = np.concatenate([packed, _big_endian(low[rows]), _big_endian(high[rows])], axis=1)
            out[rows, :20] = _digests(packed)
    return _text(out, known)


def _protocols(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int16]:
    """Protocol numbers; -1 where unknown. Names may also be decimal numbers."""
    encoded = _flat(column).dictionary_encode()
    numbers = [_protocol(name) for name in encoded.dictionary.to_pylist()]
    return np.array([*numbers, -1], np.int16)[_codes(encoded)]


def _protocol(name: str) -> int:
    number = PROTOCOLS.get(name.lower())
    if number is None and name.isascii() and name.isdigit() and int(name) < 256:
        return int(name)
    return -1 if number is None else number


def _addresses(column: pa.Array | pa.ChunkedArray) -> tuple[_Bytes, _Flags]:
    """The 16-byte forms as an (n, 16) matrix, and which rows hold an address. Each distinct text is parsed once."""
    encoded = _flat(column).dictionary_encode()
    packed = [ip16(text) for text in encoded.dictionary.to_pylist()]
    known = np.array([*(value is not None for value in packed), False])
    table = np.frombuffer(b"".join(value or bytes(16) for value in [*packed, None]), np.uint8).reshape(-1, 16)
    codes = _codes(encoded)
    return table[codes], known[codes]


def _codes(encoded: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    """Dictionary indices, with null as -1 (the last entry of the lookup tables above)."""
    return np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)


def _ports(column: pa.Array | pa.ChunkedArray) -> tuple[_Ports, _Flags]:
    flat = _flat(column)
    values = np.asarray(flat.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
    known = (values >= 0) & (values <= 0xFFFF)
    return np.where(known, values, 0).astype(np.uint16), known


def _icmp(protocol: npt.NDArray[np.int16], sport: _Ports, dport: _Ports) -> tuple[_Ports, _Flags]:
    """Destination "ports" with the counterpart of two-way ICMP types filled in, and which rows have no way back."""
    one_way = np.zeros(len(protocol), np.bool_)
    for number, pairs in ((1, _ICMP4_PAIRS), (58, _ICMP6_PAIRS)):
        rows = protocol == number
        if not rows.any():
            continue
        other = _counterparts(pairs)[sport]
        dport = np.where(rows & (other >= 0), other, dport).astype(np.uint16)
        one_way |= rows & (other < 0)
    return dport, one_way


def _counterparts(pairs: Sequence[tuple[int, int]]) -> npt.NDArray[np.int32]:
    """The type of the other way by type, -1 where there is none."""
    counterpart = np.full(1 << 16, -1, np.int32)
    for request, answer in pairs:
        counterpart[request], counterpart[answer] = answer, request
    return counterpart


def _after(src: _Bytes, sport: _Ports, dst: _Bytes, dport: _Ports, ported: _Flags) -> _Flags:
    """Rows whose source endpoint sorts after the destination: the specification writes the smaller one first."""
    src_words, dst_words = (np.ascontiguousarray(side).view(">u8") for side in (src, dst))
    after = ported & (sport > dport)
    for word in (1, 0):
        left, right = src_words[:, word], dst_words[:, word]
        after = (left > right) | ((left == right) & after)
    return np.asarray(after, np.bool_)


def _is_v4(addresses: _Bytes) -> _Flags:
    return np.asarray((addresses[:, :12] == np.frombuffer(_V4_PREFIX, np.uint8)).all(axis=1), np.bool_)


def _pack(first: _Bytes, second: _Bytes, protocol: npt.NDArray[np.int16], seed: int) -> _Bytes:
    count = len(protocol)
    head = np.broadcast_to(np.frombuffer(seed.to_bytes(2, "big"), np.uint8), (count, 2))
    tail = np.stack([protocol.astype(np.uint8), np.zeros(count, np.uint8)], axis=1)
    return np.concatenate([head, first, second, tail], axis=1)


def _big_endian(ports: _Ports) -> _Bytes:
    return ports.astype(">u2").view(np.uint8).reshape(-1, 2)


_WORTH_COMPILING = 10_000
"""Rows from which the compiled code pays: loading it takes 0.3 s (2 s the first time), the plain code 2.6 µs a row."""
_WITH_NUMBA = 5_000
"""The same in a process that has loaded Numba already."""
_ONCE_COMPILED = 200
_COMPILED = "kanaria.core.flow_ids"


def _worth(rows: int) -> bool:
    least = _ONCE_COMPILED if _COMPILED in sys.modules else _WITH_NUMBA if "numba" in sys.modules else _WORTH_COMPILING
    return rows >= least


def _digests(packed: _Bytes) -> _Bytes:
    """SHA-1 of every row of an (n, width) matrix as an (n, 20) matrix."""
    data, width = np.ascontiguousarray(packed).tobytes(), packed.shape[1]
    cuts = pairwise(range(0, len(data) + 1, width))
    sha1 = hashlib.sha1
    joined = b"".join([sha1(data[start:end], usedforsecurity=False).digest() for start, end in cuts])
    return np.frombuffer(joined, np.uint8).reshape(-1, 20)


def _text(digests: _Bytes, known: _Flags) -> pa.Array:
    """``1:`` and base64 of the 20 leading bytes of every row, encoded in one go: byte 21 is padding."""
    encoded = np.frombuffer(base64.b64encode(digests.tobytes()), np.uint8).reshape(-1, 28)
    text = np.empty((len(digests), 30), np.uint8)
    text[:, :2], text[:, 2:], text[:, 29] = np.frombuffer(b"1:", np.uint8), encoded, ord("=")
    return _strings(text, known)


def _strings(text: _Bytes, known: _Flags) -> pa.Array:
    """The rows of a matrix of ASCII as strings, null where not known."""
    count, width = text.shape
    offsets = np.arange(0, width * count + 1, width, dtype=np.int32)
    valid = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text))]
    return pa.Array.from_buffers(pa.string(), count, buffers)


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
