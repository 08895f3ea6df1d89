"""Task objects of the new API as neutral tasks (``spec/official-api.md`` §8.2, §8.3)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kling_nb.domain.task import Cash, RunStatus, Task
from kling_nb.errors import ServiceError, TaskNotFound
from kling_nb.providers.jsonvalues import decimal, identifier, mapping, milliseconds, objects, text, words
from kling_nb.providers.official_decode import status_of


def task_from(data: object) -> Task:
    """Return the task of one task object.

    Parameters
    ----------
    data
        Parsed JSON: what a create answers, or one entry of ``GET /tasks``.

    Returns
    -------
    Task
        An unknown status word becomes ``processing`` with ``unknown_word`` set.

    Raises
    ------
    ServiceError
        If there is no id.
    """
    task = mapping(data)
    task_id = identifier(task.get("id"))
    if not task_id:
        raise ServiceError(
            "The service's answer names no task.",
            "It carries no `id`.",
            "kling_nb looks the task up by its external id.",
        )
    word = text(task.get("status"))
    status = status_of(word)
    video = next((row for row in objects(task.get("outputs")) if row.get("type") == "video"), {})
    return Task(
        task_id=task_id,
        status=status or RunStatus.PROCESSING,
        service_status=word,
        external_task_id=identifier(task.get("external_id")) or None,
        message=words(task.get("message")),
        video_url=text(video.get("url")) or None,
        video_id=identifier(video.get("id")) or None,
        watermark_url=text(video.get("watermark_url")) or None,
        duration=text(video.get("duration")) or None,
        units=_units(task.get("billing")),
        cash=_cash(task.get("billing")),
        created_at=milliseconds(task.get("create_time")),
        updated_at=milliseconds(task.get("update_time")),
        unknown_word=status is None,
        raw=dict(task),
    )


def one_task_from(data: object) -> Task:
    """Return the task of a create (an object) or of a query for one id (an array).

    Raises
    ------
    TaskNotFound
        If the array is empty: unknown, or made a moment ago and not yet visible.
    ServiceError
        If the answer names no task although it is not empty.
    """
    if isinstance(data, list) and not data:
        raise TaskNotFound(
            "The service knows no such task.",
            "It answered with an empty list; a task made a moment ago may not be visible yet.",
            "Ask again in a few seconds; tasks of one host and account are invisible to others.",
        )
    if not isinstance(data, list):
        return task_from(data)
    return task_from(next((row for row in objects(data) if identifier(row.get("id"))), None))


def tasks_from(data: object) -> list[Task]:
    """Return the tasks of ``GET /tasks`` (an array) or ``POST /tasks`` (a page); the rest is left out."""
    rows = data if isinstance(data, list) else mapping(data).get("result")
    return [task_from(row) for row in objects(rows) if identifier(row.get("id"))]


def _units(billing: object) -> Decimal | None:
    amounts = [decimal(row.get("amount")) for row in objects(billing) if row.get("charge_type") == "unit"]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _cash(billing: object) -> tuple[Cash, ...]:
    rows = [row for row in objects(billing) if row.get("charge_type") == "cash"]
    return tuple(entry for row in rows if (entry := _cash_entry(row)) is not None)


def _cash_entry(row: Mapping[str, Any]) -> Cash | None:
    amount = decimal(row.get("amount"))
    if amount is None:
        return None
    return Cash(amount, text(row.get("currency")), decimal(row.get("list_price")), text(row.get("cash_type")))
