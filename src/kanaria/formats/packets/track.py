"""Group decoded packets into flows: ``layout.PACKET`` records in, ``layout.FLOW`` records out (compiled).

The hot loop. All state lives in the arrays of ``state.State``: a flow table with hash chains, and three pools (kept
segments, messages, length pairs) handed out in small chunks, so that a million flows cost what they use. When the
flow table is full, ``track`` stops; the caller makes it grow or hands old flows out.
``segments`` and ``messages`` hold what happens to one packet; ``plain`` is the readable twin that tests compare with.
"""

from __future__ import annotations

from typing import Any

from kanaria.formats.packets.compile import jit
from kanaria.formats.packets.fetch import AHEAD, FAR, LINE, NEAR, fetch
from kanaria.formats.packets.layout import (
    ACK,
    CLOSED_IDLE,
    DID_DATA,
    DID_FIN,
    DID_RETRANSMIT,
    DID_RST,
    DID_SPOKE,
    DID_SYN,
    DID_SYNACK,
    FIN,
    GUESSED,
    ICMP_IDLE,
    MESSAGES,
    NONE,
    OK,
    SECOND,
    SYN,
    TALK_IDLE,
    TCP,
    TCP_IDLE,
    THIN_BYTES,
    THIN_RATE,
    UDP,
    UDP_IDLE,
)
from kanaria.formats.packets.messages import message
from kanaria.formats.packets.segments import flags, keep, new_bytes, note
from kanaria.formats.packets.state import (
    DONE,
    FREE_CHUNK,
    FREE_FLOW,
    FREE_MESSAGE,
    FREE_PAIR,
    LEFT_CHUNK,
    LEFT_FLOW,
    LEFT_MESSAGE,
    LEFT_PAIR,
    NEED_FLOWS,
    NOW,
    Array,
    Int,
    State,
    i64,
    u64,
)


@jit
def hash_of(src_hi: Any, src_lo: Any, dst_hi: Any, dst_lo: Any, ports: Any, proto: Any) -> Any:
    """The same number for both directions (sums of both ends commute)."""
    golden = u64(0x9E3779B97F4A7C15)
    value = (src_hi + dst_hi) * golden + (src_lo + dst_lo) + (src_lo ^ dst_lo) * u64(0xC2B2AE3D27D4EB4F)
    value = (value ^ (value >> u64(29))) * golden + ports * u64(0x165667B19E3779F9) + proto
    return (value ^ (value >> u64(32))) * golden >> u64(20)


@jit
def _packet_hash(packet: Any) -> Any:
    a, b = u64(packet["src_port"]), u64(packet["dst_port"])
    ports = a * b + a + b
    return hash_of(packet["src_hi"], packet["src_lo"], packet["dst_hi"], packet["dst_lo"], ports, u64(packet["proto"]))


@jit
def _flow_hash(flow: Any) -> Any:
    a, b = u64(flow["port"][0]), u64(flow["port"][1])
    ports = a * b + a + b
    ip_hi, ip_lo = flow["ip_hi"], flow["ip_lo"]
    return hash_of(ip_hi[0], ip_lo[0], ip_hi[1], ip_lo[1], ports, u64(flow["proto"]))


@jit
def _is(flow: Any, packet: Any, source: Int) -> bool:
    """Whether the packet belongs to the flow with its source being that side."""
    other = 1 - source
    ip_hi, ip_lo, port = flow["ip_hi"], flow["ip_lo"], flow["port"]
    return bool(
        flow["proto"] == packet["proto"]
        and ip_lo[source] == packet["src_lo"]
        and ip_lo[other] == packet["dst_lo"]
        and port[source] == packet["src_port"]
        and port[other] == packet["dst_port"]
        and ip_hi[source] == packet["src_hi"]
        and ip_hi[other] == packet["dst_hi"]
    )


