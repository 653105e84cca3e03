"""Helpers every sensor log format shares: chunks of whole lines, delimited text into Arrow columns, times, and the last
step that turns mapped columns into a finished table. ``json_lines`` is the sibling for JSON.

In come bytes of any content, out come Arrow columns with the line number of every row, and rejected records. Large
inputs are read by compiled code (``cells``), which leaves single odd lines to a careful reader; small ones by pyarrow,
and a chunk it refuses carefully line by line. So one broken line costs its neighbours nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa

from kanaria.core import schema
from kanaria.core.ahead import ahead
from kanaria.core.community_id import community_ids
from kanaria.core.direction import name_actors, orient
from kanaria.core.distinct import Distinct
from kanaria.core.ids import first_event_id
from kanaria.core.schema_parts import UNPARSED
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch, Position, RejectedRecord
from kanaria.core.values import dataclass
from kanaria.formats import cells
from kanaria.formats.addresses_alike import addresses_alike
from kanaria.formats.spans import Lines, Part, Spans, woven
from kanaria.formats.uniform_times import uniform_times

CHUNK = 8 << 20
"""Bytes per batch. 8 MiB keep a batch near 50,000 rows; measured equal to 16 and 32 MiB in speed, with less memory."""
RAW_KEPT = 4096
"""Bytes of a rejected record that are kept for the person who looks at it."""


AT_ONCE = 2
"""Chunks read at once, as most of the work is Arrow's and compiled code without the interpreter's lock."""


@dataclass(frozen=True)
class Chunk:
    """Whole lines with ``\\n`` ends; ``first`` is the number of the first line, ``offset`` the bytes read so far."""

    data: bytes
    first: int
    offset: int

    @cached_property
    def lines(self) -> Spans:
        """Where the lines are."""
        return Spans.of(self.data, self.first)

    @property
    def count(self) -> int:
        """How many lines."""
        return len(self.lines)


def chunks(stream: Stream, size: int = CHUNK) -> Iterator[Chunk]:
    """The stream as chunks of whole lines: byte order mark and carriage returns removed, last line completed.

    A line longer than a chunk is cut there, so that memory stays bounded whatever comes.
    """
    first, offset, rest = 1, 0, b""
    with stream.open() as handle:
        while block := handle.read(size):
            if not offset and block.startswith(b"\xef\xbb\xbf"):
                block = block[3:]
            offset += len(block)
            cut = block.rfind(b"\n") + 1
            if not cut and len(rest) + len(block) < size:
                rest += block
                continue
            chunk = _tidy(rest + (block[:cut] if cut else block), first, offset)
            rest = block[cut:] if cut else b""
            first += chunk.count
            yield chunk
    if rest:
        yield _tidy(rest, first, offset)


def _tidy(data: bytes, first: int, offset: int) -> Chunk:
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    data = data if data.endswith(b"\n") else data + b"\n"
    return Chunk(data, first, offset)


def several(stream: Stream) -> Callable[..., Iterator[Any]]:
    """``map`` for the chunks of a stream: several at once for a file of several chunks.

    A stream without an end is read as it comes, for whoever works ahead waits for the next chunk first.
    """
    if stream.size is None or stream.size <= CHUNK:
        return map
    return partial(ahead, workers=AT_ONCE)


def flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The column as one array; functions of several columns need them all chunked alike."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


# --- delimited text -------------------------------------------------------------------------------------------------


def read_delimited(
    lines: Spans,
    names: Sequence[str],
    types: Mapping[str, pa.DataType],
    *,
    delimiter: str = "\t",
    nulls: Sequence[str] = ("-",),
    quote: str | bool = False,
) -> Part:
    """Delimited lines into the columns of ``types`` (those that are among ``names``).

    Wrong column counts are rejected. A cell that does not fit its type makes the chunk be read as text, where such a
    cell becomes null.
    """
    filled = lines.ends > lines.begins
    wanted = {name: kind for name, kind in types.items() if name in names}
    if not filled.any():
        return Part(pa.table({name: pa.array([], kind) for name, kind in wanted.items()}), lines.take(slice(0)))
    example = lines.line(int(filled.argmax()))
    if example.count(delimiter.encode()) == len(names) and example.endswith(delimiter.encode()):
        names = [*names, ""]  # some exporters end every row with a delimiter
    options = _DelimitedOptions(tuple(names), delimiter, tuple(nulls), quote)
    if not quote and len(delimiter.encode()) == 1 and cells.worth(lines.size):
        sure, odd = cells.delimited(lines, names, delimiter, nulls, wanted)
        return woven(sure, _read_delimited_carefully(odd, options, wanted)) if len(odd) else sure
    lines = lines.take(filled)
    try:
        table = _read_csv(lines.joined(), options, wanted)
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return _read_delimited_carefully(lines, options, wanted)
    if table.num_rows != len(lines):  # quotes that swallowed a line end
        return _read_delimited_carefully(lines, options, wanted)
    return Part(table, lines)


@dataclass(frozen=True, slots=True)
class _DelimitedOptions:
    names: tuple[str, ...]
    delimiter: str
    nulls: tuple[str, ...]
    quote: str | bool


def _read_csv(
    data: bytes,
    options: _DelimitedOptions,
    types: Mapping[str, pa.DataType],
) -> pa.Table:
    from pyarrow import csv  # loaded when the first delimited log is read

    return csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(column_names=_unique(options.names), block_size=max(1 << 20, len(data) // 2)),
        csv.ParseOptions(
            delimiter=options.delimiter, quote_char=options.quote, double_quote=bool(options.quote),
            ignore_empty_lines=True,
        ),
        csv.ConvertOptions(
            column_types=dict(types), include_columns=list(types), null_values=list(options.nulls),
            strings_can_be_null=True, true_values=["T", "true"], false_values=["F", "false"],
        ),
    )  # fmt: skip


def _unique(names: Sequence[str]) -> list[str]:
    """Column names with repeats made distinct; the first of a name keeps it."""
    seen: set[str] = set()
    result = []
    for index, name in enumerate(names):
        result.append(name if name not in seen else f"{name}\x00{index}")
        seen.add(name)
    return result


def _read_delimited_carefully(lines: Spans, options: _DelimitedOptions, types: Mapping[str, pa.DataType]) -> Part:
    """Line by line: blank lines are skipped, wrong column counts rejected, odd bytes made text, odd cells null."""
    width = len(options.names)
    keep: list[int] = []
    rows: list[list[str]] = []
    rejects: list[tuple[int, str, bytes]] = []
    for index, line in enumerate(lines.rows()):
        if not line.strip() or line.startswith(b"#"):
            continue
        values = _split(line.decode("utf-8", "backslashreplace"), options)
        if len(values) == width:
            keep.append(index)
            rows.append(values)
        else:
            reason = f"expected {width} columns, got {len(values)}; the line may be cut off or from another log"
            rejects.append((int(lines.numbers[index]), reason, line))
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in options.names]
    texts = {name: _to_null(columns[options.names.index(name)], options.nulls) for name in types}
    table = pa.table({name: lenient(texts[name], kind) for name, kind in types.items()})
    return Part(table, lines.take(np.array(keep, np.int64)), rejects)


def _split(line: str, options: _DelimitedOptions) -> list[str]:
    if not options.quote or '"' not in line:
        return line.split(options.delimiter)
    import csv

    try:
        return next(csv.reader([line], delimiter=options.delimiter))
    except (csv.Error, StopIteration):
        return line.split(options.delimiter)


def _to_null(values: Sequence[str], nulls: Sequence[str]) -> pa.Array:
    return pa.array([None if value in nulls else value for value in values], pa.string())


_CAST_PATTERNS = {
    pa.int64(): r"^\s*[+-]?[0-9]{1,18}\s*$",
    pa.float64(): r"^\s*[+-]?[0-9]{1,18}(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?\s*$",
}


def lenient(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """Text cast to ``kind``; what does not look like it becomes null."""
    import pyarrow.compute as pc

    if column.type.equals(kind):
        return column
    if pa.types.is_boolean(kind) and pa.types.is_string(column.type):
        lowered = pc.utf8_lower(column)
        known = pc.is_in(lowered, pa.array(["t", "f", "true", "false"]))
        return pc.if_else(known, pc.is_in(lowered, pa.array(["t", "true"])), pa.scalar(None, pa.bool_()))
    if pa.types.is_string(column.type):
        fits = pc.match_substring_regex(column, _CAST_PATTERNS[kind])
        number = pc.utf8_ltrim(pc.utf8_trim_whitespace(column), "+")  # a sign that Arrow's cast refuses
        column = pc.if_else(fits, number, pa.scalar(None, pa.string()))
    return pc.cast(column, kind, safe=False)


# --- values ---------------------------------------------------------------------------------------------------------


def seconds_to_time(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Seconds since 1970 (float) as UTC microseconds; what lies outside the years 1970 to 2262 becomes null."""
    import pyarrow.compute as pc

    micros = seconds_to_us(column)
    possible = pc.and_(pc.greater_equal(micros, 0), pc.less(micros, 2**63 // 1000))
    return pc.if_else(possible, micros, pa.scalar(None, pa.int64())).cast(schema.TIME)


def seconds_to_us(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Seconds (float) as whole microseconds; a double holds epoch microseconds exactly until 2255."""
    import pyarrow.compute as pc

    seconds = pc.cast(column, pa.float64())
    sane = pc.less(pc.abs(seconds), 9e12)
    return pc.cast(pc.round(pc.multiply(pc.if_else(sane, seconds, pa.scalar(None, pa.float64())), 1e6)), pa.int64())


_ISO = (
    r"^(?P<day>\d{4}-\d\d-\d\d)[T ](?P<clock>\d\d:\d\d:\d\d)(?:[.,](?P<part>\d{1,9}))?\s?(?P<zone>Z|[+-]\d\d:?\d\d)?$"
)


def iso_to_time(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """ISO 8601 text (``T`` or a space, any fraction, ``Z``, ``+09:00``, ``+0900`` or nothing for UTC) as UTC times."""
    import pyarrow.compute as pc

    column = flat(column)
    if (alike := uniform_times(column)) is not None:
        return alike
    parts = pc.extract_regex(column, _ISO)
    day, clock, part, zone = (pc.struct_field(parts, name) for name in ("day", "clock", "part", "zone"))
    whole = pc.strptime(
        pc.binary_join_element_wise(day, clock, " "), format="%Y-%m-%d %H:%M:%S", unit="us", error_is_null=True
    )
    micros = pc.cast(pc.utf8_slice_codeunits(pc.utf8_rpad(part, 9, "0"), 0, 6), pa.int64())
    shift = _zone_to_us(zone)
    return pc.subtract(pc.add(pc.cast(whole, pa.int64()), micros), shift).cast(schema.TIME)


def _zone_to_us(zone: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    from kanaria.core.distinct import map_distinct

    return map_distinct(zone, _offset, pa.int64())


def _offset(zone: object) -> int | None:
    text = str(zone or "")
    if len(text) < 5:
        return None if zone is None else 0
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return (-minutes if text[0] == "-" else minutes) * 60_000_000


# --- the last step --------------------------------------------------------------------------------------------------


def finish(
    name: str, columns: Mapping[str, object], lines: Lines, *, stream: Stream, context: ReadContext, sensor: str
) -> pa.Table:
    """A finished table: ids, source, sensor, Community ID and direction added to the mapped columns."""
    count = len(lines)
    given = {
        **columns,
        "event_id": pa.array(lines + first_event_id(stream.name)),
        "line": pa.array(lines),
        "source": pa.repeat(pa.scalar(stream.name, pa.string()), count),
        "sensor": _sensor(columns.get("sensor"), context.sensor or sensor, count),
    }
    table, ends = addresses_alike(schema.conform(name, given, count).combine_chunks())
    table = name_actors(table, context.home) if name == "alert" else table
    return orient(_with_community_id(table, columns.get("transport"), ends), context.home, ends)


def _sensor(given: object, otherwise: str, count: int) -> pa.Array:
    """Who said it: what a record itself names, else whoever wrote the input."""
    import pyarrow.compute as pc

    own = pa.repeat(pa.scalar(otherwise, pa.string()), count)
    return own if given is None else pc.coalesce(pa.array(given, pa.string()), own)


def _with_community_id(table: pa.Table, transport: object, ends: tuple[Distinct, Distinct]) -> pa.Table:
    """Ids where the sensor gave none. Tables without a transport column are TCP protocols: HTTP, TLS, RDP, SMB, SSH."""
    import pyarrow.compute as pc

    index = table.schema.get_field_index("community_id")
    if not table.num_rows or table["community_id"].null_count == 0:
        return table
    protocol = transport if transport is not None else pa.repeat("tcp", len(table))
    ends_of = [table[name] for name in ("src_ip", "src_port", "dst_ip", "dst_port")]
    ids = community_ids(protocol, *ends_of, ends=ends)
    given = table["community_id"]
    return table.set_column(index, "community_id", ids if given.null_count == len(given) else pc.coalesce(given, ids))


def make_batch(
    stream: Stream,
    format_name: str,
    chunk: Chunk,
    tables: Mapping[str, pa.Table],
    rows: int,
    rejects: Sequence[tuple[int, str, bytes]],
    *,
    passed_over: int = 0,
    unparsed: Sequence[tuple[int, bytes]] = (),
) -> Batch:
    """A batch whose position is the end of the chunk; empty tables are left out. ``unparsed`` lines are searched."""
    refused = tuple(
        RejectedRecord(source=stream.name, row=row, reason=reason, raw=raw[:RAW_KEPT]) for row, reason, raw in rejects
    )
    position = Position(source=stream.name, offset=chunk.offset, row=chunk.first + chunk.count - 1)
    kept = {name: table for name, table in tables.items() if table.num_rows}
    return Batch(
        source=stream.name, format=format_name, tables=kept, rows=rows, rejects=refused, position=position,
        passed_over=passed_over, unparsed=unparsed_lines(unparsed),
    )  # fmt: skip


def unparsed_lines(lines: Sequence[tuple[int, bytes]]) -> pa.Table | None:
    """Numbered lines that became no row, as ``Batch.unparsed``."""
    if not lines:
        return None
    numbers, raw = zip(*lines, strict=True)
    return pa.Table.from_arrays([pa.array(numbers, pa.int64()), pa.array(raw, pa.binary())], schema=UNPARSED)
