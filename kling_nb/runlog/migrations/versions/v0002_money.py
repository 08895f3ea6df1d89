"""Budgets and slots that all kernels share, and what runs need for them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from kling_nb.runlog.columntypes import Money, RunKey, UtcDateTime

revision = "0002"
down_revision = "0001"

_AFTER: tuple[tuple[str, str, sa.types.TypeEngine[Any]], ...] = (
    ("endpoint", "form", sa.Text()),
    ("form", "parent_run", sa.Text()),
    ("estimate_usd", "currency", sa.Text()),
    ("currency", "estimate_amount", Money()),
    ("actual_units", "actual_usd", Money()),
    ("actual_usd", "actual_amount", Money()),
    ("actual_amount", "purse", sa.Text()),
    ("purse", "sweep_id", sa.Text()),
)


def upgrade() -> None:
    """Add the columns in front of the large ones, fill them for old runs, and make the new tables."""
    # Behind the JSON columns they could only be read by following a row's overflow pages, so SQLite's table
    # is written anew.
    recreated = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("runs", recreate="always" if recreated else "never") as runs:
        for before, name, kind in _AFTER:
            runs.add_column(sa.Column(name, kind), insert_after=before if recreated else None)
    op.execute(
        "UPDATE runs SET form = 'image2video', currency = 'units', "
        "purse = CASE provider WHEN 'sandbox' THEN 'sandbox' ELSE 'real' END, "
        "actual_usd = round(actual_units * 0.14, 6)"
    )
    op.create_index("runs_sweep_id", "runs", ["sweep_id"])
    op.create_index(
        "runs_spending",
        "runs",
        [
            *("purse", "sending_at", "created_at", "status"),
            *("estimate_units", "actual_units", "estimate_usd", "actual_usd"),
        ],
    )
    _make_budgets()
    _make_slots()
    op.create_table(
        "facts",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )


def _make_budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("amount", Money()),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "budget_alerts",
        sa.Column("budget_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("span", sa.Text(), primary_key=True),
    )


def _make_slots() -> None:
    op.create_table(
        "slots",
        sa.Column("run_id", RunKey, primary_key=True),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("known", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
    )
    op.create_index("slots_slot", "slots", ["slot", "until", "known"])
    op.create_table(
        "slot_queue",
        sa.Column("slot", sa.Text(), primary_key=True),
        sa.Column("owner", sa.Text(), primary_key=True),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "slot_limits",
        sa.Column("slot", sa.Text(), primary_key=True),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("learned_at", UtcDateTime(), nullable=False),
    )
