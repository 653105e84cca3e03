"""The list of files that hold rows of events; an older store has none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"
branch_labels = depends_on = None


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "part",
        sa.Column("file", sa.Text, primary_key=True), sa.Column("kind", sa.Text, nullable=False),
        sa.Column("begins", sa.BigInteger, nullable=False), sa.Column("ends", sa.BigInteger, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False), sa.Column("bytes", sa.BigInteger, nullable=False),
    )  # fmt: skip


def downgrade() -> None:
    """Raises NotImplementedError: a backup of before is the way back."""
    raise NotImplementedError
