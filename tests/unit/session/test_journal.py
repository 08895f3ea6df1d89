"""Writing from the loop: nothing forgotten, nothing reordered, nobody blocked."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from awaiting import until

from kling_nb.domain.task import RunStatus
from kling_nb.errors import RunLogError, RunNotFound
from kling_nb.runlog import RunLog, RunRecord
from kling_nb.session import journal as module
from kling_nb.session.journal import Journal


@pytest.fixture
def log(tmp_path: Path) -> Any:
    with RunLog(tmp_path / "runs.sqlite") as log:
        yield log


class Troubles(list[tuple[str, str]]):
    def __call__(self, run_id: str, text: str) -> None:
        self.append((run_id, text))


def full(*_: Any) -> None:
    raise RunLogError("The disk is full.", "No space.", "Free some space.")


async def test_a_write_that_fails_is_told_and_changes_nothing(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = log.insert(RunRecord())
    journal = Journal(log, threading.Lock(), Troubles())
    with monkeypatch.context() as patch:
        patch.setattr(log, "apply", full)
        with pytest.raises(RunLogError):
            await journal.write(row.id, note="x")
    await journal.write(row.id, name="later")
    assert (log.get(row.id).note, log.get(row.id).name) == (None, "later")


async def test_one_bad_change_does_not_take_its_neighbours_along(log: RunLog) -> None:
    row = log.insert(RunRecord())
    journal = Journal(log, threading.Lock(), Troubles())
    gate = asyncio.gather(
        journal.write(row.id, note="first"),
        journal.write("r-nobody", note="lost"),
        journal.write(row.id, note="second"),
        return_exceptions=True,
    )
    first, lost, second = await gate
    assert (first, second) == (None, None)
    assert isinstance(lost, RunNotFound)
    assert log.get(row.id).note == "second"


async def test_what_cannot_be_written_is_written_later_with_the_newest_values(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.05)
    row = log.insert(RunRecord())
    troubles = Troubles()
    journal = Journal(log, threading.Lock(), troubles)
    with monkeypatch.context() as patch:
        patch.setattr(log, "apply", full)
        assert not await journal.keep(row.id, task_id="7", status=RunStatus.SUBMITTED)
        assert not await journal.keep(row.id, status=RunStatus.PROCESSING)
    await until(lambda: log.get(row.id).task_id is not None)
    assert log.get(row.id).status is RunStatus.PROCESSING
    assert "disk is full" in troubles[0][1]
    await until(lambda: troubles[-1] == (row.id, ""))


async def test_a_failed_write_does_not_undo_a_newer_one(log: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    row = log.insert(RunRecord())
    journal = Journal(log, threading.Lock(), Troubles())
    real, calls = log.apply, []

    def first_fails(changes: Any) -> Any:
        calls.append(changes)
        if any(change.columns.get("status") is RunStatus.PROCESSING for change in changes) and len(calls) < 4:
            full()
        return real(changes)

    monkeypatch.setattr(log, "apply", first_fails)
    await asyncio.gather(
        journal.keep(row.id, status=RunStatus.PROCESSING, service_status="processing"),
        journal.keep(row.id, status=RunStatus.SUCCEEDED),
    )
    await until(lambda: log.get(row.id).service_status is not None)
    written = log.get(row.id)
    assert (written.status, written.service_status) == (RunStatus.SUCCEEDED, "processing")


async def test_a_late_write_that_fails_along_with_an_admission_is_tried_again(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The admission had it in hand when the next try was due, which found nothing left to do."""
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    row = log.insert(RunRecord())
    journal = Journal(log, threading.Lock(), Troubles())
    tried, go_on = threading.Event(), threading.Event()

    def fails_slowly(*_: Any) -> None:
        tried.set()
        go_on.wait(60)
        full()

    with monkeypatch.context() as patch:
        patch.setattr(log, "apply", full)
        assert not await journal.keep(row.id, task_id="7")
        retry = journal._retry
        patch.setattr(log, "apply", fails_slowly)
        admission = asyncio.create_task(journal.admit(row.id, None, note="x"))
        await until(tried.is_set)
        assert retry is not None
        await until(retry.done)
        go_on.set()
        with pytest.raises(RunLogError):
            await admission
    await until(lambda: log.get(row.id).task_id == "7")
    assert log.get(row.id).note is None


async def test_the_next_write_takes_the_late_one_along(log: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    row = log.insert(RunRecord())
    journal = Journal(log, threading.Lock(), Troubles())
    with monkeypatch.context() as patch:
        patch.setattr(log, "apply", full)
        await journal.keep(row.id, task_id="7")
    await journal.keep(row.id, status=RunStatus.PROCESSING)
    assert (log.get(row.id).task_id, log.get(row.id).status) == ("7", RunStatus.PROCESSING)


async def test_waiting_writes_share_one_transaction(log: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    class Turn:
        """A lock that tells when the writing thread, jobs in hand, asks for it."""

        def __init__(self) -> None:
            self.lock, self.asked = threading.Lock(), threading.Event()

        def __enter__(self) -> None:
            self.asked.set()
            self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    rows = [log.insert(RunRecord()) for _ in range(20)]
    turn = Turn()
    journal = Journal(log, turn, Troubles())  # type: ignore[arg-type]  # what it needs of a lock
    real, sizes = log.apply, []

    def counted(changes: Any) -> Any:
        sizes.append(len(changes))
        return real(changes)

    monkeypatch.setattr(log, "apply", counted)
    with turn.lock:
        # Another thread of this process writes meanwhile.
        first = asyncio.create_task(journal.write(rows[0].id, note="0"))
        await until(turn.asked.is_set)
        others = [asyncio.create_task(journal.write(row.id, note="x")) for row in rows[1:]]
        await until(lambda: journal._writer._jobs.qsize() == len(others))
        assert not first.done()
    await asyncio.gather(first, *others)
    assert sizes == [1, 19]


async def test_the_loop_goes_on_while_the_disk_is_slow(log: RunLog) -> None:
    journal = Journal(log, threading.Lock(), Troubles())
    slow = threading.Event()
    call = asyncio.create_task(journal.call(lambda: slow.wait(60)))
    ticks = 0
    while ticks < 20:
        await asyncio.sleep(0.001)
        ticks += 1
    assert not call.done()
    slow.set()
    assert await call


async def test_a_row_that_somebody_removed_is_said_and_not_tried_for_ever(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    row, kept = log.insert(RunRecord()), log.insert(RunRecord())
    troubles = Troubles()
    journal = Journal(log, threading.Lock(), troubles)
    with monkeypatch.context() as patch:
        patch.setattr(log, "apply", full)
        assert not await journal.keep(row.id, note="late")
        assert not await journal.keep(kept.id, note="late")
    with log._database.writing(durable=False) as cursor:
        cursor.execute("DELETE FROM runs WHERE id = ?", (row.id,))
    assert not await journal.keep(row.id, note="gone")
    await until(lambda: log.get(kept.id).note == "late")
    await until(lambda: journal._late == {})
    assert (row.id, module.REMOVED) in troubles
