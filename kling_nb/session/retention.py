"""Results that the service will soon remove (``spec/official-api.md`` §13, ``spec/user-needs.md`` L35)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from kling_nb.domain.task import RunStatus

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord

KEPT = timedelta(days=30)
"""How long the service keeps a result."""
WARN = timedelta(days=25)


def removal_notice(record: RunRecord, now: datetime | None = None) -> str:
    """Return the warning about a video that is not downloaded and nearly or already removed.

    Parameters
    ----------
    record
        A row.
    now
        The present moment; None asks the clock.

    Returns
    -------
    str
        Empty when there is nothing to warn about.
    """
    if record.status is not RunStatus.SUCCEEDED or record.downloaded_at or record.finished_at is None:
        return ""
    age = (now or datetime.now(UTC)) - record.finished_at
    if age < WARN:
        return ""
    left = (KEPT - age).days
    when = (
        "has probably removed it"
        if age > KEPT
        else f"removes it in {left} days"
        if left
        else "removes it soon"
    )
    return f"The video is {age.days} days old and not downloaded; the service {when}."
