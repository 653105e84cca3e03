"""What one TCP segment or datagram means for its flow: history, new bytes, and keeping the first bytes (compiled).

A flow and a packet come in; the flow record and the segment log change.
"""

from __future__ import annotations

from typing import Any

from kanaria.formats.packets.compile import jit
from kanaria.formats.packets.layout import (
    ACK,
    BIG0,
    CHUNK,
    DID_ACK,
    DID_DATA,
    DID_GAP,
    DID_RST,
    DID_SYN,
    DID_SYNACK,
    DID_ZERO_WINDOW,
    FIN,
    FIRST_BYTES,
    HISTORY,
    HOLED0,
    HOLES,
    LEAN_BYTES,
    NONE,
    RST,
    RST0_FIRST,
    SEALED0,
    SEGMENT_HEADER,
    SYN,
    TCP,
    TEXT_BYTES,
    THIN,
)
from kanaria.formats.packets.state import (
    BUDGET,
    FREE_CHUNK,
    LARGEST_SEGMENT,
    LEFT_CHUNK,
    NEW_CHUNK,
    THINNED,
    Array,
    Int,
    State,
    i64,
    place,
)


@jit
def note(flow: Any, side: Int, bit: Int, letter: Int) -> None:
    """Remember that a side did something; the first time it enters the history (client upper case)."""
    sent = flow["sent"]
    if not sent[side] & bit:
        sent[side] |= bit
        length = flow["history_length"]
        if length < HISTORY:
            flow["history"][length] = letter - 32 if side == 0 else letter
            flow["history_length"] = length + 1


@jit
def flags(flow: Any, packet: Any, side: Int) -> None:
    """SYN, ACK and RST of a TCP packet into state and history; FIN comes after the data (see ``_one``)."""
    flags = packet["flags"]
    if flags & SYN:
        if flags & ACK:
            note(flow, side, DID_SYNACK, 104)
        else:
            note(flow, side, DID_SYN, 115)
        flow["isn"][side] = packet["seq"]
    elif flags & ACK and packet["length"] == 0 and not flags & (FIN | RST):
        note(flow, side, DID_ACK, 97)
    if packet["window"] == 0 and not flags & (RST | SYN):
        note(flow, side, DID_ZERO_WINDOW, 119)
    if flags & RST:
        if side == 0 and not flow["sent"][1] & DID_RST:
            flow["marks"] |= RST0_FIRST
        note(flow, side, DID_RST, 114)


@jit
def new_bytes(state: State, flow: Any, slot: Int, packet: Any, side: Int) -> Int:
    """How many payload bytes of a TCP segment were not seen before.

    A segment ahead of the stream leaves a hole; one that falls into holes fills them as far as it goes.
    """
    known = flow["sent"][side] & (DID_SYN | DID_SYNACK | DID_DATA)
    seq = i64(packet["seq"])
    length = i64(packet["length"])
    next_seq = flow["next_seq"]
    if packet["flags"] & SYN:
        seq = (seq + 1) & 0xFFFFFFFF
        if not known or not flow["sent"][side] & DID_DATA:
            next_seq[side] = seq
            flow["holes"][side] = 0
        if length == 0:
            return 0
    elif not known:
        next_seq[side] = seq
    ahead = _signed(seq - i64(next_seq[side]))
    end = (seq + length) & 0xFFFFFFFF
    if ahead >= 0:
        if ahead > 0:
            note(flow, side, DID_GAP, 103)
            _remember(flow, side, state.holes[slot, side], i64(flow["holes"][side]), i64(next_seq[side]), seq)
        next_seq[side] = end
        return length
    fresh = max(ahead + length, 0)
    if fresh > 0:
        next_seq[side] = end
    if flow["holes"][side] == 0:
        return fresh
    return fresh + _fill(flow, side, state.holes[slot, side], seq, length - fresh)


@jit
def _signed(difference: Int) -> Int:
    """A difference of two 32-bit sequence numbers, wrapped to be near zero."""
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000


@jit
def _move(holes: Array, source: Int, target: Int) -> None:
    holes[target, 0] = holes[source, 0]
    holes[target, 1] = holes[source, 1]


@jit
def _remember(flow: Any, side: Int, holes: Array, place: Int, start: Int, end: Int) -> None:
    """Put a hole at its place among those of the side; when there are too many, the oldest is given up."""
    count = i64(flow["holes"][side])
    if count == HOLES:
        if place == 0:
            return
        for index in range(1, place):
            _move(holes, index, index - 1)
        place -= 1
    else:
        for index in range(count, place, -1):
            _move(holes, index - 1, index)
        flow["holes"][side] = count + 1
    holes[place, 0] = start
    holes[place, 1] = end


@jit
def _fill(flow: Any, side: Int, holes: Array, seq: Int, length: Int) -> Int:
    """Bytes of [seq, seq + length) that lie in the side's holes, which shrink by them; one in the middle leaves two."""
    filled = i64(0)
    for index in range(i64(flow["holes"][side]) - 1, -1, -1):
        start = i64(holes[index, 0])
        end = i64(holes[index, 1])
        low = max(_signed(seq - start), 0)
        high = min(_signed(seq + length - start), _signed(end - start))
        if high <= low:
            continue
        filled += high - low
        holes[index, 0] = (start + high) & 0xFFFFFFFF
        if holes[index, 0] == end:
            _forget(flow, side, holes, index)
        if low > 0:
            _remember(flow, side, holes, index, start, (start + low) & 0xFFFFFFFF)
    return filled


