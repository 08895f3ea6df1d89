"""A task is found by either of its ids, at whichever place the service asks for it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from kling_nb import providers
from kling_nb.domain.wire import Answer
from kling_nb.errors import TaskNotFound
from kling_nb.session.attaching import search_forms

TASK_ID, EXTERNAL_ID = "893605946402811985", "job-2"


class Service:
    """Knows one task at one place; counts what it was asked."""

    base_url = "https://example.com"

    def __init__(self, door, place, data):
        self.provider = providers.get(door)
        self.client = SimpleNamespace(fetch=self.fetch, credential=None, clock_skew=None)
        self.place = place
        self.data = data
        self.asked = []

    async def fetch(self, call):
        self.asked.append((call.path, *call.query.items()))
        if self.asked[-1] == self.place:
            return self.answer(200, {"code": 0, "data": self.data})
        if call.path == "/tasks":
            return self.answer(200, {"code": 0, "data": []})
        return self.answer(400, {"code": 1201, "message": "Task not found by id/external id: x"})

    def answer(self, status, body):
        return Answer(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(("name", "some_id"), [("task_ids", TASK_ID), ("external_task_ids", EXTERNAL_ID)])
async def test_new_api_by_its_id_and_by_ours(name, some_id):
    task = {"id": TASK_ID, "external_id": EXTERNAL_ID, "status": "processing"}
    service = Service("official-new", ("/tasks", (name, some_id)), [task])
    found = await search_forms(service, some_id, None)
    assert (found.task.task_id, found.form, found.endpoint) == (TASK_ID, None, "/tasks")


@pytest.mark.parametrize("form", ["image2video", "text2video", "extend"])
@pytest.mark.parametrize("some_id", [TASK_ID, EXTERNAL_ID])
async def test_legacy_api_asks_each_path_once(form, some_id):
    paths = {"image2video": "image2video", "text2video": "text2video", "extend": "video-extend"}
    place = f"/v1/videos/{paths[form]}/{some_id}"
    service = Service("official", (place,), {"task_id": TASK_ID, "task_status": "processing"})
    found = await search_forms(service, some_id, None)
    assert (found.task.task_id, found.form) == (TASK_ID, form)
    assert found.endpoint == f"/v1/videos/{paths[form]}"
    assert len(service.asked) == len(set(service.asked))


@pytest.mark.parametrize("door", ["official", "official-new"])
async def test_nowhere(door):
    with pytest.raises(TaskNotFound):
        await search_forms(Service(door, ("/nowhere",), None), "unknown", None)
