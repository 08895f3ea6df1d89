"""Hundreds of submissions through every fault: no charge without a run, no run lost, no second charge."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fault_table import ENDINGS, PERSISTENT, Ending, check, inject, prompt_of
from quick_sessions import QUICK, finish, textured_picture, until

from kling_nb.domain.task import RunStatus
from kling_nb.runlog import slots
from kling_nb.session import Run, Session
from kling_nb.transport.connection import Timeouts

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

EACH = 7
PATIENT_S = 60.0
"""Time limit of a call whose answer must come."""
PICTURE = textured_picture()


class Limit:
    """The time limits of every create and every other call that begins now."""

    create = other = PATIENT_S


@pytest.fixture
def drilled(
    sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Session]:
    monkeypatch.setattr(Limit, "create", PATIENT_S)
    monkeypatch.setattr(Limit, "other", PATIENT_S)
    monkeypatch.setattr(
        Timeouts, "answer", lambda _, method, size: Limit.create if method == "POST" else Limit.other
    )
    # How long a request without an answer holds its slot, and a refusal for want of slots is believed:
    # minutes and hours in real life, and the faults here bring dozens of both.
    monkeypatch.setattr(slots, "SENDING_S", 2.0)
    monkeypatch.setattr(slots, "LEARNT_S", 2.0)
    sandbox.config(quota=2000, workers=8, total_quantity=100_000)
    span_s = getattr(request, "param", QUICK.submit.lookup_span_s)
    session = Session(
        provider="official",
        api_base=sandbox.url,
        access_key=sandbox.access_key,
        secret_key=sandbox.secret_key,
        home=tmp_path / "runs",
        pace=replace(QUICK, submit=replace(QUICK.submit, lookup_span_s=span_s)),
        quota=2000,
    )
    yield session
    session.close()


def settle(runs: list[Run], going: int) -> None:
    """Wait until all runs but those that never end are through."""
    deadline = time.monotonic() + 600
    while sum(not run.done for run in runs) > going and time.monotonic() < deadline:
        time.sleep(0.05)


def assert_books_balance(session: Session, sandbox: Any, runs: list[Run]) -> None:
    """Every task belongs to one run, no run has two, the log holds every run."""
    tasks = sandbox.tasks()
    known = {run.external_task_id for run in runs}
    assert {task["external_id"] for task in tasks} <= known, "a charge without a run"
    rows = {record.id: record for record in session.log.records()}
    assert set(rows) == {run.id for run in runs}, "a run was lost"
    charges = Counter(task["external_id"] for task in tasks if task["charge"] != "released")
    assert [ext for ext, count in charges.items() if count > 1] == [], "a second charge"
    by_task = {task["id"]: task["external_id"] for task in tasks}
    for record in rows.values():
        if record.task_id is not None:
            assert by_task[record.task_id] == record.external_task_id


def test_every_fault_ends_as_stated(drilled: Session, sandbox: Any) -> None:
    pairs: list[tuple[Run, Ending]] = []
    # Task faults and definite refusals travel in the prompt, so that all of them are in flight at once.
    at_once = [e for e in (*ENDINGS, *PERSISTENT) if e.in_prompt or e.status is RunStatus.FAILED]
    for number in range(EACH):
        for ending in at_once:
            prompt = f"[[sandbox:{ending.spec}]] boat {number}"
            pairs.append((drilled.submit(PICTURE, prompt), ending))
    never = sum(ending.status is RunStatus.PROCESSING for _, ending in pairs)
    settle([run for run, _ in pairs], never)
    # A spoiled single call must hit its own run: one after the other.
    for ending in ENDINGS:
        if ending not in at_once:
            for number in range(EACH):
                # Shorter than the delay, and long enough to look the task up at leisure.
                Limit.create = 0.75 if ending.spec.startswith("delay") else PATIENT_S
                inject(sandbox, ending)
                run = finish(drilled.submit(PICTURE, prompt_of(ending, f"{ending.spec} boat {number}")))
                pairs.append((run, ending))
    assert len(pairs) >= 300
    until(lambda: all(run.status is e.status for run, e in pairs if e.status is RunStatus.PROCESSING))
    tasks = sandbox.tasks()
    for run, ending in pairs:
        check(run, ending, tasks)
    assert_books_balance(drilled, sandbox, [run for run, _ in pairs])
    expected = sum(ending.charged for _, ending in pairs)
    assert len(sandbox.charges()) == expected


CHAOS = (
    "code:1302", "code:1303", "code:5000", "code:5001", "code:5002", "http:502", "http:504", "drop-before",
    "drop-after", "truncate", "code-after:5002", "delay:4",
)  # fmt: skip


# A service that reads a create later than its task was looked for charges twice: there is time for both.
@pytest.mark.parametrize("drilled", [pytest.param(1.5, id="looked-for-at-leisure")], indirect=True)
@pytest.mark.parametrize("idempotency", ["reject", "ignore"])
def test_chaos_on_every_call(drilled: Session, sandbox: Any, idempotency: str) -> None:
    """Random faults on creates, queries and lists, also where a second create would be a second task."""
    Limit.create, Limit.other = 2.5, 0.75
    sandbox.config(legacy_idempotency=idempotency)
    rng = random.Random(idempotency)
    runs: list[Run] = []
    for number in range(120):
        for method in rng.choices(["POST", "GET"], k=2):
            sandbox.fault(rng.choice(CHAOS), method, "/v1/videos/image2video*")
        runs.append(drilled.submit(PICTURE, f"boat {number}"))
        time.sleep(rng.random() * 0.03)
    settle(runs, 0)
    assert_books_balance(drilled, sandbox, runs)
    sandbox.control("DELETE", "faults")
    assert {run.status for run in runs} <= {RunStatus.SUCCEEDED, RunStatus.UNCERTAIN}
    # Whatever stayed uncertain is settled by a person's resume; still nothing twice.
    Limit.create = Limit.other = PATIENT_S
    drilled.resume(wait=True)
    assert {run.status for run in runs} == {RunStatus.SUCCEEDED}
    assert all(run.video is not None for run in runs)
    assert_books_balance(drilled, sandbox, runs)
    assert len(sandbox.charges()) == len(runs)
