"""Queue the feed where many commit at once, which is on PostgreSQL; on SQLite nothing changes. Runs before the release.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the queue of what has no place in the feed yet, and the row that says where the feed ends."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.create_table(
        "feed_queue",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("session_uid", sa.LargeBinary(16), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("leaf", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("session_uid", "version"),
    )
    op.create_index("feed_queue_by_id", "feed_queue", ["id"])
    state = op.create_table(
        "feed_state",
        sa.Column("id", sa.SmallInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("id = 1", name="feed_state_is_one_row"),
    )
    op.create_index("feed_by_event", "feed", ["session_uid", "version"], unique=True)
    op.execute(state.insert().values(id=1, position=0, digest=bytes(32)))
