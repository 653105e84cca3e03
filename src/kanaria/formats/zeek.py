"""Zeek logs, as tab-separated text with its ``#`` headers and as JSON lines, into our tables.

Any subset and order of fields, any separator, several headers in one file, ``_path`` mixtures of JSON streaming logs,
rotated and still open logs. Logs that have no table here (files, weird, dhcp, …) are counted and otherwise passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.core.values import dataclass
from kanaria.formats import columns as cols
from kanaria.formats import json_lines
from kanaria.formats.spans import Part, Spans
from kanaria.formats.zeek_fields import (
    FIELDS,
    Fields,
    fits,
    guess_path,
    json_schema,
    path_from_name,
    tsv_types,
    unescape,
)
from kanaria.formats.zeek_tables import MAPPINGS

_TABLES = tuple(dict.fromkeys(table for table, _mapping in MAPPINGS.values()))
_Rejects = list[tuple[int, str, bytes]]
_SAMPLE = 500  # lines that show how a file writes its times and endpoints


def _base(path: str) -> str:
    return path.removeprefix("open_")


@dataclass(slots=True)
class _Header:
    """What the ``#`` lines said so far."""

    separator: str = "\t"
    sets: str = ","
    empty: str = "(empty)"
    unset: str = "-"
    path: str = ""
    fields: tuple[str, ...] = ()

    def learn(self, line: str) -> None:
        """Take in one header line without its end."""
        if line.startswith("#separator"):
            self.separator = _usable(unescape(line[len("#separator") :].strip(" ").replace("\\t", "\t")))
            return
        if line.startswith("#fields") and not line[7:8].isalnum():
            self.separator = _usable(line[7:8])  # what is really used, should #separator be missing or mangled
        key, *values = line.rstrip("\n").split(self.separator)
        if key == "#fields":
            self.fields = tuple(values)
        elif values:
            setting = {"#set_separator": "sets", "#empty_field": "empty", "#unset_field": "unset", "#path": "path"}
            if key in setting and (values[0] or key == "#path"):
                setattr(self, setting[key], values[0])


def _usable(separator: str) -> str:
    """The first character if columns can be told apart by it, else Zeek's own tab."""
    return separator[:1] if separator[:1].isascii() and separator[:1].strip('\r\n\0"') else "\t"


@dataclass(slots=True)
class _Collected:
    """Tables of one batch while it is put together."""

    stream: Stream
    context: ReadContext
    tables: dict[str, list[pa.Table]]
    rejects: _Rejects
    rows: int = 0

    def add(self, path: str, part: Part, fields: Fields) -> None:
        table, mapping = MAPPINGS[_base(path)]
        self.rejects += part.rejects
        if not len(part.lines):
            return
        mapped = mapping(fields, path)
        if table == "http":
            mapped["raw"] = part.raw
        done = cols.finish(table, mapped, part.lines, stream=self.stream, context=self.context, sensor="zeek")
        self.tables.setdefault(table, []).append(done)

    def refuse(self, lines: Spans, reason: str) -> None:
        rows = zip(lines.numbers.tolist(), lines.rows(), strict=True)
        refused = [(number, reason, line) for number, line in rows if line.strip()]
        self.rejects += refused
        self.rows += len(refused)

    def batch(self, name: str, chunk: cols.Chunk) -> Batch:
        tables = {table: pa.concat_tables(parts) for table, parts in self.tables.items()}
        return cols.make_batch(self.stream, name, chunk, tables, self.rows, self.rejects)


_Section = tuple[Spans, _Header]
"""Lines without a header among them, and what the headers before them said."""


def _sections(stream: Stream) -> Iterator[tuple[cols.Chunk, list[_Section]]]:
    header = _Header(path=path_from_name(stream.name) or "")
    for chunk in cols.chunks(stream):
        lines = chunk.lines
        sections, start = [], 0
        for index in np.flatnonzero(np.frombuffer(chunk.data, np.uint8)[lines.begins] == ord("#")).tolist():
            if index > start:
                sections.append((lines.take(slice(start, index)), replace(header)))
            header.learn(lines.line(index).decode("utf-8", "replace"))
            start = index + 1
        if start < len(lines):
            sections.append((lines.take(slice(start, None)) if start else lines, replace(header)))
        yield chunk, sections


class ZeekTsv:
    """Zeek's own tab-separated logs."""

    name = "zeek"
    title = "Zeek log, tab-separated (conn, dns, ssl, http, rdp, smb, ssh, …)"
    example = "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t…"
    tables: tuple[str, ...] = _TABLES

    def sniff(self, head: bytes, name: str) -> float:
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"#separator ") or re.match(rb"#fields[\t ,|;]", start):
            return 1.0
        return 0.9 if re.search(rb"^#fields\t.*\bts\b", head, re.MULTILINE) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        def work(given: tuple[cols.Chunk, list[_Section]]) -> Batch:
            chunk, sections = given
            collected = _Collected(stream, context, {}, [])
            for lines, header in sections:
                self._section(lines, header, collected)
            return collected.batch(self.name, chunk)

        yield from cols.several(stream)(work, _sections(stream))

    def _section(self, lines: Spans, header: _Header, collected: _Collected) -> None:
        """The rows between two headers."""
        path = _known_path(header, collected.stream.name)
        if not header.fields:
            reason = "expected a #fields header before this line; the beginning of the log may be missing"
            collected.refuse(lines, reason)
        elif path is None:  # a log without a table; a line of other columns is none of it
            fits = _columns(lines, header.separator, len(header.fields))
            collected.rows += int(np.count_nonzero(fits))
            collected.refuse(lines.take(~fits), f"expected {len(header.fields)} columns")
        elif FIELDS[_base(path)].keys().isdisjoint(header.fields):
            collected.refuse(lines, f"expected fields of Zeek's {path} log in the #fields header; got none of them")
        else:
            part = cols.read_delimited(
                lines, header.fields, tsv_types(_base(path)), delimiter=header.separator, nulls=(header.unset,)
            )
            collected.rows += len(part.lines) + len(part.rejects)
            collected.add(path, part, Fields(part.table, header.sets, header.empty, b"\\" in lines.data))


