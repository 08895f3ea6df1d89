"""Raw calls of the gateway dialects against a local sandbox: plain httpx, nothing of the package's client."""

from __future__ import annotations

import time
from typing import Any

import httpx
from legacy_wire import IMAGE, picture

VIDEOS, TASKS = "/kling/videos", "/kling/tasks"
GENERATIONS = "/v2/video/generations"
V1 = "kling-video/v1/standard/image-to-video"
NO_KEY = (
    "This request requires a valid API key. You can create a new API key on the Billing page: "
    "https://aimlapi.com/app/keys"
)
NO_CREDITS = (
    "You've run out of credits. Please top up your balance or update your payment method to continue: "
    "https://aimlapi.com/app/billing/"
)


class Gateway:
    """What both gateways have in common: a credential, a create call and a poll until the end."""

    ended: Any
    create_path: str
    poll_method: str
    poll_path: str
    missing_header: tuple[int, str]

    def __init__(self, sandbox: Any, credential: str) -> None:
        self.sandbox = sandbox
        self.headers = {"Authorization": f"Bearer {credential}"}

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = self.headers | (options.pop("headers", None) or {})
        return self.sandbox.http.request(method, path, headers=headers, **options)

    def create(self, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        return self.request("POST", self.create_path, json=self.body(**fields), headers=headers)

    def created(self, headers: dict[str, str] | None = None, **fields: Any) -> str:
        answer = self.create(headers, **fields)
        assert answer.status_code == 200, answer.text
        return self.task_id(answer.json())

    def finished(self, task_id: str, seconds: float = 180.0) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            answer = self.poll(task_id)
            assert answer.status_code == 200, answer.text
            if self.is_ended(answer.json()):
                return answer.json()
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.01)

    def delivered(self, headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
        return self.finished(self.created(headers, **fields))

    def body(self, **fields: Any) -> dict[str, Any]:
        return {key: value for key, value in (self.usual() | fields).items() if value is not ...}

    def debug(self, task_id: str) -> dict[str, Any]:
        answer = self.request("GET", f"/sandbox/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()


class AceData(Gateway):
    """The AceData dialect; fields given as ``...`` are left out of the usual body."""

    create_path, poll_method, poll_path = VIDEOS, "POST", TASKS

    def __init__(self, sandbox: Any) -> None:
        super().__init__(sandbox, sandbox.acedata_token)
        self.image = sandbox.upload(picture())

    def usual(self) -> dict[str, Any]:
        return {
            "action": "image2video",
            "async": True,
            "model": "kling-v2-6",
            "prompt": "slow waves",
            "start_image_url": self.image,
        }

    def poll(self, task_id: str) -> httpx.Response:
        return self.request("POST", TASKS, json={"id": task_id, "action": "retrieve"})

    def task_id(self, answer: dict[str, Any]) -> str:
        return answer["task_id"]

    def is_ended(self, record: dict[str, Any]) -> bool:
        return "finished_at" in record

    def message(self, ended: dict[str, Any]) -> str:
        return ended["response"]["error"]["message"]

    def url(self, ended: dict[str, Any]) -> str:
        return ended["response"]["video_url"]

    def refusal(self, answer: httpx.Response) -> tuple[int, str, str]:
        """Return HTTP status, code and message of an error answer, checking its form."""
        body = answer.json()
        assert set(body) == {"error", "trace_id"}
        assert set(body["error"]) == {"code", "message"}
        return answer.status_code, body["error"]["code"], body["error"]["message"]


class Aiml(Gateway):
    """The AI/ML dialect; fields given as ``...`` are left out of the usual body."""

    create_path, poll_method, poll_path = GENERATIONS, "GET", GENERATIONS

    def __init__(self, sandbox: Any) -> None:
        super().__init__(sandbox, sandbox.aimlapi_key)

    def usual(self) -> dict[str, Any]:
        return {"model": V1, "image_url": f"data:image/png;base64,{IMAGE}", "prompt": "slow waves"}

    def poll(self, task_id: str) -> httpx.Response:
        return self.request("GET", GENERATIONS, params={"generation_id": task_id})

    def task_id(self, answer: dict[str, Any]) -> str:
        return answer["id"]

    def is_ended(self, record: dict[str, Any]) -> bool:
        return record["status"] in ("completed", "error")

    def message(self, ended: dict[str, Any]) -> str:
        return ended["error"]["message"]

    def url(self, ended: dict[str, Any]) -> str:
        return ended["video"]["url"]

    def refusal(self, answer: httpx.Response) -> tuple[int, str]:
        """Return HTTP status and message of an error answer, checking its form."""
        body = answer.json()
        assert set(body) == {"message", "path", "requestId", "statusCode", "timestamp"}
        assert body["statusCode"] == answer.status_code
        assert body["path"] == answer.request.url.path
        return answer.status_code, body["message"]


def hint(answer: httpx.Response) -> str:
    """Return the second line of a ``Body validation error``."""
    assert answer.status_code == 400, answer.text
    first, second = answer.json()["message"].split("\n", 1)
    assert first == "Body validation error"
    return second
