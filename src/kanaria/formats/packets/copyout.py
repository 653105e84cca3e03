"""Copy what flows hold out of the pools: slots of the flow table come in, flat arrays go out (compiled)."""

from __future__ import annotations

from kanaria.formats.packets.compile import jit
from kanaria.formats.packets.layout import CHUNK, HOLED0, MESSAGE_CHUNK, SEGMENT_HEADER, TCP
from kanaria.formats.packets.state import Array, Int, State, i64


@jit
def log_sizes(state: State, slots: Array, side: Int, sizes: Array) -> None:
    """Bytes each flow's side will have in ``copy_logs``: payload only, or the whole log where segments need sorting."""
    for index in range(len(slots)):
        flow = state.flows[slots[index]]
        raw = flow["marks"] & (HOLED0 << side) or flow["proto"] != TCP
        sizes[index] = flow["log_bytes"][side] if raw else flow["log_payload"][side]


@jit
def _copy_log(state: State, head: Int, count: Int, out: Array, at: Int, strip: bool) -> None:
    left = 0  # payload bytes of the current segment still to come
    header = 0  # header bytes already passed
    length = 0
    chunk = head
    for index in range(count):
        place = index % CHUNK
        if index and place == 0:
            chunk = state.chunk_next[chunk]
        byte = state.chunks[chunk][place]
        if strip and left == 0:
            if header == 4:
                length = i64(byte)
            elif header == 5:
                length |= i64(byte) << 8
            header += 1
            if header == SEGMENT_HEADER:
                left = length
                header = 0
        else:
            out[at] = byte
            at += 1
            left -= 1


@jit
def copy_logs(state: State, slots: Array, side: Int, offsets: Array, out: Array) -> None:
    """Copy each flow's first bytes of one side to ``out[offsets[i]:offsets[i + 1]]``."""
    for index in range(len(slots)):
        flow = state.flows[slots[index]]
        strip = not flow["marks"] & (HOLED0 << side) and flow["proto"] == TCP
        _copy_log(state, flow["log_head"][side], flow["log_bytes"][side], out, offsets[index], strip)


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
