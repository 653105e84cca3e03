"""The plain-Python twin of the compiled loops: the same packets in, the same ``FlowSet`` out, written to be read.

Small captures use it, because Numba alone takes longer to load than this takes for ten thousand packets; property tests
compare it with ``track``. It has no pools and no budget: memory grows with the capture, which is small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from kanaria.core.values import dataclass
from kanaria.formats.packets import kept
from kanaria.formats.packets import layout as L
from kanaria.formats.packets.flowset import FlowSet, first_bytes
from kanaria.formats.packets.plain_decode import Packet

Key = tuple[bytes, int, bytes, int, int]


@dataclass(slots=True)
class Side:
    """One end of a flow and what it sent."""

    ip: bytes
    port: int
    ip_bytes: int = 0
    packets: int = 0
    payload: int = 0
    messages: int = 0
    sent: int = 0
    next_seq: int = 0
    holes: list[tuple[int, int]] = field(default_factory=list)
    isn: int = 0
    log: list[tuple[int, bytes, int]] = field(default_factory=list)
    kept: int = 0
    big: bool = False
    sealed: bool = False


@dataclass(slots=True)
class Pair:
    """One followed (request, answer) length pair."""

    request: int
    answer: int
    count: int
    error: int
    delay: int


@dataclass(slots=True)
class Flow:
    """One flow; ``sides[0]`` is the client."""

    sides: tuple[Side, Side]
    proto: int
    first_packet: int
    start: int
    last: int
    marks: int = 0
    history: list[int] = field(default_factory=list)
    messages: list[tuple[int, int]] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    run_side: int = L.NONE
    run_length: int = 0
    run_ended: bool = False
    run_start: int = 0
    run_last: int = 0
    ask_length: int = 0
    ask_time: int = 0
    client_time: int = 0
    gaps: int = 0
    gap_sum: float = 0.0
    gap_squares: float = 0.0

    def idle_limit(self) -> int:
        if self.proto != L.TCP:
            return L.UDP_IDLE if self.proto == L.UDP else L.ICMP_IDLE
        client, server = (side.sent for side in self.sides)
        closed = (client | server) & L.DID_RST or client & server & L.DID_FIN
        if closed:
            return L.CLOSED_IDLE
        taken_up = (client & L.DID_SYNACK and server & L.DID_SPOKE) or (server & L.DID_SYNACK and client & L.DID_SPOKE)
        return L.TALK_IDLE if client & server & L.DID_DATA or taken_up else L.TCP_IDLE

    def ended(self, packet: Packet, side: int) -> bool:
        if packet.time - self.last > self.idle_limit():
            return True
        if self.proto != L.TCP or packet.flags & (L.SYN | L.ACK) != L.SYN:
            return False
        both = self.sides[0].sent | self.sides[1].sent
        if not self.sides[side].sent & L.DID_SYN:
            return bool(both & (L.DID_DATA | L.DID_RST | L.DID_FIN))
        new = packet.seq != self.sides[side].isn
        return new and bool(both & (L.DID_SYNACK | L.DID_DATA | L.DID_RST | L.DID_FIN))

    def note(self, side: int, bit: int, letter: str) -> None:
        if not self.sides[side].sent & bit:
            self.sides[side].sent |= bit
            self.history.append(ord(letter.upper() if side == 0 else letter))

    def add(self, packet: Packet, side: int) -> None:
        me = self.sides[side]
        self.last = max(self.last, packet.time)
        me.packets += 1
        me.ip_bytes += packet.ip_bytes
        fresh = packet.length
        if self.proto == L.TCP:
            if packet.length or packet.flags & L.SYN:
                fresh = self.new_bytes(packet, side)
            self.note_flags(packet, side)
        if packet.length:
            me.payload += fresh
            if fresh:
                self.note(side, L.DID_DATA, "d")
                self.keep(packet, side)
                self.message(packet, side, fresh)
            else:
                self.note(side, L.DID_RETRANSMIT, "t")
        if self.proto == L.TCP and packet.flags & L.FIN:
            self.note(side, L.DID_FIN, "f")

    def note_flags(self, packet: Packet, side: int) -> None:
        flags = packet.flags
        if flags & L.SYN:
            self.note(side, *((L.DID_SYNACK, "h") if flags & L.ACK else (L.DID_SYN, "s")))
            self.sides[side].isn = packet.seq
        elif flags & L.ACK and packet.length == 0 and not flags & (L.FIN | L.RST):
            self.note(side, L.DID_ACK, "a")
        if packet.window == 0 and not flags & (L.RST | L.SYN):
            self.note(side, L.DID_ZERO_WINDOW, "w")
        if flags & L.RST:
            if side == 0 and not self.sides[1].sent & L.DID_RST:
                self.marks |= L.RST0_FIRST
            self.note(side, L.DID_RST, "r")

    def new_bytes(self, packet: Packet, side: int) -> int:
        me = self.sides[side]
        known = me.sent & (L.DID_SYN | L.DID_SYNACK | L.DID_DATA)
        seq = packet.seq
        if packet.flags & L.SYN:
            seq = (seq + 1) & 0xFFFFFFFF
            if not known or not me.sent & L.DID_DATA:
                me.next_seq, me.holes = seq, []
            if packet.length == 0:
                return 0
        elif not known:
            me.next_seq = seq
        ahead = signed(seq - me.next_seq)
        end = (seq + packet.length) & 0xFFFFFFFF
        if ahead >= 0:
            if ahead > 0:
                self.note(side, L.DID_GAP, "g")
                me.holes = [*me.holes, (me.next_seq, seq)][-L.HOLES :]
            me.next_seq = end
            return packet.length
        fresh = max(ahead + packet.length, 0)
        if fresh:
            me.next_seq = end
        return fresh + fill(me, seq, packet.length - fresh)

    def keep(self, packet: Packet, side: int) -> None:
        me = self.sides[side]
        if me.sealed:
            return
        if me.kept == 0 and looks_textual(packet.payload):
            me.big = True
        take = min(len(packet.payload), (L.TEXT_BYTES if me.big else L.FIRST_BYTES) - me.kept, 0xFFFF)
        if take > 0:
            seq = (packet.seq + (1 if packet.flags & L.SYN else 0)) & 0xFFFFFFFF
            me.log.append((seq, packet.payload[:take], min(packet.length, 0xFFFF)))
            me.kept += take
            me.sealed = take >= 3 and packet.payload[:2] == b"\x17\x03" and packet.payload[2] <= 4

    def end_run(self) -> None:
        if self.run_side == 0:
            self.ask_length, self.ask_time = self.run_length, self.run_last
        elif self.run_side == 1 and self.ask_length:
            self.pair(self.ask_length, self.run_length, self.run_start - self.ask_time)
            self.ask_length = 0
        self.run_side = L.NONE

    def pair(self, request: int, answer: int, delay: int) -> None:
        for pair in self.pairs:
            if (pair.request, pair.answer) == (request, answer):
                pair.count += 1
                step = max(pair.delay >> 4, 1)
                pair.delay += max(-step, min(step, delay - pair.delay))
                return
        if len(self.pairs) < L.PAIR_SLOTS:
            self.pairs.append(Pair(request, answer, 1, 0, delay))
            return
        least = min(self.pairs, key=lambda pair: pair.count)
        least.request, least.answer, least.delay = request, answer, delay
        least.error, least.count = least.count, least.count + 1

    def message(self, packet: Packet, side: int, fresh: int) -> None:
        time = packet.time
        more = self.run_side == side and not self.run_ended and time - self.run_last <= L.WRITE_GAP
        if self.proto == L.TCP and more:
            self.run_length = min(self.run_length + fresh, 0x7FFFFFFF)
            count = self.sides[0].messages + self.sides[1].messages
            if count <= L.MESSAGES:
                self.messages[-1] = (self.run_length if side == 0 else -self.run_length, self.messages[-1][1])
        else:
            self.end_run()
            self.begin(time, side, fresh)
        self.run_last = time
        self.run_ended = bool(packet.flags & L.PSH) and packet.length < L.FULL_SEGMENT

    def begin(self, time: int, side: int, fresh: int) -> None:
        if len(self.messages) < L.MESSAGES:
            self.messages.append((fresh if side == 0 else -fresh, time - self.start))
        self.sides[side].messages += 1
        if side == 0:
            if self.sides[0].messages > 1:
                gap = float(time - self.client_time)
                self.gaps, self.gap_sum = self.gaps + 1, self.gap_sum + gap
                self.gap_squares += gap * gap
            self.client_time = time
        self.run_side, self.run_start, self.run_length = side, time, fresh


def signed(difference: int) -> int:
    """A difference of two sequence numbers, wrapped to be near zero."""
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def fill(me: Side, seq: int, length: int) -> int:
    """Bytes of the segment that lie in the side's holes, which shrink by them; one in the middle leaves two."""
    filled, left = 0, []
    for start, end in me.holes:
        low = max(signed(seq - start), 0)
        high = min(signed(seq + length - start), signed(end - start))
        if high <= low:
            left.append((start, end))
            continue
        filled += high - low
        parts = (start, (start + low) & 0xFFFFFFFF), ((start + high) & 0xFFFFFFFF, end)
        left += [part for part in parts if part[0] != part[1]]
    me.holes = left[-L.HOLES :]
    return filled