@jit
def _find(state: State, packet: Any, chain: Int) -> Any:
    """(slot or NONE, side of the sender)."""
    slot = state.chains[chain]
    while slot != NONE:
        flow = state.flows[slot]
        if _is(flow, packet, 0):
            return slot, 0
        if _is(flow, packet, 1):
            return slot, 1
        slot = flow["link"]
    return NONE, 0


@jit
def idle_limit(flow: Any) -> Int:
    """Silence after which the flow has ended."""
    if flow["proto"] == TCP:
        sent = flow["sent"]
        closed = (sent[0] | sent[1]) & DID_RST or (sent[0] & sent[1]) & DID_FIN
        if closed:
            return CLOSED_IDLE
        taken_up = (sent[0] & DID_SYNACK and sent[1] & DID_SPOKE) or (sent[1] & DID_SYNACK and sent[0] & DID_SPOKE)
        return TALK_IDLE if sent[0] & sent[1] & DID_DATA or taken_up else TCP_IDLE
    return UDP_IDLE if flow["proto"] == UDP else ICMP_IDLE


@jit
def _ended(flow: Any, packet: Any, side: Int) -> bool:
    """Whether this packet starts a new flow on the same addresses: after silence, or with a new SYN."""
    if packet["time"] - flow["last"] > idle_limit(flow):
        return True
    if flow["proto"] != TCP or (packet["flags"] & (SYN | ACK)) != SYN:
        return False
    sent = flow["sent"]
    if not (sent[side] & DID_SYN):  # mid-stream until now, or the other side opened it
        return bool((sent[0] | sent[1]) & (DID_DATA | DID_RST | DID_FIN))
    again = packet["seq"] == flow["isn"][side]
    return bool(not again and (sent[0] | sent[1]) & (DID_SYNACK | DID_DATA | DID_RST | DID_FIN))


@jit
def _client_is_source(packet: Any) -> Any:
    """(whether the sender is the client, whether that is a guess).

    Without a SYN the server is the side with the only port below 1024, else with the lower port: ephemeral ports start
    at 32768 (Linux) or 49152 (IANA, Windows), listeners almost always lie below.
    """
    src, dst = packet["src_port"], packet["dst_port"]
    if packet["proto"] == TCP:
        if packet["flags"] & SYN:
            return not packet["flags"] & ACK, False
        return dst <= src, True
    if packet["proto"] == UDP:
        return not (src < 1024 and dst >= 1024), True
    return True, False


@jit
def _unlink(state: State, slot: Int) -> None:
    chain = i64(_flow_hash(state.flows[slot]) & u64(len(state.chains) - 1))
    at = state.chains[chain]
    if at == slot:
        state.chains[chain] = state.flows[slot]["link"]
        return
    while state.flows[at]["link"] != slot:
        at = state.flows[at]["link"]
    state.flows[at]["link"] = state.flows[slot]["link"]


@jit
def _create(state: State, packet: Any, number: Int, chain: Int) -> Any:
    """A new flow from its first packet: (slot, side of the sender)."""
    heads = state.heads
    slot = heads[FREE_FLOW]
    flow = state.flows[slot]
    heads[FREE_FLOW] = flow["link"]
    heads[LEFT_FLOW] -= 1
    forward, guessed = _client_is_source(packet)
    source = 0 if forward else 1
    ip_hi, ip_lo, port = flow["ip_hi"], flow["ip_lo"], flow["port"]
    ip_hi[source], ip_lo[source], port[source] = packet["src_hi"], packet["src_lo"], packet["src_port"]
    other = 1 - source
    ip_hi[other], ip_lo[other], port[other] = packet["dst_hi"], packet["dst_lo"], packet["dst_port"]
    flow["proto"] = packet["proto"]
    flow["first_packet"] = number
    flow["start"] = packet["time"]
    flow["last"] = packet["time"]
    flow["reported"] = 0
    flow["told"] = 0
    for side in range(2):
        for counter in (flow["bytes"], flow["packets"], flow["payload"], flow["messages"]):
            counter[side] = 0
        for counter in (flow["next_seq"], flow["isn"], flow["log_seq"]):
            counter[side] = 0
        for counter in (flow["sent"], flow["log_bytes"], flow["log_payload"]):
            counter[side] = 0
        flow["holes"][side] = 0
        flow["log_head"][side] = NONE
        flow["log_tail"][side] = NONE
    flow["message_head"] = NONE
    flow["message_tail"] = NONE
    flow["message_count"] = 0
    flow["run_side"] = NONE
    flow["run_length"] = 0
    flow["ask_length"] = 0
    flow["pair"] = NONE
    flow["gaps"] = 0
    flow["gap_sum"] = 0.0
    flow["gap_squares"] = 0.0
    flow["client_time"] = 0
    flow["marks"] = GUESSED if guessed else 0
    flow["history_length"] = 0
    flow["live"] = 1
    flow["link"] = state.chains[chain]
    state.chains[chain] = slot
    return slot, source


