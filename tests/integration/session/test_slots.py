"""Kernels that share a log share the account's slots: nobody hammers the service, nobody is left behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quick_sessions import finish, until

from kling_nb.domain.task import RunStatus
from kling_nb.runlog import Admission, Change, RunRecord, Wish
from kling_nb.runlog.slots import Slots
from kling_nb.session import Session
from kling_nb.session.owner import Owner
from kling_nb.session.slots import slot_name
from kling_nb.transport.auth import Credential


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What every 1303 of this process was about."""
    seen: list[str] = []
    original = Slots.refused

    def counted(self: Slots, slot: str) -> int:
        seen.append(slot)
        return original(self, slot)

    monkeypatch.setattr(Slots, "refused", counted)
    yield seen


def slot_of(session: Session) -> str:
    model = session.build(prompt="a boat").request.model_name
    return slot_name(session.service("sandbox"), model, session.log.slots.salt())


def test_two_kernels_never_ask_for_more_than_one_of_them_may(
    make_session: Any, sandbox: Any, picture: np.ndarray, refusals: list[str]
) -> None:
    sandbox.config(quota=2, workers=4, min_processing=0.1)
    one, two = make_session(quota=2), make_session(quota=2)
    runs = [
        each.submit(picture, f"boat {n} {each.home}", again=True) for n in range(4) for each in (one, two)
    ]
    assert {finish(run).status for run in runs} == {RunStatus.SUCCEEDED}
    assert refusals == []
    assert len(sandbox.charges()) == 8
    assert one.log.slots.holders(slot_of(one)) == []


def test_what_one_kernel_learns_the_other_knows(
    make_session: Any, sandbox: Any, picture: np.ndarray, refusals: list[str]
) -> None:
    """Both believe in five slots, the account has one."""
    sandbox.config(quota=1, workers=4, min_processing=0.1)
    one, two = make_session(quota=5), make_session(quota=5)
    first = [one.submit(picture, f"boat {n} [[sandbox:slow:600]]") for n in range(3)]
    until(lambda: refusals)
    sandbox.finish_all()
    assert {finish(run).status for run in first} == {RunStatus.SUCCEEDED}
    assert one.log.slots.learnt(slot_of(one)) == 1
    learnt = len(refusals)
    second = [two.submit(picture, f"ship {n}") for n in range(4)]
    assert {finish(run).status for run in second} == {RunStatus.SUCCEEDED}
    assert len(refusals) == learnt, "the second kernel asks the service for nothing it cannot give"
    assert len(sandbox.charges()) == 7


def test_a_waiting_run_says_what_it_waits_for_and_can_be_stopped(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    session = make_session(quota=1)
    other = Wish(slot_of(session), 1, str(Owner.current()))
    busy = session.log.insert(RunRecord(owner=other.owner))
    session.log.apply([Change(busy.id, {"sending_at": datetime.now(UTC)}, admission=Admission(other))])
    run = session.submit(picture, "a boat")
    until(lambda: "other kernels included" in run.message)
    assert "waiting for a free slot (1 of 1 in use, other kernels included)" in run.message
    run.stop_following()
    # Not wait(), which goes on with a run that has been stopped.
    until(lambda: not run.following)
    assert (run.following, run.status) == (False, RunStatus.CREATED)
    assert sandbox.tasks() == []
    session.log.update(busy.id, status=RunStatus.SUCCEEDED)
    (resumed,) = session.resume(run.id)
    assert finish(resumed).status is RunStatus.SUCCEEDED


def test_slots_of_a_kernel_that_was_killed_are_freed_at_once(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    session = make_session(quota=1)
    dead = Wish(slot_of(session), 1, str(replace(Owner.current(), pid=gone.pid, started="1")))
    lost = session.log.insert(RunRecord(owner=dead.owner))
    session.log.apply([Change(lost.id, {"sending_at": datetime.now(UTC)}, admission=Admission(dead))])
    assert finish(session.submit(picture, "a boat")).status is RunStatus.SUCCEEDED


def test_a_task_that_a_killed_kernel_left_on_the_service_counts_once_it_is_followed_and_ends(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    session = make_session(quota=1)
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: run.task_id)
    session.close()
    later = make_session(quota=1)
    assert [holder.known for holder in later.log.slots.holders(slot_of(later))] == [True]
    later.resume()
    sandbox.finish_all()
    second = later.submit(picture, "a ship")
    assert finish(second).status is RunStatus.SUCCEEDED
    assert finish(later.run(run.id)).status is RunStatus.SUCCEEDED
    assert later.log.slots.holders(slot_of(later)) == []


def test_the_log_holds_nothing_of_the_credential(
    make_session: Any, sandbox: Any, picture: np.ndarray, tmp_path: Path
) -> None:
    session = make_session()
    finish(session.submit(picture, "a boat"))
    session.close()
    written = b"".join(path.read_bytes() for path in (tmp_path / "runs").glob("runs.sqlite*"))
    assert sandbox.access_key.encode() not in written
    assert sandbox.secret_key.encode() not in written


def test_fingerprints_tell_credentials_apart_and_differ_from_log_to_log() -> None:
    one, two = (
        Credential.api_key("api-key-kling-one", "test"),
        Credential.api_key("api-key-kling-two", "test"),
    )
    marks = {one.fingerprint("a"), two.fingerprint("a"), one.fingerprint("b")}
    assert len(marks) == 3
    assert Credential.api_key("api-key-kling-one", "elsewhere").fingerprint("a") in marks
    assert not any("kling" in mark for mark in marks)
