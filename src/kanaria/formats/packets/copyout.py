"""Copy what flows hold out of the pools: from slots of the flow table to flat arrays (compiled)."""

from __future__ import annotations

from typing import Any

from kanaria.formats.packets.compile import jit
from kanaria.formats.packets.layout import CHUNK, HOLED0, MESSAGE_CHUNK, SEGMENT_HEADER
from kanaria.formats.packets.segments import copy
from kanaria.formats.packets.state import Array, Int, State, i64


@jit
def log_sizes(state: State, slots: Array, side: Int, sizes: Array) -> None:
    """Bytes each flow's side will have in ``copy_logs``: payload only, or the whole log where segments need sorting."""
    for index in range(len(slots)):
        flow = state.flows[slots[index]]
        holed = flow["marks"] & (HOLED0 << side)
        sizes[index] = flow["log_bytes"][side] if holed else flow["log_payload"][side]


@jit
def _copy_span(state: State, chunk: Int, place: Int, count: Int, out: Array, at: Int) -> Any:
    """Copy ``count`` bytes of a chain from a place in a chunk; returns the (chunk, place) behind them."""
    while count > 0:
        if place == CHUNK:
            chunk = state.chunk_next[chunk]
            place = 0
        step = min(count, CHUNK - place)
        copy(state.chunks[chunk], place, out, at, step)
        at += step
        place += step
        count -= step
    return chunk, place


@jit
def _copy_log(state: State, head: Int, count: Int, out: Array, at: Int, strip: bool, header: Array) -> None:
    """Copy a side's log, without the segment headers if ``strip``."""
    if not strip:
        _copy_span(state, head, 0, count, out, at)
        return
    chunk, place = head, 0
    while count > 0:
        chunk, place = _copy_span(state, chunk, place, SEGMENT_HEADER, header, 0)
        length = i64(header[4]) | (i64(header[5]) << 8)
        chunk, place = _copy_span(state, chunk, place, length, out, at)
        at += length
        count -= length + SEGMENT_HEADER


@jit
def copy_logs(state: State, slots: Array, side: Int, offsets: Array, out: Array, header: Array) -> None:
    """Copy each flow's first bytes of one side to ``out[offsets[i]:offsets[i + 1]]``."""
    for index in range(len(slots)):
        flow = state.flows[slots[index]]
        strip = not flow["marks"] & (HOLED0 << side)
        _copy_log(state, flow["log_head"][side], flow["log_bytes"][side], out, offsets[index], strip, header)


@jit
def copy_messages(state: State, slots: Array, offsets: Array, lengths: Array, times: Array) -> None:
    """Copy each flow's messages (length negative when the server spoke; microseconds since the flow began)."""
    for index in range(len(slots)):
        chunk = state.flows[slots[index]]["message_head"]
        for number in range(offsets[index + 1] - offsets[index]):
            if number and number % MESSAGE_CHUNK == 0:
                chunk = state.message_next[chunk]
            lengths[offsets[index] + number] = state.message_lengths[chunk][number % MESSAGE_CHUNK]
            times[offsets[index] + number] = state.message_times[chunk][number % MESSAGE_CHUNK]
