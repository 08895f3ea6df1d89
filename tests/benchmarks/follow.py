"""Submitting and following many tasks against a stub service in another process.

Three ways take turns on the same stub: a session (rows on disk, list polling, downloads), the transport
alone (no log, no files), and what most SDKs do (plain httpx, every task polled on its own). CPU is the
client's alone.

    python tests/benchmarks/follow.py [--tasks 2000] [--few 200] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - after the path

from kling_nb import providers  # noqa: E402 - runs from a checkout too
from kling_nb.domain.images import ImageRef  # noqa: E402
from kling_nb.domain.request import ImageToVideo  # noqa: E402
from kling_nb.domain.task import RunStatus  # noqa: E402
from kling_nb.providers.base import PollPolicy  # noqa: E402
from kling_nb.session import Session  # noqa: E402
from kling_nb.session.pool import Pace  # noqa: E402
from kling_nb.session.tracker import FollowPolicy  # noqa: E402
from kling_nb.transport.auth import Credential  # noqa: E402
from kling_nb.transport.client import ServiceClient  # noqa: E402
from kling_nb.transport.submit import create_task  # noqa: E402

LONGEST_S = 1.5
POLL_S = 0.2
GIVE_UP = 20
"""A way that needs more than this many times the ideal is called unfinished."""
KEY = "api-key-kling-benchmark"
IMAGE = ImageRef(url="https://example.com/boat.jpg", source="https://example.com/boat.jpg")


@dataclass
class Taken:
    """What one way of doing it took."""

    wall: float
    cpu: float
    polls: float
    finished: bool = True


@contextlib.contextmanager
def stub() -> Iterator[str]:
    """Start a fresh stub; yields its address."""
    script = Path(__file__).with_name("stub_service.py")
    process = subprocess.Popen(
        [sys.executable, str(script), "--longest", str(LONGEST_S)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait()


def polls(url: str, tasks: int) -> float:
    """Return the queries the stub has counted, a task."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/stub/counts") as answer:
        counts = json.load(answer)
    return (counts["query"] + counts["list"]) / tasks


def request(number: int) -> ImageToVideo:
    """Return one of many different requests."""
    return ImageToVideo(
        model_name="kling-v2-5-turbo", mode="pro", image=IMAGE, prompt=f"slow waves, take {number}"
    )


async def by_transport(url: str, tasks: int) -> bool:
    """Create everything at once, then ask for lists until all have ended."""
    dialect = providers.get("official")
    client = ServiceClient(url, Credential.api_key(KEY, "benchmark"))
    waiting: set[str] = set()

    async def create(number: int) -> None:
        task = await create_task(client, dialect, request(number), str(uuid.uuid4()))
        waiting.add(task.task_id)

    async def follow(creating: asyncio.Future[list[None]]) -> None:
        while not creating.done() or waiting:
            await asyncio.sleep(POLL_S)
            for page in range(1, tasks // 500 + 2):
                listed = dialect.decode_list(await client.fetch(dialect.list_tasks(page, 500)))
                waiting.difference_update(
                    task.task_id for task in listed if task.status is RunStatus.SUCCEEDED
                )
                if len(listed) < 500:
                    break

    creating = asyncio.gather(*(create(number) for number in range(tasks)))
    await asyncio.gather(creating, follow(creating))
    await client.aclose()
    return True


async def by_plain_httpx(url: str, tasks: int) -> bool:
    """Poll every task on its own with one shared client, as published SDKs do."""
    dialect = providers.get("official")
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as http:

        async def one(number: int) -> None:
            call = dialect.create(request(number), str(uuid.uuid4()))
            task_id = (await http.post(call.path, json=call.body)).json()["data"]["task_id"]
            while True:
                await asyncio.sleep(POLL_S)
                data = (await http.get(f"{call.path}/{task_id}")).json()["data"]
                if data["task_status"] == "succeed":
                    return

        try:
            async with asyncio.timeout(GIVE_UP * LONGEST_S):
                await asyncio.gather(*(one(number) for number in range(tasks)))
        except TimeoutError:
            return False
    return True


def by_session(url: str, tasks: int, folder: str) -> bool:
    """Do what a notebook does: a row before each request, followed, filed; videos on disk at the end."""
    pace = Pace(follow=FollowPolicy(list_floor_s=POLL_S), poll=PollPolicy(first_s=POLL_S, max_s=POLL_S))
    session = Session("official", folder, pace=pace, posters=False, api_key=KEY, api_base=url, quota=tasks)
    try:
        runs = [
            session.submit("https://example.com/boat.jpg", f"slow waves, take {number}", mode="pro")
            for number in range(tasks)
        ]
        for run in runs:
            run.wait(timeout=GIVE_UP * LONGEST_S)
    except TimeoutError:
        return False
    finally:
        session.close()
    return True


def timed(way: Callable[[str, str], bool], tasks: int) -> Taken:
    """Run one way on a fresh stub and in a fresh folder."""
    with stub() as url, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        finished = way(url, folder)
        return Taken(time.perf_counter() - wall, time.process_time() - cpu, polls(url, tasks), finished)


def table(tasks: int, rounds: int, *, session: bool, naive: bool) -> dict[str, Taken]:
    """Let the ways take turns and print the median of each."""
    ways: dict[str, Callable[[str, str], bool]] = {
        "transport alone": lambda url, _: asyncio.run(by_transport(url, tasks)),
    }
    if session:
        ways["session"] = lambda url, folder: by_session(url, tasks, folder)
    if naive:
        ways["plain httpx, own polls"] = lambda url, _: asyncio.run(by_plain_httpx(url, tasks))
    taken: dict[str, list[Taken]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(timed(way, tasks))
    print(f"\n{tasks} tasks, ideal {LONGEST_S} s, median of {rounds}")
    print(f"{'':26}{'wall':>9}{'/ ideal':>9}{'CPU a task':>13}{'polls a task':>14}")
    result = {}
    for name, items in taken.items():
        middle = Taken(
            statistics.median(item.wall for item in items),
            statistics.median(item.cpu for item in items),
            statistics.median(item.polls for item in items),
            all(item.finished for item in items),
        )
        result[name] = middle
        print(
            f"{name:26}{middle.wall:7.2f} s{middle.wall / LONGEST_S:9.2f}{middle.cpu / tasks * 1e3:10.2f} ms"
            f"{middle.polls:14.3f}{'' if middle.finished else '   unfinished'}"
        )
    return result


def main() -> int:
    """Measure many tasks for the wall time and few for CPU and polls."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--few", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-session", action="store_true", help="measure the transport only")
    options = parser.parse_args()
    session = not options.no_session
    many = table(options.tasks, options.rounds, session=session, naive=False)
    few = table(options.few, options.rounds, session=session, naive=True)
    own = "session" if session else "transport alone"
    goals = {
        f"{options.tasks} tasks within 2.5 x ideal": many[own].wall <= 2.5 * LONGEST_S and many[own].finished,
        f"at most 0.1 polls a task with {options.few} in flight": few[own].polls <= 0.1,
    }
    print()
    for text, met in goals.items():
        print(f"{'met   ' if met else 'MISSED'} {text}")
    ratio = few["plain httpx, own polls"].cpu / few[own].cpu
    print(f"       plain httpx with own polls needs {ratio:.1f} x the CPU of {own}")
    return 0 if all(goals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
