"""Packet captures: from a pcap or pcapng stream to batches of connection and protocol rows.

Bytes are read in blocks rather than mapped, because a capture that is still being written or rotated may shrink, and a
mapped file that shrinks kills the process. Small captures take the plain-Python path, which needs no Numba.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from kanaria.core.clock import Resets
from kanaria.core.direction import orient
from kanaria.core.ids import first_event_id
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch, Position, RejectedRecord
from kanaria.formats.packets import layout as L
from kanaria.formats.packets.container import Damage, PcapngReader, PcapReader, Walk, magic
from kanaria.formats.packets.flowset import Array, FlowSet, join
from kanaria.formats.packets.fragments import WORDS, Reassembler, fragments_plainly
from kanaria.formats.packets.protocols.dns import Datagram, DnsLog
from kanaria.formats.packets.rows import address, dns_table, packed_address, tables_of
from kanaria.formats.packets.service import is_dns
from kanaria.formats.packets.window import Window

PLAIN_BYTES = 4 << 20  # measured: the plain path reads 4 MB in the time Numba needs to load its compiled code
BATCH_FLOWS = 8192
BATCH_BYTES = 64 << 20
FIRST_REPORT, REPORT_INTERVAL = 2 * L.SECOND, 60 * L.SECOND  # open flows of a live stream: soon, then ever more rarely
LIVE_WAIT = 1.0  # seconds between batches of a live stream
SWEEP = 10 * L.SECOND  # of capture time between looking for silent flows


class PcapFormat:
    """pcap and pcapng, from files, pipes and interfaces."""

    name = "pcap"
    title = "packet capture (pcap, pcapng)"
    example = "tcpdump -w capture.pcap"
    tables = ("connection", "tls", "dns", "http", "rdp", "smb", "logon")

    def sniff(self, head: bytes, name: str) -> float:
        return 1.0 if magic(head) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        kind = magic(stream.head())
        if kind is None:
            reason = "expected pcap or pcapng data; got something else (an empty or damaged file?)"
            reject = RejectedRecord(source=stream.name, row=1, reason=reason, raw=stream.head()[:64])
            position = Position(source=stream.name)
            yield Batch(source=stream.name, format=self.name, tables={}, rows=1, rejects=(reject,), position=position)
            return
        yield from _Run(stream, context).batches(kind)


class _Engine(Protocol):
    """Decodes a block and follows its flows, compiled or plain."""

    walks: tuple[Walk, Walk]

    def take(self, data: Array, records: Array, count: int, number: int) -> Iterator[FlowSet]: ...
    def sweep(self, live: bool) -> Iterator[FlowSet]: ...
    def finish(self) -> Iterator[FlowSet]: ...
    def statuses(self) -> Array: ...
    def datagrams(self, data: Array, number: int) -> Iterator[Datagram]: ...
    def fragments(self, data: Array, records: Array, count: int) -> list[tuple[int, int]]: ...
    def advance(self, now: int, moved: int) -> None: ...
    def shortages(self) -> Array: ...


class _Compiled:
    """The Numba path."""

    def __init__(self) -> None:
        from kanaria.formats.packets import decode, pooled, walk  # Numba: half a second to load

        self.walks = (walk.walk_pcap, walk.walk_pcapng)
        self._decode, self._find = decode.decode_block, decode.fragments
        self._places = np.zeros((1 << 16, 2), np.int64)
        self._tracker = pooled.PooledTracker()
        self._packets = np.zeros(1 << 16, L.PACKET)
        self._count = 0

    def take(self, data: Array, records: Array, count: int, number: int) -> Iterator[FlowSet]:
        self._count = count
        self._decode(data, records, count, self._packets)
        yield from self._tracker.packets(data, self._packets, count, number)

    def fragments(self, data: Array, records: Array, count: int) -> list[tuple[int, int]]:
        number = self._find(data, records, count, self._places)
        return [(index, at) for index, at in self._places[:number].tolist()]

    def statuses(self) -> Array:
        return np.asarray(self._packets["status"][: self._count])

    def datagrams(self, data: Array, number: int) -> Iterator[Datagram]:
        packets = self._packets[: self._count]
        udp = np.flatnonzero((packets["status"] == L.OK) & (packets["proto"] == L.UDP) & (packets["captured"] >= 17))
        at = packets["payload"][udp]
        likely = (data[at + 4] == 0) & (data[at + 5] == 1) & (data[at + 2] & 0x78 == 0) & (data[at + 12] <= 63)
        for index in udp[likely].tolist():
            packet = packets[index]
            payload = data[packet["payload"] : packet["payload"] + packet["captured"]].tobytes()
            if is_dns(payload):
                src, dst = (address(packet[f"{end}_hi"], packet[f"{end}_lo"]) for end in ("src", "dst"))
                ends = (src, int(packet["src_port"])), (dst, int(packet["dst_port"]))
                yield Datagram(number + index, int(packet["time"]), *ends, payload)

    def advance(self, now: int, moved: int) -> None:
        self._tracker.advance(now, moved)

    def shortages(self) -> Array:
        return self._tracker.shortages()

    def sweep(self, live: bool) -> Iterator[FlowSet]:
        yield from self._tracker.sweep(*((FIRST_REPORT, REPORT_INTERVAL) if live else (0, 0)))

    def finish(self) -> Iterator[FlowSet]:
        yield from self._tracker.finish()


class _Plain:
    """The path for small captures."""

    def __init__(self) -> None:
        from kanaria.formats.packets import plain, plain_decode

        self.walks = (plain_decode.walk_pcap, plain_decode.walk_pcapng)
        self._decode = plain_decode.decode
        self._tracker = plain.PlainTracker()
        self._packets: list[plain_decode.Packet] = []

    def take(self, data: Array, records: Array, count: int, number: int) -> Iterator[FlowSet]:
        raw = data.data
        self._packets = [
            self._decode(bytes(raw[at : at + captured]), wire, link, when)
            for at, when, captured, wire, link in records[:count].tolist()
        ]
        yield from self._tracker.packets(self._packets, number)

    def fragments(self, data: Array, records: Array, count: int) -> list[tuple[int, int]]:
        return fragments_plainly(data, records, count)

    def statuses(self) -> Array:
        return np.array([packet.status for packet in self._packets], np.uint8)

    def datagrams(self, data: Array, number: int) -> Iterator[Datagram]:
        for index, packet in enumerate(self._packets):
            if packet.status == L.OK and packet.proto == L.UDP and is_dns(packet.payload):
                src, dst = (packed_address(end) for end in (packet.src, packet.dst))
                ends = (src, packet.src_port), (dst, packet.dst_port)
                yield Datagram(number + index, packet.time, *ends, packet.payload)

    def advance(self, now: int, moved: int) -> None:
        """Only live streams advance on their own, and those are never small."""

    def shortages(self) -> Array:
        return np.zeros(len(L.SHORTAGES), np.int64)

    def sweep(self, live: bool) -> Iterator[FlowSet]:
        yield from self._tracker.sweep()

    def finish(self) -> Iterator[FlowSet]:
        yield from self._tracker.finish()


class _Run:
    """One pass over one stream."""

    def __init__(self, stream: Stream, context: ReadContext) -> None:
        self._stream, self._context = stream, context
        self._origin: dict[str, Any] = {
            "source": stream.name,
            "sensor": context.sensor or "pcap",
            "first_id": first_event_id(stream.name),
        }
        self._packets = self._read = self._swept = 0
        self._sets: list[FlowSet] = []
        self._dns = DnsLog()
        self._whole = Reassembler()
        self._dns_rows: list[dict[str, object]] = []
        self._held = self._offset = 0
        self._bad: dict[int, RejectedRecord] = {}
        self._bad_counts = np.zeros(len(L.REASONS) + 2, np.int64)
        self._short = self._told = np.zeros(len(L.SHORTAGES), np.int64)
        self._live = stream.size is None
        self._due = time.monotonic() + LIVE_WAIT
        self._clock = Resets()

    def batches(self, kind: str) -> Iterator[Batch]:
        small = self._stream.size is not None and self._stream.size <= PLAIN_BYTES
        engine: _Engine = _Plain() if small else _Compiled()
        reader = PcapReader(engine.walks[0]) if kind == "pcap" else PcapngReader(engine.walks[1])
        window = Window(self._stream, LIVE_WAIT if self._live else None)
        while window.fill():
            yield from self._block(engine, reader, window)
        for flows in engine.finish():
            yield from self._hold(flows)
        self._dns_rows.extend(self._dns.finish())
        self._short = engine.shortages()
        self._whole.end()
        yield self._batch(window.offset, reader.damage, window.cause)

    def _block(self, engine: _Engine, reader: PcapReader | PcapngReader, window: Window) -> Iterator[Batch]:
        """Everything in the window's bytes."""
        while True:
            count, reached = reader.scan(window.data, window.start, window.end, window.last)
            if count:
                data, records = self._whole.whole(engine.fragments, window.data, reader.records, count)
                for flows in engine.take(data, records, count, self._packets + 1):
                    yield from self._hold(flows)
                self._count_bad(engine.statuses(), records, data)
                for datagram in engine.datagrams(data, self._packets + 1):
                    self._dns_rows.extend(self._dns.add(datagram))
                self._packets += count
            moved = reached > window.start
            window.start = reached
            if not moved:
                break
        if self._live and not window.last:
            yield from self._tick(engine, window, reader)
        elif self._packets - self._swept >= BATCH_FLOWS * 16:
            self._swept = self._packets
            for flows in engine.sweep(False):
                yield from self._hold(flows)

    def _tick(self, engine: _Engine, window: Window, reader: PcapReader | PcapngReader) -> Iterator[Batch]:
        """Hand on what a live stream brought, at most once per LIVE_WAIT."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + LIVE_WAIT
        engine.advance(time.time_ns() // 1000, int(self._clock.since() * 1e6))
        for flows in engine.sweep(self._context.open_flows):
            yield from [self._interim(flows)] if flows.open.any() else self._hold(flows)
        if self._sets or self._dns_rows or self._packets > self._read:
            self._short = engine.shortages()
            yield self._batch(window.offset, reader.damage)

    def _interim(self, flows: FlowSet) -> Batch:
        """Flows that go on, as far as they have come; their rows come again, with the same ids, and then count."""
        return Batch(
            source=self._stream.name,
            format=PcapFormat.name,
            tables={
                name: orient(table, self._context.home) for name, table in tables_of(flows, **self._origin).items()
            },
            rows=0,
            position=Position(source=self._stream.name, offset=self._offset, row=self._packets),
            interim=True,
        )

    def _hold(self, flows: FlowSet) -> Iterator[Batch]:
        size = sum(side.nbytes for side in flows.first)
        if self._sets and self._held + size > BATCH_BYTES:
            yield self._batch(0)
        self._sets.append(flows)
        self._held += size
        if self._held > BATCH_BYTES or sum(len(part.flows) for part in self._sets) >= BATCH_FLOWS:
            yield self._batch(0)

    def _count_bad(self, statuses: Array, records: Array, data: Array) -> None:
        counts = np.bincount(statuses, minlength=len(self._bad_counts))
        self._bad_counts += counts
        for status in L.REASONS:
            if counts[status] and status not in self._bad:
                index = int(np.argmax(statuses == status))
                at, captured = int(records[index]["at"]), int(records[index]["captured"])
                raw = data[at : at + min(captured, 64)].tobytes()
                row = self._packets + 1 + index
                self._bad[status] = RejectedRecord(source=self._stream.name, row=row, reason="", raw=raw)

    def _rejects(self, damage: Damage | None, cause: str) -> Iterator[RejectedRecord]:
        """One record for each kind of trouble since the last batch, with how many packets it touched."""
        for status, first in self._bad.items():
            reason = f"{self._bad_counts[status]} packets: {L.REASONS[status]}"
            yield replace(first, reason=reason)
        if damage and damage.places:
            reason = f"{damage.skipped} bytes skipped at {damage.places} places: {cause or 'damaged record lengths'}"
            yield RejectedRecord(source=self._stream.name, row=self._packets + 1, reason=reason, raw=damage.first)
            damage.places, damage.skipped, damage.first = 0, 0, b""
        if self._whole.lost:
            reason = f"{self._whole.lost} {WORDS}"
            yield RejectedRecord(source=self._stream.name, row=self._packets, reason=reason, raw=b"")
            self._whole.lost = 0
        for lost, words in zip((self._short - self._told).tolist(), L.SHORTAGES, strict=True):
            if lost:
                yield RejectedRecord(source=self._stream.name, row=self._packets, reason=f"{lost} {words}", raw=b"")
        self._told = self._short
        self._bad = {}
        self._bad_counts[:] = 0

    def _batch(self, offset: int, damage: Damage | None = None, cause: str = "") -> Batch:
        made = tables_of(join(self._sets), **self._origin) if self._sets else {}
        if self._dns_rows:
            datagrams = dns_table(self._dns_rows, **self._origin)
            made["dns"] = pa.concat_tables([made["dns"], datagrams]) if "dns" in made else datagrams
        tables = {name: orient(table, self._context.home) for name, table in made.items()}
        self._offset = max(offset, self._offset)
        rows, self._read = self._packets - self._read, self._packets
        rejected = int(sum(self._bad_counts[status] for status in L.REASONS)) + (damage.places if damage else 0)
        rejected += self._whole.lost
        rejects = tuple(self._rejects(damage, cause))
        self._sets, self._held, self._dns_rows = [], 0, []
        position = Position(source=self._stream.name, offset=self._offset, row=self._packets)
        return Batch(
            source=self._stream.name,
            format=PcapFormat.name,
            tables=tables,
            rows=rows,
            rejects=rejects,
            rejected=rejected,
            position=position,
        )
