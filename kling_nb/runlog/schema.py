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
)

COLUMNS = tuple(field_kinds())
"""Names of the record's columns, in order (everything but ``revision``)."""
