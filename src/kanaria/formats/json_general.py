"""JSON lines into Arrow columns without compiled code: by pyarrow, and carefully line by line where that refuses."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from kanaria.formats.spans import Part, Spans, is_utf8


def read_generally(lines: Spans, fields: pa.Schema) -> Part:
    """One JSON object per line into the columns of ``fields``; see ``json_lines.read_json_lines``."""
    data = lines.joined()
    if not is_utf8(data):  # the reader does not look
        return read_carefully(lines, fields)
    from pyarrow import json as arrow_json

    try:
        table = arrow_json.read_json(
            pa.BufferReader(data),
            arrow_json.ReadOptions(block_size=max(1 << 20, len(data) // 2)),
            arrow_json.ParseOptions(explicit_schema=fields, unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return read_carefully(lines, fields)
    if table.num_rows != len(lines):  # blank lines, or several objects on one line
        return read_carefully(lines, fields)
    return Part(table.combine_chunks(), lines)


def read_carefully(lines: Spans, fields: pa.Schema) -> Part:
    """The same line by line, so that a broken one costs its neighbours nothing."""
    keep: list[int] = []
    rows: list[dict[str, object]] = []
    rejects: list[tuple[int, str, bytes]] = []
    for index, line in enumerate(lines.rows()):
        if not line.strip():
            continue
        value, reason = _parse_object(line)
        if value is None:
            rejects.append((int(lines.numbers[index]), reason, line))
            continue
        keep.append(index)
        rows.append({name: _fit(value.get(name), kind) for name, kind in zip(fields.names, fields.types, strict=True)})
    table = pa.Table.from_pylist(rows, schema=fields)
    return Part(table, lines.take(np.array(keep, np.int64)), rejects)


def _parse_object(line: bytes) -> tuple[dict[str, object] | None, str]:
    try:
        value = json.loads(line.decode("utf-8", "backslashreplace"))
    except (ValueError, RecursionError) as error:
        return None, f"expected one JSON object; {error}"
    if not isinstance(value, dict):
        return None, f"expected one JSON object; got {type(value).__name__}"
    return value, ""


def _fit(value: object, kind: pa.DataType) -> object:
    """The value as the Arrow type wants it, or None."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {f.name: _fit(value.get(f.name), f.type) for f in kind} if isinstance(value, dict) else None
    if pa.types.is_list(kind):
        return [_fit(item, kind.value_type) for item in (value if isinstance(value, list) else [value])]
    if pa.types.is_string(kind):
        text = value if isinstance(value, str) else json.dumps(value)
        return text.encode("utf-8", "backslashreplace").decode()
    if pa.types.is_boolean(kind):
        return value if isinstance(value, bool) else None
    return _fit_number(value, kind)


def _fit_number(value: object, kind: pa.DataType) -> int | float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 2**62:
        return None
    return int(value) if pa.types.is_integer(kind) else float(value)
