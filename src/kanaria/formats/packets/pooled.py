"""Drive the compiled tracker: owns its pools, grows them, and copies finished flows out as ``FlowSet``.

Memory is bounded: the flow table grows up to ``MAX_FLOWS`` (the longest silent flows are handed out early beyond that),
the payload, message and pair pools up to their budgets; after that flows keep counts but no more bytes or lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from kanaria.formats.packets import copyout, fetch, kept, messages, track
from kanaria.formats.packets import layout as L
from kanaria.formats.packets import state as T
from kanaria.formats.packets.flowset import Array, FlowSet, parse_log, reassemble

MAX_FLOWS = 1 << 20  # a million at once; 0.4 GB of records
PAYLOAD_BUDGET = 128 << 20  # bytes; 4,000 flows can have both sides full at once, the others get LEAN_BYTES
MESSAGE_CHUNKS = 1 << 20  # 8 messages each, 96 MB
PAIR_TABLES = 1 << 18  # 64 MB
EXPORT = 8192  # flows copied out at a time, so that their bytes stay small
EXPORT_BYTES = 64 << 20


class PooledTracker:
    """Flows of any number of packets in bounded memory."""

    def __init__(self) -> None:
        self._max_flows = MAX_FLOWS
        chunks = max(PAYLOAD_BUDGET // L.CHUNK, 2 * T.LARGEST_SEGMENT)
        heads = np.zeros(T.HEADS, np.int64)
        heads[[T.FREE_FLOW, T.FREE_CHUNK, T.FREE_MESSAGE, T.FREE_PAIR]] = L.NONE
        heads[[T.BUDGET, T.LEFT_CHUNK, T.LEFT_MESSAGE, T.LEFT_PAIR]] = chunks, chunks, MESSAGE_CHUNKS, PAIR_TABLES
        # The pools have their final size from the start; zeros cost memory only where something is written.
        self.state = T.State(
            flows=np.zeros(0, L.FLOW),
            chains=np.full(1, L.NONE, np.int32),
            chunks=np.zeros((chunks, L.CHUNK), np.uint8),
            chunk_next=np.zeros(chunks, np.int32),
            message_lengths=np.zeros((MESSAGE_CHUNKS, L.MESSAGE_CHUNK), np.int32),
            message_times=np.zeros((MESSAGE_CHUNKS, L.MESSAGE_CHUNK), np.int64),
            message_next=np.zeros(MESSAGE_CHUNKS, np.int32),
            pairs=np.zeros((PAIR_TABLES, L.PAIR_SLOTS), L.PAIR),
            heads=heads,
            holes=np.zeros((self._max_flows, 2, L.HOLES, 2), np.uint32),
        )
        self._finished = np.zeros(1 << 16, np.int64)
        self._header = np.zeros(L.SEGMENT_HEADER, np.uint8)
        self._hashes = np.zeros(fetch.AHEAD, np.uint64)
        self._table = np.zeros(self._max_flows, L.FLOW)
        self._grow_flows(min(1 << 12, MAX_FLOWS))

    def packets(self, data: Array, packets: Array, count: int, first_number: int) -> Iterator[FlowSet]:
        """Take in ``layout.PACKET`` records of a block; yields flows that ended."""
        at = 0
        while at < count:
            at, why, done = track.track(
                self.state, data, packets, at, count, first_number, self._finished, self._header,
                self._hashes,
            )  # fmt: skip
            yield from self._take(self._finished[:done])
            if why == T.NEED_FLOWS and not self._grow_flows(len(self.state.flows) * 2):
                yield from self._evict()

    def sweep(self, first_report: int = 0, interval: int = 0) -> Iterator[FlowSet]:
        """Flows silent for too long; with an interval also copies of open ones worth reporting."""
        finished, due = (np.zeros(len(self.state.flows), np.int64) for _ in range(2))
        done, owed = track.sweep(self.state, first_report, interval, finished, due)
        yield from self._take(finished[:done])
        for part in self._parts(due[:owed]):
            yield self._copy(part, still_open=True)

    def finish(self) -> Iterator[FlowSet]:
        """Everything that is left."""
        live = np.flatnonzero(self.state.flows["live"])
        order = np.argsort(self.state.flows["first_packet"][live], kind="stable")
        self.state.chains[:] = L.NONE
        yield from self._take(live[order])

    def advance(self, now: int, moved: int = 0) -> None:
        """Let time pass without packets: a live stream's clock, unless it replays something old. ``moved`` is by how
        much that clock was set since the last time: set back, every packet would come long after its time otherwise."""
        self.state.heads[T.NOW] += min(moved, 0)
        if 0 < now - self.now < 3600 * L.SECOND:
            self.state.heads[T.NOW] = now

    @property
    def now(self) -> int:
        return int(self.state.heads[T.NOW])

    def _evict(self) -> Iterator[FlowSet]:
        """The flow table is as large as it may be: hand out the eighth that was silent for longest."""
        last = self.state.flows["last"]
        oldest = np.argpartition(last, len(last) // 8)[: len(last) // 8 + 1]
        for part in self._parts(oldest):
            yield self._copy(part, still_open=True)
            track.release(self.state, part)
        self.state.heads[T.EVICTED] += len(oldest)
        track.rehash(self.state)

    def _take(self, slots: Array) -> Iterator[FlowSet]:
        for part in self._parts(slots):
            yield self._copy(part, still_open=False)
            track.release(self.state, part)

    def _parts(self, slots: Array) -> Iterator[Array]:
        """The slots in parts of limited number and bytes."""
        if len(slots) == 0:
            return
        sizes = self.state.flows["log_bytes"][slots].sum(axis=1)
        group = np.maximum(np.cumsum(sizes) // EXPORT_BYTES, 0) * len(slots) + np.arange(len(slots)) // EXPORT
        for start, end in _runs(group):
            yield slots[start:end].copy()

    def _copy(self, slots: Array, *, still_open: bool) -> FlowSet:
        if not still_open:
            messages.end_runs(self.state, slots)
        flows = _rows(self.state.flows, slots)
        first = self._first(flows, slots, 0), self._first(flows, slots, 1)
        held = np.where(flows["message_head"] == L.NONE, 0, flows["message_count"])
        offsets = np.concatenate([[0], np.cumsum(held)]).astype(np.int64)
        lengths, times = np.zeros(offsets[-1], np.int32), np.zeros(offsets[-1], np.int64)
        copyout.copy_messages(self.state, slots, offsets, lengths, times)
        pairs = _rows(self.state.pairs, np.maximum(flows["pair"], 0))
        pairs["count"][flows["pair"] == L.NONE] = 0
        return FlowSet(flows, first, offsets, lengths, times, pairs, np.full(len(slots), still_open))

    def shortages(self) -> Array:
        """Flows so far that had to go without: bytes, lengths, pairs, and flows handed out early (``L.SHORTAGES``)."""
        return np.asarray(self.state.heads[T.THINNED : T.EVICTED + 1].copy())

    def _first(self, flows: Array, slots: Array, side: int) -> pa.Array:
        sizes = np.zeros(len(slots), np.int64)
        copyout.log_sizes(self.state, slots, side, sizes)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        out = np.empty(offsets[-1], np.uint8)
        copyout.copy_logs(self.state, slots, side, offsets, out, self._header)
        holed = np.flatnonzero((flows["marks"] & (L.HOLED0 << side)) != 0).tolist()
        if not holed:
            return kept.column(out, offsets)
        ordered = {at: reassemble(parse_log(out[offsets[at] : offsets[at + 1]].tobytes())) for at in holed}
        return kept.column(*kept.exchanged(out, offsets, ordered))

    def _grow_flows(self, size: int) -> bool:
        """Make room for more flows; False when the table is as large as it may be."""
        state, size = self.state, min(size, self._max_flows)
        old = len(state.flows)
        if size <= old:
            return False
        flows = self._table[:size]
        _free(state.heads, flows["link"], old, T.FREE_FLOW, T.LEFT_FLOW)
        chains = np.full(1 << int(size * 2 - 1).bit_length(), L.NONE, np.int32)
        self.state = state._replace(flows=flows, chains=chains)
        track.rehash(self.state)
        return True


def _rows(records: Array, places: Array) -> Array:
    """Rows of an array of records, copied as bytes: NumPy would copy them field by field."""
    if not len(records):
        return records[places]
    width = records.nbytes // len(records)
    taken = records.view(np.uint8).reshape(len(records), width).take(places, axis=0)
    return taken.view(records.dtype).reshape(len(places), *records.shape[1:])


def _free(heads: Array, links: Any, old: int, head: int, left: int) -> None:
    """Chain the new entries of a pool before its free list."""
    size = len(links)
    links[old : size - 1] = np.arange(old + 1, size)
    links[size - 1] = heads[head]
    heads[head] = old
    heads[left] += size - old


def _runs(group: Array) -> Iterator[tuple[int, int]]:
    """(start, end) of every run of equal values."""
    edges = [0, *(np.flatnonzero(group[1:] != group[:-1]) + 1).tolist(), len(group)]
    return pairwise(edges)
