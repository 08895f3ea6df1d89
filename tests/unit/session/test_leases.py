"""One kernel at a time sends and follows a run; a dead one holds nobody up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from awaiting import until

from kling_nb.domain.task import RunStatus
from kling_nb.errors import RunLogError
from kling_nb.runlog import RunLog, RunRecord
from kling_nb.session import leases as module
from kling_nb.session.journal import Journal
from kling_nb.session.leases import LEASE_S, Leases
from kling_nb.session.owner import Owner
from kling_nb.session.run import Run


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunLog]:
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    with RunLog(tmp_path / "runs.sqlite") as log:
        yield log


def kernel(log: RunLog, owner: Owner | None = None) -> Leases:
    return Leases(Journal(log, threading.Lock(), lambda *_: None), owner or Owner.current())


def handle(log: RunLog, run_id: str) -> Run:
    return Run(log.get(run_id), None)  # type: ignore[arg-type]  # no session needed here


def held_by(owner: Owner, **columns: Any) -> RunRecord:
    until = datetime.now(UTC) + timedelta(seconds=LEASE_S)
    return RunRecord(owner=str(owner), lease_until=until, **columns)


async def test_a_living_kernel_is_waited_for_and_its_progress_shown(log: RunLog) -> None:
    mine, other = kernel(log), kernel(log)
    row = log.insert(held_by(other.owner, status=RunStatus.SUBMITTED, task_id="7"))
    run = handle(log, row.id)
    holding = asyncio.create_task(mine.hold(run))
    await until(lambda: "followed by another kernel" in run.message)
    assert not holding.done()
    log.update(row.id, status=RunStatus.PROCESSING)
    await until(lambda: run.status is RunStatus.PROCESSING)
    theirs = handle(log, row.id)
    assert await other.hold(theirs)
    log.update(row.id, status=RunStatus.FAILED, error_kind="TaskFailed")
    await other.release(theirs)
    await asyncio.wait_for(holding, 60)
    assert run.status is RunStatus.FAILED


async def test_the_lease_of_a_dead_kernel_is_broken_at_once(log: RunLog) -> None:
    mine = kernel(log)
    dead = replace(mine.owner, pid=2**22 - 3, started="1", token="dead")
    row = log.insert(held_by(dead))
    assert await asyncio.wait_for(mine.hold(handle(log, row.id)), 60)
    assert log.get(row.id).owner == str(mine.owner)


async def test_a_dead_kernel_elsewhere_is_waited_out(log: RunLog) -> None:
    """Processes of another machine cannot be judged: only the end of the lease frees the run."""
    mine = kernel(log)
    far = replace(mine.owner, host="elsewhere", token="far")
    row = log.insert(held_by(far))
    holding = asyncio.create_task(mine.hold(handle(log, row.id)))
    await asyncio.sleep(0.1)
    assert not holding.done()
    log.update(row.id, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert await asyncio.wait_for(holding, 60)


async def test_only_one_of_two_rescuers_gets_a_run(log: RunLog) -> None:
    first, second = kernel(log), kernel(log)
    dead = replace(first.owner, pid=2**22 - 3, started="1", token="dead")
    row = log.insert(held_by(dead))
    runs = [handle(log, row.id), handle(log, row.id)]
    tasks = [asyncio.create_task(k.hold(r)) for k, r in zip((first, second), runs, strict=True)]
    await until(lambda: any(task.done() for task in tasks))
    await until(lambda: any("followed by another kernel" in run.message for run in runs))
    assert [task.done() for task in tasks].count(True) == 1
    for task in tasks:
        task.cancel()


async def test_a_run_handed_back_can_be_taken_by_others(log: RunLog) -> None:
    mine, other = kernel(log), kernel(log)
    run = handle(log, log.insert(held_by(mine.owner)).id)
    assert await mine.hold(run)
    await mine.release(run)
    assert log.get(run.id).owner is None
    assert await asyncio.wait_for(other.hold(handle(log, run.id)), 60)


async def test_what_is_taken_for_somebody_who_was_stopped_meanwhile_is_given_back(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while the log's thread takes the lease: another kernel must not wait for it to run out."""
    mine = kernel(log)
    run = handle(log, log.insert(RunRecord(status=RunStatus.SUBMITTED, task_id="7")).id)
    lease, begun, go_on = log.lease, threading.Event(), threading.Event()

    def late(*given: Any) -> bool:
        begun.set()
        assert go_on.wait(60)
        return lease(*given)

    monkeypatch.setattr(log, "lease", late)
    holding = asyncio.create_task(mine.hold(run))
    await until(begun.is_set)
    holding.cancel()
    await asyncio.wait([holding])
    giving_back = asyncio.create_task(mine.release(run))
    await asyncio.sleep(0)
    go_on.set()
    await giving_back
    await mine._journal.call(lambda: None)
    assert log.get(run.id).owner is None
    assert run.record.owner is None


async def test_after_a_long_sleep_a_run_that_another_kernel_sent_is_not_sent(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = kernel(log)
    run = handle(log, log.insert(held_by(mine.owner)).id)
    assert await mine.hold(run)
    assert await mine.confirm(run)
    now = module.time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 3600)
    assert await mine.confirm(run), "nobody took it meanwhile"
    monkeypatch.setattr(module.time, "time", lambda: now + 7200)
    log.update(run.id, sending_at=datetime.now(UTC), task_id="7", owner=None)
    assert not await mine.confirm(run)


async def test_a_deleted_row_does_not_cost_the_others_their_leases(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_S", 0.02)
    mine = kernel(log)
    gone, kept = (handle(log, log.insert(held_by(mine.owner)).id) for _ in range(2))
    assert await mine.hold(gone)
    assert await mine.hold(kept)
    with log._database.writing(durable=False) as cursor:
        cursor.execute("DELETE FROM runs WHERE id = ?", (gone.id,))
    before = log.get(kept.id).lease_until
    await until(lambda: log.get(kept.id).lease_until != before)
    await mine.release(gone)
    await mine.release(kept)


async def test_a_lease_that_was_never_used_is_given_back(log: RunLog) -> None:
    """Stopped before the first step: another kernel must not wait for the lease to run out."""
    mine = kernel(log)
    run = handle(log, log.insert(held_by(mine.owner)).id)
    await mine.release(run)
    assert log.get(run.id).owner is None


async def test_the_last_write_of_a_run_gives_the_lease_back(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = kernel(log)
    run = handle(log, log.insert(held_by(mine.owner)).id)
    assert await mine.hold(run)
    apply, written = RunLog.apply, []

    def full(*_: Any) -> None:
        raise RunLogError("The disk is full.", "No space.", "Free some space.")

    monkeypatch.setattr(RunLog, "apply", full)
    await mine.keep_and_release(run, video_path="media/r-1.mp4")
    assert run.record.owner == str(mine.owner), "nobody else may go on before the row tells how far it came"

    def counted(self: RunLog, changes: Any) -> Any:
        written.append(changes)
        return apply(self, changes)

    monkeypatch.setattr(RunLog, "apply", counted)
    await mine.keep_and_release(run, video_path="media/r-1.mp4")
    assert (log.get(run.id).owner, log.get(run.id).video_path) == (None, "media/r-1.mp4")
    assert run.record.owner is None
    await mine.release(run)
    assert len(written) == 1
