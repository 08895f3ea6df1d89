"""What was measured of the clips."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kling_nb.runlog.columntypes import RunKey, UtcDateTime

revision = "0005"
down_revision = "0004"

_NUMBERS = (
    "path_error",
    "path_error_px",
    "end_error",
    "end_error_px",
    "direction",
    "gain",
    "lag",
    "own_path_error",
    "own_end_error",
    "own_direction",
    "own_gain",
    "own_lag",
    "tracked",
    "leak",
    "leak_ssim",
    "camera_shift",
    "camera_shift_px",
    "camera_scale",
    "camera_roll",
    "camera_direction",
    "camera_drift",
    "first_psnr",
    "first_ssim",
    "first_match",
    "end_psnr",
    "end_ssim",
    "end_match",
    "words_direction",
    "motion",
    "flicker",
    "warp_error",
    "sharpness_decay",
)


def upgrade() -> None:
    """Make the table of scores."""
    op.create_table(
        "scores",
        sa.Column("run_id", RunKey, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("score_version", sa.Integer(), nullable=False),
        sa.Column("score_confidence", sa.Double()),
        sa.Column("flags", sa.JSON(none_as_null=True), nullable=False),
        *(sa.Column(name, sa.Double()) for name in _NUMBERS),
        sa.Column("video_sha256", sa.Text(), nullable=False),
        sa.Column("asked_digest", sa.Text(), nullable=False),
        sa.Column("measured_at", UtcDateTime(), nullable=False),
        sa.Column("detail", sa.JSON(none_as_null=True), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER scores_go_along AFTER DELETE ON runs "
            "BEGIN DELETE FROM scores WHERE run_id = OLD.id; END"
        )
