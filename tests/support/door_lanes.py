"""Processes that submit through one door each and may be killed at any moment.

Run as a program it loads everything once. Each line it reads is a wave: a list of jobs (JSON objects), each
carried out by a forked child, all at the same time, on one run log and one sandbox. A job says which lane,
what to do (``table``, ``storm`` or ``resume``) and after how many creates of its lane it is killed with
SIGKILL. The answer is one line: the signals that ended the children.

Children write two files that survive them: ``acks.jsonl`` (a submit has returned) and ``wire.jsonl`` (a
create is about to leave, its answer has come).
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
from quick_sessions import QUICK, textured_picture

from kling_nb.domain.task import RunStatus
from kling_nb.runlog import slots
from kling_nb.session import Run, Session
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.connection import Timeouts

PATIENT_S = 60.0
"""Time limit of a call whose answer must come: lost, it is another ending than the one stated."""

IMPATIENT_S = 5.0
"""Time limit of a create whose answer is delayed: far above what a machine needs to accept it, and far below
the ``delay`` of the table."""

POLLS_SPOILED = (
    "/v1/videos/*",
    "/tasks",
    "/kling/tasks",
    "/v2/video/generations",
)
CHAOS = (
    "code:1302", "code:1303", "code:5000", "code:5001", "code:5002", "http:502", "http:504", "drop-before",
    "drop-after", "truncate", "code-after:5002",
)  # fmt: skip
DIRECTIVE = re.compile(r"\s*\[\[sandbox:.*?\]\]", re.DOTALL)


@dataclass(frozen=True)
class Lane:
    """One way of submitting.

    Parameters
    ----------
    provider
        The door.
    path
        Where its creates go, as a pattern for the fault queue.
    forms
        What it makes, in turn.
    """

    provider: str
    path: str
    forms: tuple[str, ...]


LANES = {
    "legacy-image": Lane("sandbox", "/v1/videos/image2video", ("image",)),
    "legacy-text": Lane("sandbox", "/v1/videos/text2video", ("text",)),
    "legacy-extend": Lane("sandbox", "/v1/videos/video-extend", ("extend",)),
    "new-image": Lane("sandbox-official-new", "/image-to-video/*", ("image",)),
    "new-text": Lane("sandbox-official-new", "/text-to-video/*", ("text",)),
    "acedata": Lane("sandbox-acedata", "/kling/videos", ("image", "text", "extend")),
    "aimlapi": Lane("sandbox-aimlapi", "/v2/video/generations", ("image", "text")),
}
CREATES = re.compile(
    r"/v1/videos/(image2video|text2video|video-extend)|/(image|text)-to-video/[^/]+|/kling/videos"
    r"|/v2/video/generations"
)
PACE = replace(QUICK, poll=replace(QUICK.poll, first_s=0.1, max_s=0.3))
CAREFUL = replace(PACE, submit=replace(PACE.submit, lookup_span_s=1.5))
"""Where kernels are killed: the service may still be reading what a dead one has sent."""
PICTURE = textured_picture()


def session_of(job: dict[str, Any]) -> Session:
    """A session of the drill; every call names its door."""
    return Session(
        provider="sandbox",
        home=job["home"],
        sandbox_home=job["sandbox_home"],
        pace=PACE if job["do"] == "table" else CAREFUL,
        quota=5000,
        posters=False,
    )


def name_of(prompt: str) -> str:
    """Return what a prompt is known by: without its directives, which the service strips."""
    return DIRECTIVE.sub("", prompt).strip()


def lines(path: Path) -> list[dict[str, Any]]:
    """Return what the children wrote down; a line that a kill cut short does not count."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


