"""Many clips on executors: few at a time, dying workers, files that are elsewhere, Interrupt."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from clip_shelf import numbered_clip
from score_jobs import answered, deadly, drowsy, elsewhere, endless, failing, unlucky

from kling_nb.errors import UsageError
from kling_nb.score.batch import PER_WORKER, STUCK, Batch, workers_of
from kling_nb.score.workers import CRASHED, Job, Outcome, digest_of


def jobs(*keys: str) -> list[Job]:
    return [Job(key, key, key) for key in keys]


def reasons(outcome: Outcome) -> set[str]:
    assert outcome.scores is not None
    return set(outcome.scores.why.values())


class Counting(Executor):
    """Threads that count what was handed to them and is not done."""

    def __init__(self, workers: int) -> None:
        self._max_workers = workers
        self._pool = ThreadPoolExecutor(workers)
        self._lock = threading.Lock()
        self.open = self.most = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with self._lock:
            self.open += 1
            self.most = max(self.most, self.open)
        future = self._pool.submit(fn, *args, **kwargs)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: Future[Any]) -> None:
        with self._lock:
            self.open -= 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def spawned_pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def test_only_a_few_jobs_are_handed_out_at_a_time() -> None:
    drawn, told = [], []

    def many() -> Iterator[Job]:
        for number in range(60):
            drawn.append(number)
            assert len(drawn) - len(told) <= 2 * PER_WORKER + 1, "jobs are made before they are needed"
            yield Job(str(number), "", "")

    with Counting(2) as executor:
        Batch(told.append, executor, work=answered).run(many())
    assert sorted(int(outcome.key) for outcome in told) == list(range(60))
    assert 2 < executor.most <= 2 * PER_WORKER


def test_a_clip_that_ends_its_worker_gets_a_reason_and_the_others_their_scores() -> None:
    told: list[Outcome] = []
    Batch(told.append, processes=2, work=deadly).run(jobs("a", "b", "deadly", "c", "d", "e"))
    found = {outcome.key: outcome for outcome in told}
    assert set(found) == {"a", "b", "deadly", "c", "d", "e"} and len(told) == 6
    assert reasons(found.pop("deadly")) == {CRASHED}
    assert all(outcome.scores and outcome.scores.motion for outcome in found.values())


def test_a_worker_that_died_by_accident_costs_nothing(tmp_path: Path) -> None:
    told: list[Outcome] = []
    Batch(told.append, processes=1, work=unlucky).run([Job("a", str(tmp_path / "mark"), "a")])
    assert [bool(outcome.scores and outcome.scores.motion) for outcome in told] == [True]


@pytest.mark.drill
def test_a_clip_that_holds_its_worker_for_ever_is_given_up() -> None:
    told: list[Outcome] = []
    Batch(told.append, processes=2, work=endless, patience_s=10).run(jobs("a", "endless", "b", "c"))
    found = {outcome.key: outcome for outcome in told}
    assert reasons(found.pop("endless")) == {STUCK} and sorted(found) == ["a", "b", "c"]
    assert all(outcome.scores and outcome.scores.motion for outcome in found.values())


def test_somebody_elses_pool_that_breaks_does_not_end_the_call() -> None:
    told: list[Outcome] = []
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        Batch(told.append, pool, work=deadly).run(jobs("deadly", "a", "b"))
    found = {outcome.key: outcome for outcome in told}
    assert reasons(found.pop("deadly")) == {CRASHED}
    assert sorted(found) == ["a", "b"] and all(o.scores and o.scores.motion for o in found.values())


def test_an_executor_that_was_shut_down_is_refused() -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(UsageError, match="takes no work"):
        Batch(lambda _: None, pool, work=answered).run(jobs("a"))


@pytest.mark.parametrize("make", [ThreadPoolExecutor, spawned_pool])
def test_an_executor_that_is_shut_down_in_the_middle_loses_nothing(
    make: Callable[[int], Executor], tmp_path: Path
) -> None:
    """What it has cancelled is never told by ``concurrent.futures.wait``."""
    told: list[Outcome] = []
    pool = make(1)

    def shut(outcome: Outcome) -> None:
        told.append(outcome)
        if len(told) == 1:
            threading.Thread(target=lambda: pool.shutdown(wait=False, cancel_futures=True)).start()
            time.sleep(0.3)

    Batch(shut, pool, processes=1, work=drowsy).run(jobs(*"abcde"))
    assert sorted(outcome.key for outcome in told) == list("abcde")
    assert all(outcome.scores and outcome.scores.motion for outcome in told)


def test_an_executor_with_an_error_of_its_own_when_it_is_closed() -> None:
    class Closed(Exception):
        """As Dask's."""

    class Closing(Counting):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            if self.most >= 1 and args[0].key == "c":
                raise Closed("the client is closed")
            return super().submit(fn, *args, **kwargs)

    told: list[Outcome] = []
    Batch(told.append, Closing(1), processes=1, work=answered).run(jobs("a", "b", "c"))
    assert sorted(outcome.key for outcome in told) == ["a", "b", "c"]
    with pytest.raises(UsageError, match="takes no work"):
        closed = Closing(1)
        closed.most = 1
        Batch(told.append, closed, work=answered).run(jobs("c"))


