"""Looking a task up by the external id it was created with (``spec/official-api.md`` §11)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kling_nb.errors import ServiceError, TaskNotFound
from kling_nb.transport.skew import with_fresh_token

if TYPE_CHECKING:
    from kling_nb.domain.door import Form
    from kling_nb.domain.task import Task
    from kling_nb.domain.wire import Answer, Call
    from kling_nb.transport.client import ServiceClient

R_contra = TypeVar("R_contra", contravariant=True)


class Dialect(Protocol[R_contra]):
    """What is needed of a provider here."""

    @property
    def has_external_id(self) -> bool:
        """Whether creates carry an id of ours that a task can be looked up by."""

    def create(self, request: R_contra, external_task_id: str, /) -> Call:
        """Return the call that creates the task."""

    def lookup(self, external_task_id: str, form: Form, /) -> Call:
        """Return the call that asks for it by its external id."""

    def decode_task(self, answer: Answer, /) -> Task:
        """Read the answer of either, or raise the error tree."""


def named_as(task: Task, external_task_id: str) -> Task:
    """Return a task that carries our id, or none at all.

    Parameters
    ----------
    task
        As the service answered.
    external_task_id
        What it was given; empty where the service knows no such ids.

    Raises
    ------
    ServiceError
        It carries another id: somebody else's task, whose result must not become that of this run.
    """
    if external_task_id and task.external_task_id not in (None, "", external_task_id):
        raise ServiceError(
            "The service answered for another task.",
            f"Asked for {external_task_id}, answered for {task.external_task_id}.",
            "Nothing of it is used; check the address of the service with `%kling doctor`.",
        )
    return task


async def look_up(
    client: ServiceClient, provider: Dialect[Any], external_task_id: str, form: Form = "image2video"
) -> Task | None:
    """Ask once for a task by its external id; safe, and retried like every query.

    Parameters
    ----------
    client
        Client of the service.
    provider
        Dialect.
    external_task_id
        Id given at creation.
    form
        What the task makes.

    Returns
    -------
    Task or None
        None when the service knows no such task.
    """

    async def ask() -> Task:
        answer = await client.fetch(provider.lookup(external_task_id, form))
        return named_as(provider.decode_task(answer), external_task_id)

    try:
        return await with_fresh_token(client, ask)
    except TaskNotFound:
        return None


async def search(
    client: ServiceClient,
    provider: Dialect[Any],
    external_task_id: str,
    form: Form = "image2video",
    *,
    times: int,
    span_s: float,
    before: Callable[[float], Awaitable[None]] | None = None,
) -> Task | None:
    """Look a task up as often as it takes to believe that it does not exist.

    Parameters
    ----------
    client, provider, external_task_id, form
        See :func:`look_up`.
    times, span_s
        How many look-ups, over how many seconds.
    before
        Told the seconds until each look-up.

    Returns
    -------
    Task or None
        None only after every look-up has said "not found".

    Raises
    ------
    ApiError, TransportError
        A look-up itself failed: nothing is known.
    """
    pause = span_s / max(times - 1, 1)
    for number in range(times):
        delay = pause if number else 0.0
        if before is not None:
            await before(delay)
        await asyncio.sleep(delay)
        found = await look_up(client, provider, external_task_id, form)
        if found is not None:
            return found
    return None
