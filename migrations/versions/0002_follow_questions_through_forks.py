"""Follow questions through forks and past stale saves. Before: a record knew neither; after: it is built anew.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give the questions their new columns. The projection has a new revision too, so that the next read fills them."""
    op.add_column("questions", sa.Column("asked_in", sa.Text))
    op.add_column("questions", sa.Column("changed_version", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("questions", sa.Column("standings", sa.Text, nullable=False, server_default="[]"))
    op.add_column("questions", sa.Column("resolved_writer", sa.Text))
    op.add_column("questions", sa.Column("averted", sa.Text, nullable=False, server_default="[]"))
    op.add_column("questions", sa.Column("overruled", sa.Text, nullable=False, server_default="[]"))
