"""A service that speaks every dialect and answers as it was told to: rightly, or in any way that means harm.

Each call is a create, a question (query, list, look-up) or a file. A plan lists what happens to the next
calls of each kind; when it is used up the service answers rightly, so that every honest run comes to its end.
Each task's video holds the words of its prompt: whoever has it knows whose it is.
"""

from __future__ import annotations

import contextlib
import json
import re
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hypothesis import strategies as st

KEY = "sk-hostile-0123456789abcdef0123456789"
HEAD = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
CREATE = re.compile(r"/v1/videos/text2video|/text-to-video/[^/]+|/kling/videos|/v2/video/generations")
Plan = dict[str, list[tuple[Any, ...]]]

odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "",
            "../../../evil",
            "a/b",
            "C:\\x",
            "\x00",
            "\u202egpj",
            "x" * 5000,
            "<script>alert(1)</script>",
            "%2e%2e%2f",
            "file:///etc/passwd",
            "http://[",
            "http://169.254.169.254/x.mp4",
            "javascript:1",
            "//x",
            "data:,x",
            "succeed",
            "failed",
            "completed",
            "error",
            "5.041",
            "NaN",
            "-1",
            10**30,
            -1,
            1e308,
            KEY,
            f"Bearer {KEY}",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
statuses = st.sampled_from(
    [200, 201, 204, 206, 301, 302, 307, 400, 401, 402, 403, 404, 408, 410, 413, 418, 429]
) | (st.sampled_from([500, 502, 503, 504, 520, 599]))
bodies = (
    st.binary(max_size=40)
    | odd.map(lambda value: json.dumps(value).encode())
    | st.sampled_from(
        [
            b"",
            b"<html><script>1</script></html>",
            b"\xff\xfe\x00",
            b"[" * 3000,
            b'{"code":0',
            b'{"a":1' + b"0" * 5000 + b"}",
        ]
    )
)
heads = st.sampled_from(
    [
        (),
        (("Content-Encoding", "gzip"),),
        (("Location", "{thief}"),),
        (("Location", "file:///etc/passwd"),),
        (("Set-Cookie", "a=b"),),
        (("Date", "yesterday"),),
        (("Retry-After", "soon"),),
        (("Content-Type", "text/html"),),
        (("Content-Length", "999999999"),),
        (("Transfer-Encoding", "chunked"),),
    ]
)
moves = st.one_of(
    st.just(("right",)),
    st.just(("other",)),
    st.just(("hang up",)),
    st.just(("half",)),
    st.just(("late",)),
    st.just(("echo",)),
    st.tuples(st.just("say"), statuses, heads, bodies),
    st.tuples(st.just("change"), statuses | st.just(200), st.integers(0, 40), odd),
    st.tuples(st.just("change"), st.just(200), st.integers(0, 40), odd),
)
plans = st.fixed_dictionaries(
    {kind: st.lists(moves, max_size=longest) for kind, longest in (("create", 2), ("ask", 4), ("file", 2))}
)


@dataclass
class Made:
    """A task as the service knows it."""

    task_id: str
    prompt: str
    external_id: str


