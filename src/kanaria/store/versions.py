"""A store's tables: made for a new one by ``schema.sql``, brought up to date for an older one by Alembic's steps.

Only an older store imports Alembic and SQLAlchemy, once: they take half a second, more than listing incidents does.
Everything happens in one transaction, so that a process killed meanwhile leaves the older store as it was.
"""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from typing import TYPE_CHECKING

from kanaria.core.errors import SourceError

if TYPE_CHECKING:
    from sqlalchemy import Connection

VERSION = 5
"""As SQLite's ``user_version``, and the number of the last step."""


def prepare(db: sqlite3.Connection, name: str) -> None:
    """Make the tables those of today. Raises SourceError when a newer Kanaria made the store."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    if version > VERSION:
        raise SourceError(
            source=name,
            expected=f"a store of version {VERSION} or older",
            got=f"version {version}",
            cause="made by a newer Kanaria",
        )
    _migrated(db) if _tables(db) else _new(db)


def upgrade(connection: Connection) -> None:
    """Run the steps that are missing, whichever database it is, in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "kanaria.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _tables(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'incident'").fetchone() is not None


def _new(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        if not _tables(db):  # another process may have been first
            for statement in files("kanaria.store").joinpath("schema.sql").read_text("utf-8").split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _migrated(db: sqlite3.Connection) -> None:
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool)
    # Python's module begins no transaction for us: https://docs.sqlalchemy.org/en/20/dialects/sqlite.html
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        if connection.exec_driver_sql("PRAGMA user_version").scalar_one() < VERSION:
            upgrade(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
