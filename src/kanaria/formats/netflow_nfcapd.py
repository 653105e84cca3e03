"""nfcapd files (nfdump's store of NetFlow, sFlow and IPFIX records) into connections, read by ``nfdump`` itself.

The file's own layout changes between nfdump versions; the installed ``nfdump`` is the one program that always knows it.
Exporters whose clock is off are corrected to when the collector received their records (see ``netflow_clock``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from kanaria.core.errors import SourceError
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.text import decimal
from kanaria.core.types import Batch
from kanaria.formats import columns as cols
from kanaria.formats.flow_state import parse_flags
from kanaria.formats.netflow_clock import believable, credible
from kanaria.formats.netflow_csv import protocol_number
from kanaria.formats.netflow_stitch import RECORD, stitch
from kanaria.formats.spans import Part, Spans

_MAGIC = (b"\x0c\xa5", b"\xa5\x0c")
# First seen, duration, protocol, endpoints, volume of both directions, flags, exporter, received; epoch seconds with
# milliseconds. Durations instead of the last time: nfdump 1.7.1 prints wrong milliseconds for the latter.
_LAYOUT = "fmt:%tsr,%td,%pr,%sa,%sp,%da,%dp,%byt,%pkt,%flg,%ra,%trr,%obyt,%opkt"
_NAMES = ("first", "duration", "protocol", "src_ip", "src_port", "dst_ip", "dst_port", "bytes", "packets", "flags",
          "exporter", "received", "bytes_rev", "packets_rev")  # fmt: skip
_PER_BATCH = 8 << 20


class Nfcapd:
    """nfcapd capture files."""

    name = "nfcapd"
    title = "nfcapd file (NetFlow, IPFIX, sFlow stored by nfdump's tools); needs the program nfdump"
    example = "(binary, begins with 0C A5)"
    tables: tuple[str, ...] = ("connection",)

    def sniff(self, head: bytes, name: str) -> float:
        return 0.99 if head[:2] in _MAGIC and len(head) > 4 and head[2] in (1, 2, 3) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        program = shutil.which("nfdump")
        if program is None:
            raise SourceError(
                source=stream.name, expected="the program nfdump to read an nfcapd file", got="none on the search path",
                cause="install it: apt-get install nfdump",
            )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="kanaria-") as folder:
            path = stream.path or _copy(stream, Path(folder) / "flows")
            output = Path(folder) / "flows.csv"
            failure = _dump(program, path, output)
            yield from self._batches(_Output(output, stream.name), stream, context, failure)

    def _batches(self, output: _Output, stream: Stream, context: ReadContext, failure: str) -> Iterator[Batch]:
        for chunk in cols.chunks(output, _PER_BATCH):
            lines = Spans.of(chunk.data.replace(b" ", b""), chunk.first)
            types = dict.fromkeys(_NAMES, pa.string())
            part = cols.read_delimited(lines, _NAMES, types, delimiter=",", nulls=("", "N/A"))
            columns, numbers = stitch(_records(part, stream.name))
            done = cols.finish("connection", columns, numbers, stream=stream, context=context, sensor="netflow")
            rejects = [reject for reject in part.rejects if b"Nomatching" not in reject[2]]
            yield cols.make_batch(stream, self.name, chunk, {"connection": done}, len(part.lines), rejects)
        if failure:
            end = cols.Chunk(b"\n", 1, 0)
            yield cols.make_batch(
                stream, self.name, end, {}, 1, [(1, f"nfdump could not read the file: {failure}", b"")]
            )


def _copy(stream: Stream, path: Path) -> Path:
    with stream.open() as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    return path


def _dump(program: str, path: Path, output: Path) -> str:
    """Run nfdump in UTC into a file; what it complained about, or an empty text (it exits 0 for broken files too)."""
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
    with output.open("wb") as target:
        done = subprocess.run(
            [program, "-r", str(path), "-q", "-N", "-6", "-o", _LAYOUT],
            stdout=target, stderr=subprocess.PIPE, env=environment, check=False,
        )  # fmt: skip
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return said[0].replace(str(path), "the file") if said else f"exit code {done.returncode}" if done.returncode else ""


class _Output:
    """nfdump's output as a stream."""

    path: Path | None
    size: int | None

    def __init__(self, path: Path, name: str) -> None:
        self._file, self.path, self.name, self.size = path, path, name, path.stat().st_size

    def head(self) -> bytes:
        return b""

    def open(self) -> BinaryIO:
        return self._file.open("rb")


def _records(part: Part, source: str) -> pa.Table:
    """One-way records; what nfdump already joined (``-B``) becomes two."""
    import pyarrow.compute as pc

    from kanaria.core.distinct import map_distinct

    def number(name: str) -> pa.Array:
        return cols.lenient(cols.flat(part.table[name]), pa.int64()).fill_null(0)

    def micros(name: str) -> pa.Array:
        return cols.seconds_to_us(cols.lenient(cols.flat(part.table[name]), pa.float64())).fill_null(0)

    text = {name: cols.flat(part.table[name]) for name in ("src_ip", "dst_ip", "flags", "protocol", "exporter")}
    span = credible(micros("duration"))
    first = believable(micros("first"), span, micros("received"), text["exporter"], source)
    # Ports of ICMP come as type.code; stitch wants type * 256 + code in the destination port.
    port = map_distinct(cols.flat(part.table["dst_port"]), _port, pa.int64()).fill_null(0)
    protocol = map_distinct(text["protocol"], protocol_number, pa.int64()).fill_null(0)
    flags = map_distinct(text["flags"], parse_flags, pa.int64()).fill_null(0)
    values = [first, pc.add(first, span), protocol, text["src_ip"], number("src_port"), text["dst_ip"], port,
              number("bytes"), number("packets"), flags, pa.array(part.lines)]  # fmt: skip
    one_way = pa.table(dict(zip(RECORD.names, values, strict=True)), schema=RECORD)
    back = pc.greater(number("bytes_rev"), 0)
    if not pc.any(back).as_py():
        return one_way
    swapped = [first, pc.add(first, span), protocol, text["dst_ip"], port, text["src_ip"], number("src_port"),
               number("bytes_rev"), number("packets_rev"), pc.multiply(flags, 0), pa.array(part.lines)]  # fmt: skip
    return pa.concat_tables(
        [one_way, pa.table(dict(zip(RECORD.names, swapped, strict=True)), schema=RECORD).filter(back)]
    )


def _port(text: str) -> int | None:
    kind, dot, code = text.partition(".")
    number, second = decimal(kind, 5), decimal(code, 5) if dot else 0
    if number is None or second is None:
        return None
    return number * 256 + second if dot else number