def looks_textual(data: bytes) -> bool:
    """JSON, blanks that may stand before it, an HTTP request or a WebSocket upgrade: text worth keeping at length."""
    if data and data[0] in b"{[ \t\r\n":
        return True
    if len(data) < 4:
        return False
    if data[:4] in (b"GET ", b"POST"):
        return True
    if data[:4] == b"HTTP":
        return data[9:12] == b"101"
    head = data[:64]
    return head.count(b'"') >= 2 and all(32 <= byte <= 126 or byte in b"\t\n\r" for byte in head)


def client_is_source(packet: Packet) -> tuple[bool, bool]:
    """(whether the sender is the client, whether that is a guess); see ``track``."""
    src, dst = packet.src_port, packet.dst_port
    if packet.proto == L.TCP:
        return (not packet.flags & L.ACK, False) if packet.flags & L.SYN else (dst <= src, True)
    if packet.proto == L.UDP:
        return not (src < 1024 <= dst), True
    return True, False


class PlainTracker:
    """Flows of one capture, kept in a dictionary."""

    def __init__(self) -> None:
        self._flows: dict[Key, Flow] = {}
        self._now = 0

    def packets(self, packets: list[Packet], first_number: int) -> Iterator[FlowSet]:
        """Take in packets; ``first_number`` is the number of the first. Yields flows that ended."""
        done = []
        for number, packet in enumerate(packets, first_number):
            self._now = max(self._now, packet.time)
            if packet.status == L.OK:
                ended = self._one(packet, number)
                if ended:
                    done.append(ended)
        if done:
            yield pack(done)

    def _one(self, packet: Packet, number: int) -> Flow | None:
        source, target = (packet.src, packet.src_port), (packet.dst, packet.dst_port)
        key = (*min(source, target), *max(source, target), packet.proto)
        flow, ended = self._flows.get(key), None
        if flow:
            side = 0 if (flow.sides[0].ip, flow.sides[0].port) == source else 1
            if flow.ended(packet, side):
                ended, flow = self._flows.pop(key), None
        if flow is None:
            forward, guessed = client_is_source(packet)
            side = 0 if forward else 1
            ends = (source, target) if forward else (target, source)
            marks = L.GUESSED if guessed else 0
            flow = Flow((Side(*ends[0]), Side(*ends[1])), packet.proto, number, packet.time, packet.time, marks)
            self._flows[key] = flow
        flow.add(packet, side)
        return ended

    def sweep(self) -> Iterator[FlowSet]:
        """Flows silent for too long."""
        old = [key for key, flow in self._flows.items() if self._now - flow.last > flow.idle_limit()]
        if old:
            yield pack([self._flows.pop(key) for key in old])

    def finish(self) -> Iterator[FlowSet]:
        """Everything that is left."""
        flows = list(self._flows.values())
        self._flows = {}
        if flows:
            yield pack(flows)

    @property
    def now(self) -> int:
        return self._now


