"""All paths of the AI/ML dialect: create, poll, balance, and the answer to what it does not serve."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from decimal import Decimal
from typing import Any

from starlette.routing import BaseRoute, Route

from kling_nb.domain.capabilities import USD_PER_UNIT
from kling_nb.sandbox.aiml.create import read_order
from kling_nb.sandbox.aiml.manner import AimlManner, Generation, InvalidFieldError, NotFoundError
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call, Exchange
from kling_nb.sandbox.orders import Order, accept_order, poll, visible
from kling_nb.sandbox.tasks import State, Task

DIALECT = "aiml"
PATH = "/v2/video/generations"
ID_BYTES = 16
ID_LENGTH = 21
AWKWARD_EVERY = 3
CREDITS_PER_UNIT = 90_000
WORDS = {
    State.SUBMITTED: "queued",
    State.PROCESSING: "generating",
    State.SUCCEEDED: "completed",
    State.FAILED: "error",
}


class Aiml:
    """The calls of the gateway."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[BaseRoute]:
        """Return the routes; anything else under ``/v2`` is unknown."""
        box, manner = self._sandbox, AimlManner(self._sandbox)
        return [
            Route(PATH, Exchange(box, {"POST": self._create, "GET": self._poll}, manner)),
            Route("/v2/billing", Exchange(box, {"GET": self._billing}, manner)),
            Route("/v2/{rest:path}", Exchange(box, {}, manner)),
        ]

    async def _create(self, call: Call) -> Generation:
        order = await asyncio.to_thread(read_order, call) if call.large else read_order(call)
        task = accept_order(
            self._sandbox,
            order,
            call.faults,
            dialect=DIALECT,
            endpoint=call.request.url.path,
            public_id=self._new_id(call.body["model"]),
            odd=self._odd(order),
        )
        return self._generation(task)

    def _new_id(self, model: str) -> str:
        if self._sandbox.config.awkward_ids and (len(self._mine()) + 1) % AWKWARD_EVERY == 0:
            return f"{uuid.uuid4()}:{model}"
        return secrets.token_urlsafe(ID_BYTES)[:ID_LENGTH]

    def _odd(self, order: Order) -> bool:
        """Whether this refused task tells it in the unusual form: every second one, if switched on."""
        if not order.job.refused or not self._sandbox.config.tricky_errors:
            return False
        refused = (task for task in self._mine() if task.refused)
        last = next(refused, None)
        return last is not None and not last.odd

    def _mine(self) -> list[Task]:
        return [task for task in self._sandbox.store.newest_first() if task.dialect == DIALECT]

    async def _poll(self, call: Call) -> Generation:
        wanted = call.request.query_params.get("generation_id", "")
        if not wanted:
            raise InvalidFieldError("generation_id: Required")
        task = self._sandbox.store.by_public_id(wanted, DIALECT)
        if task is None or not visible(self._sandbox, task):
            raise NotFoundError
        poll(self._sandbox, task)
        return self._generation(task)

    async def _billing(self, _call: Call) -> dict[str, Any]:
        left = Decimal(str(self._sandbox.ledger.pack()["remaining_quantity"])) * USD_PER_UNIT
        return {"current_balance": float(left), "currency": "USD"}

    def _generation(self, task: Task) -> Generation:
        return Generation(self._view(task), str(uuid.uuid5(uuid.NAMESPACE_OID, task.id)))

    def _view(self, task: Task) -> dict[str, Any]:
        """Return a task in the one schema of create and poll (``spec/gateways.md`` §3.2)."""
        view: dict[str, Any] = {"id": task.public_id, "status": WORDS[task.state]}
        if task.state is State.SUBMITTED:
            return view
        if task.state is State.PROCESSING:
            view["status"] = task.fault("status") or view["status"]
            return view | {"video": None, "error": None, "meta": None}
        if task.odd:
            return view | {"error": _detail(task)}
        if task.video is None:
            error = {"name": "UpstreamError", "message": task.message}
            return view | {"video": None, "error": error, "meta": None}
        url = self._sandbox.files.url(task, task.video.id)
        spent = int(task.units * CREDITS_PER_UNIT)
        return view | {"video": {"url": url}, "error": None, "meta": {"usage": {"credits_used": spent}}}


def _detail(task: Task) -> dict[str, Any]:
    detail = {"loc": ["body", "model"], "msg": task.message, "type": "unsupported", "input": task.model}
    return {"detail": [detail]}


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the routes of the dialect."""
    return Aiml(sandbox).routes()
