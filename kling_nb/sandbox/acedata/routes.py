"""All paths of the AceData dialect: create, poll, and the answer to what it does not serve."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from starlette.routing import BaseRoute, Route

from kling_nb.sandbox.acedata.create import DIALECT, answers_at_once, read_order
from kling_nb.sandbox.acedata.manner import AceDataManner, UpstreamFailedError
from kling_nb.sandbox.acedata.records import Records, callback_view, created_view, finished_view
from kling_nb.sandbox.answers import dump
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call, Exchange
from kling_nb.sandbox.official.messages import RefusedError, parameter
from kling_nb.sandbox.orders import accept_order, poll, visible
from kling_nb.sandbox.tasks import Task

WAIT_STEP_S = 0.02


class AceData:
    """The two calls of the gateway."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._records = Records(sandbox.files.url, lambda: sandbox.config.tricky_snapshots)

    def routes(self) -> list[BaseRoute]:
        """Return the routes; anything else under ``/kling`` is refused with ``no_api``."""
        box, manner = self._sandbox, AceDataManner(self._sandbox)
        return [
            Route("/kling/videos", Exchange(box, {"POST": self._create}, manner)),
            Route("/kling/tasks", Exchange(box, {"POST": self._tasks}, manner, creates=False)),
            Route("/kling/{rest:path}", Exchange(box, {}, manner)),
        ]

    async def _create(self, call: Call) -> dict[str, Any]:
        order = read_order(call, self._sandbox)
        task = accept_order(
            self._sandbox,
            order,
            call.faults,
            dialect=DIALECT,
            endpoint=call.request.url.path,
            public_id=str(uuid.uuid4()),
            request=call.body,
        )
        return created_view(task) if answers_at_once(call.body) else await self._ended(task)

    async def _ended(self, task: Task) -> dict[str, Any]:
        """Hold the call until the task ends (``spec/sandbox.md`` §9)."""
        deadline = time.monotonic() + self._sandbox.config.blocking_cap
        while not task.state.final:
            forgotten = self._sandbox.store.get(task.id) is None  # by a reset
            if forgotten or time.monotonic() > deadline:
                raise RefusedError(5002)
            await asyncio.sleep(WAIT_STEP_S)
        if task.video is None:
            raise UpstreamFailedError(task.message)
        return finished_view(task, self._sandbox.files.url)

    async def _tasks(self, call: Call) -> dict[str, Any]:
        action = call.body.get("action")
        if action == "retrieve":
            wanted = call.body.get("id")
            if not isinstance(wanted, str) or not wanted:
                raise parameter("id is required")
            return next(iter(self._found([wanted])), {})
        if action == "retrieve_batch":
            ids = call.body.get("ids")
            if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
                raise parameter("ids is required")
            items = self._found(ids)
            return {"items": items, "count": len(items)}
        raise parameter("action is not supported")

    def _found(self, ids: list[str]) -> list[dict[str, Any]]:
        found = (self._sandbox.store.by_public_id(one, DIALECT) for one in ids)
        tasks = [task for task in found if task is not None and visible(self._sandbox, task)]
        for task in tasks:
            poll(self._sandbox, task)
        return [self._records.polled(task) for task in tasks]

    def callback(self, task: Task) -> bytes | None:
        """Return what is posted to the callback address: the ``response``, at the end only."""
        return dump(callback_view(task, self._sandbox.files.url)) if task.state.final else None


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the routes of the dialect."""
    gateway = AceData(sandbox)
    sandbox.callback_bodies[DIALECT] = gateway.callback
    sandbox.unsigned_callbacks.add(DIALECT)
    return gateway.routes()