def _columns(lines: Spans, separator: str, count: int) -> npt.NDArray[np.bool_]:
    """Which lines have that many columns, or one more that is empty; blank lines have none and fit."""
    sums = np.concatenate([[0], np.cumsum(np.frombuffer(lines.data, np.uint8) == ord(separator))])
    found = sums[lines.ends] - sums[lines.begins]
    fits: npt.NDArray[np.bool_] = (found == count - 1) | (found == count) | (lines.ends == lines.begins)
    return fits


def _known_path(header: _Header, name: str) -> str | None:
    """The log the header speaks of; files named ``open_…`` by a tool keep that mark. None for a log without a table."""
    named = path_from_name(name) or ""
    path = header.path or named
    if _base(path) not in FIELDS and _base(named) != _base(path):
        path = guess_path(header.fields) or ""
    if named.startswith("open_") and _base(named) == path:
        path = named
    return path if _base(path) in FIELDS else None


class ZeekJson:
    """Zeek logs as JSON lines, one file per log or all mixed in a streaming log."""

    name = "zeek-json"
    title = "Zeek log, JSON lines (conn, dns, ssl, http, rdp, smb, ssh, …)"
    example = '{"_path":"conn","ts":1700000000.5,"uid":"C1","id.orig_h":"192.0.2.7","id.orig_p":50000,…}'
    tables: tuple[str, ...] = _TABLES

    def sniff(self, head: bytes, name: str) -> float:
        keys = _first_keys(head)
        if not keys & {"ts", "_path", "_write_ts"}:
            return 0.0
        if "_path" in keys or keys & {"id.orig_h", "id_orig_h"}:
            return 0.97
        return 0.8 if path_from_name(name) is not None and "ts" in keys else 0.3 if guess_path(keys) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        def work(given: tuple[cols.Chunk, str | None]) -> Batch:
            chunk, path = given
            collected = _Collected(stream, context, {}, [])
            self._read(chunk.lines, path, collected)
            return collected.batch(self.name, chunk)

        yield from cols.several(stream)(work, _chunks_with_path(stream))

    def _read(self, lines: Spans, path: str | None, out: _Collected) -> None:
        """Lines read as one log; those whose ``_path`` says otherwise are read again as what they are."""
        import pyarrow.compute as pc

        base = _base(path) if path else ""
        sample = lines.take(slice(_SAMPLE)).joined()[: 1 << 16]
        fields = json_schema(base, sample) if base in FIELDS else pa.schema([("_path", pa.string())])
        part = json_lines.read_json_lines(lines, fields)
        out.rows += len(part.lines) + len(part.rejects)
        said = part.table["_path"].combine_chunks() if len(part.lines) else pa.array([], pa.string())
        mine = pc.or_(pc.is_null(said), pc.is_in(said, pa.array([base, path or "", "open_" + base])))
        for other in pc.unique(said.filter(pc.invert(mine))).to_pylist():
            chosen = pc.fill_null(pc.equal(said, other), False).to_numpy(zero_copy_only=False)
            if _base(other) in FIELDS:
                out.rows -= int(chosen.sum())
                self._read(part.source.take(chosen), other, out)
        if base not in FIELDS or path is None:
            out.rejects += part.rejects
            return
        keep = mine.to_numpy(zero_copy_only=False)
        part = part if keep.all() else part.take(keep)
        out.add(path, part, Fields(part.table, escapes=b"\\" in lines.data))


def _chunks_with_path(stream: Stream) -> Iterator[tuple[cols.Chunk, str | None]]:
    """Chunks with the log their lines belong to unless they say otherwise."""
    default: str | None = None
    for chunk in cols.chunks(stream):
        default = default or _json_path(chunk.data, stream.name)
        yield chunk, default


def _first_keys(head: bytes) -> set[str]:
    """Keys of the first JSON object in the head; empty when there is none."""
    for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 50)[:50]:
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        return set(value) if isinstance(value, dict) else set()
    return set()


def _json_path(data: bytes, name: str) -> str | None:
    """Which log a JSON file holds: from its name, else the first ``_path``, else from the keys of the first object."""
    named, keys = path_from_name(name), _first_keys(data[: 1 << 18])
    found = re.search(rb'"_path"\s*:\s*"([^"]+)"', data[: 1 << 16])
    said = found[1].decode("utf-8", "replace") if found else None
    if named and (fits(_base(named), keys) if said is None else _base(named) == _base(said)):
        return named
    return said or guess_path(keys) or named
