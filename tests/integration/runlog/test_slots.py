"""Slots of an account: never more in use than there are, whoever asks, and none lost with a dead kernel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels_of_a_log import Kernel

from kling_nb.domain.task import RunStatus
from kling_nb.runlog import Admission, Busy, Change, RunLog, RunRecord, Wish, open_log
from kling_nb.runlog import slots as module

SLOT = "official https://api.example kling-v2-6"


def wish(owner: str = "me", quota: int = 2, slot: str = SLOT) -> Wish:
    return Wish(slot, quota, owner)


def send(log: RunLog, who: Wish, run: RunRecord | None = None) -> tuple[RunRecord, Any]:
    run = run or log.insert(RunRecord())
    change = Change(run.id, {"sending_at": datetime.now(UTC)}, admission=Admission(who))
    return run, log.apply([change])[0]


def sent(log: RunLog, who: Wish) -> RunRecord:
    run, refused = send(log, who)
    assert refused is None
    return run


def in_use(log: RunLog, slot: str = SLOT) -> int:
    return len(log.slots.holders(slot))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the log see a later time."""

    def later(seconds: float) -> None:
        now = datetime.now(UTC) + timedelta(seconds=seconds)
        monkeypatch.setattr("kling_nb.runlog.database.utc_now", lambda: now)

    return later


# --- refusals ---


def test_beyond_the_quota_a_run_is_not_sent(log: RunLog) -> None:
    for _ in range(2):
        sent(log, wish())
    run, refused = send(log, wish("another kernel"))
    assert refused == Busy(2, 2)
    assert log.get(run.id).sending_at is None
    assert in_use(log) == 2


def test_a_batch_takes_no_more_than_there_are(log: RunLog) -> None:
    runs = [log.insert(RunRecord()) for _ in range(5)]
    moment = datetime.now(UTC)
    changes = [Change(run.id, {"sending_at": moment}, admission=Admission(wish(quota=3))) for run in runs]
    assert [refused is None for refused in log.apply(changes)] == [True, True, True, False, False]


def test_each_model_and_account_has_slots_of_its_own(log: RunLog) -> None:
    sent(log, wish(quota=1))
    sent(log, wish(quota=1, slot="another model"))
    assert send(log, wish(quota=1))[1] == Busy(1, 1)


def test_the_kernel_that_waits_longer_comes_first(log: RunLog) -> None:
    """Who has just given a slot back must not take it again before the others' turn."""
    mine = sent(log, wish("one", 1))
    waiting = log.insert(RunRecord())
    assert log.slots.reserve(waiting.id, wish("two", 1)) == Busy(1, 1)
    log.update(mine.id, status=RunStatus.SUCCEEDED)
    assert isinstance(send(log, wish("one", 1))[1], Busy)
    assert log.slots.reserve(waiting.id, wish("two", 1)) is None
    assert send(log, wish("two", 1), waiting)[1] is None, "the slot is its own already"


def test_a_kernel_that_stopped_asking_loses_its_place(log: RunLog, later: Any) -> None:
    mine = sent(log, wish("one", 1))
    log.slots.reserve(log.insert(RunRecord()).id, wish("two", 1))
    log.update(mine.id, status=RunStatus.SUCCEEDED)
    later(module.TURN_S + 1)
    sent(log, wish("one", 1))


# --- giving back ---


@pytest.mark.parametrize(
    "ending",
    [
        {"status": RunStatus.SUCCEEDED},
        {"status": RunStatus.FAILED},
        {"status": "failed"},
        {"sending_at": None},
    ],
)
def test_an_end_or_a_create_that_did_not_leave_frees_the_slot(log: RunLog, ending: dict[str, Any]) -> None:
    run = sent(log, wish(quota=1))
    log.apply([Change(run.id, {"task_id": "7", "status": RunStatus.SUBMITTED})])
    log.apply([Change(run.id, {"status": RunStatus.PROCESSING})])
    assert in_use(log) == 1
    log.apply([Change(run.id, ending)])
    assert in_use(log) == 0


def test_a_task_that_the_service_forgot_frees_its_slot_and_a_lost_answer_does_not(log: RunLog) -> None:
    gone, lost = sent(log, wish()), sent(log, wish())
    log.update(gone.id, task_id="7", status=RunStatus.SUBMITTED)
    for run in (gone, lost):
        log.update(run.id, status=RunStatus.UNCERTAIN)
    assert [holder.run_id for holder in log.slots.holders(SLOT)] == [lost.id]


def test_a_reserved_slot_of_a_run_that_is_not_sent_after_all_is_freed(log: RunLog) -> None:
    run = log.insert(RunRecord(owner="me"))
    assert log.slots.reserve(run.id, wish()) is None
    log.apply([Change(run.id, {}, releases="me")])
    assert in_use(log) == 0


def test_giving_up_a_task_that_lives_on_keeps_its_slot(log: RunLog) -> None:
    run = sent(log, wish())
    log.update(run.id, task_id="7", status=RunStatus.SUBMITTED, owner="me")
    log.apply([Change(run.id, {}, releases="me")])
    assert in_use(log) == 1


