"""Task objects of the official legacy API as neutral tasks (``spec/official-api.md`` §7).

Tolerant on purpose: recorded answers lack ``task_info``, carry ``{}`` or ``""`` there, spell success
in two ways and may use status words that nobody has documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from kling_nb.domain.task import RunStatus, Task
from kling_nb.errors import ServiceError, TaskFailed
from kling_nb.providers.base import Pack, Segment
from kling_nb.providers.messages import explain

_STATUS = {
    "submitted": RunStatus.SUBMITTED,
    "processing": RunStatus.PROCESSING,
    "succeed": RunStatus.SUCCEEDED,
    "succeeded": RunStatus.SUCCEEDED,
    "failed": RunStatus.FAILED,
}


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
    task = _mapping(data)
    task_id = _text(task.get("task_id"))
    if not task_id:
        raise ServiceError(
            "The service's answer names no task.",
            "It carries no `task_id`.",
            "kling_nb looks the task up by its external id.",
        )
    word = _text(task.get("task_status"))
    status = _STATUS.get(word.lower())
    video = _first_video(task)
    return Task(
        task_id=task_id,
        status=status or RunStatus.PROCESSING,
        service_status=word,
        external_task_id=_text(_mapping(task.get("task_info")).get("external_task_id")) or None,
        message=_text(task.get("task_status_msg")),
        video_url=_text(video.get("url")) or None,
        video_id=_text(video.get("id")) or None,
        watermark_url=_text(video.get("watermark_url")) or None,
        duration=_text(video.get("duration")) or None,
        units=_decimal(task.get("final_unit_deduction")),
        created_at=_time(task.get("created_at")),
        updated_at=_time(task.get("updated_at")),
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
    entries = data if isinstance(data, list) else []
    return [task_from(entry) for entry in entries if _text(_mapping(entry).get("task_id"))]


def packs_from(data: object) -> list[Pack]:
    """Return the resource packs of ``GET /account/costs`` (``spec/official-api.md`` §14).

    Parameters
    ----------
    data
        Parsed JSON: an envelope inside the envelope.

    Raises
    ------
    ServiceError
        If the inner envelope reports an error.
    """
    inner = _mapping(data)
    if inner.get("code") not in (None, 0, "0"):
        words = _text(inner.get("msg"))
        raise ServiceError(
            "The balance could not be read.", words, "Look into the console.", service_message=words
        )
    entries = inner.get("resource_pack_subscribe_infos")
    return [_pack(_mapping(entry)) for entry in (entries if isinstance(entries, list) else [])]


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


def _pack(entry: Mapping[str, Any]) -> Pack:
    expires = entry.get("invalid_time")
    return Pack(
        name=_text(entry.get("resource_pack_name")),
        id=_text(entry.get("resource_pack_id")),
        type=_text(entry.get("resource_pack_type")),
        status=_text(entry.get("status")),
        total=_number(entry.get("total_quantity")),
        remaining=_number(entry.get("remaining_quantity")),
        expires_ms=int(expires) if isinstance(expires, int | float) else None,
    )


def _first_video(task: Mapping[str, Any]) -> Mapping[str, Any]:
    videos = _mapping(task.get("task_result")).get("videos")
    return _mapping(videos[0]) if isinstance(videos, list) and videos else {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    # Ids above 2**53 are strings on the wire; a JSON integer is exact in Python, a float is not.
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _number(value: object) -> float | None:
    decimal = _decimal(value)
    return None if decimal is None else float(decimal)


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _time(value: object) -> datetime | None:
    milliseconds = _decimal(value)
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(float(milliseconds) / 1000, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return None


def segments_from(data: Any) -> list[Segment]:
    """Read ``task_result.images`` of image-recognize (``spec/official-api.md`` §15)."""
    result = data.get("task_result") if isinstance(data, Mapping) else None
    images = result.get("images") if isinstance(result, Mapping) else None
    rows = [row for row in images if isinstance(row, Mapping)] if isinstance(images, list) else []
    return [
        Segment(str(row.get("type", "")), bool(row.get("is_contain")), str(row.get("url") or ""))
        for row in rows
    ]
