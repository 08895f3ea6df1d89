"""Several kernels, and kernels that die."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from kernels_of_a_log import Kernel

from kling_nb.domain.task import RunStatus
from kling_nb.errors import RunLogError
from kling_nb.runlog import RunLog, RunRecord, open_log

Start = Callable[..., Kernel]


def line(process: Kernel) -> str:
    return process.stdout.readline().strip()


def together(processes: list[Kernel]) -> list[list[str]]:
    """Let all start at the same moment and return what each printed."""
    for process in processes:
        assert line(process) == "ready"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate()[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return outputs


def test_processes_writing_at_once_lose_nothing(log: RunLog, start: Start) -> None:
    told = together([start("rows", f"kernel {number}", 40) for number in range(3)])
    assert {run.id for run in log.records()} == {run_id for lines in told for run_id in lines}
    assert log.change_counter() == 120


def test_processes_changing_different_columns_of_one_run_do_not_undo_each_other(
    log: RunLog, start: Start
) -> None:
    run = log.insert(RunRecord())
    together([start("updates", run.id, column, 40) for column in ("name", "note", "service_status")])
    last = log.get(run.id)
    assert (last.name, last.note, last.service_status) == ("39", "39", "39")


def test_two_kernels_claiming_the_same_requests_make_one_run_each(log: RunLog, start: Start) -> None:
    first, second = together([start("claim", 40), start("claim", 40)])
    for one, two in zip(first, second, strict=True):
        assert sorted((one.split()[0], two.split()[0])) == ["mine", "theirs"]
        assert one.split()[1] == two.split()[1]
    assert len(log.records()) == 40


def test_two_kernels_wanting_the_same_leases_never_both_get_one(log: RunLog, start: Start) -> None:
    runs = [log.insert(RunRecord()).id for _ in range(40)]
    first, second = together([start("lease", "one", *runs), start("lease", "two", *runs)])
    assert all({one, two} == {"True", "False"} for one, two in zip(first, second, strict=True))


def test_a_killed_process_loses_nothing_it_was_told_is_written(log: RunLog, start: Start) -> None:
    process = start("endless")
    assert line(process) == "ready"
    told = [line(process) for _ in range(200)]
    process.kill()
    told += process.communicate()[0].splitlines()[:-1]
    runs = {run.id: run for run in log.records()}
    for words in told:
        what, run_id = words.split()
        assert run_id in runs
        assert what == "claimed" or runs[run_id].task_id == f"task-{run_id}"
        assert what != "processing" or runs[run_id].status is RunStatus.PROCESSING


def test_a_log_that_stays_locked_is_said_in_three_lines(log: RunLog, path: Path, start: Start) -> None:
    log.insert(RunRecord())
    process = start("hold")
    assert line(process) == "ready"
    with open_log(path, busy_timeout=0.05) as other:
        assert len(other.records()) == 1, "readers are not held up"
        with pytest.raises(RunLogError, match="locked by another program") as caught:
            other.insert(RunRecord())
    assert len(caught.value.lines()) == 3


def test_threads_share_one_log(log: RunLog) -> None:
    def write() -> None:
        for _ in range(25):
            run = log.claim(RunRecord(identity="x"), again=True)
            log.update(run.id, status=RunStatus.SUBMITTED)
            log.get(run.id)

    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(log.frame()) == 100


def test_a_forked_child_uses_connections_of_its_own(log: RunLog) -> None:
    log.insert(RunRecord())
    with warnings.catch_warnings():
        # Python 3.12 and later warn about threads of the numerical libraries, which are idle here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        failed = 1
        try:
            log.insert(RunRecord(name="child"))
            failed = 0
        finally:
            os._exit(failed)
    assert os.waitpid(child, 0)[1] == 0
    log.insert(RunRecord(name="parent"))
    assert {run.name for run in log.records()} == {None, "child", "parent"}
