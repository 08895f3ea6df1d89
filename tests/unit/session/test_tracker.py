"""Watching tasks: one list call for many, adaptive intervals, patience, and the truth about missing tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from awaiting import until

from kling_nb.domain.task import RunStatus, Task
from kling_nb.errors import AuthError, KlingError, NotSent, ServiceError, TaskGone, TaskNotFound
from kling_nb.providers.base import PollPolicy
from kling_nb.session.tracker import FollowPolicy, Tracker

FAST = FollowPolicy(list_floor_s=0.01, visible_s=0.0, missing_times=3, missing_s=0.02, pause_max_s=0.02)


def task(task_id: str, status: RunStatus = RunStatus.PROCESSING) -> Task:
    return Task(task_id, status, status.value)


@dataclass
class FakeService:
    """Answers from a dictionary; the real thing cannot be made to count and to fail on demand so exactly."""

    tasks: dict[str, Task]
    poll: PollPolicy = field(default_factory=lambda: PollPolicy(first_s=0.01, max_s=0.01))
    queries: list[str] = field(default_factory=list)
    lists: list[tuple[int, int]] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    failures: list[KlingError] = field(default_factory=list)
    recoveries: list[int] = field(default_factory=list)
    asked_pause: float = 0.0
    watch: str = "pages"
    ids_per_call: int = 1
    many: list[tuple[str, ...]] = field(default_factory=list)
    forms: set[str] = field(default_factory=set)
    asked_at: list[float] = field(default_factory=list)

    @property
    def provider(self) -> FakeService:
        return self

    async def query(self, task_id: str, form: str) -> Task:
        self.forms.add(form)
        self.queries.append(task_id)
        self.asked_at.append(time.monotonic())
        if self.failures:
            raise self.failures.pop(0)
        if task_id not in self.tasks:
            raise TaskNotFound("unknown", service_message=f"Task not found by id/external id: {task_id}")
        return self.tasks[task_id]

    async def query_many(self, task_ids: Sequence[str], form: str) -> list[Task]:
        self.forms.add(form)
        self.many.append(tuple(task_ids))
        if self.failures:
            raise self.failures.pop(0)
        return [self.tasks[name] for name in task_ids if name in self.tasks]

    async def list_tasks(self, page: int, size: int, form: str) -> list[Task]:
        self.forms.add(form)
        self.lists.append((page, size))
        if self.failures:
            raise self.failures.pop(0)
        shown = [each for name, each in self.tasks.items() if name not in self.hidden]
        return shown[(page - 1) * size : page * size]

    async def recover(self, error: KlingError, failures: int) -> None:
        self.recoveries.append(failures)


def watch(
    tracker: Tracker,
    task_id: str,
    report: Callable[[Task], None] = lambda _: None,
    note: Callable[[str], None] = lambda _: None,
    age: float = 0.0,
) -> asyncio.Future[Task]:
    return tracker.watch(task_id, age=age, report=report, note=note)


def end(service: FakeService, *ids: str) -> None:
    for task_id in ids:
        service.tasks[task_id] = task(task_id, RunStatus.SUCCEEDED)


async def test_an_unknown_task_is_gone_only_after_several_looks_over_some_time() -> None:
    service = FakeService({})
    with pytest.raises(TaskGone, match="no longer knows task 7") as gone:
        await watch(Tracker(service, FAST), "7")  # type: ignore[arg-type]  # a fake
    assert len(service.queries) >= 3
    assert "Task not found" in gone.value.why


async def test_a_fresh_task_may_be_invisible_for_a_while() -> None:
    service = FakeService({})
    tracker = Tracker(service, FollowPolicy(list_floor_s=0.01, visible_s=30, missing_s=0.0))  # type: ignore[arg-type]
    future = watch(tracker, "7")
    await until(lambda: len(service.queries) > 3)
    end(service, "7")
    assert (await future).status is RunStatus.SUCCEEDED


async def test_one_task_is_asked_for_by_its_id_and_told_once_per_state() -> None:
    service = FakeService({"7": task("7", RunStatus.SUBMITTED)})
    seen: list[RunStatus] = []
    future = watch(Tracker(service, FAST), "7", lambda t: seen.append(t.status))  # type: ignore[arg-type]
    await until(lambda: len(service.queries) > 2)
    service.tasks["7"] = task("7")
    await until(lambda: seen[-1] is RunStatus.PROCESSING)
    end(service, "7")
    await future
    assert seen == [RunStatus.SUBMITTED, RunStatus.PROCESSING]
    assert service.lists == []


async def test_an_answer_about_another_task_is_never_taken_for_this_one() -> None:
    service = FakeService({"7": task("8", RunStatus.SUCCEEDED), "9": task("9")})
    notes: list[str] = []
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    wrong, other = watch(tracker, "7", note=notes.append), watch(tracker, "9")
    await until(lambda: service.queries.count("7") > 3)
    assert not wrong.done()
    assert "another task (8)" in notes[-1]
    end(service, "9")
    assert (await other).task_id == "9", "tasks that are answered well go on"
    service.tasks["7"] = task("7", RunStatus.FAILED)
    assert (await wrong).status is RunStatus.FAILED
    assert notes[-1] == ""


async def test_many_tasks_share_one_list() -> None:
    ids = [str(number) for number in range(40)]
    service = FakeService({i: task(i) for i in ids})
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    futures = [watch(tracker, i) for i in ids]
    await until(lambda: len(service.lists) > 2)
    end(service, *ids)
    await asyncio.gather(*futures)
    assert service.queries == []
    assert {page for page, _ in service.lists} == {1}


async def test_ids_are_asked_for_in_chunks_of_what_one_call_takes() -> None:
    ids = [str(number) for number in range(45)]
    service = FakeService({i: task(i) for i in ids}, watch="ids", ids_per_call=20)
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    futures = [watch(tracker, i) for i in ids]
    await until(lambda: len(service.many) >= 3)
    end(service, *ids)
    await asyncio.gather(*futures)
    assert max(map(len, service.many)) == 20
    assert {name for chunk in service.many for name in chunk} == set(ids)
    assert service.lists == []


@pytest.mark.parametrize(
    ("count", "gap", "interval"),
    [(15, 0.0, 1.0), (100, 0.0, 5.0), (2000, 0.0, 15.0), (15, 1.0, 15.0)],
)
async def test_ids_are_asked_for_as_often_as_one_call_a_second_allows(
    count: int, gap: float, interval: float
) -> None:
    """Fewer calls than single queries would make; where a service rations its calls, its own pace."""
    service = FakeService({}, PollPolicy(gap_s=gap), watch="ids", ids_per_call=20)
    tracker = Tracker(service, FollowPolicy())  # type: ignore[arg-type]
    for number in range(count):
        watch(tracker, str(number), age=500.0)
    intervals = [tracker._shared_interval("image2video") for _ in range(100)]
    for number in range(count):
        tracker.drop(str(number))
    assert min(intervals) >= 0.79 * interval
    assert max(intervals) <= 1.21 * interval


async def test_an_id_the_answer_leaves_out_is_gone_after_several_looks() -> None:
    service = FakeService({"1": task("1"), "2": task("2")}, watch="ids", ids_per_call=20)
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    known, _, unknown = watch(tracker, "1"), watch(tracker, "2"), watch(tracker, "7")
    with pytest.raises(TaskGone):
        await unknown
    assert sum("7" in chunk for chunk in service.many) >= 3
    assert not known.done()


async def test_a_service_without_lists_is_asked_one_by_one_and_never_faster_than_allowed() -> None:
    poll = PollPolicy(first_s=0.01, max_s=0.01, gap_s=0.05)
    service = FakeService({str(n): task(str(n)) for n in range(6)}, watch="singly", poll=poll)
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    for name in service.tasks:
        watch(tracker, name)
    begin = asyncio.get_running_loop().time()
    await until(lambda: len(service.queries) >= 7)
    assert asyncio.get_running_loop().time() - begin >= 6 * 0.05
    assert set(service.queries) == set(service.tasks)
    assert (service.lists, service.many) == ([], [])


async def test_each_form_is_asked_for_at_its_own_place() -> None:
    service = FakeService({str(n): task(str(n)) for n in range(8)})
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    for number in range(8):
        form = "text2video" if number % 2 else "image2video"
        tracker.watch(str(number), form, age=0.0, report=lambda _: None, note=lambda _: None)
    await until(lambda: service.forms == {"image2video", "text2video"})
    assert len(service.lists) >= 2


async def test_tasks_missing_from_the_list_are_asked_for_one_by_one() -> None:
    """The order of the list is undocumented and others fill it too: absence proves nothing."""
    ids = ["1", "2", "3", "4"]
    service = FakeService({i: task(i) for i in ids}, hidden={"4"})
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    futures = [watch(tracker, i) for i in ids]
    await until(lambda: len(service.queries) > 2)
    end(service, *ids)
    await asyncio.wait_for(asyncio.gather(*futures), 60)
    assert set(service.queries) == {"4"}


async def test_more_tasks_than_a_page_are_read_page_by_page() -> None:
    ids = [str(number) for number in range(70)]
    service = FakeService({i: task(i, RunStatus.SUCCEEDED) for i in ids})
    tracker = Tracker(service, FollowPolicy(list_floor_s=0.01, page_size=30))  # type: ignore[arg-type]
    await asyncio.wait_for(asyncio.gather(*(watch(tracker, i) for i in ids)), 60)
    assert {page for page, _ in service.lists} >= {1, 2, 3}
    assert service.queries == []


async def test_an_unreachable_service_is_waited_for_and_said() -> None:
    service = FakeService({"7": task("7")}, failures=[NotSent("not reached"), ServiceError("502")] * 3)
    notes: list[str] = []
    future = watch(Tracker(service, FAST), "7", note=notes.append)  # type: ignore[arg-type]
    await until(lambda: not service.failures)
    end(service, "7")
    await asyncio.wait_for(future, 60)
    assert any("the task goes on" in note for note in notes)
    assert service.recoveries == [1, 2, 3, 4, 5, 6]


async def test_a_note_is_taken_back_when_the_service_answers_again() -> None:
    service = FakeService({"7": task("7")}, failures=[NotSent("not reached")] * 2)
    notes: list[str] = []
    future = watch(Tracker(service, FAST), "7", note=notes.append)  # type: ignore[arg-type]
    await until(lambda: bool(notes) and notes[-1] == "")
    end(service, "7")
    await future
    assert notes[-1] == ""


async def test_a_refused_credential_ends_the_watch_of_all() -> None:
    service = FakeService({"7": task("7"), "8": task("8")}, failures=[AuthError("refused")])
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    futures = [watch(tracker, "7"), watch(tracker, "8")]
    done = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(error) for error in done] == [AuthError, AuthError]
    assert done[0] is not done[1], "each run writes its own id into its error"


async def test_a_bug_does_not_leave_the_runs_waiting_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    service = FakeService({"7": task("7")})
    service.failures = [RecursionError("nested too deeply")]  # type: ignore[list-item]  # whatever it is
    notes: list[str] = []
    future = watch(Tracker(service, FAST), "7", note=notes.append)  # type: ignore[arg-type]
    await until(lambda: len(service.queries) > 2)
    end(service, "7")
    assert (await asyncio.wait_for(future, 60)).status is RunStatus.SUCCEEDED
    assert "RecursionError" in notes[0]
    assert notes[-1] == ""
    assert "asking for tasks failed" in caplog.text


async def test_the_pause_a_service_asks_for_holds_for_tasks_that_join_later() -> None:
    service = FakeService({"7": task("7"), "8": task("8")}, failures=[ServiceError("503")], asked_pause=0.3)
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    first = watch(tracker, "7")
    await until(lambda: service.queries)
    second = watch(tracker, "8")
    end(service, "7", "8")
    await asyncio.wait_for(asyncio.gather(first, second), 60)
    asked = sorted(service.asked_at)
    assert asked[1] - asked[0] >= 0.3


async def test_dropping_a_task_asks_no_more() -> None:
    service = FakeService({"7": task("7")})
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    future = watch(tracker, "7")
    await until(lambda: service.queries)
    tracker.drop("7")
    assert future.cancelled()
    asked = len(service.queries)
    await asyncio.sleep(0.05)
    assert len(service.queries) == asked


async def test_old_tasks_are_asked_for_less_often() -> None:
    poll = PollPolicy(first_s=0.01, after_s=1.0, factor=1.3, max_s=600.0)
    young, old = FakeService({"7": task("7")}, poll), FakeService({"7": task("7")}, poll)
    trackers = [Tracker(young, FAST), Tracker(old, FAST)]  # type: ignore[arg-type]
    for tracker, age in zip(trackers, (0.0, 1e6), strict=True):
        watch(tracker, "7", age=age)
    await until(lambda: len(young.queries) > 5)
    for tracker in trackers:
        tracker.drop("7")
    assert old.queries == []


async def test_fifteen_tasks_at_fifteen_seconds_are_listed_once_a_second() -> None:
    """As many calls as fifteen loops of fifteen seconds make, and every end is noticed within a second."""
    service = FakeService({str(n): task(str(n)) for n in range(15)}, PollPolicy())
    tracker = Tracker(service, FollowPolicy())  # type: ignore[arg-type]
    for number in range(15):
        watch(tracker, str(number), age=500.0)
    intervals = [tracker._list_interval("image2video") for _ in range(200)]
    for number in range(15):
        tracker.drop(str(number))
    assert min(intervals) >= 0.8
    assert max(intervals) <= 1.2
    assert len(set(intervals)) > 1, "with jitter: kernels do not ask in step"


async def test_a_task_is_watched_for_days() -> None:
    """There is no time limit: the age only makes the intervals longer."""
    service = FakeService({"7": task("7")})
    tracker = Tracker(service, FAST)  # type: ignore[arg-type]
    future = watch(tracker, "7", age=3 * 86400.0)
    await until(lambda: service.queries)
    end(service, "7")
    assert (await future).status is RunStatus.SUCCEEDED