def test_a_request_without_answer_is_forgotten_with_its_lease_and_a_task_later(
    log: RunLog, later: Any
) -> None:
    sent(log, wish())
    task = sent(log, wish())
    log.update(task.id, task_id="7", status=RunStatus.SUBMITTED)
    later(module.SENDING_S + 1)
    assert [holder.run_id for holder in log.slots.holders(SLOT)] == [task.id]
    later(module.KNOWN_S + 5)
    assert in_use(log) == 0


def test_a_followed_task_keeps_its_slot_as_long_as_its_lease_is_renewed(log: RunLog, later: Any) -> None:
    run = sent(log, wish())
    log.update(run.id, task_id="7", status=RunStatus.SUBMITTED)
    later(module.KNOWN_S - 60)
    assert log.lease(run.id, "me", 180)
    later(module.KNOWN_S + 60)
    assert in_use(log) == 1


def test_requests_of_a_dead_kernel_are_freed_and_its_tasks_are_not(log: RunLog) -> None:
    lost, task = sent(log, wish("dead")), sent(log, wish("dead"))
    log.update(task.id, task_id="7", status=RunStatus.SUBMITTED)
    log.slots.free([lost.id, task.id])
    assert [(holder.run_id, holder.known) for holder in log.slots.holders(SLOT)] == [(task.id, True)]


# --- learning ---


def test_a_refusal_teaches_how_many_tasks_can_live(log: RunLog, later: Any) -> None:
    for number in range(2):
        run = sent(log, wish(quota=9))
        log.update(run.id, task_id=str(number), status=RunStatus.SUBMITTED)
    refused = sent(log, wish(quota=9))
    log.update(refused.id, sending_at=None)
    assert log.slots.refused(SLOT) == 2
    assert send(log, wish("another kernel", 9))[1] == Busy(2, 2, learnt=True)
    later(module.LEARNT_S + 1)
    assert log.slots.learnt(SLOT) is None


def test_a_refusal_while_nothing_of_ours_lives_leaves_one(log: RunLog) -> None:
    """Somebody outside this log uses the slots: one run at a time goes on asking."""
    assert log.slots.refused(SLOT) == 1
    sent(log, wish(quota=9))
    assert isinstance(send(log, wish(quota=9))[1], Busy)


def test_what_turns_out_possible_is_learnt_too(log: RunLog) -> None:
    """Answers overtake each other: a refusal may be heard before the acceptances it followed."""
    runs = [sent(log, wish(quota=9)) for _ in range(3)]
    assert log.slots.refused(SLOT) == 1
    for run in runs:
        log.update(run.id, task_id=f"task {run.id}", status=RunStatus.SUBMITTED)
    assert log.slots.learnt(SLOT) == 3


def test_the_setting_stays_the_upper_bound(log: RunLog) -> None:
    for number in range(3):
        run = sent(log, wish(quota=9))
        log.update(run.id, task_id=str(number), status=RunStatus.SUBMITTED)
    log.slots.refused(SLOT)
    assert send(log, wish(quota=2))[1] == Busy(3, 2)


def test_all_kernels_of_a_log_share_one_salt(log: RunLog, path: Any) -> None:
    with open_log(path) as other:
        assert log.slots.salt() == other.slots.salt() != ""


# --- together ---


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["send", "accept", "end", "lose", "refuse"])),
        max_size=25,
    ),
    st.integers(1, 3),
)
@settings(max_examples=20, deadline=None)
def test_never_more_in_use_than_the_quota_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]], quota: int
) -> None:
    with open_log(tmp_path_factory.mktemp("log") / "runs.sqlite") as log:
        live: list[str] = []
        for owner, step in steps:
            if step == "send":
                run, refused = send(log, wish(owner, quota))
                live += [run.id] if refused is None else []
            elif step == "accept" and live:
                log.update(live[-1], task_id=live[-1], status=RunStatus.SUBMITTED)
            elif step == "end" and live:
                log.update(live.pop(0), status=RunStatus.SUCCEEDED)
            elif step == "lose" and live:
                log.update(live.pop(), sending_at=None)
            elif step == "refuse":
                log.slots.refused(SLOT)
            assert sorted(holder.run_id for holder in log.slots.holders(SLOT)) == sorted(live)
            assert len(live) <= quota


def together(workers: list[Kernel]) -> list[int]:
    for worker in workers:
        assert worker.stdout.readline().strip() == "ready"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    outputs = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * len(workers)
    return [int(output) for output in outputs]


@pytest.mark.parametrize("runs", [4, pytest.param(60, marks=pytest.mark.drill)])
def test_four_kernels_share_three_slots_and_all_come_through(log: RunLog, start: Any, runs: int) -> None:
    assert max(together([start("slots", runs, 3) for _ in range(4)])) <= 3
    assert len(log.records({"status": RunStatus.SUCCEEDED})) == 4 * runs
    assert in_use(log, "a slot") == 0