def pack(flows: Sequence[Flow]) -> FlowSet:
    """Flows of the plain tracker as a ``FlowSet``."""
    for flow in flows:
        flow.end_run()
    records = np.zeros(len(flows), L.FLOW)
    pairs = np.zeros((len(flows), L.PAIR_SLOTS), L.PAIR)
    for index, flow in enumerate(flows):
        _fill(records[index], flow)
        for slot, pair in enumerate(flow.pairs):
            pairs[index, slot] = (pair.request, pair.answer, pair.count, pair.error, pair.delay)
    first = [
        kept.column_of(
            [first_bytes(flow.proto, flow.sides[side].log) if flow.sides[side].log else b"" for flow in flows]
        )
        for side in (0, 1)
    ]
    messages = [message for flow in flows for message in flow.messages]
    return FlowSet(
        flows=records,
        first=(first[0], first[1]),
        offsets=np.cumsum([0, *(len(flow.messages) for flow in flows)]),
        lengths=np.array([length for length, _ in messages], np.int32),
        times=np.array([time for _, time in messages], np.int64),
        pairs=pairs,
        open=np.zeros(len(flows), bool),
    )


def _fill(record: Any, flow: Flow) -> None:
    for name in ("proto", "first_packet", "start", "last", "marks", "gaps", "gap_sum", "gap_squares"):
        record[name] = getattr(flow, name)
    record["message_count"] = len(flow.messages)
    record["history_length"] = len(flow.history)
    record["history"][: len(flow.history)] = flow.history
    for number, side in enumerate(flow.sides):
        _fill_side(record, number, side)


def _fill_side(record: Any, number: int, side: Side) -> None:
    record["ip_hi"][number] = int.from_bytes(side.ip[:8], "big")
    record["ip_lo"][number] = int.from_bytes(side.ip[8:], "big")
    record["bytes"][number] = side.ip_bytes
    for name in ("port", "packets", "payload", "messages", "sent"):
        record[name][number] = getattr(side, name)
