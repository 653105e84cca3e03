"""Suricata's EVE JSON into our tables: flow, netflow, dns, tls, quic, http, rdp, smb, ssh, alert and anomaly events.

Lines are sorted by event type first, then each type is read with its own schema. Other types (stats, fileinfo, …) are
counted and passed over. The events of one RDP attempt become one row; a DNS question whose answer is in the same batch
is the answer's row; the two halves of a ``netflow`` event are stitched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.distinct import Distinct
from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats import columns as cols
from kanaria.formats import json_lines
from kanaria.formats import suricata_tables as tables
from kanaria.formats.flow_state import PROTOCOL_NAMES, parse_flags
from kanaria.formats.netflow_stitch import RECORD, stitch
from kanaria.formats.spans import Lines, Part, Spans

_WINDOW = 32
"""Bytes looked at after ``"event_type"`` to see which type it is; the longest name Suricata has fits."""
_TYPE = late_regex(rb'^\s*:\s*"([a-z0-9_]+)"')
_HINTS = (b'"event_type"', b'"flow_id"', b'"src_ip"', b'"dest_ip"', b'"proto"')


class SuricataEve:
    """Suricata EVE JSON."""

    name = "suricata"
    title = "Suricata EVE JSON (flow, dns, tls, quic, http, rdp, smb, ssh, alert, anomaly)"
    example = '{"timestamp":"2026-01-01T00:00:00.000000+0000","flow_id":1,"event_type":"flow","src_ip":"192.0.2.7",…}'
    tables: tuple[str, ...] = tuple(dict.fromkeys(table for table, _fields, _mapping in tables.EVENTS.values()))

    def sniff(self, head: bytes, name: str) -> float:
        for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 20)[:20]:
            if line.lstrip().startswith(b"{") and b'"event_type"' in line and b'"timestamp"' in line and _own(line):
                return 0.98 if sum(hint in line for hint in _HINTS) >= 2 or b'"stats"' in line else 0.7
        return 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        def work(chunk: cols.Chunk) -> Batch:
            lines = chunk.lines
            names, types = event_types(lines)
            done: dict[str, list[pa.Table]] = {}
            rejects: list[tuple[int, str, bytes]] = []
            for kind, (table, fields, mapping) in tables.EVENTS.items():
                if kind not in names:
                    continue
                chosen = np.isin(types, [code for code, name in enumerate(names) if name == kind])
                part = json_lines.read_json_lines(lines.take(chosen), fields)
                rejects += part.rejects
                if len(part.lines):
                    mapped, numbers = _map(kind, mapping, part)
                    if table == "http":
                        mapped["raw"] = part.raw
                    done.setdefault(table, []).append(
                        cols.finish(table, mapped, numbers, stream=stream, context=context, sensor="suricata")
                    )
            odd, blank = _odd_lines(lines.take(np.isin(types, [code for code, name in enumerate(names) if not name])))
            joined = {name: pa.concat_tables(parts) for name, parts in done.items()}
            return cols.make_batch(stream, self.name, chunk, joined, len(lines) - blank, rejects + odd)

        yield from cols.several(stream)(work, cols.chunks(stream))


def _own(line: bytes) -> bool:
    """Whether the event's type is the object's own, and not that of an event inside it. A line that was cut counts."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return True
    return isinstance(value, dict) and "event_type" in value


def event_types(lines: Spans) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Event types (empty for none) and which of them every line has, found without parsing the JSON."""
    import pyarrow.compute as pc

    offsets = pa.py_buffer(np.append(lines.begins, len(lines.data)).astype(np.int32))
    raw = pa.BinaryArray.from_buffers(pa.binary(), len(lines), [None, offsets, pa.py_buffer(lines.data)])
    found = pc.find_substring(raw, b'"event_type"').to_numpy(zero_copy_only=False).astype(np.int64)
    begin = lines.begins
    padded = np.frombuffer(lines.data, np.uint8)
    padded = np.concatenate([padded, np.zeros(_WINDOW, np.uint8)])
    at = np.where(found >= 0, begin + found + len(b'"event_type"'), len(padded) - _WINDOW)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[at]
    buffers = [None, pa.py_buffer(_cut_after_name(windows))]
    kinds = Distinct(pa.FixedSizeBinaryArray.from_buffers(pa.binary(_WINDOW), len(lines), buffers))
    windows_seen = kinds.dictionary.to_pylist()
    names = [match[1].decode() if (match := _TYPE.match(window)) else "" for window in windows_seen]
    return _with_own_types(lines, names, kinds.codes)


_NESTED = {"initial_request", "initial_response", "connect_request", "connect_response", "tls_handshake"}
"""``rdp.event_type``, which stands before the event's own where a shipper sorted or turned the keys."""


