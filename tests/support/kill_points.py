"""A process that is killed with SIGKILL at a chosen point between the start of a submit and its download.

Run as a program it loads everything once and then forks a child for each line it reads (a JSON object with
``prompt`` and either ``point`` or ``after`` seconds), so that a kill costs no second interpreter start. The
child kills itself at the point; kills after a time come from outside.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from quick_sessions import QUICK, finish, textured_picture

from kling_nb.providers.official import Official
from kling_nb.runlog import InputStore, RunLog
from kling_nb.session import Session, facade, filing, following, sending
from kling_nb.session.pool import Pace
from kling_nb.transport import download, partfile
from kling_nb.transport.client import ServiceClient


def die(*_: Any, **__: Any) -> None:
    """End like a machine that loses its power, as far as the process is concerned."""
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, when: Callable[..., bool] = lambda *_, **__: True) -> Callable[[], None]:
    """Die instead of making a call."""
    original = getattr(owner, name)

    def patched(*args: Any, **kwargs: Any) -> Any:
        if when(*args, **kwargs):
            die()
        return original(*args, **kwargs)

    return lambda: setattr(owner, name, patched)


def after(owner: Any, name: str, when: Callable[..., bool] = lambda *_, **__: True) -> Callable[[], None]:
    """Die as soon as a call has returned."""
    original = getattr(owner, name)

    def patched(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if when(*args, **kwargs):
            die()
        return result

    return lambda: setattr(owner, name, patched)


def after_answer(method: str) -> Callable[[], None]:
    """Die when an answer has arrived and before anything is made of it."""
    original = ServiceClient._attempt

    async def patched(self: Any, wire: Any, call: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await original(self, wire, call, *args, **kwargs)
        if call.method == method:
            die()
        return answer

    return lambda: setattr(ServiceClient, "_attempt", patched)


def writes(name: str) -> Callable[..., bool]:
    """Whether a change of the log sets this column."""
    return lambda _, changes: any(change.columns.get(name) is not None for change in changes)


def releases(_: Any, changes: Any) -> bool:
    """Whether a change of the log gives a lease back."""
    return any(change.releases for change in changes)


POINTS: dict[str, Callable[[], None]] = {
    "inputs stored": after(InputStore, "put"),
    "before the row": before(RunLog, "claim"),
    "after the row": after(RunLog, "claim"),
    "before following": before(following.Follower, "start"),
    "before sending_at": before(RunLog, "apply", writes("sending_at")),
    "after sending_at": after(RunLog, "apply", writes("sending_at")),
    "request written": before(ServiceClient, "_exchange"),
    "create answered": after_answer("POST"),
    "create understood": after(Official, "decode_task"),
    "before the task id": before(RunLog, "apply", writes("task_id")),
    "after the task id": after(RunLog, "apply", writes("task_id")),
    "before the first query": before(Official, "query"),
    "query answered": after_answer("GET"),
    "before started": before(RunLog, "apply", writes("started_at")),
    "after started": after(RunLog, "apply", writes("started_at")),
    "before the end": before(RunLog, "apply", writes("finished_at")),
    "after the end": after(RunLog, "apply", writes("finished_at")),
    "before the download": before(filing.Filer, "_fetch"),
    "file opened": after(partfile.PartWriter, "_opened"),
    "first bytes written": after(partfile.PartWriter, "write"),
    "before the rename": before(download, "_replace"),
    "after the rename": after(download, "_replace"),
    "before the sidecar": before(filing, "write_sidecar"),
    "after the sidecar": after(filing, "write_sidecar"),
    "before downloaded": before(RunLog, "apply", writes("downloaded_at")),
    "after downloaded": after(RunLog, "apply", writes("downloaded_at")),
    "before the lease is released": before(RunLog, "apply", releases),
}
"""Steps of a run in their order; each kills at one place."""

assert facade.Session is Session
assert sending.RESEND_WITHIN.days


def session_at(home: str, sandbox_home: str, pace: Pace = QUICK) -> Session:
    """The session of the drill."""
    return Session(provider="sandbox", home=home, sandbox_home=sandbox_home, pace=pace, quota=500)


def cell(order: dict[str, Any], home: str, sandbox_home: str, started: int) -> None:
    """What the killed kernel does: one cell."""
    session = session_at(home, sandbox_home)
    if point := order.get("point"):
        POINTS[point]()
    os.write(started, b"!")
    finish(session.submit(textured_picture(), order["prompt"]))
    session.close()


def main(home: str, sandbox_home: str) -> None:
    """Fork, kill, report: one line for each order, the signal that ended the child (0: it ran through)."""
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                cell(order, home, sandbox_home, writing)
            finally:
                os._exit(0)
        os.close(writing)
        os.read(reading, 1)
        if (seconds := order.get("after")) is not None:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(reading)
        print(json.dumps(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
