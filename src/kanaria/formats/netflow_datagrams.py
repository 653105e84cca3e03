"""Recorded NetFlow and IPFIX datagrams into connections: what the live collector hands on, or keeps in a file.

The recording is a magic and then, per datagram, the receive time, the exporter's address and the datagram (``frame``).
Both directions and slices are stitched per batch; wrong exporter clocks are corrected (``netflow_clock``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch, Position, RejectedRecord
from kanaria.formats import columns as cols
from kanaria.formats.netflow_clock import believable, credible
from kanaria.formats.netflow_stitch import RECORD, stitch
from kanaria.formats.netflow_wire import CutOff, Decoder, Record

MAGIC = b"KanariaNetFlow1\n"
_FRAME = struct.Struct("!QHH")
_PER_BATCH = 20_000
"""Datagrams per batch: with some 30 records each 600,000 rows, which take 0.7 GB while they are read (measured)."""
_SETTLED = 1 << 14
_TOP = 1 << 62
_ONE_WAY = RECORD.append(pa.field("received", pa.int64())).append(pa.field("exporter", pa.string()))


class NetflowDatagrams:
    """NetFlow v5, v9 and IPFIX as exporters send it."""

    name = "netflow"
    title = "NetFlow v5/v9 and IPFIX datagrams, live or recorded by the collector"
    example = "(binary, begins with KanariaNetFlow1)"
    tables: tuple[str, ...] = ("connection",)

    def sniff(self, head: bytes, name: str) -> float:
        return 1.0 if head.startswith(MAGIC) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        decoder = Decoder()
        batch = _Batch(decoder)
        with stream.open() as handle:
            offset = len(handle.read(len(MAGIC)))
            row = 0
            for row, received, exporter, datagram in _frames(handle):
                offset += _FRAME.size + len(exporter.encode()) + len(datagram)
                if not datagram or batch.count >= _PER_BATCH:  # an empty datagram is the collector's "hand on now"
                    yield self._finish(batch, stream, context, Position(source=stream.name, offset=offset, row=row))
                    batch = _Batch(decoder, batch.next_number)
                if datagram:
                    batch.add(row, received, exporter, datagram)
            yield self._finish(batch, stream, context, Position(source=stream.name, offset=offset, row=row))

    def _finish(self, batch: _Batch, stream: Stream, context: ReadContext, position: Position) -> Batch:
        columns, lines = stitch(batch.records(stream.name))
        table = cols.finish("connection", columns, lines, stream=stream, context=context, sensor="netflow")
        rejects = tuple(
            RejectedRecord(source=stream.name, row=row, reason=reason, raw=raw[: cols.RAW_KEPT])
            for row, reason, raw in batch.rejects
        )
        tables = {"connection": table} if table.num_rows else {}
        return Batch(
            source=stream.name, format=self.name, tables=tables, rows=batch.count, rejects=rejects, position=position
        )


def frame(received_us: int, exporter: str, datagram: bytes) -> bytes:
    """One datagram as it is recorded; ``exporter`` is the sender's address."""
    address = exporter.encode("ascii", "replace")
    return _FRAME.pack(received_us, len(address), len(datagram)) + address + datagram


def _frames(handle: BinaryIO) -> Iterator[tuple[int, int, str, bytes]]:
    """Number from 1, receive time, exporter and datagram of every whole frame; a cut one at the end is left."""
    row = 0
    while len(head := handle.read(_FRAME.size)) == _FRAME.size:
        received, named, length = _FRAME.unpack(head)
        exporter, datagram = handle.read(named), handle.read(length)
        if len(exporter) < named or len(datagram) < length:
            return
        row += 1
        yield row, received, exporter.decode("ascii", "replace"), datagram


class _Batch:
    """Records of some datagrams; ``first`` is the number of the first record in the whole stream, from 1."""

    def __init__(self, decoder: Decoder, first: int = 1) -> None:
        self._decoder, self.next_number = decoder, first
        self._records: list[tuple[int, int, str, Record]] = []
        self._settled: list[pa.Table] = []
        self.rejects: list[tuple[int, str, bytes]] = []
        self.count = 0

    def add(self, row: int, received: int, exporter: str, datagram: bytes) -> None:
        self.count += 1
        missed = self._decoder.without_template
        try:
            found = self._decoder.decode(datagram, exporter)
        except CutOff as error:
            found = error.records
            self.rejects.append((row, str(error), datagram))
        except ValueError as error:
            self.rejects.append((row, str(error), datagram))
            return
        start = self.next_number
        self._records += [(number, received, exporter, record) for number, record in enumerate(found, start)]
        self.next_number += len(found)
        if len(self._records) >= _SETTLED:
            self._settle()
        if self._decoder.without_template > missed:
            self.rejects.append((row, "flow data whose template has not been announced yet", datagram))

    def records(self, source: str) -> pa.Table:
        """One-way records with believable times; records of both directions as two."""
        import pyarrow.compute as pc

        self._settle()
        table = pa.concat_tables(self._settled)
        if not len(table):
            return RECORD.empty_table()
        first, last = (cols.flat(table[name]) for name in ("first", "last"))
        span = credible(pc.subtract(last, first))
        received, exporter = cols.flat(table["received"]), cols.flat(table["exporter"])
        moved = believable(first, span, received, exporter, source)
        table = table.set_column(table.schema.get_field_index("first"), "first", moved)
        table = table.set_column(table.schema.get_field_index("last"), "last", pc.add(moved, span))
        return table.select(RECORD.names).cast(RECORD)

    def _settle(self) -> None:
        """Records as columns take a twentieth of what they take as dictionaries."""
        rows = [one for entry in self._records for one in _one_way(*entry)]
        self._settled.append(pa.Table.from_pylist(rows, _ONE_WAY))
        self._records = []


def _one_way(number: int, received: int, exporter: str, record: Record) -> Iterator[dict[str, int | str]]:
    """A record, and the other direction's when it holds that too; numbers no column holds are cut."""
    record.update(line=number, received=received, exporter=exporter)
    for name, value in record.items():
        if not isinstance(value, str) and value > _TOP:
            record[name] = _TOP
    yield record
    if record.get("bytes_rev") or record.get("packets_rev"):
        turned = {"src_ip": "dst_ip", "dst_ip": "src_ip", "src_port": "dst_port", "dst_port": "src_port"}
        back = {name: record[turned.get(name, name)] for name in _ONE_WAY.names}
        counts = {name: record.get(f"{name}_rev", 0) for name in ("bytes", "packets", "flags")}
        # The answer began after the question: a tie would leave the client to be guessed from the ports.
        yield {**back, **counts, "first": int(record["first"]) + 1}
