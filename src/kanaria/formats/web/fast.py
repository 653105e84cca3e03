"""The fast path of delimited logs: a layout compiled to a program for ``_kernel``, its results as Arrow columns.

In: a block of lines. Out: the rows of all of them, in order: the sure ones by the kernel, the odd ones by the careful
parser, written into the same columns. Measured with ``benchmarks/web_log_reading.py``.
"""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core import schema
from kanaria.core.values import dataclass
from kanaria.formats._cells import NULL
from kanaria.formats._gather import gather, offsets
from kanaria.formats._line_ends import line_feeds
from kanaria.formats._vector import WIDTH
from kanaria.formats.lines import Block
from kanaria.formats.web import _kernel as k
from kanaria.formats.web.careful import LineParser
from kanaria.formats.web.layout import COMBINED, COMMON, VHOST_COMBINED, VHOST_COMMON, Layout
from kanaria.formats.web.reader import Parsed, Rejects
from kanaria.formats.web.tables import clean
from kanaria.formats.web.values import Row

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

# The first slots are those the kernel knows by number.
SLOTS = (
    "src_ip", "host", "method", "url", "protocol", "request", "referer", "user_agent", "user", "raw", "request_body",
    "device", "sensor", "dst_ip", "response_body",
)  # fmt: skip
NUMBER_SLOTS = ("time", "status", "bytes_out", "duration_us", "dst_port", "bytes_in", "src_port")
_RAW = SLOTS.index("raw")

# Layout kind -> kernel kind, slot, power of ten.
_KINDS = {
    "": (k.SKIP, 0, 0),
    "client": (k.CLIENT, 0, 0),
    "forwarded": (k.FORWARDED, 0, 0),
    "host": (k.HOST, 0, 0),
    "request": (k.REQUEST, 0, 0),
    "user": (k.USER, SLOTS.index("user"), 0),
    "referer": (k.TEXT, SLOTS.index("referer"), 0),
    "user_agent": (k.TEXT, SLOTS.index("user_agent"), 0),
    "time": (k.TIME, k.N_TIME, 0),
    "status": (k.STATUS, k.N_STATUS, 0),
    "bytes_out": (k.SIZE, k.N_OUT, 0),
    "bytes_sent": (k.SIZE, k.N_OUT, 0),
    "port": (k.PORT, k.N_PORT, 0),
    "seconds": (k.DECIMAL, k.N_DURATION, 6),
    "millis": (k.DECIMAL, k.N_DURATION, 3),
}


@dataclass(frozen=True)
class Program:
    """A layout as the kernel reads it.

    ``steps`` has a row per field: kind, slot, power of ten, stop byte, literal before it from..to, bare JSON number.
    """

    steps: Int64
    literals: npt.NDArray[np.uint8]
    tail: bool


def compile_program(layout: Layout) -> Program | None:
    """The program of a layout, or None when it has fields only the careful path reads."""
    kinds = [piece.kind for piece in layout.fields]
    numeric = [_KINDS[kind][1] for kind in kinds if kind in _KINDS and k.TIME <= _KINDS[kind][0] <= k.DECIMAL]
    if any(kind not in _KINDS for kind in kinds) or "client" not in kinds or len(set(numeric)) < len(numeric):
        return None
    if any(kind and kinds.count(kind) > 1 for kind in kinds) or {"host", "port"} <= set(kinds):
        return None
    steps, literals, pending = [], b"", b""
    for index, piece in enumerate(layout.pieces):
        if piece.kind is None:
            pending = piece.literal
            continue
        after = layout.pieces[index + 1] if index + 1 < len(layout.pieces) else None
        if (after is not None and after.kind is not None) or (after is None and pending.endswith(b'"')):
            return None
        stop = after.literal[0] if after else 32 if layout.tail else -1
        steps.append((*_KINDS[piece.kind], stop, len(literals), len(literals) + len(pending), 0))
        literals, pending = literals + pending, b""
    steps.append((-1, 0, 0, -1, len(literals), len(literals) + len(pending), 0))
    return Program(np.array(steps, np.int64), np.frombuffer(literals + pending, np.uint8), layout.tail)


def choose(head: bytes) -> Program | None:
    """The program of whichever usual layout most of the first lines have."""
    lines = [line for line in head.split(b"\n")[:200] if b", " not in line[:64]]
    counted = [
        (sum(layout.regex.fullmatch(line) is not None for line in lines), layout)
        for layout in (COMBINED, COMMON, VHOST_COMBINED, VHOST_COMMON)
    ]
    count, layout = max(counted, key=lambda pair: pair[0])
    return compile_program(layout) if count else None