@jit
def _one(
    state: State, packet: Any, chain: Int, number: Int, data: Array, header: Array, finished: Array, done: Int
) -> Int:
    """Bring one packet into its flow; returns how many flows have finished so far."""
    slot, side = _find(state, packet, chain)
    if slot != NONE and _ended(state.flows[slot], packet, side):
        _unlink(state, slot)
        finished[done] = slot
        done += 1
        slot = NONE
    if slot == NONE:
        slot, side = _create(state, packet, number, chain)
    flow = state.flows[slot]
    flow["last"] = max(flow["last"], packet["time"])
    flow["packets"][side] += 1
    flow["bytes"][side] += packet["ip_bytes"]
    fresh = i64(packet["length"])
    if packet["proto"] == TCP:
        if packet["length"] or packet["flags"] & SYN:
            fresh = new_bytes(state, flow, slot, packet, side)
        flags(flow, packet, side)
    if packet["length"]:
        flow["payload"][side] += fresh
        if fresh:
            note(flow, side, DID_DATA, 100)
            keep(state, flow, packet, side, data, header)
            message(state, flow, packet, side, fresh)
        else:
            note(flow, side, DID_RETRANSMIT, 116)
    if packet["proto"] == TCP and packet["flags"] & FIN:
        note(flow, side, DID_FIN, 102)
    return done


@jit
def _look_ahead(state: State, packets: Array, index: Int, count: Int, hashes: Array) -> None:
    """Have fetched what the packets behind this one will ask for."""
    mask = u64(len(state.chains) - 1)
    if index + FAR < count:
        value = _packet_hash(packets[index + FAR])
        hashes[(index + FAR) & (AHEAD - 1)] = value
        fetch(state.chains, i64(value & mask), 0)
    if index + NEAR < count:
        slot = state.chains[i64(hashes[(index + NEAR) & (AHEAD - 1)] & mask)]
        if slot != NONE:
            for offset in range(0, state.flows.itemsize, LINE):
                fetch(state.flows, i64(slot), offset)


@jit
def track(
    state: State, data: Array, packets: Array, start: Int, count: Int, number: Int, finished: Array, header: Array,
    hashes: Array,
) -> Any:  # fmt: skip
    """Bring ``packets[start:count]`` into the flows; ``number`` is the packet number of ``packets[0]``.

    ``hashes`` is room for ``AHEAD`` of them. Returns (index reached, why it stopped, how many slots of finished flows
    were written to ``finished``).
    """
    heads = state.heads
    done = 0
    for index in range(start, min(start + FAR, count)):
        hashes[index & (AHEAD - 1)] = _packet_hash(packets[index])
    for index in range(start, count):
        _look_ahead(state, packets, index, count, hashes)
        if heads[LEFT_FLOW] == 0:
            return index, NEED_FLOWS, done
        packet = packets[index]
        heads[NOW] = max(heads[NOW], packet["time"])
        if packet["status"] == OK:
            chain = i64(hashes[index & (AHEAD - 1)] & u64(len(state.chains) - 1))
            done = _one(state, packet, chain, number + index, data, header, finished, done)
    return count, DONE, done


