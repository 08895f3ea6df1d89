"""Records of AceData as neutral tasks (``spec/gateways.md`` §2.2, §2.3).

A record has no status field: the completion rule of §2.3 says how far it is, from the answer it holds. What
a submit answers, and what a callback delivers, is that inner answer alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from kling_nb.domain.task import RunStatus, Task
from kling_nb.providers.jsonvalues import decimal, mapping, number, objects, text

FAILED: Final = ("failed", "failure", "error", "cancelled", "canceled", "rejected")
SUCCEEDED: Final = ("succeed", "succeeded", "success", "complete", "completed", "finished")
RUNNING: Final = ("submitted", "queued", "pending", "waiting", "processing", "running")
"""Words that mean what they say; every other one counts as running, with a notice."""

WITHOUT_VIDEO: Final = "finished without a video"


def is_record(found: Mapping[str, Any]) -> bool:
    """Whether an object is a record of ``/kling/tasks``, and not what a submit or a callback says."""
    return bool(text(found.get("id")))


def task_id_of(found: Mapping[str, Any]) -> str:
    """Return the task id: ``id`` of a record, ``task_id`` of everything else.

    A record's ``_id``, ``job_id`` and the ``task_id`` inside its answer name other things.
    """
    return text(found.get("id")) or text(found.get("task_id"))


def task_from(found: Mapping[str, Any]) -> Task:
    """Return the task of a record, of a submit answer or of a callback.

    Parameters
    ----------
    found
        A JSON object for which `task_id_of` is not empty.
    """
    record = is_record(found)
    inner = found.get("response") if record else found
    answer = mapping(inner)
    word = text(answer.get("state")) or text(answer.get("status"))
    if inner is None or not (record or _says_anything(answer, word)):
        status = RunStatus.SUBMITTED
    else:
        status = _status(answer, word.lower(), finished=record and found.get("finished_at") is not None)
    failed = status is RunStatus.FAILED
    return Task(
        task_id=task_id_of(found),
        status=status,
        service_status=word,
        message=(failure_text(answer) or (WITHOUT_VIDEO if not _video_url(answer) else "")) if failed else "",
        video_url=_video_url(answer) or None,
        video_id=text(answer.get("video_id")) or None,
        duration=_seconds(answer.get("duration")),
        created_at=_moment(found.get("created_at")),
        updated_at=_moment(found.get("finished_at")) or _moment(found.get("started_at")),
        unknown_word=bool(word) and word.lower() not in (*FAILED, *SUCCEEDED, *RUNNING),
        raw=dict(found),
    )


def tasks_from(found: Mapping[str, Any]) -> list[Task]:
    """Return the tasks of a batch; unknown ids are missing from it.

    Parameters
    ----------
    found
        ``{"items": [record, …], "count": n}``.
    """
    return [task_from(item) for item in objects(found.get("items")) if is_record(item)]


def failure_text(answer: Mapping[str, Any]) -> str:
    """Return why a task failed: ``error.message``, ``error``, ``message``, ``detail``, in that order."""
    trouble = answer.get("error")
    return (
        text(mapping(trouble).get("message"))
        or text(trouble)
        or text(answer.get("message"))
        or text(answer.get("detail"))
    )


def _status(answer: Mapping[str, Any], word: str, *, finished: bool) -> RunStatus:
    """Rows 3 to 7 of the completion rule, in their order."""
    success = answer.get("success")
    if word in FAILED:
        return RunStatus.FAILED
    if _video_url(answer) and (success is True or word in SUCCEEDED):
        return RunStatus.SUCCEEDED
    if success is False and (text(mapping(answer.get("error")).get("code")) or finished):
        return RunStatus.FAILED
    if finished and not _video_url(answer):
        return RunStatus.FAILED
    return RunStatus.PROCESSING


def _says_anything(answer: Mapping[str, Any], word: str) -> bool:
    """Whether a submit answer holds more than the id of a task that has just been queued."""
    return bool(word) or answer.get("success") is False or bool(_video_url(answer))


def _video_url(answer: Mapping[str, Any]) -> str:
    return text(answer.get("video_url"))


def _seconds(value: object) -> str | None:
    # A string on the wire; a number says the same.
    return text(value) or (str(value) if isinstance(value, float) and decimal(value) is not None else None)


def _moment(value: object) -> datetime | None:
    seconds = number(value)
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return None
