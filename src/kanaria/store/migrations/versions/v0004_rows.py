"""Findings, evidence and the records it quotes get tables of their own; a document keeps the rest."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from kanaria.store.rows import put_rows

revision, down_revision = "0004", "0003"
branch_labels = depends_on = None


def upgrade() -> None:
    """Make the tables and move what documents say into them."""
    for name in ("rule", "stage", "severity", "device", "remote", "time", "until", "content"):
        op.add_column("finding", sa.Column(name, sa.Text))
    op.add_column("finding", sa.Column("number", sa.Integer))
    op.add_column("finding", sa.Column("bits", sa.Float))
    op.drop_index("finding_incident", "finding")
    op.create_index("finding_incident", "finding", ["incident", "number"])
    op.create_index("finding_rule", "finding", ["rule"])
    op.create_index("incident_state", "incident", ["state", "last_seen"])
    _make_tables()
    _move_rows()


def downgrade() -> None:
    """Raises NotImplementedError: a backup of before is the way back."""
    raise NotImplementedError


def _make_tables() -> None:
    op.create_table(
        "record",
        sa.Column("id", sa.Text, primary_key=True), sa.Column("source", sa.Text), sa.Column("line", sa.Integer),
        sa.Column("time", sa.Text), sa.Column("quote", sa.Text, nullable=False),
    )  # fmt: skip
    op.create_table(
        "evidence",
        sa.Column("incident", sa.Text, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True), sa.Column("id", sa.Text), sa.Column("kind", sa.Text),
        sa.Column("family", sa.Text), sa.Column("about", sa.Text), sa.Column("bits", sa.Float),
        sa.Column("record", sa.Text, sa.ForeignKey("record.id")), sa.Column("content", sa.Text, nullable=False),
    )  # fmt: skip
    op.create_index("evidence_record", "evidence", ["record"])


def _move_rows() -> None:
    """Merged incidents first: a finding belongs to the one that lives on."""
    db = op.get_bind()
    rows = sa.text("SELECT id, document FROM incident ORDER BY state <> 'merged', created, id")
    for ident, document in db.execute(rows).all():
        kept = json.loads(document)
        owned = {row[0] for row in db.execute(sa.text("SELECT id FROM finding WHERE incident = :id"), {"id": ident})}
        kept["findings"] = [finding for finding in kept.get("findings", ()) if finding["id"] in owned]
        rest = put_rows(_Plain(db), ident, kept)  # type: ignore[arg-type]
        db.execute(sa.text("UPDATE incident SET document = :rest WHERE id = :id"), {"rest": rest, "id": ident})


class _Plain:
    """The statements of ``rows`` over whatever database this is."""

    def __init__(self, db: sa.Connection) -> None:
        self._db = db

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> Any:
        return self._db.execute(*self._named(statement, [values]))

    def executemany(self, statement: str, values: list[tuple[Any, ...]]) -> Any:
        return self._db.execute(*self._named(statement, values)) if values else None

    def _named(self, statement: str, values: list[tuple[Any, ...]]) -> tuple[Any, list[dict[str, Any]]]:
        first, *more = statement.split("?")
        text = first + "".join(f":v{number}{part}" for number, part in enumerate(more))
        return sa.text(text), [{f"v{number}": value for number, value in enumerate(row)} for row in values]
