"""The tables as version 0.1 came to have them; versions 1 and 2 lacked some.

Version 1 had no ``told`` and no ``state``: nothing was told. Version 2 had no ``news`` and no ``pair``: what it saved
counts as told, and its pairs are those of its documents.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from kanaria.store.pairs import pairs

revision, down_revision = "0003", None
branch_labels = depends_on = None


def upgrade() -> None:
    """Make what is missing."""
    had = set(sa.inspect(op.get_bind()).get_table_names())
    for name, columns in _TABLES.items():
        if name not in had:
            op.create_table(name, *columns())
    if "finding" not in had:
        op.create_index("finding_incident", "finding", ["incident"])
    if "news" not in had:
        pending = sa.text("told IS NULL")
        op.create_index("news_pending", "news", ["incident"], sqlite_where=pending, postgresql_where=pending)
    if "pair" not in had:
        _fill_pairs()


def downgrade() -> None:
    """Raises NotImplementedError: a backup of before is the way back."""
    raise NotImplementedError


def _fill_pairs() -> None:
    db = op.get_bind()
    pair = sa.table("pair", *(sa.column(name) for name in ("incident", "device", "remote")))
    for ident, document in db.execute(sa.text("SELECT id, document FROM incident")).all():
        rows = [
            {"incident": ident, "device": device, "remote": remote} for device, remote in pairs(json.loads(document))
        ]
        if rows:
            db.execute(pair.insert(), rows)


def _text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True) if key else sa.Column(name, sa.Text, nullable=null)


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.Integer, primary_key=True)


_TABLES: Mapping[str, Callable[[], tuple[sa.Column[Any], ...]]] = {
    "incident": lambda: (
        _text("id", key=True), _text("state"), _text("merged_into", null=True), _text("document"), _text("severity"),
        _text("first_seen", null=True), _text("last_seen", null=True), _text("created"), _text("changed"),
    ),
    "finding": lambda: (
        _text("id", key=True), sa.Column("incident", sa.Text, sa.ForeignKey("incident.id"), nullable=False),
    ),
    "decision": lambda: (
        _number(), _text("incident"), _text("time"), _text("who"), _text("was"), _text("became"), _text("why"),
    ),
    "told": lambda: (_text("incident", key=True), _text("content")),
    "state": lambda: (_text("name", key=True), sa.Column("content", sa.LargeBinary, nullable=False)),
    "pair": lambda: (_text("incident", key=True), _text("device", key=True), _text("remote", key=True)),
    "news": lambda: (
        _number(), _text("incident"), _text("kind"), _text("created"), _text("content"), _text("told", null=True),
    ),
}  # fmt: skip
