"""Cells of plain JSON values to columns of the ``http`` table, with the meaning ``jsonrow`` gives them.

In: the cells of many lines and which leaf holds what. Out: a column per name, and which rows are right; the others have
a value in a form only the careful path reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kanaria.core import schema
from kanaria.core.distinct import Distinct
from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.formats import _cells as c
from kanaria.formats.cells import Cells, Plan
from kanaria.formats.web import _values, tables, values

_Flags = npt.NDArray[np.bool_]
_METHOD = late_regex(r"[A-Z][A-Z_-]{1,31}")
_POWERS = {"seconds": 6, "millis": 3, "nanos": -3}
_FIRST, _LAST = 1_000_000_000, 9_999_999_998  # seconds since 1970 with ten digits, however they are rounded
_LONG = 1_000_000.0  # seconds or milliseconds below this are whole nano-units with an error below a tenth
_NEAR = 0.1


@dataclass
class TreeColumns:
    """The cells of lines, and the leaves by kind, best first. ``right`` loses rows on the way."""

    cells: Cells
    plan: Plan
    leaves: dict[str, list[int]]
    right: _Flags = field(init=False)

    def __post_init__(self) -> None:
        self.right = np.ones(len(self), np.bool_)

    def __len__(self) -> int:
        return int(self.cells.begins.shape[1])

    def text(self, kind: str) -> pa.Array:
        """The first text that is neither empty nor ``-``."""
        texts = pa.nulls(len(self), pa.string())
        for place in self.leaves.get(kind, ()):
            if self.plan.kinds[place] in (c.TEXT, c.FIRST):
                column = self._filled(self.plan.slots[place])
                texts = column if texts.null_count == len(texts) else pc.coalesce(texts, column)
            else:
                self._only(kind)
        return texts

    def _filled(self, slot: int) -> pa.Array:
        lengths, begins = self.cells.lengths[slot], self.cells.begins[slot]
        if len(lengths):
            inside = np.clip(begins, 0, len(self.cells.buf) - 1)  # what is missing begins anywhere
            # A lone escaped character may stand for the dash; the careful path knows.
            self.right &= (begins < len(self.cells.buf)) | (lengths != 1)
            dash = (lengths == 1) & (begins == inside) & (self.cells.buf[inside] == ord("-"))
            self.cells.lengths[slot] = np.where((lengths == 0) | dash, -1, lengths)
        return self.cells.column(c.TEXT, slot, pa.string())

    def _only(self, kind: str) -> None:
        """A kind whose leaves hold both texts and numbers is for the careful path."""
        self.right[:] = False

    def reals(self, kind: str) -> npt.NDArray[np.float64] | None:
        """The numbers of a kind whose only leaf is a number; NaN where there is none. None when it is text."""
        places = self.leaves.get(kind, [])
        if not any(self.plan.kinds[place] == c.REAL for place in places):
            return None
        if len(places) > 1:
            self._only(kind)
        column = self.cells.column(c.REAL, self.plan.slots[places[0]], pa.float64())
        return np.asarray(column.fill_null(np.nan).to_numpy(zero_copy_only=False), np.float64)

    def wholes(self, kind: str) -> pa.Array | None:
        """The same for whole numbers; negative ones are not right."""
        places = self.leaves.get(kind, [])
        if not any(self.plan.kinds[place] == c.INT for place in places):
            return None
        if len(places) > 1:
            self._only(kind)
        column = self.cells.column(c.INT, self.plan.slots[places[0]], pa.int64())
        self.right &= np.asarray(pc.fill_null(pc.greater_equal(column, 0), True).to_numpy(zero_copy_only=False))
        return column


def columns_of(tree: TreeColumns) -> tuple[dict[str, pa.Array], _Flags]:
    """Every column of the table a line can fill, and which rows are right."""
    columns = {name: pa.nulls(len(tree), pa.string()) for name in tables.STRINGS}
    for name in tables.BYTES + tables.NUMBERS:
        columns[name] = pa.nulls(len(tree), schema.HTTP.column(name).type)
    columns |= _request(tree) | _ends(tree)
    columns["time"] = _time(tree)
    columns["status"] = small(tree.text("status"))
    for name in ("bytes_out", "bytes_in"):
        whole = tree.wholes(name)
        columns[name] = mapped(tree.text(name), _size, pa.int64()) if whole is None else whole
    columns["duration_us"] = _duration(tree)
    for name in ("referer", "user_agent", "user"):
        columns[name] = tree.text(name)
    for name, kind in (("request_body", "body"), ("response_body", "answer")):
        columns[name] = tree.text(kind).cast(pa.binary())
    return {name: column.cast(schema.HTTP.column(name).type) for name, column in columns.items()}, tree.right


def mapped(column: pa.Array, function: Callable[[str], object], kind: pa.DataType) -> pa.Array:
    """The function of every value, called once for each distinct one."""
    return Distinct(column).map(function, kind) if column.null_count < len(column) else pa.nulls(len(column), kind)


def _size(text: str) -> int | None:
    return values.integer(text.partition(".")[0])


def _request(tree: TreeColumns) -> dict[str, pa.Array]:
    method, path, protocol = (tree.text(kind) for kind in ("method", "path", "protocol"))
    for column, pattern in ((method, _METHOD), (protocol, values.PROTOCOL)):
        fits = mapped(column, lambda text, whole=pattern: whole.fullmatch(text) is not None, pa.bool_())  # type: ignore[misc]
        tree.right &= np.asarray(pc.fill_null(fits, False).to_numpy(zero_copy_only=False))
    tree.right &= np.asarray(path.is_valid().to_numpy(zero_copy_only=False))
    request = pc.binary_join_element_wise(method, path, protocol, " ")
    return {"method": method, "url": path, "protocol": protocol, "request": request.cast(pa.binary())}


def _ends(tree: TreeColumns) -> dict[str, pa.Array]:
    """Client, host and server."""
    peers, forwarded = pc.fill_null(tree.text("client"), ""), pc.fill_null(tree.text("forwarded"), "")
    both = Distinct(pc.binary_join_element_wise(peers, forwarded, "\n"))
    ip = both.map(lambda pair: values.client(*pair.split("\n"))[0], pa.string())
    port = both.map(lambda pair: values.client(*pair.split("\n"))[1], pa.int32())
    real = tree.text("real_client")
    if real.null_count < len(real):
        ip = pc.if_else(real.is_valid(), mapped(real, lambda text: values.address(text)[0], pa.string()), ip)
        port = pc.if_else(real.is_valid(), pa.scalar(None, pa.int32()), port)
    own = tree.text("src_port")
    port = pc.if_else(own.is_valid(), small(own), port)
    host = tree.text("host")
    given = tree.text("port")
    host_port = mapped(host, lambda text: values.address(text)[1], pa.int32())
    return {
        "src_ip": ip, "src_port": port, "host": mapped(host, lambda text: values.address(text)[0], pa.string()),
        "dst_port": pc.if_else(given.is_valid(), small(given), host_port),
        "dst_ip": mapped(tree.text("server"), lambda text: values.address(text)[0], pa.string()),
    }  # fmt: skip


def _time(tree: TreeColumns) -> pa.Array:
    """Seconds since 1970 as a number, rounded to microseconds as printing them does; any other time as the careful path
    reads its text."""
    seconds = tree.reals("time")
    if seconds is None:
        return _times(tree.text("time"))
    missing = np.isnan(seconds)
    usual = np.where(missing, _FIRST, seconds)
    tree.right &= (usual >= _FIRST) & (usual <= _LAST)
    usual = np.clip(usual, _FIRST, _LAST)
    whole = np.floor(usual)
    # Doubles of this size are multiples of 2**-22: the fraction times a million is exact, so this rounds only once.
    micros = whole.astype(np.int64) * 1_000_000 + np.rint((usual - whole) * 1e6).astype(np.int64)
    return pa.array(micros, mask=missing)


def _times(texts: pa.Array) -> pa.Array:
    """Every text as ``values.any_time`` reads it; nearly all are ISO 8601, and no two alike."""
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), pa.int64())
    _validity, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    micros = np.empty(len(texts), np.int64)
    _values.iso_times(np.frombuffer(data, np.uint8), places, micros)
    read = pa.array(micros, mask=micros == c.NULL)
    others = pc.if_else(read.is_valid(), pa.scalar(None, pa.string()), texts)
    return pc.coalesce(read, mapped(others, values.any_time, pa.int64()))


def small(texts: pa.Array) -> pa.Array:
    """Every text as ``values.small_integer`` reads it."""
    fits = pc.and_(pc.ascii_is_decimal(texts), pc.less_equal(pc.binary_length(texts), 9))
    return pc.if_else(fits, texts, pa.scalar(None, pa.string())).cast(pa.int32())


def _duration(tree: TreeColumns) -> pa.Array:
    """Microseconds; the careful path prints nine digits of a number and cuts the text behind the microseconds."""
    result = pa.nulls(len(tree), pa.int64())
    for kind, power in _POWERS.items():
        if kind not in tree.leaves:
            continue
        numbers, whole = tree.reals(kind), tree.wholes(kind)
        if numbers is not None:
            column = _cut(tree, numbers, power)
        elif whole is not None:
            column = pc.divide(whole, 10**-power)
        else:
            texts = tree.text(kind)
            column = mapped(texts, lambda text, by=power: values.scaled(text.rstrip("s"), by), pa.int64())  # type: ignore[misc]
        result = column if result.null_count == len(result) else pc.coalesce(result, column)
    return result


def _cut(tree: TreeColumns, numbers: npt.NDArray[np.float64], power: int) -> pa.Array:
    missing = np.isnan(numbers)
    usual = np.where(missing, 0, numbers)
    unit = 10.0 ** (9 - power)
    last = usual * 1e9
    rest = np.mod(last, unit)
    # Where the ninth digit may be rounded up into the next microsecond or not, the careful path decides.
    tree.right &= (usual >= 0) & (usual < _LONG) & (np.abs(rest - (unit - 0.5)) > _NEAR)
    units = np.floor(np.clip(last, 0, 1e16) / unit) + (rest > unit - 0.5)
    return pa.array(units.astype(np.int64), mask=missing)
