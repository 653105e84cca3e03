"""Rows as questions about the past find them: in memory, without a store."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pyarrow as pa

from kanaria.core.schema import conform
from kanaria.memory.events import Events


def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def events_of(**tables: pa.Table) -> Events:
    """Events with these rows; columns that are not given are null."""
    made = Events(engine(), Path(os.devnull))
    made.add({kind: conform(kind, table) for kind, table in tables.items()})
    return made
