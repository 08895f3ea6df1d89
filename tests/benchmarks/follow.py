"""Submitting and following many tasks against a stub service in another process.

Three ways take turns on the same stub: the transport alone (what other SDKs do: no log, no files), a session
(six writes a run into the log, list polling, video and sidecar on disk), and what most SDKs do (plain httpx,
every task polled on its own). CPU is the client's alone; a small batch before the first round has loaded
everything. Two more tables: how soon the end of a task is noticed, against a loop of a fixed interval that
makes as many calls, and how long a cell takes while tasks are followed.

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
from kling_nb.domain.door import Form  # noqa: E402
from kling_nb.domain.images import ImageRef  # noqa: E402
from kling_nb.domain.request import VideoRequest  # noqa: E402
from kling_nb.domain.task import RunStatus, Task  # noqa: E402
from kling_nb.providers.base import PollPolicy  # noqa: E402
from kling_nb.session import Session  # noqa: E402
from kling_nb.session.pool import Pace  # noqa: E402
from kling_nb.session.tracker import FollowPolicy, Tracker  # noqa: E402
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
def stub(shortest: float = 0.5, longest: float = LONGEST_S) -> Iterator[str]:
    """Start a fresh stub; yields its address."""
    script = Path(__file__).with_name("stub_service.py")
    process = subprocess.Popen(
        [sys.executable, str(script), "--shortest", str(shortest), "--longest", str(longest)],
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


def ask(url: str) -> dict[str, int]:
    """Ask the stub itself for something."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def polls(url: str, tasks: int) -> float:
    """Return the queries the stub has counted, a task."""
    counts = ask(f"{url}/stub/counts")
    return (counts["query"] + counts["list"]) / tasks


