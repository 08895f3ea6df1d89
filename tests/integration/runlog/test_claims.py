"""One identity, one run; one run, one kernel."""

from __future__ import annotations

import pytest

from kling_nb.domain.task import RunStatus
from kling_nb.errors import RunNotFound
from kling_nb.runlog import RunLog, RunRecord

LIVE = [status for status in RunStatus if status is not RunStatus.FAILED]


@pytest.mark.parametrize("status", LIVE)
def test_an_identical_live_run_is_given_back_and_nothing_inserted(log: RunLog, status: RunStatus) -> None:
    first = log.insert(RunRecord(identity="same", status=status))
    assert log.claim(RunRecord(identity="same")) == first
    assert len(log.records()) == 1


def test_a_failed_run_does_not_stand_in_the_way(log: RunLog) -> None:
    log.insert(RunRecord(identity="same", status=RunStatus.FAILED))
    second = RunRecord(identity="same")
    assert log.claim(second) is second
    assert log.find(identity="same")[0] == second


def test_the_repeat_number_is_part_of_the_identity(log: RunLog) -> None:
    runs = [log.claim(RunRecord(identity="same", repeat=number)) for number in (1, 2, 3)]
    again = [log.claim(RunRecord(identity="same", repeat=number)) for number in (1, 2, 3)]
    assert [run.id for run in runs] == [run.id for run in again]
    assert len(log.records()) == 3


@pytest.mark.parametrize("way", ["argument", "record"])
def test_again_makes_another_run_and_the_newest_is_found_next_time(log: RunLog, way: str) -> None:
    log.claim(RunRecord(identity="same"))
    second = log.claim(RunRecord(identity="same", again=way == "record"), again=way == "argument")
    assert len(log.records()) == 2
    assert log.claim(RunRecord(identity="same")).id == second.id


def test_runs_without_identity_are_never_the_same(log: RunLog) -> None:
    assert log.claim(RunRecord()).id != log.claim(RunRecord()).id
    assert len(log.records()) == 2


def test_only_one_owner_holds_a_lease_until_it_gives_it_back(log: RunLog) -> None:
    run = log.insert(RunRecord())
    assert log.lease(run.id, "one", 60)
    assert not log.lease(run.id, "two", 60)
    assert log.lease(run.id, "one", 60), "renewal"
    assert not log.release(run.id, "two")
    assert log.get(run.id).owner == "one"
    assert log.release(run.id, "one")
    assert log.get(run.id).owner is None
    assert log.lease(run.id, "two", 60)


def test_a_lease_that_ran_out_can_be_taken(log: RunLog) -> None:
    run = log.insert(RunRecord())
    assert log.lease(run.id, "dead kernel", -1)
    assert log.lease(run.id, "new kernel", 60)
    assert not log.release(run.id, "dead kernel")


def test_leasing_a_run_that_is_not_there_says_so(log: RunLog) -> None:
    log.insert(RunRecord())
    for attempt in (lambda: log.lease("r-0", "one", 60), lambda: log.release("r-0", "one")):
        with pytest.raises(RunNotFound):
            attempt()


def test_a_lease_is_no_change_of_the_table(log: RunLog) -> None:
    run = log.insert(RunRecord())
    before = log.change_counter()
    log.lease(run.id, "one", 60)
    assert log.change_counter() == before
