"""Writes ``schema.sql``, by which a new store is made: ``python -m kanaria.store.compile``."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from kanaria.store.schema import TABLES
from kanaria.store.versions import VERSION

FILE = Path(__file__).with_name("schema.sql")


def compiled(dialect: Dialect) -> str:
    """The statements that make the tables of today, in one database's SQL."""
    made = []
    for table in TABLES.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        made += [str(CreateIndex(index).compile(dialect=dialect)).strip() for index in indexes]
    lines = ";\n".join(made).replace("\t", "    ").replace(" \n", "\n")
    return lines


def sqlite_text() -> str:
    """What the file says: tables, indexes, and which step of the migrations they are as far as."""
    steps = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
    reached = f"INSERT INTO alembic_version VALUES ('{VERSION:04}')"  # noqa: S608  (a number of ours)
    return f"{compiled(sqlite.dialect())};\n{steps};\n{reached}\n"


if __name__ == "__main__":
    FILE.write_text(sqlite_text(), "utf-8")