def request(number: int) -> VideoRequest:
    """Return one of many different requests."""
    return VideoRequest(
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


@dataclass
class Clockwork:
    """Tasks that end at known times, asked without a network: only the rhythm of asking is measured."""

    ends: dict[str, float]
    poll: PollPolicy
    calls: int = 0
    asked_pause: float = 0.0
    watch: str = "pages"

    @property
    def provider(self) -> Clockwork:
        """The dialect as far as the tracker asks for it."""
        return self

    def view(self, task_id: str) -> Task:
        done = time.monotonic() >= self.ends[task_id]
        return Task(task_id, RunStatus.SUCCEEDED if done else RunStatus.PROCESSING, "word")

    async def query(self, task_id: str, form: Form) -> Task:
        self.calls += 1
        return self.view(task_id)

    async def list_tasks(self, page: int, size: int, form: Form) -> list[Task]:
        self.calls += 1
        return [self.view(task_id) for task_id in list(self.ends)[(page - 1) * size : page * size]]


async def noticed_by_tracker(tasks: int, scale: float, span: float) -> tuple[float, float]:
    """Return the median delay and the calls a second of the tracker, with all times divided by ``scale``."""
    official = PollPolicy()
    poll = PollPolicy(official.first_s / scale, 0.0, 1e9, official.max_s / scale, official.jitter)
    begin = time.monotonic()
    ends = {str(n): begin + span * (0.5 + n / tasks) for n in range(tasks)}
    service = Clockwork(ends, poll)
    tracker = Tracker(service, FollowPolicy(list_floor_s=1.0 / scale))  # type: ignore[arg-type]  # no network

    async def one(task_id: str) -> float:
        # Old enough for the longest interval of the policy.
        await tracker.watch(task_id, age=1e6, report=lambda _: None, note=lambda _: None)
        return time.monotonic() - ends[task_id]

    delays = await asyncio.gather(*map(one, ends))
    return statistics.median(delays[: tasks // 2]) * scale, service.calls / (time.monotonic() - begin) / scale


async def noticed_by_loops(tasks: int, scale: float, span: float, interval: float) -> tuple[float, float]:
    """Return the same for one loop a task with a fixed interval."""
    begin = time.monotonic()
    ends = {str(n): begin + span * (0.5 + n / tasks) for n in range(tasks)}
    service = Clockwork(ends, PollPolicy())

    async def one(number: int, task_id: str) -> float:
        await asyncio.sleep(interval / scale * number / tasks)
        while (await service.query(task_id, "image2video")).status is not RunStatus.SUCCEEDED:  # noqa: ASYNC110 - a poll loop
            await asyncio.sleep(interval / scale)
        return time.monotonic() - ends[task_id]

    delays = await asyncio.gather(*(one(number, task_id) for number, task_id in enumerate(ends)))
    return statistics.median(delays[: tasks // 2]) * scale, service.calls / (time.monotonic() - begin) / scale


def noticing(tasks: int = 30, scale: float = 15.0, span: float = 3.0) -> float:
    """Compare with a fixed loop of 15 s (times shown in real seconds, run ``scale`` times faster).

    Of the tasks the first half to end counts: as long as 15 and more are in flight.
    """
    own = asyncio.run(noticed_by_tracker(tasks, scale, span))
    loops = asyncio.run(noticed_by_loops(tasks, scale, span, interval=15.0))
    print(f"\n{tasks // 2} and more tasks in flight: the end is noticed after (median)")
    print(f"{'shared list':26}{own[0]:7.2f} s{own[1]:9.2f} calls a second")
    print(f"{'loops of 15 s':26}{loops[0]:7.2f} s{loops[1]:9.2f} calls a second")
    return loops[0] / own[0]


def cell() -> float:
    """Return the seconds a small piece of work takes on the main thread."""
    begin = time.perf_counter()
    sum(number * number for number in range(20_000))
    return time.perf_counter() - begin


def cells(more: Callable[[], bool] = lambda: False) -> list[float]:
    """Run cells for some seconds, as a person does: with pauses; at least until ``more`` says no."""
    times: list[float] = []
    while len(times) < 200 or more():
        time.sleep(0.01)
        times.append(cell())
    return times


def p95(times: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(times, n=20)[-1]


def main_thread(tasks: int) -> float:
    """Compare cells while many runs are followed, and while they all end, with idle ones before and after.

    Returns
    -------
    float
        How much longer a cell takes (p95) while the runs are in flight.
    """
    times = {"idle": cells()}
    far = 3600.0
    with stub(far, far) as url, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        pace = Pace(poll=PollPolicy(first_s=POLL_S, max_s=POLL_S))
        session = Session(
            "official", folder, pace=pace, posters=False, api_key=KEY, api_base=url, quota=tasks
        )
        runs = [
            session.submit("https://example.com/boat.jpg", f"slow waves, take {number}", mode="pro")
            for number in range(tasks)
        ]
        while any(run.task_id is None for run in runs):
            time.sleep(0.1)
        times["in flight"] = cells()
        ask(f"{url}/stub/finish")
        times["ending, videos stored"] = cells(lambda: not all(run.done for run in runs))
        session.close()
    times["idle"] += cells()
    idle = p95(times["idle"])
    print(f"\na cell in a kernel with {tasks} runs")
    print(f"{'':26}{'median':>9}{'p95':>12}{'/ idle':>9}{'longest':>12}")
    for name, taken in times.items():
        middle, late, most = statistics.median(taken), p95(taken), max(taken)
        print(f"{name:26}{middle * 1e3:6.2f} ms{late * 1e3:9.2f} ms{late / idle:9.2f}{most * 1e3:9.2f} ms")
    return p95(times["in flight"]) / idle


def main() -> int:
    """Measure many tasks for the wall time, few for CPU and polls, then noticing and the main thread."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--few", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-session", action="store_true", help="measure the transport only")
    options = parser.parse_args()
    session = not options.no_session
    with contextlib.redirect_stdout(None):
        table(20, 1, session=session, naive=True)
    many = table(options.tasks, options.rounds, session=session, naive=False)
    few = table(options.few, options.rounds, session=session, naive=True)
    sooner = noticing()
    slower = main_thread(options.tasks) if session else 1.0
    naive = few["plain httpx, own polls"]
    wire = "transport alone"
    goals = {
        f"{options.tasks} tasks within 2.5 x ideal (as other SDKs work: no log, no files)": (
            many[wire].wall <= 2.5 * LONGEST_S and many[wire].finished
        ),
        f"CPU a task at most 1/5 of plain httpx with {options.few} in flight": few[wire].cpu <= naive.cpu / 5,
        f"at most 0.1 polls a task with {options.few} in flight": few[wire].polls <= 0.1,
        f"an end is noticed 10 x sooner than by loops of 15 s ({sooner:.0f} x)": sooner >= 10,
        f"a cell takes at most 1.5 x as long while {options.tasks} runs are followed ({slower:.2f} x)": slower
        <= 1.5,
    }
    print()
    for text, met in goals.items():
        print(f"{'met   ' if met else 'MISSED'} {text}")
    if session:
        ratio = few["session"].cpu / naive.cpu
        print(
            f"       a session with its log, videos and sidecars needs {ratio:.1f} x the CPU of plain httpx"
        )
    return 0 if all(goals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
