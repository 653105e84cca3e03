"""Read captures in tests on either path."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from build_packets import MemoryStream

from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import RejectedRecord
from kanaria.formats.packets import capture

Result = tuple[dict[str, list[dict[str, Any]]], list[RejectedRecord]]
Reader = Callable[..., Result]


@pytest.fixture(params=["plain", "compiled"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Rows by table and rejects of a capture given as bytes or stream, on the plain and on the compiled path."""
    monkeypatch.setattr(capture, "PLAIN_BYTES", 1 << 60 if request.param == "plain" else -1)
    return read_capture


def read_capture(data: bytes | Stream, **changes: Any) -> Result:
    stream = MemoryStream(data, **changes) if isinstance(data, bytes) else data
    tables: dict[str, list[pa.Table]] = {}
    rejects: list[RejectedRecord] = []
    for batch in capture.PcapFormat().read(stream, ReadContext()):
        rejects += batch.rejects
        for name, table in batch.tables.items():
            tables.setdefault(name, []).append(table)
    rows = {name: pa.concat_tables(parts).to_pylist() for name, parts in tables.items()}
    return {name: sorted(found, key=lambda row: row["event_id"]) for name, found in rows.items()}, rejects
