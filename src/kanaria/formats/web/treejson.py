"""The fast path of JSON logs with objects inside objects, as Caddy and Traefik write them.

In: the first lines. Out: a ``Tree`` of their keys, whose ``parse`` reads a block: lines with no other keys and with
plain values become columns at once, distinct values by the functions of the careful path; all others go the careful
way. Nothing depends on the guess but speed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.values import dataclass
from kanaria.core.zone import Zoneless
from kanaria.formats import _cells as c
from kanaria.formats import _gather
from kanaria.formats import _json_cells as k
from kanaria.formats._line_ends import line_feeds
from kanaria.formats._vector import WIDTH
from kanaria.formats.cells import Cells, Plan
from kanaria.formats.lines import Block
from kanaria.formats.spans import is_utf8
from kanaria.formats.web import tables, values
from kanaria.formats.web.careful import LineParser
from kanaria.formats.web.jsonrow import WRAPPERS, kind_of
from kanaria.formats.web.reader import Parsed, Rejects
from kanaria.formats.web.treecolumns import TreeColumns, columns_of
from kanaria.formats.web.values import Row

_LINES = 400  # of the head that show the keys; a Caddy line shows those of its client, and clients differ
_DEPTH = 5  # objects inside objects that the careful path looks into
# Keys whose presence makes a line mean something else (JSON-RPC, Envoy's milliseconds, other sensors).
_SPECIAL = {
    "jsonrpc", "params", "result", "error", "response_code", "uid", "event_type", "id.orig_h", "flow_id", "id",
    "logicalUserName", "reqPath", *WRAPPERS,
}  # fmt: skip
_UNSERVED = {"request", "args", "http_version"}  # kinds that change how others are read
_REALS = {"time", "seconds", "millis"}
_WHOLES = {"bytes_out", "bytes_in", "nanos"}

_Leaf = tuple[str, ...]


@dataclass
class Tree(Plan):
    """The keys of the first lines; ``leaves`` says for every kind which leaves hold it, best first."""

    workers: ClassVar[int] = 2
    parents: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    leaves: dict[str, list[int]] = field(default_factory=dict)

    def line_feeds(self, bytes_: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Where the line feeds are."""
        return line_feeds(bytes_)

    def parse(self, block: Block, careful: LineParser) -> Parsed:
        """All lines of the block; the same rows as the careful path gives."""
        data = block.bytes_.tobytes()
        data = data if data.endswith(b"\n") else data + b"\n"  # the loops stop there
        count = len(block)
        cells = Cells.empty(self, np.frombuffer(data, np.uint8), count)
        if not block.overlong:
            cells.side = np.empty(len(data), np.uint8)
            k.json_objects(
                cells.buf, block.starts, block.ends, np.array(self.parents), np.array(self.kinds),
                np.array(self.slots), np.frombuffer(b"".join(self.keys), np.uint8),
                np.cumsum([0, *map(len, self.keys)]), True, is_utf8(data), *k.room(), cells.side, cells.sure,
                cells.begins, cells.lengths, cells.numbers, cells.reals,
            )  # fmt: skip
            k.plain_texts(cells.buf, cells.side, cells.begins[: self.texts], cells.lengths[: self.texts], cells.sure)
        sure = np.flatnonzero(cells.sure)
        cells.settle()
        columns, right = columns_of(TreeColumns(cells, self, self.leaves))
        raw = lines_of(block, sure[right])
        columns = {name: column.filter(pa.array(right)) for name, column in columns.items()}
        return _completed(block, careful, sure[right], columns | {"raw": raw})


def lines_of(block: Block, rows: npt.NDArray[np.int64]) -> pa.Array:
    """The lines with these numbers."""
    begins, lengths = block.starts[rows].astype(np.int32), (block.ends - block.starts)[rows].astype(np.int32)
    places = np.empty(len(rows) + 1, np.int32)
    _gather.offsets(lengths, places)
    out = np.empty(int(places[-1]) + WIDTH, np.uint8)
    _gather.gather(block.bytes_, np.empty(0, np.uint8), begins, lengths, places, out)
    return pa.Array.from_buffers(pa.binary(), len(rows), [None, pa.py_buffer(places), pa.py_buffer(out)], 0)


def _completed(block: Block, careful: LineParser, sure: npt.NDArray[np.int64], columns: dict[str, pa.Array]) -> Parsed:
    """The columns with the rows of all other lines among them."""
    left = np.ones(len(block), np.bool_)
    left[sure] = False
    rows: list[Row] = []
    lines: list[bytes] = []
    kept: list[int] = []
    rejects = Rejects()
    for index in np.flatnonzero(left).tolist():
        line = block.line(index)
        parsed = "line too long" if block.overlong else careful.parse(line)
        if row := rejects.sort(index, parsed, line):
            rows.append(row)
            lines.append(line)
            kept.append(index)
    places = np.concatenate([sure, np.array(kept, np.int64)])
    if rows:
        others = tables.from_rows(rows, lines)
        order = pa.array(np.argsort(places, kind="stable"))
        columns = {name: pa.concat_arrays([columns[name], others[name]]).take(order) for name in others}
    return Parsed(columns, np.sort(places), rejects)


def choose(head: bytes, aliases: Mapping[str, str]) -> Tree | None:
    """The tree of the first lines, or None when it would not pay or means something else."""
    shown: dict[_Leaf, object] = {}
    objects: set[_Leaf] = set()
    for line in head.split(b"\n")[:_LINES]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        for path, value in _walk(record) if isinstance(record, dict) else ():
            if isinstance(value, dict):
                objects.add(path)
            elif shown.get(path) is None:
                shown[path] = value
    if not shown or objects & shown.keys() or any(path[0] in _SPECIAL for path in shown):
        return None
    if any(
        isinstance(values.any_time(v), Zoneless) for p, v in shown.items() if kind_of(".".join(p), aliases)[0] == "time"
    ):
        return None
    return _tree(shown, objects, aliases)


def _walk(record: Mapping[str, object], above: _Leaf = ()) -> Iterator[tuple[_Leaf, object]]:
    for key, value in record.items():
        yield (*above, key), value
        if isinstance(value, dict) and len(above) < _DEPTH:
            yield from _walk(value, (*above, key))


def _tree(shown: Mapping[_Leaf, object], objects: set[_Leaf], aliases: Mapping[str, str]) -> Tree | None:
    tree, places = Tree(), dict[_Leaf, int]()
    ranked: dict[str, dict[int, int]] = {}
    for path in sorted(objects | shown.keys(), key=len):
        kind, rank = kind_of(".".join(path), aliases)
        if kind and (kind in _UNSERVED or path in objects or rank in ranked.get(kind, ())):
            if path not in objects:
                return None
            kind = ""
        deep = path in objects and len(path) > _DEPTH
        form = c.SKIP if deep or (path in shown and not kind) else c.OBJECT if path in objects else 0
        place = tree.add(form if form or not kind else _form(kind, shown[path]))
        places[path] = place
        tree.parents.append(places[path[:-1]] if len(path) > 1 else -1)
        tree.keys.append(path[-1].encode("utf-8", "surrogatepass"))
        if kind:
            ranked.setdefault(kind, {})[rank] = place
    tree.leaves = {kind: [place for _rank, place in sorted(leaves.items())] for kind, leaves in ranked.items()}
    served = {"path", "method", "protocol"} <= tree.leaves.keys() and len(places) < 400
    return tree if served else None


def _form(kind: str, value: object) -> int:
    if isinstance(value, list):
        return c.FIRST
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if kind in _REALS:
            return c.REAL
        if kind in _WHOLES:
            return c.INT
    return c.TEXT
