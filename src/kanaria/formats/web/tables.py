"""Rows of web logs to finished ``http`` tables: typed, with ids, place, sensor and direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core import ids, schema
from kanaria.core.direction import orient
from kanaria.core.stream import ReadContext
from kanaria.formats.web.escapes import to_bytes, to_text
from kanaria.formats.web.forward import asked_outside
from kanaria.formats.web.values import Row

STRINGS = ("src_ip", "host", "referer", "user_agent", "user", "method", "url", "protocol", "device", "sensor", "dst_ip")
BYTES = ("request", "request_body", "response_body")
NUMBERS = ("time", "status", "bytes_out", "bytes_in", "duration_us", "src_port", "dst_port")


def from_rows(rows: Sequence[Row], raw: Sequence[bytes]) -> dict[str, pa.Array]:
    """Columns of rows the careful path made, with the lines they came from."""
    columns: dict[str, pa.Array] = {"raw": pa.array(raw, pa.binary())}
    for name in STRINGS:
        columns[name] = pa.array([clean(row.get(name)) for row in rows], pa.string())
    for name in BYTES + NUMBERS:
        columns[name] = pa.array([row.get(name) for row in rows], schema.HTTP.column(name).type)
    return columns


def clean(value: object) -> object:
    """Text that Arrow can hold: bytes a JSON writer let through are shown as ``\\xHH``."""
    return to_text(to_bytes(value)) if isinstance(value, str) and not value.isascii() else value


def finish(
    columns: Mapping[str, pa.Array], rows: npt.NDArray[np.int64], name: str, context: ReadContext, sensor: str
) -> pa.Table:
    """The ``http`` table of one batch. ``rows`` are record numbers in the stream ``name``."""
    count = len(rows)
    filled = dict(columns)
    filled["line"] = pa.array(rows)
    filled["event_id"] = pa.array(rows + ids.first_event_id(name))
    filled["source"] = constant(to_text(to_bytes(name)), count)
    filled["sensor"] = _sensor(filled.get("sensor"), context.sensor or sensor, count)
    return asked_outside(orient(schema.conform("http", filled, count), context.home), context.home)


def _sensor(given: pa.Array | None, default: str, count: int) -> pa.Array:
    if given is None or given.null_count == len(given):
        return constant(default, count)
    return given.fill_null(default)


def constant(value: str, count: int) -> pa.Array:
    """A string column of one value; slices of one array are shared between batches."""
    return _repeated(value, 1 << max(count - 1, 1).bit_length()).slice(0, count)


@lru_cache(maxsize=16)
def _repeated(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), count)
