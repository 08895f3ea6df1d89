"""A made-up fifth way to Kling, as somebody would add it: this module, and one line in the registry.

Its service is another one in everything that may differ: paths, words, how ids look, what it bills in.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from kling_nb.domain.capabilities import DefaultModel, Grid
from kling_nb.domain.cost import Cost
from kling_nb.domain.door import Door, Form
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.request import VideoRequest
from kling_nb.domain.task import RunStatus, Task
from kling_nb.domain.wire import Answer, Call
from kling_nb.errors import AuthError, InputError, ServiceError, TaskFailed, TaskNotFound
from kling_nb.providers.base import Pack, PollPolicy, Segment, Watch

KEY = "fifth-key-0123456789"

GRID = Grid.from_json({"kling-v2-6": {"std": {"5": ["start"]}, "pro": {"5": ["start"]}}})
WORDS = Grid.from_json({"kling-v2-6": {"std": {"5": ["text"]}, "pro": {"5": ["text"]}}})

DOOR = Door(
    name="fifth",
    title="Fifth Door",
    base_url="https://fifth.example",
    base_variables=("FIFTH_BASE",),
    key_variables=("FIFTH_KEY",),
    console_url="https://fifth.example/console",
    forms=("image2video", "text2video"),
    grids={"image2video": GRID, "text2video": WORDS},
    defaults={
        "image2video": DefaultModel("kling-v2-6", "std", 5),
        "text2video": DefaultModel("kling-v2-6", "std", 5),
    },
    local_images=False,
    callbacks=False,
)

STATES = {"new": RunStatus.SUBMITTED, "busy": RunStatus.PROCESSING, "ready": RunStatus.SUCCEEDED}


@dataclass(frozen=True, slots=True)
class Fifth:
    """The dialect."""

    name: str = "fifth"
    poll: PollPolicy = field(default_factory=lambda: PollPolicy(first_s=0.05, max_s=0.1))
    door: Door = DOOR
    has_external_id: bool = False
    watch: Watch = "singly"
    ids_per_call: int = 1

    def create(self, request: VideoRequest, external_task_id: str) -> Call:
        picture = None if request.image is None else request.image.url
        body = {"say": request.prompt, "with": request.model_name, "from": picture, "for": request.duration}
        return Call("POST", "/make", body=body, safe=False)

    def query(self, task_id: str, form: Form = "image2video") -> Call:
        return Call("GET", "/look", query={"what": task_id})

    def lookup(self, external_task_id: str, form: Form = "image2video") -> Call:
        raise InputError("no look-up", "", "")

    def list_tasks(self, page: int = 1, size: int = 30, form: Form = "image2video") -> Call:
        raise InputError("no list", "", "")

    def query_many(self, task_ids: Sequence[str], form: Form = "image2video") -> Call:
        return self.query(task_ids[0], form)

    def check(self, uuid: str) -> Call:
        return self.query(uuid)

    def account(self, start_ms: int, end_ms: int) -> Call | None:
        return Call("GET", "/purse")

    def recognize(self, image: str) -> Call | None:
        return None

    def decode_task(self, answer: Answer) -> Task:
        body = self._read(answer)
        return Task(body["what"], STATES[body["how"]], body["how"], video_url=body.get("film"), raw=body)

    def decode_list(self, answer: Answer) -> list[Task]:
        return [self.decode_task(answer)]

    def decode_check(self, answer: Answer) -> None:
        try:
            self._read(answer)
        except TaskNotFound:
            return

    def decode_account(self, answer: Answer) -> list[Pack]:
        left = self._read(answer)["left"]
        return [Pack("purse", "1", "money", "online", None, left, None, "shillings")]

    def decode_recognize(self, answer: Answer) -> list[Segment]:
        return []

    def findings(self, request: VideoRequest) -> list[Problem]:
        if "xylophone" not in request.prompt:
            return []
        return [Problem("L19", Severity.WARNING, "prompt", "the fifth door dislikes xylophones")]

    def estimate(self, request: VideoRequest) -> Cost:
        return Cost(Decimal(3), None, "official", "2026-11", "fifth's own list")

    def failure(self, task: Task) -> TaskFailed:
        return TaskFailed("The fifth door failed.", task.message, "")

    @staticmethod
    def _read(answer: Answer) -> dict[str, Any]:
        if answer.status == 401:
            raise AuthError("The key was refused.", "", "Set FIFTH_KEY.", http_status=401)
        if answer.status == 404:
            raise TaskNotFound("The fifth door knows no such thing.")
        try:
            body = json.loads(answer.body)
        except ValueError:
            body = None
        if not isinstance(body, dict) or answer.status >= 300:
            raise ServiceError("The fifth door mumbles.", http_status=answer.status)
        return body


class Service:
    """A stub of the service on this machine; ``made`` holds the bodies of all creates."""

    def __init__(self, film: bytes) -> None:
        self.made: list[dict[str, Any]] = []
        self.looks: dict[str, int] = {}
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self._admitted():
                    service.made.append(body)
                    self._say({"what": f"thing/{len(service.made)}", "how": "new"})

            def do_GET(self) -> None:
                place = urlsplit(self.path)
                if place.path == "/film.mp4":
                    assert "authorization" not in self.headers, "a key never goes to the place of a result"
                    self._bytes(200, film, "video/mp4")
                elif self._admitted():
                    self._look(place.path, parse_qs(place.query).get("what", [""])[0])

            def _look(self, path: str, what: str) -> None:
                if path == "/purse":
                    self._say({"left": 12.5})
                elif what not in {f"thing/{n + 1}" for n in range(len(service.made))}:
                    self._bytes(404, b"{}", "application/json")
                else:
                    service.looks[what] = service.looks.get(what, 0) + 1
                    ready = service.looks[what] > 2
                    film = {"film": f"{service.url}/film.mp4?of={quote(what, safe='')}"} if ready else {}
                    self._say({"what": what, "how": "ready" if ready else "busy", **film})

            def _admitted(self) -> bool:
                if self.headers.get("authorization") == f"Bearer {KEY}":
                    return True
                self._bytes(401, b"{}", "application/json")
                return False

            def _say(self, body: dict[str, Any]) -> None:
                self._bytes(200, json.dumps(body).encode(), "application/json")

            def _bytes(self, status: int, data: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the service."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
