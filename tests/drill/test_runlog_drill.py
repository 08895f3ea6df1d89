"""The run log under load and under the knife: many writers, many kills, a disk that is really full."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kling_nb.errors import RunLogError
from kling_nb.runlog import InputStore, RunLog, RunRecord, open_log

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

WORKER = Path(__file__).parents[1] / "integration" / "runlog" / "worker.py"
KILLS = 25


def start(command: str, path: Path, *arguments: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(WORKER), command, str(path), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def outputs(processes: list[subprocess.Popen[str]]) -> list[list[str]]:
    """Let all go at once; every one must end well."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate()[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return told


def test_four_processes_write_a_thousand_rows_each(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    told = outputs([start("rows", path, f"kernel {number}", 1000) for number in range(4)])
    with open_log(path) as log:
        assert {run.id for run in log.records()} == {run_id for lines in told for run_id in lines}
        assert log.change_counter() == len(log.frame()) == 4000


def test_four_kernels_claim_the_same_thousand_requests(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    told = outputs([start("claim", path, 1000) for _ in range(4)])
    for answers in zip(*told, strict=True):
        words = [answer.split()[0] for answer in answers]
        assert sorted(words) == ["mine", "theirs", "theirs", "theirs"]
        assert len({answer.split()[1] for answer in answers}) == 1
    with open_log(path) as log:
        assert len(log.records()) == 1000


def test_no_acknowledged_write_is_lost_at_any_moment_of_death(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    chance = random.Random(5)
    told: list[str] = []
    for _ in range(KILLS):
        processes = [start("endless", path) for _ in range(2)]
        for process in processes:
            assert process.stdout is not None
            told += [process.stdout.readline().strip() for _ in range(chance.randrange(1, 60))]
        for process in processes:
            process.kill()
            # The last line may have been cut by the kill.
            told += process.communicate()[0].split("\n")[:-1]
    with open_log(path) as log:
        runs = {run.id: run for run in log.records()}
        assert len(log.frame()) == len(runs)
    for line in told:
        what, run_id = line.split()
        assert run_id in runs
        assert what == "claimed" or runs[run_id].task_id == f"task-{run_id}"
        assert what != "processing" or runs[run_id].status == "processing"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=777", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs rights this machine does not give")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_fills_up_and_is_emptied_again(small_disk: Path) -> None:
    home = small_disk / "home"
    told: list[str] = []
    with RunLog(home / "runs.sqlite") as log:
        told.append(log.insert(RunRecord()).id)
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(500_000))
        with pytest.raises(RunLogError, match="disk is full") as caught:
            while True:
                told.append(log.insert(RunRecord(prompt="x" * 2500)).id)
        assert len(caught.value.lines()) == 3
        with pytest.raises(RunLogError, match="disk is full"):
            InputStore(home).put(os.urandom(500_000), "PNG")
        assert {run.id for run in log.records()} == set(told)
        ballast.unlink()
        told.append(log.insert(RunRecord()).id)
        assert {run.id for run in log.records()} == set(told)
    with open_log(home / "runs.sqlite") as log:
        assert {run.id for run in log.records()} == set(told)
    assert [part.name for part in home.rglob("*.part")] == []
