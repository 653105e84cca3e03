"""Build packets and captures for tests (documentation addresses, every layer by hand, no checksums), and read them."""

from __future__ import annotations

import io
import ipaddress
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import RejectedRecord
from kanaria.formats.packets import capture

Result = tuple[dict[str, list[dict[str, Any]]], list[RejectedRecord]]
Reader = Callable[..., Result]

CLIENT, SERVER = "192.0.2.10", "203.0.113.5"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
START = 1_700_000_000_000_000


@dataclass
class MemoryStream:
    """A ``Stream`` over bytes in memory, as a pipe (``size`` None) or a file."""

    data: bytes
    name: str = "capture.pcap"
    path: Path | None = None
    size: int | None = field(default=0)

    def head(self) -> bytes:
        return self.data[: 256 << 10]

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


def tcp(
    payload: bytes = b"", *, sport: int = 40000, dport: int = 443, seq: int = 0, ack: int = 0, flags: int = ACK
) -> bytes:
    return struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack, 5 << 4, flags, 64000, 0, 0) + payload


def udp(payload: bytes, *, sport: int = 40000, dport: int = 53) -> bytes:
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def ip(body: bytes, *, src: str = CLIENT, dst: str = SERVER, proto: int = 6, fragment: int = 0) -> bytes:
    source, target = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if source.version == 6:
        return struct.pack(">IHBB", 6 << 28, len(body), proto, 64) + source.packed + target.packed + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, fragment, 64, proto, 0)
    return head + source.packed + target.packed + body


def ethernet(packet: bytes, *, tags: Sequence[int] = ()) -> bytes:
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    vlan = b"".join(struct.pack(">HH", 0x8100, tag) for tag in tags)
    return bytes(12) + vlan + struct.pack(">H", kind) + packet


def pcap(
    frames: Iterable[bytes | tuple[int, bytes]],
    *,
    link: int = 1,
    order: str = "<",
    nano: bool = False,
    snap: int = 1 << 18,
) -> bytes:
    """A capture; frames come 1 ms apart unless a time (microseconds since ``START``) is given with them."""
    out = [struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)]
    for number, item in enumerate(frames):
        at, frame = item if isinstance(item, tuple) else (number * 1000, item)
        second, part = divmod(START + at, 1_000_000)
        kept = frame[:snap]
        out.append(struct.pack(order + "IIII", second, part * (1000 if nano else 1), len(kept), len(frame)) + kept)
    return b"".join(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def pcapng(frames: Iterable[bytes], *, link: int = 1, order: str = "<", resolution: int | None = None) -> bytes:
    section = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    options = b"" if resolution is None else struct.pack(order + "HHBxxxHH", 9, 1, resolution, 0, 0)
    out = [section, block(1, struct.pack(order + "HHI", link, 0, 0) + options, order)]
    for number, frame in enumerate(frames):
        ticks = START + number * 1000
        if resolution is not None:
            ticks = ticks * 10 ** (resolution - 6)
        head = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
        out.append(block(6, head + frame, order))
    return b"".join(out)


def conversation(
    script: Iterable[tuple[str, bytes]], *, sport: int = 40000, dport: int = 443, src: str = CLIENT, dst: str = SERVER,
    close: bool = True,
) -> list[bytes]:  # fmt: skip
    """Ethernet frames of a whole TCP connection: handshake, the script ("c" or "s", payload) and both FINs."""
    seq = {"c": 1000, "s": 9000}
    frames = []

    def send(who: str, payload: bytes, flags: int) -> None:
        other = "s" if who == "c" else "c"
        near, far = ((src, sport), (dst, dport)) if who == "c" else ((dst, dport), (src, sport))
        segment = tcp(payload, sport=near[1], dport=far[1], seq=seq[who], ack=seq[other], flags=flags)
        frames.append(ethernet(ip(segment, src=near[0], dst=far[0])))
        seq[who] += len(payload) + (1 if flags & (SYN | FIN) else 0)

    send("c", b"", SYN)
    send("s", b"", SYN | ACK)
    send("c", b"", ACK)
    for who, payload in script:
        send(who, payload, PSH | ACK)
    if close:
        send("c", b"", FIN | ACK)
        send("s", b"", FIN | ACK)
        send("c", b"", ACK)
    return frames


def read_capture(data: bytes | Stream, **changes: Any) -> Result:
    stream = MemoryStream(data, **changes) if isinstance(data, bytes) else data
    tables: dict[str, list[pa.Table]] = {}
    rejects: list[RejectedRecord] = []
    for batch in capture.PcapFormat().read(stream, ReadContext()):
        rejects += batch.rejects
        for name, table in batch.tables.items():
            tables.setdefault(name, []).append(table)
    rows = {name: pa.concat_tables(parts).to_pylist() for name, parts in tables.items()}
    return {name: sorted(found, key=lambda row: row["event_id"]) for name, found in rows.items()}, rejects