@dataclass
class _Side:
    """Bytes of odd lines' values, which are not in the block as they should be."""

    base: int
    data: bytearray = field(default_factory=bytearray)

    def put(self, value: bytes) -> tuple[int, int]:
        start = self.base + len(self.data)
        self.data += value
        return start, len(value)


@dataclass(frozen=True)
class Delimited:
    """The fast path for one program."""

    program: Program
    workers: ClassVar[int] = 1

    def line_feeds(self, bytes_: npt.NDArray[np.uint8]) -> Int64:
        """Where the line feeds are."""
        return line_feeds(bytes_)

    def parse(self, block: Block, careful: LineParser) -> Parsed:
        """All lines of the block; the same rows as the careful path gives."""
        count = len(block)
        sure = np.zeros(count, np.bool_)
        starts = np.zeros((len(SLOTS), count), np.int32)
        lens = np.full((len(SLOTS), count), -1, np.int32)
        numbers = np.full((len(NUMBER_SLOTS), count), NULL, np.int64)
        if not block.overlong:
            program = self.program
            k.parse(
                block.bytes_, block.starts, block.ends, program.steps, program.literals, program.tail,
                sure, starts, lens, numbers,
            )  # fmt: skip
        starts[_RAW], lens[_RAW] = block.starts, block.ends - block.starts
        side, rejects = _Side(block.size), Rejects()
        keep = sure.copy()
        for index in np.flatnonzero(~sure).tolist():
            parsed = careful.parse(block.line(index)) if not block.overlong else "line too long"
            if row := rejects.sort(index, parsed, block.line(index)):
                _place(row, index, side, starts, lens, numbers)
                keep[index] = True
        if not keep.all():
            starts, lens, numbers = starts[:, keep], lens[:, keep], numbers[:, keep]
        columns = _columns(block, side, np.ascontiguousarray(starts), np.ascontiguousarray(lens), numbers)
        rows = np.flatnonzero(keep).astype(np.int64)
        return Parsed(columns, rows, rejects)


def _place(row: Row, index: int, side: _Side, starts: Int32, lens: Int32, numbers: Int64) -> None:
    """Write a careful row's cells where the kernel would have."""
    for slot, name in enumerate(SLOTS):
        value = clean(row.get(name))
        if value is not None:
            data = value if isinstance(value, bytes) else str(value).encode()
            starts[slot, index], lens[slot, index] = side.put(data)
    for slot, name in enumerate(NUMBER_SLOTS):
        number = row.get(name)
        if isinstance(number, int):
            numbers[slot, index] = number


def _columns(block: Block, side: _Side, starts: Int32, lens: Int32, numbers: Int64) -> dict[str, pa.Array]:
    columns = {}
    data = np.frombuffer(bytes(side.data) or b"\0", np.uint8)
    for slot, name in enumerate(SLOTS):
        column = _gather(block.bytes_, data, starts[slot], lens[slot], schema.HTTP.column(name).type)
        if column is not None:
            columns[name] = column
    for slot, name in enumerate(NUMBER_SLOTS):
        columns[name] = _integers(numbers[slot], schema.HTTP.column(name).type)
    return columns


def _gather(
    buf: npt.NDArray[np.uint8], side: npt.NDArray[np.uint8], starts: Int32, lens: Int32, kind: pa.DataType
) -> pa.Array | None:
    places = np.empty(len(lens) + 1, np.int32)
    present = offsets(lens, places)
    if not present:
        return None
    out = np.empty(int(places[-1]) + WIDTH, np.uint8)
    gather(buf, side, starts, lens, places, out)
    valid = None if present == len(lens) else pa.py_buffer(np.packbits(lens >= 0, bitorder="little"))
    buffers = [valid, pa.py_buffer(places), pa.py_buffer(out)]
    return pa.Array.from_buffers(kind, len(lens), buffers, len(lens) - present)


def _integers(values: Int64, kind: pa.DataType) -> pa.Array:
    null = values == NULL
    missing = int(null.sum())
    if missing == len(values):
        return pa.nulls(len(values), kind)
    plain = np.where(null, 0, values) if missing else values
    narrow = plain.astype(np.int32) if pa.types.is_int32(kind) else np.ascontiguousarray(plain)
    valid = pa.py_buffer(np.packbits(~null, bitorder="little")) if missing else None
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(narrow)], missing)
