"""Task objects of the official legacy API as neutral tasks (``spec/official-api.md`` §7).

Tolerant on purpose: recorded answers lack ``task_info``, carry ``{}`` or ``""`` there, spell success
in two ways and may use status words that nobody has documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kling_nb.domain.task import Cash, RunStatus, Task
from kling_nb.errors import ServiceError, TaskFailed
from kling_nb.providers.base import Segment
from kling_nb.providers.jsonvalues import decimal, identifier, mapping, milliseconds, objects, text, words
from kling_nb.providers.messages import explain

_STATUS = {
    "submitted": RunStatus.SUBMITTED,
    "processing": RunStatus.PROCESSING,
    "succeed": RunStatus.SUCCEEDED,
    "succeeded": RunStatus.SUCCEEDED,
    "failed": RunStatus.FAILED,
}


def status_of(word: str) -> RunStatus | None:
    """Return the neutral status of the official API's word, None for a word nobody has documented."""
    return _STATUS.get(word.lower())


def task_from(data: object) -> Task:
    """Return the task of one ``data`` object.

    Parameters
    ----------
    data
        Parsed JSON.

    Returns
    -------
    Task
        An unknown status word becomes ``processing`` with ``unknown_word`` set.

    Raises
    ------
    ServiceError
        If there is no task id: then nobody can say which task this is.
    """
    task = mapping(data)
    task_id = identifier(task.get("task_id"))
    if not task_id:
        raise ServiceError(
            "The service's answer names no task.",
            "It carries no `task_id`.",
            "kling_nb looks the task up by its external id.",
        )
    word = text(task.get("task_status"))
    status = status_of(word)
    info = mapping(task.get("task_info"))
    video = _first_video(task)
    return Task(
        task_id=task_id,
        status=status or RunStatus.PROCESSING,
        service_status=word,
        external_task_id=identifier(info.get("external_task_id")) or None,
        message=words(task.get("task_status_msg")),
        video_url=text(video.get("url")) or None,
        video_id=identifier(video.get("id")) or None,
        watermark_url=text(video.get("watermark_url")) or None,
        duration=text(video.get("duration")) or None,
        units=decimal(task.get("final_unit_deduction")),
        cash=_cash(task.get("final_balance_deduction")),
        parent_video_id=identifier(mapping(info.get("parent_video")).get("id")) or None,
        created_at=milliseconds(task.get("created_at")),
        updated_at=milliseconds(task.get("updated_at")),
        unknown_word=status is None,
        raw=dict(task),
    )


def tasks_from(data: object) -> list[Task]:
    """Return the tasks of a list answer; entries without an id are left out.

    Parameters
    ----------
    data
        Parsed JSON: a bare array, or null and ``""`` for none.
    """
    return [task_from(entry) for entry in objects(data) if identifier(entry.get("task_id"))]


def failure_of(task: Task) -> TaskFailed:
    """Return the error for a task that ended with a failure.

    The envelope of such an answer says ``SUCCEED``; the reason is only in ``task_status_msg``.

    Parameters
    ----------
    task
        A failed task.
    """
    known = explain(task.message) if task.message else None
    why = f'The service says: "{task.message}".' if task.message else "The service gave no reason."
    charged = "" if task.units is None else f" Deducted: {task.units} units."
    advice = f"{known.cause} {known.fix}" if known else "Change the request and run the cell again."
    return TaskFailed(
        "The service could not make the video.", why + charged, advice, service_message=task.message
    )


def segments_from(data: object) -> list[Segment]:
    """Return the segments of ``image-recognize`` (``spec/official-api.md`` §15).

    Parameters
    ----------
    data
        Parsed JSON: ``{"task_result": {"images": [...]}}``.
    """
    rows = objects(mapping(mapping(data).get("task_result")).get("images"))
    return [
        Segment(
            text(row.get("type")), found=row.get("is_contain") in (True, "true", 1), url=text(row.get("url"))
        )
        for row in rows
    ]


def _first_video(task: Mapping[str, Any]) -> Mapping[str, Any]:
    videos = objects(mapping(task.get("task_result")).get("videos"))
    return videos[0] if videos else {}


def _cash(value: object) -> tuple[Cash, ...]:
    # Postpaid accounts; {"quota", "list_price"} without a currency (§7.2).
    row = mapping(value)
    amount = decimal(row.get("quota"))
    return () if amount is None else (Cash(amount, list_price=decimal(row.get("list_price"))),)