SETTLED, SOON = 30 * SECOND, 2 * SECOND
"""The grammar of mining says nothing of a shorter connection; and how often a flow that goes on is looked at."""


@jit
def _grown(flow: Any, now: Int, first_report: Int, interval: Int) -> bool:
    """Whether an open flow shows enough that it did not show when it was last reported."""
    sent = flow["messages"]
    declared = i64(sent[0] + sent[1])
    age = now - flow["start"]
    if sent[0] == 0 or sent[1] == 0 or age < first_report or flow["last"] <= flow["reported"]:
        return False
    if flow["payload"][0] + flow["payload"][1] > THIN_BYTES + THIN_RATE * (age // SECOND):
        return False
    if flow["reported"] == 0:
        return True
    told = i64(flow["told"])
    if told < MESSAGES and declared > told and (4 * declared >= 5 * told or _judged_soon(flow, now, age)):
        return True
    return bool(age >= interval and age >= 2 * (flow["reported"] - flow["start"]))


@jit
def _judged_soon(flow: Any, now: Int, age: Int) -> bool:
    """Whether any message may be the one that makes the flow plain, so that a quarter more is too long a wait: of a
    flow that asks rarely it takes minutes. Sooner than ``SETTLED`` no flow is judged by its shape."""
    return bool(age >= SETTLED and now - flow["reported"] >= SOON)


@jit
def sweep(state: State, first_report: Int, interval: Int, finished: Array, due: Array) -> Any:
    """Flows silent for too long go to ``finished``; with ``interval`` > 0, flows worth reporting while open to ``due``.

    A thin flow in which both sides have spoken is due ``first_report`` after it began. It is due again when it has a
    quarter more messages, or any after half a minute (every ``SOON`` at most), as long as these are kept one by one,
    and whenever its age has doubled, not before ``interval``.
    """
    now = state.heads[NOW]
    done = 0
    owed = 0
    for slot in range(len(state.flows)):
        flow = state.flows[slot]
        if flow["live"] == 0:
            continue
        if now - flow["last"] > idle_limit(flow):
            _unlink(state, slot)
            finished[done] = slot
            done += 1
        elif interval > 0 and _grown(flow, now, first_report, interval):
            flow["reported"] = now
            flow["told"] = flow["messages"][0] + flow["messages"][1]
            due[owed] = slot
            owed += 1
    return done, owed


@jit
def release(state: State, slots: Array) -> None:
    """Give the flows and everything they hold back to the pools."""
    heads = state.heads
    for slot in slots:
        flow = state.flows[slot]
        for side in range(2):
            chunk = flow["log_head"][side]
            while chunk != NONE:
                following = state.chunk_next[chunk]
                state.chunk_next[chunk] = heads[FREE_CHUNK]
                heads[FREE_CHUNK] = chunk
                heads[LEFT_CHUNK] += 1
                chunk = following
        chunk = flow["message_head"]
        while chunk != NONE:
            following = state.message_next[chunk]
            state.message_next[chunk] = heads[FREE_MESSAGE]
            heads[FREE_MESSAGE] = chunk
            heads[LEFT_MESSAGE] += 1
            chunk = following
        if flow["pair"] != NONE:
            state.pairs[flow["pair"]][0]["delay"] = heads[FREE_PAIR]
            heads[FREE_PAIR] = flow["pair"]
            heads[LEFT_PAIR] += 1
        flow["live"] = 0
        flow["link"] = heads[FREE_FLOW]
        heads[FREE_FLOW] = slot
        heads[LEFT_FLOW] += 1


@jit
def rehash(state: State) -> None:
    """Chain all live flows again after the flow table or its chains grew."""
    state.chains[:] = NONE
    for slot in range(len(state.flows)):
        flow = state.flows[slot]
        if flow["live"]:
            chain = i64(_flow_hash(flow) & u64(len(state.chains) - 1))
            flow["link"] = state.chains[chain]
            state.chains[chain] = slot
