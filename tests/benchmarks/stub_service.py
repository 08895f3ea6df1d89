"""A stub of the official legacy service, fast enough not to be what is measured.

Run as a script it prints its port and serves until its standard input closes. Tasks end at random times
after the *first* create, so the ideal end of a batch is known beforehand; every answer is prepared text
around the few fields that differ.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import sys
import threading
import time

CREATE = "/v1/videos/image2video"
FINISH_S = 2.0
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(20_000)
ENVELOPE = '{"code":0,"message":"SUCCEED","request_id":"9984d27b-a408-4073-ae28-17ca6a13622d","data":%s}'


class Stub:
    """Tasks by id; what is asked is counted."""

    def __init__(self, shortest: float, longest: float) -> None:
        self.span = (shortest, longest)
        self.due: dict[str, tuple[float, str]] = {}
        self.ids: dict[str, str] = {}
        self.counts = {"create": 0, "query": 0, "list": 0, "file": 0}
        self.first = 0.0
        self.next = 829611643369439283
        self.random = random.Random(7)
        self.port = 0

    def create(self, body: bytes) -> str:
        self.counts["create"] += 1
        external = json.loads(body).get("external_task_id", "")
        task_id = str(self.next)
        self.next += 1
        self.first = self.first or time.time()
        due = self.first + self.random.uniform(*self.span)
        self.due[task_id] = (due, external)
        self.ids[external] = task_id
        return ENVELOPE % self.view(task_id, fresh=True)

    def view(self, task_id: str, fresh: bool = False) -> str:
        due, external = self.due[task_id]
        done = not fresh and time.time() >= due
        word = "succeed" if done else "submitted"
        head = (
            f'{{"task_id":"{task_id}","task_status":"{word}","task_status_msg":"",'
            f'"task_info":{{"external_task_id":"{external}"}},"created_at":1765823347996,"updated_at":1765823347996'
        )
        if not done:
            return head + "}"
        url = f"http://127.0.0.1:{self.port}/files/{task_id}.mp4?Expires=1"
        videos = f'"task_result":{{"videos":[{{"id":"1","url":"{url}","duration":"5.041"}}]}}'
        return f'{head},{videos},"final_unit_deduction":"2.5"}}'

    def page(self, query: str) -> str:
        self.counts["list"] += 1
        wanted = dict(item.split("=") for item in query.split("&") if "=" in item)
        size, number = int(wanted.get("pageSize", 30)), int(wanted.get("pageNum", 1))
        newest = list(reversed(self.due))[(number - 1) * size : number * size]
        return ENVELOPE % f"[{','.join(map(self.view, newest))}]"

    def finish(self) -> bytes:
        """Let all tasks end within the next seconds, whenever they were due."""
        for task_id, (_, external) in self.due.items():
            self.due[task_id] = (time.time() + self.random.uniform(0, FINISH_S), external)
        return b"{}"

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes, str]:
        path, _, query = target.partition("?")
        if path == "/stub/counts":
            return 200, json.dumps(self.counts).encode(), "application/json"
        if path == "/stub/finish":
            return 200, self.finish(), "application/json"
        if path.startswith("/files/"):
            self.counts["file"] += 1
            return 200, VIDEO, "video/mp4"
        if method == "POST" and path == CREATE:
            return 200, self.create(body).encode(), "application/json"
        if path == CREATE:
            return 200, self.page(query).encode(), "application/json"
        task_id = path.removeprefix(CREATE + "/")
        self.counts["query"] += 1
        task_id = self.ids.get(task_id, task_id)
        if task_id not in self.due:
            text = {
                "code": 1201,
                "message": f"Task not found by id/external id: {task_id}",
                "request_id": "x",
            }
            return 400, json.dumps(text).encode(), "application/json"
        return 200, (ENVELOPE % self.view(task_id)).encode(), "application/json"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, target, _ = head.split("\r\n", 1)[0].split(" ")
                found = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
                length = int(found[1]) if found else 0
                body = await reader.readexactly(length) if length else b""
                status, data, kind = self.answer(method, target, body)
                self.port = writer.get_extra_info("sockname")[1]
                top = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n"
                top += f"content-length: {len(data)}\r\n\r\n"
                writer.write(top.encode() + data)
        writer.close()


async def main(shortest: float, longest: float) -> None:
    """Serve until standard input closes."""
    stub = Stub(shortest, longest)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, limit=1 << 24)
    stub.port = server.sockets[0].getsockname()[1]
    print(stub.port, flush=True)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait_for_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    await ended.wait()
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shortest", type=float, default=0.5)
    parser.add_argument("--longest", type=float, default=1.5)
    options = parser.parse_args()
    asyncio.run(main(options.shortest, options.longest))