class Notes:
    """A file to which many processes append whole lines."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, **fields: Any) -> None:
        """Append one line, in one piece."""
        os.write(self._file, json.dumps(fields).encode() + b"\n")


def record_creates(home: str, lane: str) -> None:
    """Write down each create before it leaves and each answer when it has come, unless that is too late."""
    notes, original = Notes(Path(home) / "wire.jsonl"), ServiceClient._exchange

    async def recorded(self: Any, http: Any, call: Any, url: str, content: Any, **rest: Any) -> Any:
        if call.method != "POST" or not CREATES.fullmatch(urlsplit(url).path):
            return await original(self, http, call, url, content, **rest)
        body = json.loads(content)
        texts = [item["text"] for item in body.get("contents", ()) if item["type"] == "prompt"]
        prompt = body.get("prompt") or texts[0]
        told = {"lane": lane, "name": name_of(prompt)}
        if told["name"] in Worker.late or is_delay(prompt.removeprefix("[[sandbox:")):
            rest["limit"] = IMPATIENT_S
        key = body.get("external_task_id") or body.get("options", {}).get("external_task_id")
        notes.write(sent=True, key=key, **told)
        answer = await original(self, http, call, url, content, **rest)
        notes.write(status=answer.status, whole=_is_json(answer.body), **told)
        return answer

    ServiceClient._exchange = recorded  # type: ignore[method-assign]


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def is_delay(fault: str) -> bool:
    """Whether a fault makes an answer come too late: its create, and no other call, is impatient."""
    return fault.startswith("delay:")


class Worker:
    """What one child does.

    Parameters
    ----------
    job
        ``lane``, ``home``, ``sandbox_home``, ``sources`` (runs whose clips are made longer), ``orders`` (each
        ``prompt`` and ``number``, and for a table ``queue``: the fault of its create), ``seed``, and ``calm``
        for a storm without faults.
    """

    late: ClassVar[set[str]] = set()
    """Names of the orders whose create meets a delay out of the queue."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.lane = LANES[job["lane"]]
        self.acks = Notes(Path(job["home"]) / "acks.jsonl")
        self.session = session_of(job)
        info = self.session.sandbox()
        assert info is not None
        self.http = httpx.Client(
            base_url=info.url,
            headers={"Authorization": f"Bearer {info.api_key}"},
            trust_env=False,
            timeout=30,
        )

    def submit(self, order: dict[str, Any]) -> Run:
        """Submit one order, in the form whose turn it is."""
        form = self.lane.forms[order["number"] % len(self.lane.forms)]
        prompt, provider = order["prompt"], self.lane.provider
        if form == "extend":
            run = self.session.extend(self.job["sources"][provider], prompt, provider=provider)
        else:
            run = self.session.submit(PICTURE if form == "image" else None, prompt, provider=provider)
        self.acks.write(lane=self.job["lane"], name=name_of(prompt), run=run.id)
        return run

    def fault(self, spec: str, method: str, path: str) -> None:
        """Queue a fault for the next matching call."""
        match = {"method": method, "path": path}
        answer = self.http.post("/sandbox/faults", json={"spec": spec, "match": match})
        assert answer.status_code == 201, answer.text

    def table(self) -> None:
        """Faults of the prompt all at once; those of the queue one by one, each for its create."""
        orders = self.job["orders"]
        endless = [order for order in orders if "stuck" in order["prompt"]]
        alone = [order for order in orders if "queue" in order]
        runs = [self.submit(order) for order in orders if order not in (*alone, *endless)]
        for order in alone:
            if is_delay(order["queue"]):
                Worker.late.add(name_of(order["prompt"]))
            self.fault(order["queue"], "POST", self.lane.path)
            run = self.submit(order)
            self.until(lambda run=run: run.done or run.task_id is not None)
            runs.append(run)
        self.settle(runs)
        # Last, for 1303 has told that there are no more slots than tasks, and these never give theirs back.
        runs = [self.submit(order) for order in endless]
        # In the log, which is what is looked at afterwards: a run knows it sooner.
        rows = self.session.log
        self.until(lambda: all(rows.get(run.id).status is RunStatus.PROCESSING for run in runs))

    def storm(self) -> None:
        """What a kernel does after a restart: go on with what is there, then run all its cells."""
        rng = random.Random(self.job["seed"])
        runs = self.session.resume(send=False)
        orders = list(self.job["orders"])
        rng.shuffle(orders)
        for order in orders:
            if not self.job.get("calm") and rng.random() < 0.4:
                self.fault(rng.choice(CHAOS), "POST", self.lane.path)
            if not self.job.get("calm") and rng.random() < 0.4:
                self.fault(rng.choice(CHAOS), "", rng.choice(POLLS_SPOILED))
            runs.append(self.submit(order))
            time.sleep(rng.random() * 0.02)
        self.settle(runs)
        if self.job.get("calm") and "killed_after" in self.job:
            time.sleep(300)  # Who is to die does, however late the knife comes.

    def resume(self) -> None:
        """What a person does in the end."""
        self.settle(self.session.resume(send=self.job["send"]))

    def settle(self, runs: list[Run]) -> None:
        """Wait for the end of all runs."""
        self.until(lambda: all(run.done for run in runs))

    def open_runs(self) -> list[str]:
        """Return what the runs that have not ended say, for the message of a failure."""
        mine = [run for run in self.session.unfinished() if self.job["lane"] in (run.record.prompt or "")]
        return [f"{run.record.prompt} {run.status} {run.message}" for run in mine][:8]

    def until(self, condition: Any) -> None:
        """Wait for something that must happen."""
        deadline = time.monotonic() + 300
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"lane {self.job['lane']} does not come to its end: {self.open_runs()}")
            time.sleep(0.01)


def child(job: dict[str, Any]) -> int:
    """Carry out a job; return the exit code."""
    try:
        Timeouts.answer = lambda *_: PATIENT_S  # type: ignore[method-assign]
        # How long a request without an answer counts as a task, and how long a refusal for want of slots is
        # believed: minutes and hours in real life.
        slots.SENDING_S = slots.LEARNT_S = 2.0
        record_creates(job["home"], job["lane"])
        worker = Worker(job)
        getattr(worker, job["do"])()
        worker.session.close()
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def wave(jobs: list[dict[str, Any]]) -> list[int]:
    """Carry out jobs at the same time; return how each ended: the signal, or minus the exit code."""
    wire = Path(jobs[0]["home"]) / "wire.jsonl"
    before = _creates(wire)
    children: dict[int, dict[str, Any]] = {}
    for job in jobs:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = child(job)
            finally:
                sys.stderr.flush()
                os._exit(code)
        children[pid] = job
    ended: dict[int, int] = {}
    while len(ended) < len(children):
        now = _creates(wire)
        for pid, job in children.items():
            if pid in ended:
                continue
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                ended[pid] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)
            elif now.get(job["lane"], 0) - before.get(job["lane"], 0) >= job.get("killed_after", sys.maxsize):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    return [ended[pid] for pid in children]


def _creates(wire: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in lines(wire):
        if line.get("sent"):
            counts[line["lane"]] = counts.get(line["lane"], 0) + 1
    return counts


def jobs_of(text: Iterator[str]) -> Iterator[list[dict[str, Any]]]:
    """Read waves."""
    for line in text:
        yield json.loads(line)


if __name__ == "__main__":
    for asked in jobs_of(iter(sys.stdin)):
        print(json.dumps(wave(asked)), flush=True)
