"""Whether a clip is kept, the variables of a sweep's cell, and the votes of blind comparisons."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from kling_nb.runlog.columntypes import RunKey, UtcDateTime

revision = "0003"
down_revision = "0002"

_AFTER: tuple[tuple[str, str, sa.types.TypeEngine[Any]], ...] = (
    ("rating", "kept", sa.Boolean(create_constraint=False)),
    ("tags", "variables", sa.JSON(none_as_null=True)),
)


def upgrade() -> None:
    """Add the columns in front of the large ones and make the table of votes."""
    # Written anew for the same reason as in revision 0002: the order of the columns.
    recreated = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("runs", recreate="always" if recreated else "never") as runs:
        for before, name, kind in _AFTER:
            runs.add_column(sa.Column(name, kind), insert_after=before if recreated else None)
    op.create_table(
        "votes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("voted_at", UtcDateTime(), nullable=False),
        sa.Column("voter", sa.Text(), nullable=False),
        sa.Column("left", RunKey, nullable=False),
        sa.Column("right", RunKey, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("blind", sa.Boolean(create_constraint=False), nullable=False),
    )
    op.create_index("votes_question", "votes", ["question", "voter"])
