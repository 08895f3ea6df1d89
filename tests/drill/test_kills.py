"""SIGKILL between the start of a submit and the end of its download: every run recovered, one charge each."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kill_points import POINTS, session_at
from quick_sessions import QUICK, finish, textured_picture

from kling_nb.domain.task import RunStatus
from kling_nb.transport.client import ServiceClient

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

CAREFUL = replace(QUICK, submit=replace(QUICK.submit, lookup_span_s=1.5))
"""How a person goes on: late enough for the service to have read what the last of the dead has sent."""

OFFSETS = [0.01 * step for step in range(30)] + [0.3 + 0.05 * step for step in range(10)]


def orders() -> list[dict[str, Any]]:
    named = [{"prompt": f"boat at {point}", "point": point} for point in POINTS]
    timed = [{"prompt": f"boat after {offset:.2f} s", "after": offset} for offset in OFFSETS]
    return named + timed


def killed(home: Path, sandbox_home: Path) -> Counter[int]:
    """Give all orders to one zygote and count the signals that ended its children."""
    program = Path(__file__).parents[1] / "support" / "kill_points.py"
    asked = "".join(json.dumps(order) + "\n" for order in orders())
    done = subprocess.run(
        [sys.executable, str(program), str(home), str(sandbox_home)],
        input=asked,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Counter(json.loads(line) for line in done.stdout.splitlines())


def calls_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the methods of all calls to the service from now on.

    Its tasks would not tell: it may still be reading what the last of the dead has sent.
    """
    methods: list[str] = []
    original = ServiceClient._exchange

    def noted(self: Any, http: Any, call: Any, *rest: Any, **named: Any) -> Any:
        methods.append(call.method)
        return original(self, http, call, *rest, **named)

    monkeypatch.setattr(ServiceClient, "_exchange", noted)
    return methods


@pytest.mark.parametrize("idempotency", ["reject", "ignore"])
def test_every_killed_run_is_recovered_with_one_charge(
    sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idempotency: str
) -> None:
    sandbox.config(quota=500, workers=8, queued=0.05, min_processing=0.2, legacy_idempotency=idempotency)
    home = tmp_path / "runs"
    signals = killed(home, sandbox.home)
    assert signals[signal.SIGKILL] >= 40
    with session_at(str(home), str(sandbox.home), CAREFUL) as session:
        left = {record.id for record in session.log.records()}
        # What happens by itself when the extension is loaded: follow and look up, never send.
        asked = calls_of(monkeypatch)
        for run in session.resume(send=False):
            finish(run)
        assert asked and set(asked) == {"GET"}
        # What a person does then: resume, and run the cells again.
        session.resume(wait=True)
        unfinished = session.unfinished()
        assert unfinished == [], [(run.id, run.status, run.error) for run in unfinished]
        runs = [finish(session.submit(textured_picture(), order["prompt"])) for order in orders()]
        assert {run.status for run in runs} == {RunStatus.SUCCEEDED}
        assert all(run.video is not None and run.sidecar is not None for run in runs)
        assert left <= {run.id for run in runs}, "every row of a killed kernel is the run of its cell"
        tasks = sandbox.tasks()
        assert Counter(task["external_id"] for task in tasks) == Counter(run.external_task_id for run in runs)
        assert len(sandbox.charges()) == len(runs)
        assert not list(home.rglob("*.part"))
