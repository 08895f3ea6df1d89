"""The table, derived from the record so that the two cannot differ."""

from __future__ import annotations

import types
import typing
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa

from kling_nb.domain.scores import MEASURES
from kling_nb.runlog.columntypes import Money, RunKey, UtcDateTime
from kling_nb.runlog.records import RunRecord


@cache
def field_kinds() -> dict[str, type]:
    """Return each record field's plain type: str, int, float, bool, datetime, Decimal, or dict for JSON."""
    hints = typing.get_type_hints(RunRecord)
    return {item.name: _kind(hints[item.name]) for item in fields(RunRecord)}


def _kind(hint: Any) -> type:
    members = [m for m in typing.get_args(hint) if m is not types.NoneType]
    if isinstance(hint, types.UnionType):
        return _kind(members[0])
    origin = typing.get_origin(hint) or hint
    if origin in (dict, list):
        return dict
    return str if issubclass(origin, StrEnum) else typing.cast("type", origin)


_TYPES: dict[type, sa.types.TypeEngine[Any]] = {
    str: sa.Text(),
    int: sa.BigInteger(),
    float: sa.Double(),
    bool: sa.Boolean(create_constraint=False),
    datetime: UtcDateTime(),
    Decimal: Money(),
    dict: sa.JSON(none_as_null=True),
}

METADATA = sa.MetaData()

SPENDING = (
    *("purse", "sending_at", "created_at", "status"),
    *("estimate_units", "actual_units", "estimate_usd", "actual_usd"),
)
"""Columns that decide what a run counts in a budget, and when."""

RUNS = sa.Table(
    "runs",
    METADATA,
    *(
        sa.Column(
            name,
            RunKey if name == "id" else _TYPES[kind],
            primary_key=name == "id",
            nullable=name not in ("id", "status", "created_at", "repeat"),
        )
        for name, kind in field_kinds().items()
    ),
    # Rises with every change that concerns a reader; the cached frame asks for what is newer.
    sa.Column("revision", sa.BigInteger(), nullable=False),
    sa.Index("runs_revision", "revision"),
    sa.Index("runs_external_task_id", "external_task_id"),
    sa.Index("runs_task_id", "task_id"),
    sa.Index("runs_identity", "identity"),
    sa.Index("runs_status", "status", "downloaded_at"),
    sa.Index("runs_model", "model_name", "mode", "duration"),
    sa.Index("runs_sweep_id", "sweep_id"),
    # Covers the sums of the budgets, which are taken in the transaction of every run under a budget.
    sa.Index("runs_spending", *SPENDING),
)

BUDGETS = sa.Table(
    "budgets",
    METADATA,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("scope", sa.Text(), nullable=False),
    sa.Column("name", sa.Text(), nullable=False),
    # None: from here on there is no such budget.
    sa.Column("amount", Money()),
    sa.Column("currency", sa.Text(), nullable=False),
    sa.Column("set_at", UtcDateTime(), nullable=False),
)
"""Budgets as they were set, one row each time: the newest row of a scope and name holds."""

ALERTS = sa.Table(
    "budget_alerts",
    METADATA,
    sa.Column("budget_id", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("span", sa.Text(), primary_key=True),
)
"""Which budget has been told to be nearly used up, for which purse and day or sweep."""

SLOTS = sa.Table(
    "slots",
    METADATA,
    sa.Column("run_id", RunKey, primary_key=True),
    sa.Column("slot", sa.Text(), nullable=False),
    sa.Column("owner", sa.Text(), nullable=False),
    # Whether the service has said that it holds the task.
    sa.Column("known", sa.Boolean(create_constraint=False), nullable=False),
    sa.Column("until", UtcDateTime(), nullable=False),
    sa.Index("slots_slot", "slot", "until", "known"),
)
"""Runs that take up one of the account's slots now."""

SLOT_QUEUE = sa.Table(
    "slot_queue",
    METADATA,
    sa.Column("slot", sa.Text(), primary_key=True),
    sa.Column("owner", sa.Text(), primary_key=True),
    sa.Column("since", UtcDateTime(), nullable=False),
    sa.Column("until", UtcDateTime(), nullable=False),
)
"""Kernels that wait for a slot, each with its longest waiting run."""

SLOT_LIMITS = sa.Table(
    "slot_limits",
    METADATA,
    sa.Column("slot", sa.Text(), primary_key=True),
    sa.Column("quota", sa.Integer(), nullable=False),
    sa.Column("learned_at", UtcDateTime(), nullable=False),
)
"""How many slots there are, as learnt from refusals."""

VOTES = sa.Table(
    "votes",
    METADATA,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("voted_at", UtcDateTime(), nullable=False),
    sa.Column("voter", sa.Text(), nullable=False),
    sa.Column("left", RunKey, nullable=False),
    sa.Column("right", RunKey, nullable=False),
    # left, right, tie or skip
    sa.Column("outcome", sa.Text(), nullable=False),
    sa.Column("question", sa.Text(), nullable=False),
    # Whether the voter saw no labels.
    sa.Column("blind", sa.Boolean(create_constraint=False), nullable=False),
    sa.Index("votes_question", "question", "voter"),
)
"""Which of two clips a person found better."""

SWEEPS = sa.Table(
    "sweeps",
    METADATA,
    sa.Column("id", RunKey, primary_key=True),
    sa.Column("name", sa.Text()),
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Column("plan", sa.JSON(none_as_null=True), nullable=False),
    # running, stopped or done
    sa.Column("state", sa.Text(), nullable=False),
    # Why it stopped.
    sa.Column("reason", sa.Text(), nullable=False),
    # Which kernel makes its runs.
    sa.Column("owner", sa.Text()),
)
"""What each sweep makes, written down before its first run is sent."""

FACTS = sa.Table(
    "facts",
    METADATA,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("value", sa.Text(), nullable=False),
)
"""What all kernels of a log share, by name."""

MEASURED = tuple(measure.name for measure in MEASURES)
"""Columns of the scores that are numbers of a clip."""

SCORES = sa.Table(
    "scores",
    METADATA,
    sa.Column("run_id", RunKey, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("score_version", sa.Integer(), nullable=False),
    # Of the least sure number.
    sa.Column("score_confidence", sa.Double()),
    sa.Column("flags", sa.JSON(none_as_null=True), nullable=False),
    *(sa.Column(name, sa.Double()) for name in MEASURED),
    sa.Column("video_sha256", sa.Text(), nullable=False),
    sa.Column("asked_digest", sa.Text(), nullable=False),
    sa.Column("measured_at", UtcDateTime(), nullable=False),
    # Paths, curves, reasons: last, so that the numbers are read without following overflow pages.
    sa.Column("detail", sa.JSON(none_as_null=True), nullable=False),
)
"""What was measured of the clip of each run."""

SCORE_COLUMNS = ("flags", "score_confidence", *MEASURED, "score_version")
"""Those that tables of runs show beside the run's own."""

# SQLite minds foreign keys only where every connection asks it to, and people delete rows with other tools.
SCORES_GO_ALONG = (
    "CREATE TRIGGER scores_go_along AFTER DELETE ON runs BEGIN DELETE FROM scores WHERE run_id = OLD.id; END"
)


@sa.event.listens_for(SCORES, "after_create")
def _make_scores_go_along(_table: sa.Table, connection: sa.Connection, **_: Any) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(SCORES_GO_ALONG)


COLUMNS = tuple(field_kinds())
"""Names of the record's columns, in order (everything but ``revision``)."""
