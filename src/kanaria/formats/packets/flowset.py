"""Flows on their way out of a tracker: what both trackers hand to ``rows``, and TCP reassembly of the kept segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kanaria.core.values import dataclass
from kanaria.formats.packets import layout as L

Array = np.ndarray[Any, Any]
Segment = tuple[int, bytes, int]
"""Sequence number, captured payload, payload bytes on the wire."""


@dataclass(slots=True)
class FlowSet:
    """Some flows. ``flows`` has ``layout.FLOW`` records (pool places in it mean nothing here), ``first`` binary columns
    of the first bytes of clients and servers, ``pairs`` PAIR_SLOTS records a flow, unused ones with count 0.

    ``open`` is True for flows that go on. Messages of flow *i* are ``offsets[i]:offsets[i + 1]``: length (negative from
    the server) and microseconds since its start.
    """

    flows: Array
    first: tuple[pa.Array, pa.Array]
    offsets: Array
    lengths: Array
    times: Array
    pairs: Array
    open: Array


def reassemble(segments: Sequence[Segment]) -> bytes:
    """The stream in sequence order: repeated bytes once (the first copy wins), holes closed up.

    Holes stay invisible on purpose: readers of lines and records find their place again after one broken record.
    """
    if len(segments) == 1:
        return segments[0][1]
    base = segments[0][0]
    relative = [((seq - base + (1 << 31)) & 0xFFFFFFFF, data, wire) for seq, data, wire in segments]
    stream, reached = bytearray(), -1
    for seq, data, wire in sorted(relative, key=lambda item: item[0]):
        if seq >= reached:
            stream += data
        elif seq + len(data) > reached:
            stream += data[reached - seq :]
        reached = max(reached, seq + wire)
    return bytes(stream)


def parse_log(log: bytes) -> list[Segment]:
    """Segments of a log as the kernel writes it (see ``layout.SEGMENT_HEADER``)."""
    segments, at = [], 0
    while at + L.SEGMENT_HEADER <= len(log):
        size = int.from_bytes(log[at + 4 : at + 6], "little")
        body = at + L.SEGMENT_HEADER
        head = log[at : at + 4], log[at + 6 : body]
        segments.append((int.from_bytes(head[0], "little"), log[body : body + size], int.from_bytes(head[1], "little")))
        at = body + size
    return segments


def first_bytes(proto: int, segments: Sequence[Segment]) -> bytes:
    """A side's first bytes: TCP in sequence order, datagrams one after the other."""
    return reassemble(segments) if proto == L.TCP else b"".join(data for _, data, _ in segments)


def join(sets: Sequence[FlowSet]) -> FlowSet:
    """Several sets as one."""
    if len(sets) == 1:
        return sets[0]
    shifts = np.cumsum([0, *(int(part.offsets[-1]) for part in sets)])
    return FlowSet(
        flows=np.concatenate([part.flows for part in sets]),
        first=(pa.concat_arrays([part.first[0] for part in sets]), pa.concat_arrays([part.first[1] for part in sets])),
        offsets=np.concatenate([[0], *(part.offsets[1:] + shift for part, shift in zip(sets, shifts, strict=False))]),
        lengths=np.concatenate([part.lengths for part in sets]),
        times=np.concatenate([part.times for part in sets]),
        pairs=np.concatenate([part.pairs for part in sets]),
        open=np.concatenate([part.open for part in sets]),
    )
