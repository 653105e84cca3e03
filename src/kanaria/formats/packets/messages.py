"""Messages of a flow: their lengths and times, and which request length gets which answer length (compiled).

A message is the new payload of one side until the other side speaks, the writer ended it (PSH on a segment that was not
filled by TCP), or a pause is longer than any retransmission timeout. A datagram is a message.
"""

from __future__ import annotations

from typing import Any

from kanaria.formats.packets.compile import jit
from kanaria.formats.packets.layout import (
    FULL_SEGMENT,
    LONE,
    MESSAGE_CHUNK,
    MESSAGES,
    NONE,
    PAIR_SLOTS,
    PSH,
    STOPPED,
    TCP,
    WRITE_GAP,
)
from kanaria.formats.packets.state import (
    FREE_MESSAGE,
    FREE_PAIR,
    LEFT_MESSAGE,
    LEFT_PAIR,
    NEW_MESSAGE,
    NEW_PAIR,
    UNMEASURED,
    UNPAIRED,
    Array,
    Int,
    State,
    f64,
    i64,
)


@jit
def _pair(state: State, flow: Any, request: Int, answer: Int, delay: Int) -> None:
    """Count a request and answer length pair (Space-Saving over PAIR_SLOTS, running median of the delay)."""
    heads = state.heads
    if flow["pair"] == NONE:
        if heads[LEFT_PAIR] == 0:
            if not flow["marks"] & LONE:
                flow["marks"] |= LONE
                heads[UNPAIRED] += 1
            return
        flow["pair"] = heads[FREE_PAIR]
        if heads[FREE_PAIR] == NONE:
            flow["pair"] = heads[NEW_PAIR]
            heads[NEW_PAIR] += 1
        else:
            heads[FREE_PAIR] = state.pairs[flow["pair"]][0]["delay"]
        heads[LEFT_PAIR] -= 1
        for index in range(PAIR_SLOTS):
            state.pairs[flow["pair"]][index]["count"] = 0
    table = state.pairs[flow["pair"]]
    least = 0
    for index in range(PAIR_SLOTS):
        entry = table[index]
        if entry["count"] and entry["request"] == request and entry["answer"] == answer:
            entry["count"] += 1
            step = max(entry["delay"] >> 4, 1)
            if delay > entry["delay"]:
                entry["delay"] += min(step, delay - entry["delay"])
            elif delay < entry["delay"]:
                entry["delay"] -= min(step, entry["delay"] - delay)
            return
        if entry["count"] < table[least]["count"]:
            least = index
    entry = table[least]
    entry["error"] = entry["count"]
    entry["count"] += 1
    entry["request"] = request
    entry["answer"] = answer
    entry["delay"] = delay


@jit
def end_run(state: State, flow: Any) -> None:
    """The message being received is complete: a client's waits for its answer, a server's answers the waiting one."""
    if flow["run_side"] == 0:
        flow["ask_length"] = flow["run_length"]
        flow["ask_time"] = flow["run_last"]
    elif flow["run_side"] == 1 and flow["ask_length"]:
        _pair(state, flow, flow["ask_length"], flow["run_length"], flow["run_start"] - flow["ask_time"])
        flow["ask_length"] = 0
    flow["run_side"] = NONE


@jit
def _store_message(state: State, flow: Any, side: Int, length: Int, offset: Int) -> None:
    count = flow["message_count"]
    heads = state.heads
    place = count % MESSAGE_CHUNK
    if count >= MESSAGES or flow["marks"] & STOPPED:
        return
    if place == 0 and heads[LEFT_MESSAGE] == 0:
        flow["marks"] |= STOPPED
        heads[UNMEASURED] += 1
        return
    if place == 0:
        chunk = heads[FREE_MESSAGE]
        if chunk == NONE:
            chunk = heads[NEW_MESSAGE]
            heads[NEW_MESSAGE] += 1
        else:
            heads[FREE_MESSAGE] = state.message_next[chunk]
        heads[LEFT_MESSAGE] -= 1
        state.message_next[chunk] = NONE
        if flow["message_tail"] == NONE:
            flow["message_head"] = chunk
        else:
            state.message_next[flow["message_tail"]] = chunk
        flow["message_tail"] = chunk
    state.message_lengths[flow["message_tail"]][place] = length if side == 0 else -length
    state.message_times[flow["message_tail"]][place] = offset
    flow["message_count"] = count + 1


@jit
def message(state: State, flow: Any, packet: Any, side: Int, fresh: Int) -> None:
    """New payload of a side: more of the message being received, or the start of the next one."""
    time = packet["time"]
    whole = packet["proto"] != TCP  # a datagram is a message
    if whole or flow["run_side"] != side or flow["run_ended"] or time - flow["run_last"] > WRITE_GAP:
        end_run(state, flow)
        _store_message(state, flow, side, fresh, time - flow["start"])
        flow["messages"][side] += 1
        if side == 0:
            if flow["messages"][0] > 1:
                gap = f64(time - flow["client_time"])
                flow["gaps"] += 1
                flow["gap_sum"] += gap
                flow["gap_squares"] += gap * gap
            flow["client_time"] = time
        flow["run_side"] = side
        flow["run_start"] = time
        flow["run_length"] = fresh
    else:
        flow["run_length"] = min(i64(flow["run_length"]) + fresh, 0x7FFFFFFF)
        stored = flow["messages"][0] + flow["messages"][1]
        if flow["message_count"] == stored and stored <= MESSAGES:
            length = flow["run_length"] if side == 0 else -flow["run_length"]
            state.message_lengths[flow["message_tail"]][(stored - 1) % MESSAGE_CHUNK] = length
    flow["run_last"] = time
    flow["run_ended"] = packet["flags"] & PSH and packet["length"] < FULL_SEGMENT


@jit
def end_runs(state: State, slots: Array) -> None:
    """Complete the message each of these flows was receiving; they have ended."""
    for slot in slots:
        end_run(state, state.flows[slot])
