"""Raw calls of the new API, text to video and extension against a local sandbox: plain httpx."""

from __future__ import annotations

import time
from typing import Any

import httpx
from legacy_wire import IMAGE

TEXT = "/v1/videos/text2video"
EXTEND = "/v1/videos/video-extend"
RECOGNIZE = "/v1/videos/image-recognize"
FRAME = {"type": "first_frame", "url": IMAGE}
TAIL = {"type": "last_frame", "url": IMAGE}


def said(text: str) -> dict[str, str]:
    """Return a prompt item."""
    return {"type": "prompt", "text": text}


WAVES = said("slow waves")


def image_body(*more: dict[str, Any], contents: Any = None, **rest: Any) -> dict[str, Any]:
    """Return an image-to-video body: prompt, start frame and more items."""
    return {"contents": [WAVES, FRAME, *more] if contents is None else contents} | rest


def post(sandbox: Any, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    """POST a body; a keyword is a header."""
    return sandbox.http.post(path, json=body, headers=headers)


def accepted(answer: httpx.Response) -> str:
    """Return the task id of a create answer of either API."""
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    return data.get("id") or data["task_id"]


def tasks(sandbox: Any, *ids: str, name: str = "task_ids") -> list[dict[str, Any]]:
    """GET ``/tasks`` for some ids."""
    answer = sandbox.http.get("/tasks", params={name: ",".join(ids)})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def ended(sandbox: Any, task_id: str, seconds: float = 180.0) -> dict[str, Any]:
    """Poll ``/tasks`` until a task has ended."""
    deadline = time.monotonic() + seconds
    while True:
        (task,) = tasks(sandbox, task_id)
        if task["status"] in ("succeeded", "failed"):
            return task
        assert time.monotonic() < deadline, task
        time.sleep(0.01)
