"""``GET /tasks`` and ``POST /tasks``: every official task in the shape of the new API (§8.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.routing import BaseRoute, Route

from kling_nb.sandbox.config import MONTH_S
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.official.body import Body
from kling_nb.sandbox.official.messages import parameter
from kling_nb.sandbox.official.pipeline import Endpoint
from kling_nb.sandbox.official.siblings import unknown_path
from kling_nb.sandbox.official.views import DIALECT, new_view
from kling_nb.sandbox.official.windows import passes, read_filters, read_window
from kling_nb.sandbox.orders import poll, visible
from kling_nb.sandbox.tasks import State, Task

PATH = "/tasks"
MOST_IDS = 20
PRODUCT = "video"
FILTERS = {"status": tuple(State), "product_type": (PRODUCT, "image", "try_on")}


class TaskQueries:
    """The two calls of ``/tasks``; tasks of the legacy paths are among the answers."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[BaseRoute]:
        """Return the route, and the one reached with the switch ``strict`` only."""
        handlers = {"GET": self._some, "POST": self._search}
        tasks = Endpoint(self._sandbox, handlers, "new", creates=False)
        return [Route(PATH, tasks), unknown_path(self._sandbox, PATH + "/", "new")]

    async def _some(self, call: Call) -> list[dict[str, Any]]:
        ids, external = _ids(call, "task_ids"), _ids(call, "external_task_ids")
        if ids and external:
            raise parameter("task_ids and external_task_ids can not be used at the same time")
        if not ids and not external:
            raise parameter("task_ids or external_task_ids is required")
        if len(ids or external) > MOST_IDS:
            raise parameter("task_ids and external_task_ids cannot exceed 20 in total")
        store = self._sandbox.store
        found = map(store.get, ids) if ids else map(store.by_external_id, external)
        return [self._view(task) for task in found if task is not None and self._is_mine(task)]

    async def _search(self, call: Call) -> dict[str, Any]:
        body = Body(call.body, strict=self._sandbox.config.strict)
        now = self._sandbox.clock.now_ms()
        window = read_window(body, (now - MONTH_S * 1000, now))
        asked = read_filters(body, FILTERS)
        page, cursor, more = window.page(self._matching(asked), _place)
        views = [self._view(task) for task in page]
        return {"result": views, "count": len(views), "next_cursor": cursor, "has_more": more}

    def _matching(self, asked: dict[str, list[str]]) -> Iterator[Task]:
        for task in self._sandbox.store.newest_first():
            facts = {"status": task.state.value, "product_type": PRODUCT}
            if self._is_mine(task) and passes(asked, facts):
                yield task

    def _is_mine(self, task: Task) -> bool:
        return task.dialect == DIALECT and visible(self._sandbox, task)

    def _view(self, task: Task) -> dict[str, Any]:
        poll(self._sandbox, task)
        return new_view(task, self._sandbox.files.url)


def _place(task: Task) -> tuple[int, int]:
    return task.created, int(task.id)


def _ids(call: Call, name: str) -> list[str]:
    """Return the ids of one parameter, each once, in the order given."""
    given = ",".join(call.request.query_params.getlist(name))
    return list(dict.fromkeys(part.strip() for part in given.split(",") if part.strip()))
