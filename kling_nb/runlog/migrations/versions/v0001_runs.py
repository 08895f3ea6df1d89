"""The table of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kling_nb.runlog.columntypes import Money, RunKey, UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table; spelled out here because the record goes on changing and this revision does not."""
    op.create_table(
        "runs",
        sa.Column("id", RunKey, nullable=False, primary_key=True),
        sa.Column("external_task_id", sa.Text()),
        sa.Column("task_id", sa.Text()),
        sa.Column("provider", sa.Text()),
        sa.Column("base_url", sa.Text()),
        sa.Column("endpoint", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("service_status", sa.Text()),
        sa.Column("model_name", sa.Text()),
        sa.Column("mode", sa.Text()),
        sa.Column("duration", sa.BigInteger()),
        sa.Column("prompt", sa.Text()),
        sa.Column("negative_prompt", sa.Text()),
        sa.Column("cfg_scale", sa.Double()),
        sa.Column("sound", sa.Text()),
        sa.Column("aspect_ratio", sa.Text()),
        sa.Column("camera_control", sa.JSON(none_as_null=True)),
        sa.Column("image_source", sa.Text()),
        sa.Column("image_sha256", sa.Text()),
        sa.Column("image_bytes", sa.BigInteger()),
        sa.Column("image_width", sa.BigInteger()),
        sa.Column("image_height", sa.BigInteger()),
        sa.Column("image_tail_source", sa.Text()),
        sa.Column("image_tail_sha256", sa.Text()),
        sa.Column("image_tail_bytes", sa.BigInteger()),
        sa.Column("image_tail_width", sa.BigInteger()),
        sa.Column("image_tail_height", sa.BigInteger()),
        sa.Column("static_mask_sha256", sa.Text()),
        sa.Column("static_mask_bytes", sa.BigInteger()),
        sa.Column("dynamic_mask_count", sa.BigInteger()),
        sa.Column("brush_way", sa.Text()),
        sa.Column("multi_shot", sa.Boolean(create_constraint=False)),
        sa.Column("shot_type", sa.Text()),
        sa.Column("multi_prompt", sa.JSON(none_as_null=True)),
        sa.Column("element_list", sa.JSON(none_as_null=True)),
        sa.Column("voice_list", sa.JSON(none_as_null=True)),
        sa.Column("watermark", sa.Boolean(create_constraint=False)),
        sa.Column("callback_url", sa.Text()),
        sa.Column("identity", sa.Text()),
        sa.Column("repeat", sa.BigInteger(), nullable=False),
        sa.Column("estimate_units", Money()),
        sa.Column("estimate_usd", Money()),
        sa.Column("estimate_mark", sa.Text()),
        sa.Column("price_as_of", sa.Text()),
        sa.Column("actual_units", Money()),
        sa.Column("balance_deduction", sa.JSON(none_as_null=True)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sending_at", UtcDateTime()),
        sa.Column("submitted_at", UtcDateTime()),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("downloaded_at", UtcDateTime()),
        sa.Column("video_id", sa.Text()),
        sa.Column("video_url", sa.Text()),
        sa.Column("video_duration", sa.Double()),
        sa.Column("video_path", sa.Text()),
        sa.Column("poster_path", sa.Text()),
        sa.Column("video_sha256", sa.Text()),
        sa.Column("video_bytes", sa.BigInteger()),
        sa.Column("error_kind", sa.Text()),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_http", sa.BigInteger()),
        sa.Column("error_message", sa.Text()),
        sa.Column("request_id", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("rating", sa.BigInteger()),
        sa.Column("notebook", sa.Text()),
        sa.Column("owner", sa.Text()),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("forced", sa.Boolean(create_constraint=False)),
        sa.Column("again", sa.Boolean(create_constraint=False)),
        sa.Column("tags", sa.JSON(none_as_null=True)),
        sa.Column("notices", sa.JSON(none_as_null=True)),
        sa.Column("versions", sa.JSON(none_as_null=True)),
        sa.Column("options", sa.JSON(none_as_null=True)),
        sa.Column("brush", sa.JSON(none_as_null=True)),
        sa.Column("request", sa.JSON(none_as_null=True)),
        sa.Column("wire", sa.JSON(none_as_null=True)),
        sa.Column("answers", sa.JSON(none_as_null=True)),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    )
    op.create_index("runs_external_task_id", "runs", ["external_task_id"])
    op.create_index("runs_identity", "runs", ["identity"])
    op.create_index("runs_model", "runs", ["model_name", "mode", "duration"])
    op.create_index("runs_revision", "runs", ["revision"])
    op.create_index("runs_status", "runs", ["status", "downloaded_at"])
    op.create_index("runs_task_id", "runs", ["task_id"])
