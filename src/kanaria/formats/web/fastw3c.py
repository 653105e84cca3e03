"""The fast path of W3C extended logs, as IIS writes them: columns of lines that begin with a date and a time.

In: blocks in their order. Out: the rows of all their lines. What ``#Fields`` declared is kept by the careful parser,
which reads these lines and every odd one, in their order; where it learns of other fields, the rest is read anew. So
one thread reads a file, and a block that declares fields often is read carefully from some point on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kanaria.core import schema
from kanaria.core.values import dataclass
from kanaria.formats import _cells as c
from kanaria.formats._line_ends import line_feeds
from kanaria.formats.cells import Cells, Plan
from kanaria.formats.lines import Block
from kanaria.formats.web import _kernel, _values, tables, values
from kanaria.formats.web.careful import LineParser
from kanaria.formats.web.delimited import W3C_KINDS, W3cState, sensor_of
from kanaria.formats.web.reader import Parsed, Rejects
from kanaria.formats.web.treecolumns import mapped, small
from kanaria.formats.web.treejson import lines_of
from kanaria.formats.web.values import Row

_Flags = npt.NDArray[np.bool_]
# Changes of the declared fields in one block after which its rest is read carefully: IIS declares them at each start.
_CHANGES = 16
# Methods of requests that are such without a version: IIS logs the version only when asked to.
_METHODS = pa.array(["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "CONNECT", "PATCH", "TRACE", "PROPFIND"])
_NEEDED = {"date", "time", "method", "path", "client"}


@dataclass(frozen=True)
class _Layout:
    """Which column of a line holds what; ``widths`` has one entry a column."""

    plan: Plan
    places: Mapping[str, int]
    kinds: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int64]
    sensor: str


def _layout(state: W3cState) -> _Layout | None:
    """The layout of the declared fields; None when only the careful path reads them."""
    kinds = [W3C_KINDS.get(field, "") for field in state.fields]
    wanted = [kind for kind in kinds if kind]
    if kinds[:2] != ["date", "time"] or len(set(wanted)) < len(wanted) or not _NEEDED <= set(wanted):
        return None
    plan = Plan()
    places = {kind: plan.add(c.TEXT) for kind in wanted if kind not in ("date", "time")}
    columns = [places.get(kind, -1) for kind in kinds]
    return _Layout(
        plan,
        places,
        np.array([c.SKIP if place < 0 else c.TEXT for place in columns], np.int64),
        np.array([0 if place < 0 else plan.slots[place] for place in columns], np.int64),
        sensor_of(state.fields),
    )


@dataclass
class FastW3c:
    """The fast path of one input."""

    workers: ClassVar[int] = 1

    def line_feeds(self, bytes_: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Where the line feeds are."""
        return line_feeds(bytes_)

    def parse(self, block: Block, careful: LineParser) -> Parsed:
        """All lines of the block; the same rows as the careful path gives."""
        collected = _Collected(block)
        begin, changes = 0, 0
        while begin < len(block):
            declared = _declared(careful.w3c)
            layout = _layout(careful.w3c) if changes < _CHANGES and not block.overlong else None
            sure = np.zeros(len(block) - begin, np.bool_)
            columns: dict[str, pa.Array] = {}
            if layout is not None:
                changes += 1
                columns, sure = _read(block, begin, layout)
            end = collected.odd(begin, sure, careful, declared)
            collected.even(begin, sure[: end - begin], columns)
            begin = end
        return collected.parsed()


def _declared(state: W3cState) -> tuple[object, ...]:
    """What lines are read by."""
    return state.fields, None if "date" in state.fields else state.date


