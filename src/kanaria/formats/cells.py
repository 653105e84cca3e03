"""Delimited and JSON lines into typed columns, by machine code where a line is sure.

In: lines and the types wanted. Out: a ``Part`` of the sure lines and the ``Spans`` of the others, which the callers'
careful readers take. A row is the same whichever way it went; tests compare the two for any bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.values import dataclass
from kanaria.formats.json_general import read_generally
from kanaria.formats.spans import Part, Spans, is_utf8

KERNEL_BYTES = 4 << 20
"""Bytes from which loading the compiled code (0.6 s) pays; pyarrow reads that much in a tenth of it."""
LOADED_BYTES = 64 << 10
"""The same once it is loaded: below, a call's fixed work (half a millisecond) is as long as pyarrow's."""
_NUMBA = "kanaria.formats._cells"

_Bytes = npt.NDArray[np.uint8]
_Array = npt.NDArray[Any]


def worth(size: int) -> bool:
    """Whether this many bytes are for the compiled readers."""
    return size >= (LOADED_BYTES if _NUMBA in sys.modules else KERNEL_BYTES)


@dataclass
class Plan:
    """Which kind of cell every wanted field is, and its slot among the cells of its kind."""

    kinds: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    texts: int = 0
    numbers: int = 0
    reals: int = 0

    def add(self, kind: int) -> int:
        """A slot for one more field; returns the field's place."""
        from kanaria.formats import _cells as k

        if kind in (k.TEXT, k.LIST, k.FIRST):
            slot, self.texts = self.texts, self.texts + 1
        elif kind == k.REAL:
            slot, self.reals = self.reals, self.reals + 1
        else:
            slot, self.numbers = self.numbers, self.numbers + 1
        self.kinds.append(kind)
        self.slots.append(slot)
        return len(self.kinds) - 1


@dataclass
class Cells:
    """Room for the cells of some lines. Behind the texts are those of reals whose conversion needs care."""

    buf: _Bytes
    side: _Bytes
    sure: npt.NDArray[np.bool_]
    begins: _Array
    lengths: _Array
    numbers: _Array
    reals: _Array

    @classmethod
    def empty(cls, plan: Plan, buf: _Bytes, rows: int) -> Cells:
        from kanaria.formats._cells import NULL

        texts = (plan.texts + plan.reals, rows)
        return cls(
            buf,
            np.empty(0, np.uint8),
            np.zeros(rows, np.bool_),
            np.empty(texts, np.int32),
            np.full(texts, -1, np.int32),
            np.full((plan.numbers, rows), NULL, np.int64),
            np.full((plan.reals, rows), np.nan),
        )

    def settle(self) -> None:
        """Drop the cells of lines that are not sure."""
        if not self.sure.all():
            names = ("begins", "lengths", "numbers", "reals")
            for name in names:
                setattr(self, name, np.ascontiguousarray(getattr(self, name)[:, self.sure]))

    def column(self, kind: int, slot: int, wanted: pa.DataType) -> pa.Array:
        """One column of the sure lines."""
        from kanaria.formats import _cells as k

        if kind == k.TEXT:
            return self._texts(slot, wanted)
        if kind == k.REAL:
            return self._reals(slot)
        if kind == k.LIST:
            return self._lists(slot, wanted)
        values = self.numbers[slot]
        null = values == k.NULL
        column = pa.array(values, mask=null if null.any() else None)
        return column.cast(wanted) if kind == k.BOOL else column

    def _texts(self, slot: int, wanted: pa.DataType) -> pa.Array:
        from kanaria.formats import _gather
        from kanaria.formats._vector import WIDTH

        lengths = self.lengths[slot]
        places = np.empty(len(lengths) + 1, np.int32)
        present = _gather.offsets(lengths, places)
        if not present:
            return pa.nulls(len(lengths), wanted)
        out = np.empty(int(places[-1]) + WIDTH, np.uint8)
        _gather.gather(self.buf, self.side, self.begins[slot], lengths, places, out)
        valid = None if present == len(lengths) else pa.py_buffer(np.packbits(lengths >= 0, bitorder="little"))
        buffers = [valid, pa.py_buffer(places), pa.py_buffer(out)]
        return pa.Array.from_buffers(wanted, len(lengths), buffers, len(lengths) - present)

    def _reals(self, slot: int) -> pa.Array:
        """Reals; those of more digits than a double holds are rounded by pyarrow, as the careful readers do."""
        place = len(self.begins) - len(self.reals) + slot
        values, left = self.reals[slot], np.flatnonzero(self.lengths[place] >= 0)
        if len(left):
            rounded = self._texts(place, pa.string()).take(pa.array(left)).cast(pa.float64()).to_numpy()
            values[left] = np.where(np.abs(rounded) < 2.0**62, rounded, np.nan)
        return pa.array(values, mask=np.isnan(values))

    def _lists(self, slot: int, wanted: pa.DataType) -> pa.Array:
        """JSON lists, which are few and short, by the general reader."""
        present = np.flatnonzero(self.lengths[slot] >= 0)
        if not len(present):
            return pa.nulls(len(self.lengths[slot]), wanted)
        texts = self._texts(slot, pa.binary()).take(pa.array(present)).to_pylist()
        data = b'{"v":' + b'}\n{"v":'.join(texts) + b"}\n"
        lists = read_generally(Spans.of(data, 0), pa.schema([("v", wanted)])).table["v"]
        places = np.full(len(self.lengths[slot]), -1, np.int64)
        places[present] = np.arange(len(present))
        return lists.combine_chunks().take(pa.array(places, mask=places < 0))


