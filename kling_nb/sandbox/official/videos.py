"""A legacy video path: create, query one, list (``spec/official-api.md`` §7)."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from starlette.routing import BaseRoute, Route

from kling_nb.sandbox.answers import dump
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.official.messages import RefusedError, invalid, parameter
from kling_nb.sandbox.official.pipeline import Endpoint
from kling_nb.sandbox.official.siblings import unknown_path
from kling_nb.sandbox.official.views import created_view, task_view
from kling_nb.sandbox.tasks import Job, Task

PAGE_VALUE = re.compile("[0-9]{1,9}")
DIALECT = "official"
LARGEST_PAGE_NUMBER = 1000
LARGEST_PAGE = 500
USUAL_PAGE = 30


@dataclass(frozen=True, slots=True)
class Order:
    """A create call that passed steps 4a-4e: what to render, what it costs, what was noticed."""

    job: Job
    units: Decimal
    external_id: str | None
    callback_url: str | None
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


ReadOrder = Callable[[Call, Config], Order]


class VideoPath:
    """The three calls of one legacy path.

    Parameters
    ----------
    sandbox
        The shared state.
    path
        For example ``/v1/videos/image2video``.
    read
        Steps 4a-4e for this path; refuses or returns an order.
    """

    def __init__(self, sandbox: Sandbox, path: str, read: ReadOrder) -> None:
        self._sandbox = sandbox
        self._path = path
        self._read = read

    def routes(self) -> list[BaseRoute]:
        """Return the routes; the id may hold any character, escaped."""
        many = Endpoint(self._sandbox, {"POST": self._create, "GET": self._list})
        one = Endpoint(self._sandbox, {"GET": self._query})
        slashed = unknown_path(self._sandbox, self._path + "/")  # reached with the switch ``strict`` only
        return [Route(self._path, many), slashed, Route(self._path + "/{id:path}", one)]

    async def _create(self, call: Call) -> dict[str, Any]:
        config = self._sandbox.config
        read = self._read
        order = await asyncio.to_thread(read, call, config) if call.large else read(call, config)
        return created_view(self._accept(order, call))

    def _accept(self, order: Order, call: Call) -> Task:
        """Do steps 5-8 of ``spec/sandbox.md`` §2; no other call can come between them."""
        box, job = self._sandbox, order.job
        taken = order.external_id and box.store.by_external_id(order.external_id)
        if taken and box.config.legacy_idempotency == "reject":
            raise parameter(f"External_task_id {order.external_id} already exists")
        if not box.ledger.covers(order.units):
            raise RefusedError(1102)
        if box.store.running(job.model) >= box.config.quota:
            raise RefusedError(1303)
        now = box.clock.now_ms()
        task = Task(
            id=box.store.new_id(now),
            dialect=DIALECT,
            endpoint=self._path,
            external_id=order.external_id,
            model=job.model,
            mode=job.mode,
            duration=job.duration,
            created=now,
            updated=now,
            units=order.units,
            watermark=job.watermark,
            callback_url=order.callback_url,
            ignored=order.ignored,
            notes=list(order.notes),
        )
        box.accept(task, job, call.faults)
        return task

    async def _query(self, call: Call) -> dict[str, Any]:
        escaped = call.request.scope["raw_path"].decode("latin-1")[len(self._path) + 1 :]
        wanted = unquote(escaped)
        store = self._sandbox.store
        task = store.get(wanted) or store.by_external_id(wanted)
        if task is None or task.endpoint != self._path or task.visible_from > time.time():
            raise parameter(f"Task not found by id/external id: {wanted}")
        self._flap(task)
        return self.view(task)

    async def _list(self, call: Call) -> list[dict[str, Any]]:
        number = _page_value(call, "pageNum", 1, LARGEST_PAGE_NUMBER)
        size = _page_value(call, "pageSize", USUAL_PAGE, LARGEST_PAGE)
        now = time.time()
        mine = [
            task
            for task in self._sandbox.store.newest_first()
            if task.endpoint == self._path and task.visible_from <= now
        ]
        page = mine[(number - 1) * size : number * size]
        for task in page:
            self._flap(task)
        return [self.view(task) for task in page]

    def _flap(self, task: Task) -> None:
        if task.flaps > 0:
            task.flaps -= 1
            self._sandbox.store.save(task)
            raise RefusedError(5000)

    def view(self, task: Task) -> dict[str, Any]:
        """Return a task as this path shows it."""
        return task_view(task, self._sandbox.files.url)


def callback_body(sandbox: Sandbox) -> Callable[[Task], bytes]:
    """Return the function that writes the bare callback body of a legacy task (§9)."""
    return lambda task: dump(task_view(task, sandbox.files.url))


def _page_value(call: Call, name: str, usual: int, largest: int) -> int:
    text = call.request.query_params.get(name, "")
    if not text:
        return usual
    if not PAGE_VALUE.fullmatch(text) or not 1 <= int(text) <= largest:
        raise invalid(name, text)
    return int(text)
