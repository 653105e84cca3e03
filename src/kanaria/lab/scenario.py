"""Conversations between hosts, and the capture file a sensor would have made of them.

In: ``Conversation`` values, each a list of application messages with times. Out: a pcap file with Ethernet, IP and TCP
or UDP framing that dissectors accept: handshake, segments of the path MTU, acknowledgements, checksums, an orderly end.
Such a file is **synthetic**: sizes, order and timing are those of the script, losses and kernel jitter are not there.
"""

from __future__ import annotations

import heapq
import ipaddress
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path

from kanaria.core.values import dataclass

MSS = 1448
"""Payload of one segment: an Ethernet MTU of 1500 less 40 bytes of headers and 12 of TCP timestamps."""

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
"""When scripted time begins unless the caller says otherwise: a Monday, so that weeks line up."""

_FIN, _SYN, _PSH, _ACK = 1, 2, 8, 16


@dataclass(frozen=True, slots=True)
class Host:
    """A machine: its name and its address (IPv4 or IPv6, as text)."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Message:
    """One application message: seconds since the connection was up, who sends it, and its bytes."""

    time: float
    from_client: bool
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """One connection as a script. ``rtt`` in seconds; ``ended`` False leaves it open, as if the capture stopped."""

    client: Host
    server: Host
    server_port: int
    messages: tuple[Message, ...]
    client_port: int = 49152
    start: float = 0.0
    rtt: float = 0.04
    transport: str = "tcp"
    ended: bool = True
    label: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.messages[-1].time if self.messages else 0.0

    def until(self, seconds: float) -> Conversation:
        """The same conversation as seen so far, still open."""
        return replace(self, messages=tuple(m for m in self.messages if m.time <= seconds), ended=False)


@dataclass(slots=True)
class _Packet:
    time: float
    data: bytes


def write_pcap(conversations: Iterable[Conversation], path: Path, *, epoch: datetime = EPOCH) -> int:
    """Write all packets in order of time; returns how many. Raises ValueError for hosts of different IP versions."""
    zero = epoch.timestamp()
    count = 0
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for packet in heapq.merge(*(_packets(one) for one in conversations), key=lambda one: one.time):
            micros = round((zero + packet.time) * 1e6)
            file.write(struct.pack("<IIII", *divmod(micros, 1_000_000), len(packet.data), len(packet.data)))
            file.write(packet.data)
            count += 1
    return count


def _packets(one: Conversation) -> Sequence[_Packet]:
    if one.transport == "udp":
        return sorted(_datagrams(one), key=lambda packet: packet.time)
    return list(_segments(one))


def _datagrams(one: Conversation) -> Iterator[_Packet]:
    ports = one.client_port, one.server_port
    for message in one.messages:
        source, target = ports if message.from_client else ports[::-1]
        body = struct.pack("!HHHH", source, target, 8 + len(message.data), 0) + message.data
        yield _Packet(one.start + message.time, _frame(one, message.from_client, 17, body))


class _Side:
    """What one end of a TCP connection remembers: its next sequence number and what it has received."""

    def __init__(self, first: int) -> None:
        self.next, self.seen = first, 0


def _segments(one: Conversation) -> Iterator[_Packet]:
    # Fixed first sequence numbers: the file is the same on every run.
    sides = {True: _Side(1_000_000), False: _Side(2_000_000)}
    # Sequence numbers follow the order on the wire, so packets are put in order before they get theirs.
    for time, from_client, flags, data in sorted(_steps(one), key=lambda step: step[0]):
        yield _segment(one, sides, from_client, flags, data, time)


def _steps(one: Conversation) -> Iterator[tuple[float, bool, int, bytes]]:
    """When, who, flags and payload of every segment of a connection."""
    clock = one.start
    for from_client, flags in ((True, _SYN), (False, _SYN | _ACK), (True, _ACK)):
        yield clock, from_client, flags, b""
        clock += one.rtt / 2
    opened = clock
    for message in one.messages:
        clock = max(clock, opened + message.time)
        for offset in range(0, len(message.data), MSS):
            yield clock, message.from_client, _PSH | _ACK, message.data[offset : offset + MSS]
            clock += 12e-6  # a full segment at 1 Gbit/s
        yield clock + one.rtt / 2, not message.from_client, _ACK, b""
    if one.ended:
        for step, (from_client, flags) in enumerate(((True, _FIN | _ACK), (False, _FIN | _ACK), (True, _ACK))):
            yield clock + one.rtt * (step + 2) / 2, from_client, flags, b""


def _segment(
    one: Conversation, sides: dict[bool, _Side], from_client: bool, flags: int, data: bytes, time: float
) -> _Packet:
    me, other = sides[from_client], sides[not from_client]
    ports = (one.client_port, one.server_port) if from_client else (one.server_port, one.client_port)
    seen = other.next if flags & _ACK else 0
    options = b"\x01\x01\x08\x0a" + struct.pack("!II", int(time * 1000) & 0xFFFFFFFF, 0)
    header = struct.pack("!HHIIBBHHH", *ports, me.next & 0xFFFFFFFF, seen & 0xFFFFFFFF, 8 << 4, flags, 64240, 0, 0)
    me.next += len(data) + bool(flags & (_SYN | _FIN))
    return _Packet(time, _frame(one, from_client, 6, header + options + data))


def _frame(one: Conversation, from_client: bool, protocol: int, body: bytes) -> bytes:
    source, target = (one.client, one.server) if from_client else (one.server, one.client)
    a, b = ipaddress.ip_address(source.address), ipaddress.ip_address(target.address)
    if a.version != b.version:
        raise ValueError(f"expected two addresses of one IP version; got {a} and {b}")  # noqa: EM102
    at = 16 if protocol == 6 else 6
    pseudo = a.packed + b.packed + struct.pack("!II", len(body), protocol)
    body = body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2 :]
    macs = _mac(b.packed) + _mac(a.packed)
    if a.version == 6:
        return macs + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + a.packed + b.packed + body
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0x4000, 64, protocol, 0, a.packed, b.packed)
    return macs + b"\x08\x00" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def _mac(address: bytes) -> bytes:
    """A locally administered MAC address that follows from the IP address."""
    return b"\x02\x00" + address[-4:]


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