def _with_own_types(
    lines: Spans, names: list[str], types: npt.NDArray[np.int64]
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The same with the lines whose first type is one inside the event under the type of their own."""
    for code in [code for code, name in enumerate(names) if name in _NESTED]:
        which = types == code
        own = [_own_type(line) for line in lines.take(which).rows()]
        names = [*names, *(name for name in dict.fromkeys(own) if name not in names)]
        types = types.copy()
        types[which] = [names.index(name) for name in own]
    return names, types


def _own_type(line: bytes) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    found = value.get("event_type") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _cut_after_name(windows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Windows with everything after the third quote blanked out, so that few distinct ones remain."""
    quote = windows == ord('"')
    quotes = np.cumsum(quote, axis=1, dtype=np.uint8)
    return np.where((quotes < 2) | ((quotes == 2) & quote), windows, 0).astype(np.uint8)


def _odd_lines(lines: Spans) -> tuple[list[tuple[int, str, bytes]], int]:
    """Lines without an event type: rejected, and how many of them are only blank."""
    rejects, blank = [], 0
    for number, line in zip(lines.numbers.tolist(), lines.rows(), strict=True):
        if not line.strip():
            blank += 1
            continue
        try:
            value = json.loads(line)
            reason = "expected an object with event_type; this JSON has none" if isinstance(value, dict) else ""
        except (ValueError, RecursionError) as error:
            reason = f"expected one JSON object; {error}"
        rejects.append((number, reason or "expected one JSON object with event_type", line))
    return rejects, blank


def _map(kind: str, mapping: Any, part: Part) -> tuple[tables.Columns, Lines]:
    if kind == "netflow":
        return stitch(_halves(part))
    mapped: tables.Columns = mapping(part.table)
    if kind == "rdp":
        return _join_rdp(mapped, part)
    return (_drop_answered(mapped, part), part.lines[_kept(part)]) if kind == "dns" else (mapped, part.lines)


def _halves(part: Part) -> pa.Table:
    """``netflow`` events as unidirectional records."""
    t = part.table
    numbers = {name: number for number, name in PROTOCOL_NAMES.items()}
    times = [cols.iso_to_time(tables.get(t, "netflow", name)).cast(pa.int64()) for name in ("start", "end")]
    names = pa.array(
        [numbers.get(tables.transport(p or ""), 0) for p in tables.get(t, "proto").to_pylist()], pa.int64()
    )
    flags = pa.array([parse_flags("0x" + (f or "")) for f in tables.get(t, "tcp", "tcp_flags").to_pylist()], pa.int64())
    get = tables.get
    values = [*times, names, get(t, "src_ip"), get(t, "src_port"), get(t, "dest_ip"), get(t, "dest_port"),
              get(t, "netflow", "bytes"), get(t, "netflow", "pkts"), flags, pa.array(part.lines)]  # fmt: skip
    return pa.table(dict(zip(RECORD.names, values, strict=True)), schema=RECORD)


def _join_rdp(mapped: tables.Columns, part: Part) -> tuple[tables.Columns, Lines]:
    """One row per RDP attempt: the first value each event of a flow gave; of results the last."""
    joined: dict[object, dict[str, Any]] = {}
    rows = pa.table(mapped).to_pylist()
    for row, line, flow in zip(rows, part.lines.tolist(), part.table["flow_id"].to_pylist(), strict=True):
        one = joined.setdefault(flow if flow is not None else f"line {line}", {**row, "line": line})
        for name, value in row.items():
            one[name] = value if one[name] is None or (name == "result" and value is not None) else one[name]
    numbers = np.array([one.pop("line") for one in joined.values()], np.int64)
    kinds = {name: column.type for name, column in mapped.items()}
    return {name: pa.array([one[name] for one in joined.values()], kind) for name, kind in kinds.items()}, numbers


def _kept(part: Part) -> npt.NDArray[np.bool_]:
    """DNS events that stand for themselves: all but questions whose answer is in the batch."""
    get, t = tables.get, part.table
    kinds = get(t, "dns", "type").to_pylist()
    keys = list(zip(get(t, "flow_id").to_pylist(), get(t, "dns", "id").to_pylist(), strict=True))
    answered = {key for key, kind in zip(keys, kinds, strict=True) if kind in ("answer", "response")}
    questions = ("query", "request")
    return np.array(
        [kind not in questions or key not in answered for key, kind in zip(keys, kinds, strict=True)], np.bool_
    )


def _drop_answered(mapped: tables.Columns, part: Part) -> tables.Columns:
    keep = pa.array(_kept(part))
    return {name: column.filter(keep) for name, column in mapped.items()}
