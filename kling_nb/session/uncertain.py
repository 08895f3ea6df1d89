"""What a person is told when a submit may have been accepted and nobody can be sure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kling_nb.errors import KlingError, SubmitUncertain
from kling_nb.session.troubles import error_of

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.session.run import Run


def may_be_found(run: Run, what: str, why: str) -> SubmitUncertain:
    """Return the error for a run whose task can be looked up by our own id, now or later.

    Parameters
    ----------
    run
        A run without task id.
    what, why
        What happened, as the rest of a sentence about the run, and the cause.
    """
    external_id = run.external_task_id or ""
    return SubmitUncertain(
        f"Run {run.id} {what}.",
        f"{why} External id {external_id}.",
        f"%kling resume {run.id} looks again before anything is sent; nothing is sent twice.",
        external_task_id=external_id,
        run_id=run.id,
    )


def must_be_looked_for(run: Run, door: Door, cause: KlingError | None = None) -> KlingError:
    """Return the error for a run at a door that knows no id of ours (``spec/gateways.md`` §2.4).

    Only the answer named the task, so a person has to compare the service's own list with when and what was
    sent. What was written down at the time is told again word by word.

    Parameters
    ----------
    run
        A run that was sent and has no task id.
    door
        Where to look.
    cause
        What happened to the answer; None when the kernel ended before it came.
    """
    told = error_of(run.record)
    if cause is None and isinstance(told, SubmitUncertain):
        return told
    record = run.record
    sent = record.sending_at or datetime.now(UTC)
    when = f"at {_time(sent)}" if cause is None else f"between {_time(sent)} and {_time(datetime.now(UTC))}"
    reason = (
        "Its kernel ended before the answer came." if cause is None else f"{cause.what} {cause.why}".strip()
    )
    clip = " ".join(str(part) for part in (record.model_name, record.mode) if part)
    length = f", {record.duration} s" if record.duration else ""
    return SubmitUncertain(
        f"Run {run.id} was sent to {door.title}, but its answer was lost.",
        f"{reason} It may have been accepted and charged. Sent {when} UTC: {clip}{length}. "
        "This service knows no id of ours, so it is neither looked up nor sent again.",
        f"Look for a task of that time at {door.console_url}. Found: %kling attach <task id> --run {run.id}. "
        "Not there: --again makes a new run.",
        run_id=run.id,
    )


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
