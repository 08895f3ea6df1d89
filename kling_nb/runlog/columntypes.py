"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import typing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa


class _SqliteNumeric(sa.types.UserDefinedType[Any]):
    """NUMERIC affinity without SQLAlchemy's detour over binary floats (which it rightly warns about)."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "NUMERIC"


class Money(sa.types.TypeDecorator[Decimal]):
    """Exact decimals: NUMERIC on PostgreSQL, NUMERIC affinity on SQLite.

    SQLite compares and sums the column as numbers and keeps up to 15 significant digits exactly.
    """

    impl = sa.Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Pick the native type of the database."""
        return dialect.type_descriptor(_SqliteNumeric() if dialect.name == "sqlite" else sa.Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> Any:
        """Hand SQLite the decimal's own digits; its column affinity makes a number of them."""
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Read integers and floats back through their shortest digits."""
        return None if value is None else Decimal(str(value))


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment: TIMESTAMP WITH TIME ZONE, or fixed-width ISO text in UTC on SQLite (sorts as text)."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Pick the native type of the database."""
        native = sa.String(32) if dialect.name == "sqlite" else sa.DateTime(timezone=True)
        return dialect.type_descriptor(native)

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """Refuse naive times: they would be read back as another moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no timezone; the run log keeps UTC only")
        value = value.astimezone(UTC)
        return value.isoformat(timespec="microseconds") if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return a timezone-aware UTC datetime."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return typing.cast("datetime", moment.astimezone(UTC))


RunKey = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Run ids sort by their bytes, which is by time; a locale's collation would not promise that."""