def _outcome(table: pa.Table, lines: Spans, sure: npt.NDArray[np.bool_]) -> tuple[Part, Spans]:
    if sure.all():
        return Part(table, lines), lines.take(slice(0))
    return Part(table, lines.take(sure)), lines.take(~sure)


# --- delimited ------------------------------------------------------------------------------------------------------


def delimited(
    lines: Spans, names: Sequence[str], delimiter: str, nulls: Sequence[str], types: dict[str, pa.DataType]
) -> tuple[Part, Spans]:
    """Delimited lines: the sure ones read, and the others. ``delimiter`` is one byte."""
    from kanaria.formats import _cells as k

    plan = Plan()
    places = {name: plan.add(_scalar_kind(kind)) for name, kind in types.items()}
    first = {name: index for index, name in reversed(list(enumerate(names)))}  # of columns of one name the first counts
    kinds, slots = np.full(len(names), k.SKIP, np.int64), np.zeros(len(names), np.int64)
    for name, place in places.items():
        kinds[first[name]], slots[first[name]] = plan.kinds[place], plan.slots[place]
    words = [word.encode() for word in nulls]
    cuts = np.cumsum([0, *map(len, words)])
    cells = Cells.empty(plan, np.frombuffer(lines.data, np.uint8), len(lines))
    k.delimited(
        cells.buf, lines.begins, lines.ends, ord(delimiter), kinds, slots,
        np.frombuffer(b"".join(words) or b"\0", np.uint8), cuts, is_utf8(lines.data),
        cells.sure, cells.begins, cells.lengths, cells.numbers, cells.reals,
    )  # fmt: skip
    cells.settle()
    columns = {name: cells.column(plan.kinds[place], plan.slots[place], types[name]) for name, place in places.items()}
    return _outcome(pa.table(columns), lines, cells.sure)


def _scalar_kind(kind: pa.DataType) -> int:
    from kanaria.formats import _cells as k

    if pa.types.is_string(kind):
        return k.TEXT
    if pa.types.is_boolean(kind):
        return k.BOOL
    return k.REAL if pa.types.is_floating(kind) else k.INT


# --- JSON -----------------------------------------------------------------------------------------------------------


@dataclass
class _Tree(Plan):
    """The wanted keys of objects inside objects."""

    parents: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)

    def grow(self, fields: Sequence[pa.Field], parent: int = -1) -> None:
        from kanaria.formats import _cells as k

        for one in fields:
            inner = pa.types.is_struct(one.type)
            kind = k.OBJECT if inner else k.LIST if pa.types.is_list(one.type) else _scalar_kind(one.type)
            place = self.add(kind)
            self.parents.append(parent)
            self.keys.append(one.name.encode())
            if inner:
                self.grow(list(one.type), place)

    def column(self, cells: Cells, wanted: pa.DataType, place: int) -> pa.Array:
        """The column of a field, with the fields inside it."""
        from kanaria.formats import _cells as k

        if self.kinds[place] != k.OBJECT:
            return cells.column(self.kinds[place], self.slots[place], wanted)
        inner = [index for index, parent in enumerate(self.parents) if parent == place]
        children = [self.column(cells, one.type, index) for one, index in zip(wanted, inner, strict=True)]
        missing = pa.array(cells.numbers[self.slots[place]] == k.NULL)
        return pa.StructArray.from_arrays(children, fields=list(wanted), mask=missing)


def json_objects(lines: Spans, fields: pa.Schema) -> tuple[Part, Spans]:
    """JSON lines: the sure ones read, and the others."""
    from kanaria.formats import _json_cells as k

    tree = _Tree()
    tree.grow(list(fields))
    cells = Cells.empty(tree, np.frombuffer(lines.data, np.uint8), len(lines))
    cells.side = np.empty(len(lines.data), np.uint8)
    cuts = np.cumsum([0, *map(len, tree.keys)])
    k.json_objects(
        cells.buf, lines.begins, lines.ends, np.array(tree.parents), np.array(tree.kinds), np.array(tree.slots),
        np.frombuffer(b"".join(tree.keys), np.uint8), cuts, False, is_utf8(lines.data), *k.room(),
        cells.side, cells.sure,
        cells.begins, cells.lengths, cells.numbers, cells.reals,
    )  # fmt: skip
    cells.settle()
    tops = [index for index, parent in enumerate(tree.parents) if parent < 0]
    columns = [tree.column(cells, one.type, place) for one, place in zip(fields, tops, strict=True)]
    return _outcome(pa.table(columns, schema=fields), lines, cells.sure)
