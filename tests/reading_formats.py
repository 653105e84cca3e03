"""What the tests of formats share: a stream over bytes, reading all of it, and what holds whatever the bytes are."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pytest

from kanaria.core import schema
from kanaria.core.stream import Format, ReadContext
from kanaria.core.types import Batch, RejectedRecord


@dataclass
class BytesStream:
    data: bytes
    name: str = "sample.log"
    path: Path | None = None
    size: int | None = field(default=None)

    def head(self) -> bytes:
        return self.data[: 256 << 10]

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


@dataclass
class Everything:
    """All batches of one input joined."""

    tables: dict[str, pa.Table]
    rows: int
    rejects: list[RejectedRecord]
    batches: list[Batch]

    def rows_of(self, table: str) -> list[dict[str, object]]:
        """Rows without the columns that are null everywhere."""
        found = self.tables[table].to_pylist() if table in self.tables else []
        return [{key: value for key, value in row.items() if value is not None} for row in found]


def read_all(
    known: Format, data: bytes, name: str = "sample.log", context: ReadContext | None = None, path: Path | None = None
) -> Everything:
    batches = list(known.read(BytesStream(data, name, path), context or ReadContext()))
    names = {table for batch in batches for table in batch.tables}
    tables = {t: pa.concat_tables([b.tables[t] for b in batches if t in b.tables]) for t in names}
    rejects = [reject for batch in batches for reject in batch.rejects]
    return Everything(tables, sum(batch.rows for batch in batches), rejects, batches)


@pytest.fixture
def read() -> Callable[..., Everything]:
    return read_all


def broken_promises(known: Format, data: bytes, context: ReadContext) -> list[str]:
    """What is wrong with reading these bytes: they must become rows of the schema and rejected records, nothing else."""
    wrong = [] if 0 <= known.sniff(data, "fuzz") <= 1 else ["a score outside 0..1"]
    rows = rejects = 0
    for batch in known.read(BytesStream(data, "fuzz"), context):
        rows, rejects = rows + batch.rows, rejects + len(batch.rejects)
        for name, table in batch.tables.items():
            if not table.schema.equals(schema.TABLES[name].arrow):
                wrong.append(f"{name} is not in its schema")
            table.validate(full=True)
    return wrong if rejects <= rows else [*wrong, "more rejects than records"]