@dataclass
class Hostile:
    """The service, and a second host that waits for what it must never get."""

    plan: Plan = field(default_factory=dict)
    tasks: dict[str, Made] = field(default_factory=dict)
    creates: list[str] = field(default_factory=list)
    stolen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 829611643369439283
        self._servers = [_serve(self._answer), _serve(self._steal)]
        self.url, self.thief = (f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers)

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _steal(self, _method: str, path: str, head: str, _body: bytes) -> Iterator[bytes]:
        if KEY in head or "authorization" in head.lower():
            self.stolen.append(f"{path}: {head}")
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"

    # --- right answers ----------------------------------------------------------------------------------

    def _make(self, body: bytes) -> Made:
        asked = json.loads(body)
        external = asked.get("external_task_id") or asked.get("options", {}).get("external_task_id") or ""
        with self._lock:
            self._next += 1
            made = Made(str(self._next), _prompt(body), external)
            self.tasks[made.task_id] = made
        return made

    def _find(self, some_id: str) -> Made | None:
        every = (
            task for task in self.tasks.values() if some_id and some_id in (task.task_id, task.external_id)
        )
        return next(every, None)

    def _legacy(self, made: Made, fresh: bool) -> dict[str, Any]:
        view: dict[str, Any] = {
            "task_id": made.task_id,
            "task_status": "submitted" if fresh else "succeed",
            "task_status_msg": "",
            "task_info": {"external_task_id": made.external_id},
            "created_at": int(time.time() * 1000),
            "updated_at": int(time.time() * 1000),
        }
        if not fresh:
            video = {"id": made.task_id + "1", "url": self._file(made), "duration": "5.041"}
            view |= {"task_result": {"videos": [video]}, "final_unit_deduction": "2.5"}
        return view

    def _new(self, made: Made, fresh: bool) -> dict[str, Any]:
        view: dict[str, Any] = {
            "id": made.task_id,
            "status": "submitted" if fresh else "succeeded",
            "create_time": int(time.time() * 1000),
            "update_time": int(time.time() * 1000),
            "external_id": made.external_id,
        }
        video = {"type": "video", "id": made.task_id + "1", "url": self._file(made), "duration": "5.041"}
        return view if fresh else view | {"message": "", "outputs": [video], "billing": []}

    def _record(self, made: Made) -> dict[str, Any]:
        inner = {
            "success": True,
            "video_id": "1",
            "video_url": self._file(made),
            "duration": "5.1",
            "state": "succeed",
        }
        inner["task_id"] = made.task_id
        return {
            "id": made.task_id,
            "type": "videos",
            "response": inner,
            "created_at": 1.5,
            "finished_at": 2.5,
        }

    def _generation(self, made: Made, fresh: bool) -> dict[str, Any]:
        if fresh:
            return {"id": made.task_id, "status": "queued"}
        return {"id": made.task_id, "status": "completed", "video": {"url": self._file(made)}, "error": None}

    def _file(self, made: Made) -> str:
        return f"{self.url}/files/{made.task_id}.mp4"

    def _right(
        self, method: str, path: str, query: dict[str, list[str]], body: bytes, wrong: bool
    ) -> tuple[int, Any]:
        """Return the right answer, or the right one about another task than the one that is asked for."""
        if method == "POST" and CREATE.fullmatch(path):
            made = self._make(body)
            shown = self._stranger(made) if wrong else made
            if path.startswith("/kling"):
                return 200, {"success": True, "task_id": shown.task_id, "trace_id": "t"}
            if path.startswith("/v2"):
                return 200, self._generation(shown, fresh=True)
            view = self._new if path.startswith("/text-to-video") else self._legacy
            return 200, _enveloped(view(shown, True))
        return self._asked(path, query, body, wrong)

    def _asked(self, path: str, query: dict[str, list[str]], body: bytes, wrong: bool) -> tuple[int, Any]:
        if path == "/tasks":
            wanted = (query.get("task_ids") or query.get("external_task_ids") or [""])[0].split(",")
            return 200, _enveloped([self._new(made, False) for made in self._all(wanted, wrong)])
        if path == "/kling/tasks":
            asked = json.loads(body)
            if asked["action"] == "retrieve_batch":
                items = [self._record(made) for made in self._all(asked["ids"], wrong)]
                return 200, {"items": items, "count": len(items)}
            return 200, next(iter([self._record(made) for made in self._all([asked["id"]], wrong)]), {})
        if path.startswith("/v2"):
            found = self._all(query.get("generation_id", [""]), wrong)
            return (
                (200, self._generation(found[0], False))
                if found
                else (404, {"message": "Generation not found"})
            )
        if path == "/v1/videos/text2video":
            return 200, _enveloped([self._legacy(made, False) for made in self.tasks.values()])
        found = self._all([unquote(path.rpartition("/")[2])], wrong)
        if not found:
            return 400, {"code": 1201, "message": "Task not found by id/external id: x", "request_id": "r"}
        return 200, _enveloped(self._legacy(found[0], False))

    def _all(self, wanted: list[str], wrong: bool) -> list[Made]:
        found = [made for some in wanted if (made := self._find(some)) is not None]
        return [self._stranger(made) for made in found] if wrong else found

    def _stranger(self, made: Made) -> Made:
        """Return somebody else's task, whose video everybody may fetch."""
        others = [task for task in self.tasks.values() if task.prompt != made.prompt]
        return others[0] if others else Made("7", "of a stranger", "a-stranger")

    # --- what is sent -----------------------------------------------------------------------------------

    def _answer(self, method: str, target: str, head: str, body: bytes) -> Iterator[bytes]:
        parts = urlsplit(target)
        path, query = parts.path, parse_qs(parts.query)
        kind = "file" if path.startswith("/files/") else "ask"
        if method == "POST" and CREATE.fullmatch(path):
            kind = "create"
        with self._lock:
            left = self.plan.get(kind, [])
            move = left.pop(0) if left else ("right",)
        if kind == "create" and not (move[0] in ("say", "change") and move[1] == 429):
            # 429 promises that nothing was made: after it, and after it alone, a create may be sent again.
            self.creates.append(_prompt(body))
        if move[0] == "late":
            time.sleep(0.05)
        if kind == "file":
            made = self.tasks.get(path.rpartition("/")[2].removesuffix(".mp4"))
            whole = (
                _whole(200, (), HEAD + f"video of {made.prompt}".encode() + bytes(2000))
                if made
                else _whole(404)
            )
        else:
            status, answer = self._right(method, path, query, body, move[0] == "other")
            if move[0] == "change":
                status, answer = move[1], _changed(answer, move[2], move[3])
            whole = _whole(status, (("Content-Type", "application/json"),), json.dumps(answer).encode())
        if move[0] == "echo":
            said = {
                "code": 1201,
                "message": f"your {head}",
                "request_id": KEY,
                "error": {"code": KEY, "message": head},
            }
            whole = _whole(400, (), json.dumps(said).encode())
        if move[0] == "say":
            fields = tuple((name, value.format(thief=f"{self.thief}/x.mp4")) for name, value in move[2])
            whole = _whole(move[1], fields, move[3])
        if move[0] != "hang up":
            yield whole[: len(whole) // 2] if move[0] == "half" else whole


def _prompt(body: bytes) -> str:
    asked = json.loads(body)
    texts = [item["text"] for item in asked.get("contents", ()) if item.get("type") == "prompt"]
    return str(asked.get("prompt") or texts[0])


def _enveloped(data: Any) -> dict[str, Any]:
    return {"code": 0, "message": "SUCCEED", "request_id": "r", "data": data}


def _whole(status: int, fields: Any = (), body: bytes = b"") -> bytes:
    lines = {"Content-Length": str(len(body)), **dict(fields)}
    head = f"HTTP/1.1 {status} Word\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return head.encode() + b"Connection: close\r\n\r\n" + body


def _changed(value: Any, place: int, new: Any) -> Any:
    """Return JSON with one of its nodes replaced."""
    places = list(_places(value))
    if not places:
        return new
    holder, name = places[place % len(places)]
    holder[name] = new
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in list(inside):
        yield value, name
        yield from _places(item)


def _serve(answer: Any) -> socketserver.ThreadingTCPServer:
    class Handler(socketserver.StreamRequestHandler):
        timeout = 10

        def handle(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                first = self.rfile.readline().decode("latin-1").split(" ")
                head = ""
                while (line := self.rfile.readline().decode("latin-1").strip()) != "":
                    head += line + "\n"
                length = re.search(r"(?im)^content-length: (\d+)$", head)
                body = self.rfile.read(int(length[1])) if length else b""
                for part in answer(first[0], first[1], head, body):
                    self.wfile.write(part)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 100

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
