"""A legacy video path: create, query one, list (``spec/official-api.md`` §7)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from starlette.routing import BaseRoute, Route

from kling_nb.sandbox.config import Config
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.official.messages import invalid, parameter
from kling_nb.sandbox.official.pipeline import Endpoint
from kling_nb.sandbox.official.siblings import unknown_path
from kling_nb.sandbox.official.views import DIALECT, created_view, task_view
from kling_nb.sandbox.orders import Order, accept_order, poll, visible
from kling_nb.sandbox.tasks import Task

PAGE_VALUE = re.compile("[0-9]{1,9}")
LARGEST_PAGE_NUMBER = 1000
LARGEST_PAGE = 500
USUAL_PAGE = 30

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
        unique = config.legacy_idempotency == "reject"
        task = accept_order(
            self._sandbox, order, call.faults, dialect=DIALECT, endpoint=self._path, unique=unique
        )
        return created_view(task)

    async def _query(self, call: Call) -> dict[str, Any]:
        escaped = call.request.scope["raw_path"].decode("latin-1")[len(self._path) + 1 :]
        wanted = unquote(escaped)
        store = self._sandbox.store
        task = store.get(wanted) or store.by_external_id(wanted)
        if task is None or task.endpoint != self._path or not visible(self._sandbox, task):
            raise parameter(f"Task not found by id/external id: {wanted}")
        return self._view(task)

    async def _list(self, call: Call) -> list[dict[str, Any]]:
        number = _page_value(call, "pageNum", 1, LARGEST_PAGE_NUMBER)
        size = _page_value(call, "pageSize", USUAL_PAGE, LARGEST_PAGE)
        newest = self._sandbox.store.newest_first()
        mine = [task for task in newest if task.endpoint == self._path and visible(self._sandbox, task)]
        return [self._view(task) for task in mine[(number - 1) * size : number * size]]

    def _view(self, task: Task) -> dict[str, Any]:
        poll(self._sandbox, task)
        return task_view(task, self._sandbox.files.url)


def _page_value(call: Call, name: str, usual: int, largest: int) -> int:
    text = call.request.query_params.get(name, "")
    if not text:
        return usual
    if not PAGE_VALUE.fullmatch(text) or not 1 <= int(text) <= largest:
        raise invalid(name, text)
    return int(text)
