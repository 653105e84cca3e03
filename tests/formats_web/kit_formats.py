"""What every registered format must keep, whatever bytes come: the contract kit, and an in-memory stream for it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from kanaria.core import schema
from kanaria.core.stream import Format, ReadContext
from kanaria.core.types import Batch


class BytesStream:
    """A stream over bytes in memory."""

    def __init__(self, data: bytes, name: str = "test.log") -> None:
        self.name = name
        self.size: int | None = len(data)
        self._data = data
        self.path: Path | None = None

    def head(self) -> bytes:
        return self._data[: 256 << 10]

    def open(self) -> BinaryIO:
        return io.BytesIO(self._data)


def read_all(known: Format, data: bytes, context: ReadContext | None = None, name: str = "test.log") -> list[Batch]:
    return list(known.read(BytesStream(data, name), context or ReadContext()))


def check_batches(known: Format, batches: list[Batch]) -> None:
    """Tables have exactly the declared schemas, ids and lines are there and distinct, counts add up."""
    seen: set[int] = set()
    for batch in batches:
        assert batch.format == known.name
        for name, table in batch.tables.items():
            assert name in known.tables
            assert table.schema.equals(schema.TABLES[name].arrow), f"{known.name}: {name}"
            table.validate(full=True)
            assert table["event_id"].null_count == 0
            if table.num_rows and len(known.tables) == 1:
                ids = set(table["event_id"].to_pylist())
                assert len(ids) == table.num_rows
                assert not ids & seen
                seen |= ids
        assert batch.rows >= 0
        assert all(reject.reason and len(reject.raw) <= 64 << 10 for reject in batch.rejects)
