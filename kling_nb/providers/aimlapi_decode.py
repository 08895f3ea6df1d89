"""Answers of the AI/ML API as neutral tasks (``spec/gateways.md`` §3.2); create and poll share one form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kling_nb.domain.task import Cash, RunStatus, Task
from kling_nb.providers.base import Pack
from kling_nb.providers.jsonvalues import decimal, mapping, number, objects, text

STATUS: Final[Mapping[str, RunStatus]] = {
    "queued": RunStatus.SUBMITTED,
    "generating": RunStatus.PROCESSING,
    "waiting": RunStatus.PROCESSING,
    "active": RunStatus.PROCESSING,
    "completed": RunStatus.SUCCEEDED,
    "succeeded": RunStatus.SUCCEEDED,
    "success": RunStatus.SUCCEEDED,
    "error": RunStatus.FAILED,
    "failed": RunStatus.FAILED,
}

LEDGER_HEADER: Final = "x-inference-id"
"""Header whose value names the entry in the service's ledger."""


def task_from(found: Mapping[str, Any], ledger: str = "") -> Task:
    """Return the task of an answer whose ``id`` is not empty.

    Parameters
    ----------
    found
        The JSON object.
    ledger
        Value of `LEDGER_HEADER`; kept with the answer under that name.
    """
    word = text(found.get("status"))
    status = STATUS.get(word.lower(), RunStatus.PROCESSING)
    return Task(
        task_id=text(found.get("id")),
        status=status,
        service_status=word,
        message=failure_text(found.get("error")) if status is RunStatus.FAILED else "",
        video_url=text(mapping(found.get("video")).get("url")) or None,
        cash=tuple(_cash(mapping(mapping(found.get("meta")).get("usage")))),
        unknown_word=word.lower() not in STATUS,
        raw=dict(found) | ({LEDGER_HEADER: ledger} if ledger else {}),
    )


def failure_text(trouble: object) -> str:
    """Return why a task failed: ``message``, else the ``msg`` of every ``detail``, else the text itself."""
    found = mapping(trouble)
    details = "; ".join(filter(None, (text(item.get("msg")) for item in objects(found.get("detail")))))
    return text(found.get("message")) or details or text(found.get("detail")) or text(trouble)


def packs_from(found: Mapping[str, Any]) -> list[Pack]:
    """Return the balance of ``GET /v2/billing`` as one pack; none when it names no amount."""
    amount = number(found.get("current_balance"))
    if amount is None:
        return []
    currency = text(found.get("currency")) or "USD"
    return [Pack("balance", "", "balance", "online", None, amount, None, currency)]


def _cash(usage: Mapping[str, Any]) -> Iterator[Cash]:
    for key, currency in (("credits_used", "tokens"), ("usd_spent", "USD")):
        amount = decimal(usage.get(key))
        if amount is not None:
            yield Cash(amount, currency)
