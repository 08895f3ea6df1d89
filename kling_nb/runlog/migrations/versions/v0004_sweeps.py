"""The plans of sweeps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kling_nb.runlog.columntypes import RunKey, UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table of sweeps."""
    op.create_table(
        "sweeps",
        sa.Column("id", RunKey, primary_key=True),
        sa.Column("name", sa.Text()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("plan", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text()),
    )