@jit
def _forget(flow: Any, side: Int, holes: Array, place: Int) -> None:
    """Take a hole out."""
    for index in range(place + 1, flow["holes"][side]):
        _move(holes, index, index - 1)
    flow["holes"][side] -= 1


@jit
def _looks_textual(data: Array, at: Int, count: Int) -> bool:
    """Whether the first bytes are JSON, blanks that may stand before it, an HTTP request or a WebSocket upgrade: text
    worth keeping at length."""
    if count < 1:
        return False
    first = data[at]
    if first == 123 or first == 91 or first == 32 or first == 9 or first == 10 or first == 13:  # { [ and blanks
        return True
    if count < 4:
        return False
    four = (i64(first) << 24) | (i64(data[at + 1]) << 16) | (i64(data[at + 2]) << 8) | data[at + 3]
    if four == 0x47455420 or four == 0x504F5354:  # "GET ", "POST"
        return True
    if four == 0x48545450:  # "HTTP": only 101 Switching Protocols goes on as messages
        return bool(count >= 12 and data[at + 9] == 49 and data[at + 10] == 48 and data[at + 11] == 49)
    quotes = 0
    for index in range(at, at + min(count, 64)):
        byte = data[index]
        if byte > 126 or (byte < 32 and byte != 9 and byte != 10 and byte != 13):
            return False
        quotes += byte == 34
    return quotes >= 2


@jit
def copy(source: Array, start: Int, target: Array, at: Int, count: Int) -> None:
    """Copy bytes. Places are unsigned here: Numba then leaves out the test for negative ones and LLVM copies words."""
    begin, end = place(start), place(at)
    for index in range(place(count)):
        target[end + index] = source[begin + index]


@jit
def _take_chunk(state: State, flow: Any, side: Int) -> Int:
    heads = state.heads
    chunk = heads[FREE_CHUNK]
    if chunk == NONE:
        chunk = heads[NEW_CHUNK]
        heads[NEW_CHUNK] += 1
    else:
        heads[FREE_CHUNK] = state.chunk_next[chunk]
    heads[LEFT_CHUNK] -= 1
    state.chunk_next[chunk] = NONE
    if flow["log_tail"][side] == NONE:
        flow["log_head"][side] = chunk
    else:
        state.chunk_next[flow["log_tail"][side]] = chunk
    flow["log_tail"][side] = chunk
    return int(chunk)


@jit
def _append(state: State, flow: Any, side: Int, data: Array, at: Int, count: Int) -> None:
    """Append bytes to a side's segment log."""
    used = i64(flow["log_bytes"][side])
    while count > 0:
        room = used % CHUNK
        chunk = flow["log_tail"][side] if room else _take_chunk(state, flow, side)
        step = min(count, CHUNK - room)
        target = state.chunks[chunk]
        copy(data, at, target, room, step)
        used += step
        at += step
        count -= step
    flow["log_bytes"][side] = used


@jit
def keep(state: State, flow: Any, packet: Any, side: Int, data: Array, header: Array) -> None:
    """Keep a segment among the side's first bytes, within its limit and the pool's budget."""
    if flow["marks"] & (SEALED0 << side):
        return
    at = packet["payload"]
    captured = i64(packet["captured"])
    kept = i64(flow["log_payload"][side])
    big = i64(BIG0 << side)
    if kept == 0 and _looks_textual(data, at, captured):
        flow["marks"] |= big
    usual = TEXT_BYTES if flow["marks"] & big else FIRST_BYTES
    left = state.heads[LEFT_CHUNK]
    limit = LEAN_BYTES if left * 4 < state.heads[BUDGET] else usual
    if left < LARGEST_SEGMENT:
        limit = 0
    take = min(captured, limit - kept, 0xFFFF)
    if take < min(captured, usual - kept, 0xFFFF) and not flow["marks"] & THIN:
        flow["marks"] |= THIN
        state.heads[THINNED] += 1
    if take <= 0:
        return
    wire = min(i64(packet["length"]), 0xFFFF)
    seq = i64(packet["seq"])
    if packet["flags"] & SYN:
        seq = (seq + 1) & 0xFFFFFFFF
    if packet["proto"] == TCP and flow["log_bytes"][side] and seq != flow["log_seq"][side]:
        flow["marks"] |= HOLED0 << side
    flow["log_seq"][side] = (seq + wire) & 0xFFFFFFFF
    for index in range(4):
        header[index] = (seq >> (8 * index)) & 255
    for index in range(2):
        header[4 + index] = (take >> (8 * index)) & 255
        header[6 + index] = (wire >> (8 * index)) & 255
    _append(state, flow, side, header, 0, SEGMENT_HEADER)
    _append(state, flow, side, data, at, take)
    flow["log_payload"][side] = kept + take
    if take >= 3 and data[at] == 23 and data[at + 1] == 3 and data[at + 2] <= 4:
        flow["marks"] |= SEALED0 << side  # TLS application data: what follows is encrypted, nobody can read it
