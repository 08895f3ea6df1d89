"""Status words of a run and the neutral view of a task."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class RunStatus(StrEnum):
    """One vocabulary for all providers; the service's own word is kept beside it."""

    CREATED = "created"
    """On disk, nothing sent."""
    SUBMITTED = "submitted"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    """Sent, answer lost, or the service no longer knows the task."""

    @property
    def is_final(self) -> bool:
        """Whether the task has ended on the service's side."""
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Cash:
    """Money taken for a task from an account that pays in money instead of units.

    Parameters
    ----------
    amount
        What was taken.
    currency
        ``USD``, ``CNY``, or empty when the service does not say.
    list_price
        Price before discounts, None when not reported.
    kind
        What it was taken from, in the service's word: ``balance``, ``test_balance``.
    """

    amount: Decimal
    currency: str = ""
    list_price: Decimal | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A task as any provider reports it.

    Parameters
    ----------
    task_id
        The service's id, always a string (ids exceed 2**53).
    status
        Neutral status; an unknown word maps to ``PROCESSING`` with ``unknown_word`` set.
    service_status
        The service's own word.
    external_task_id
        Our id, if the service returned it.
    message
        Failure reason in the service's words.
    video_url, video_id, watermark_url, duration
        Result; ``duration`` is the service's string, in seconds.
    units
        Units deducted (``final_unit_deduction``), None when not reported.
    cash
        Money deducted, for accounts that pay in money.
    parent_video_id
        The video this one was made longer from.
    created_at, updated_at
        The service's times, timezone-aware UTC.
    raw
        The answer's task object, unchanged.
    """

    task_id: str
    status: RunStatus
    service_status: str
    external_task_id: str | None = None
    message: str = ""
    video_url: str | None = None
    video_id: str | None = None
    watermark_url: str | None = None
    duration: str | None = None
    units: Decimal | None = None
    cash: tuple[Cash, ...] = ()
    parent_video_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    unknown_word: bool = False
    raw: dict[str, Any] = field(default_factory=dict, repr=False)
