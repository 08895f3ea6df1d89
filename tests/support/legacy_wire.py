"""Raw calls of the legacy API against a local sandbox: plain httpx, none of the package's own client."""

from __future__ import annotations

import base64
import io
import time
from typing import Any

import httpx
import numpy as np
from PIL import Image

PATH = "/v1/videos/image2video"
GRAY = (120, 130, 140)


def picture(width: int = 300, height: int = 300, kind: str = "PNG", color: tuple[int, ...] = GRAY) -> bytes:
    """Return a plain picture file."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), color).save(buffer, kind)
    return buffer.getvalue()


def encoded(pixels: np.ndarray) -> str:
    """Return an RGB array as a raw Base64 PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return raw64(buffer.getvalue())


def raw64(data: bytes) -> str:
    """Return raw Base64 text."""
    return base64.b64encode(data).decode()


IMAGE = raw64(picture())
PATH_UP = [{"x": 10, "y": 10}, {"x": 10, "y": 90}]


def group(mask: str = IMAGE, trajectories: Any = None) -> dict[str, Any]:
    """Return one dynamic mask."""
    return {"mask": mask, "trajectories": PATH_UP if trajectories is None else trajectories}


def request(**fields: Any) -> dict[str, Any]:
    """Return a create body; a field given as ``...`` is left out."""
    body = {"model_name": "kling-v2-5-turbo", "image": IMAGE, "prompt": "slow waves"} | fields
    return {key: value for key, value in body.items() if value is not ...}


def get(url: str, **options: Any) -> httpx.Response:
    """GET an address, with no credential and with time enough for a machine that is busy."""
    with httpx.Client(verify=False, trust_env=False, timeout=60) as client:
        return client.get(url, **options)


def create(sandbox: Any, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    """POST a create call."""
    return sandbox.http.post(PATH, json=request(**fields), headers=headers)


def created(sandbox: Any, *, headers: dict[str, str] | None = None, **fields: Any) -> str:
    """POST a create call that must be accepted; return the task id."""
    answer = create(sandbox, headers=headers, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["task_id"]


def query(sandbox: Any, task_id: str) -> dict[str, Any]:
    """GET a task that must exist."""
    answer = sandbox.http.get(f"{PATH}/{task_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def finished(sandbox: Any, task_id: str, seconds: float = 180.0) -> dict[str, Any]:
    """Poll a task to its end."""
    deadline = time.monotonic() + seconds
    while True:
        task = query(sandbox, task_id)
        if task["task_status"] in ("succeed", "failed"):
            return task
        assert time.monotonic() < deadline, task
        time.sleep(0.01)


def delivered(sandbox: Any, **fields: Any) -> dict[str, Any]:
    """Create a task and return it at its end."""
    return finished(sandbox, created(sandbox, **fields))


def refusal(answer: httpx.Response) -> tuple[int, int, str]:
    """Return HTTP status, code and message of an error answer, checking its form."""
    body = answer.json()
    assert set(body) == {"code", "message", "request_id"}
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    return answer.status_code, body["code"], body["message"]