class _Collected:
    """The rows of one block."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._rows: list[Row] = []
        self._kept: list[int] = []
        self._columns: list[dict[str, pa.Array]] = []
        self._sure: list[npt.NDArray[np.int64]] = []
        self._rejects = Rejects()

    def odd(self, begin: int, sure: _Flags, careful: LineParser, declared: tuple[object, ...]) -> int:
        """Read lines that are not sure, up to where other fields are declared; returns where that is."""
        for index in (np.flatnonzero(~sure) + begin).tolist():
            line = self._block.line(index)
            parsed = careful.parse(line) if not self._block.overlong else "line too long"
            if row := self._rejects.sort(index, parsed, line):
                self._rows.append(row)
                self._kept.append(index)
            if _declared(careful.w3c) != declared:
                return index + 1
        return len(self._block)

    def even(self, begin: int, sure: _Flags, columns: dict[str, pa.Array]) -> None:
        """Keep the sure lines before that."""
        rows = np.flatnonzero(sure) + begin
        if len(rows):
            kept = {name: column.slice(0, len(rows)) for name, column in columns.items()}
            self._columns.append(kept | {"raw": lines_of(self._block, rows)})
            self._sure.append(rows)

    def parsed(self) -> Parsed:
        """All rows in the order of their lines."""
        lines = [self._block.line(index) for index in self._kept]
        parts = [*self._columns, *([tables.from_rows(self._rows, lines)] if lines or not self._columns else [])]
        places = np.concatenate([*self._sure, np.array(self._kept, np.int64)])
        columns = {name: pa.concat_arrays([part[name] for part in parts]) for name in parts[0]}
        if len(parts) > 1:
            order = pa.array(np.argsort(places, kind="stable"))
            columns = {name: column.take(order) for name, column in columns.items()}
        return Parsed(columns, np.sort(places), self._rejects)


def _read(block: Block, begin: int, layout: _Layout) -> tuple[dict[str, pa.Array], _Flags]:
    """Columns of the sure lines from ``begin``, and which those are."""
    starts, ends = block.starts[begin:], block.ends[begin:]
    cells = Cells.empty(layout.plan, block.bytes_, len(starts))
    c.delimited(
        cells.buf, starts, ends, 32, layout.kinds, layout.slots, np.frombuffer(b"-", np.uint8), np.array([0, 1]), False,
        cells.sure, cells.begins, cells.lengths, cells.numbers, cells.reals,
    )  # fmt: skip
    times = np.empty(len(starts), np.int64)
    _values.spaced_times(cells.buf, starts, ends, times)
    _kernel.unquoted(cells.buf, starts, ends, cells.sure)
    cells.sure &= (times != c.NULL) & (cells.lengths != 0).all(axis=0)
    columns, right = _columns(cells, layout)
    sure = cells.sure & right
    columns["time"] = pa.array(np.where(sure, times, 0)).cast(schema.HTTP.column("time").type)
    return {name: column.filter(pa.array(sure)) for name, column in columns.items()}, sure


def _columns(cells: Cells, layout: _Layout) -> tuple[dict[str, pa.Array], _Flags]:
    """Every column, with anything in lines that are not sure, and which rows are right."""
    count = len(cells.sure)
    cells.lengths[:, ~cells.sure] = -1

    def text(kind: str) -> pa.Array:
        place = layout.places.get(kind)
        if place is None:
            return pa.nulls(count, pa.string())
        return cells.column(c.TEXT, layout.plan.slots[place], pa.string())

    columns = {name: pa.nulls(count, pa.string()) for name in tables.STRINGS}
    for name in tables.BYTES + tables.NUMBERS:
        columns[name] = pa.nulls(count, schema.HTTP.column(name).type)
    request, right = _request(text("method"), text("path"), text("args"), text("protocol"))
    columns |= request
    peers, forwarded = pc.fill_null(text("client"), ""), pc.fill_null(text("forwarded"), "")
    both = pc.binary_join_element_wise(peers, forwarded, "\n")
    columns["src_ip"] = mapped(both, lambda pair: _client(pair)[0], pa.string())
    own = pc.if_else(pc.equal(small(text("src_port")), 0), pa.scalar(None, pa.int32()), small(text("src_port")))
    columns["src_port"] = pc.coalesce(own, mapped(both, lambda pair: _client(pair)[1], pa.int32()))
    for name, kind in (("dst_ip", "server"), ("host", "host")):
        columns[name] = mapped(text(kind), lambda address: values.address(address)[0], pa.string())
    for name in ("status", "dst_port"):
        columns[name] = small(text(name))
    for name in ("bytes_out", "bytes_in"):
        columns[name] = _whole(text(name))
    for name in ("user", "user_agent", "referer"):
        columns[name] = pc.replace_substring(text(name), "+", " ")
    columns["duration_us"] = mapped(text("taken"), values.w3c_taken, pa.int64())
    columns["sensor"] = tables.constant(layout.sensor, count)
    return {name: column.cast(schema.HTTP.column(name).type) for name, column in columns.items()}, right


def _client(pair: str) -> tuple[str | None, int | None]:
    peer, _, forwarded = pair.partition("\n")
    return values.client(peer, forwarded.replace("+", ""))


def _whole(texts: pa.Array) -> pa.Array:
    """Every text as ``values.integer`` reads it."""
    fits = pc.and_(pc.ascii_is_decimal(texts), pc.less_equal(pc.binary_length(texts), 18))
    return pc.if_else(fits, texts, pa.scalar(None, pa.string())).cast(pa.int64())


def _request(
    method: pa.Array, path: pa.Array, args: pa.Array, protocol: pa.Array
) -> tuple[dict[str, pa.Array], _Flags]:
    """Method, URL and protocol as ``layout.join_request`` joins them; right where that is a request line."""
    whole = pc.match_substring(path, "?")
    query = pc.if_else(whole, pa.scalar(None, pa.string()), args)
    join = pc.binary_join_element_wise
    url = pc.coalesce(join(path, query, "?"), path)
    request = pc.coalesce(join(method, url, protocol, " "), join(method, url, " "))
    right = pc.and_(pc.is_in(method, _METHODS), pc.starts_with(path, "/"))
    if protocol.null_count < len(protocol):
        valid = mapped(protocol, lambda text: values.PROTOCOL.fullmatch(text) is not None, pa.bool_())
        right = pc.and_(right, pc.fill_null(valid, True))
    columns = {"method": method, "url": url, "protocol": protocol, "request": request.cast(pa.binary())}
    return columns, np.asarray(pc.fill_null(right, False).to_numpy(zero_copy_only=False))