def test_workers_without_the_package_say_so() -> None:
    told: list[Outcome] = []
    with ThreadPoolExecutor(2) as pool:
        Batch(told.append, pool, work=failing).run(jobs("a", "b"))
    assert [outcome.key for outcome in told] == ["a", "b"]
    assert all("No module named 'kling_nb'" in reason for o in told for reason in reasons(o))


def test_files_that_a_worker_does_not_have_are_sent_to_it(tmp_path: Path) -> None:
    clip = numbered_clip(tmp_path / "clip.mp4", frames=8)
    job = Job("a", str(clip), digest_of(clip))
    here: list[Outcome] = []
    there: list[Outcome] = []
    with ThreadPoolExecutor(1) as pool:
        Batch(here.append, pool).run([job])
        Batch(there.append, pool, work=elsewhere).run([job])
    assert here[0].scores is not None and here[0].scores.motion is not None
    assert here == there


def test_a_clip_that_is_nowhere_gets_a_reason(tmp_path: Path) -> None:
    told: list[Outcome] = []
    with ThreadPoolExecutor(1) as pool:
        Batch(told.append, pool).run([Job("a", str(tmp_path / "gone.mp4"), "0" * 64)])
    assert [bool(reasons(outcome)) for outcome in told] == [True]


def test_interrupt_ends_the_processes_and_keeps_what_was_told() -> None:
    told: list[Outcome] = []

    def interrupted(outcome: Outcome) -> None:
        told.append(outcome)
        if len(told) == 2:
            raise KeyboardInterrupt

    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(KeyboardInterrupt):
        Batch(interrupted, processes=1, work=answered).run(jobs(*map(str, range(50))))
    assert 2 <= len(told) < 50
    workers = {int(outcome.scores.motion or 0) for outcome in told if outcome.scores}
    left = {child.pid for child in psutil.Process().children(recursive=True)} - before
    assert not workers & left


def test_an_impatient_interrupt_ends_the_processes_as_well() -> None:
    """The second one comes while what is finished is still told."""
    ended: list[bool] = []

    class Processes(Executor):
        _max_workers = 1

        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_result(fn(*args, **kwargs))
            return future

        def shutdown(self, wait: bool = True, *, kill_workers: bool = False, **_: Any) -> None:
            ended.append(kill_workers)

    def interrupted(_: Outcome) -> None:
        raise KeyboardInterrupt

    batch = Batch(interrupted, processes=1, work=answered)
    batch._own = Processes()
    with pytest.raises(KeyboardInterrupt):
        batch.run(jobs("a", "b", "c"))
    assert ended == [True]


def test_interrupt_before_the_first_outcome_leaves_no_process_and_no_trace(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def interrupted() -> Iterator[Job]:
        yield from jobs(*map(str, range(4)))
        raise KeyboardInterrupt

    def workers() -> list[int]:
        """Return those that live: of one that has just ended nothing can be asked."""
        found = []
        for each in psutil.Process().children():
            with suppress(psutil.NoSuchProcess):
                found += [each.pid] if "loky.backend.popen" in str(each.cmdline()) else []
        return found

    before = workers()
    with pytest.raises(KeyboardInterrupt):
        Batch(lambda _: None, processes=2, work=drowsy).run(interrupted())
    assert not set(workers()) - set(before)
    assert capfd.readouterr().err == ""


def test_how_many_workers_an_executor_has() -> None:
    class Client:
        def nthreads(self) -> dict[str, int]:
            return {"one": 3, "two": 4}

    class Elsewhere:
        _client = Client()

    with ThreadPoolExecutor(3) as pool:
        assert workers_of(pool) == 3
    assert workers_of(Elsewhere()) == 7  # type: ignore[arg-type]  # as much of a Dask executor as is asked
