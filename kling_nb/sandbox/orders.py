"""From a checked create call to a task: steps 5-8 of ``spec/sandbox.md`` §2, for every dialect."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.faults import Fault
from kling_nb.sandbox.official.messages import RefusedError, parameter
from kling_nb.sandbox.tasks import Job, Parent, Task


@dataclass(frozen=True, slots=True)
class Order:
    """A create call that passed steps 4a-4e: what to render, what it costs, what was noticed."""

    job: Job
    units: Decimal
    external_id: str | None
    callback_url: str | None
    ignored: tuple[str, ...]
    notes: tuple[str, ...]
    voice: bool = False
    parent: Parent | None = None


def accept_order(
    box: Sandbox,
    order: Order,
    faults: tuple[Fault, ...],
    *,
    dialect: str,
    endpoint: str,
    unique: bool = True,
    public_id: str | None = None,
    request: dict[str, Any] | None = None,
    odd: bool = False,
) -> Task:
    """Take an order in; no other call can come between the steps.

    Parameters
    ----------
    box
        The shared state.
    order, faults
        What was asked for.
    dialect, endpoint
        Where the task is visible.
    unique
        Refuse an external id that the account has used before (M30).
    public_id, request, odd
        What a gateway shows and echoes, see `Task`.

    Raises
    ------
    RefusedError
        M30, M32 or M36, in this order.
    """
    job = order.job
    if unique and order.external_id and box.store.by_external_id(order.external_id):
        raise parameter(f"External_task_id {order.external_id} already exists")
    if not box.ledger.covers(order.units):
        raise RefusedError(1102)
    if box.store.running(job.model) >= box.config.quota:
        raise RefusedError(1303)
    now = box.clock.now_ms()
    task = Task(
        id=box.store.new_id(now),
        public_id=public_id,
        dialect=dialect,
        endpoint=endpoint,
        external_id=order.external_id,
        model=job.model,
        mode=job.mode,
        duration=job.duration,
        prompt=job.prompt,
        sound=job.sound,
        voice=order.voice,
        created=now,
        updated=now,
        units=order.units,
        watermark=job.watermark,
        callback_url=order.callback_url,
        parent=order.parent,
        ignored=order.ignored,
        notes=list(order.notes),
        request=request,
        refused=bool(job.refused),
        odd=odd,
    )
    box.accept(task, job, faults)
    return task


def visible(box: Sandbox, task: Task) -> bool:
    """Whether a query finds the task: not while the fault ``lost-create`` hides it."""
    return task.listed and task.visible_from <= box.clock.now()


def poll(box: Sandbox, task: Task) -> None:
    """Count one look at a task.

    Raises
    ------
    RefusedError
        5000, as often as the fault ``flap`` says.
    """
    if task.flaps > 0:
        task.flaps -= 1
        box.store.save(task)
        raise RefusedError(5000)
