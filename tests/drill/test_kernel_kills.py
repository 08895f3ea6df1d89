"""SIGKILL of real kernels between the start of a cell and its download: all recovered, one charge each."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kernels import Kernel, running_kernel
from kill_points import session_at
from PIL import Image
from quick_sessions import textured_picture

from kling_nb.domain.task import RunStatus
from kling_nb.runlog import RunRecord
from kling_nb.session import Session

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]

SPREAD = {True: 26, False: 12}
"""Kills spread over the length of an undisturbed run: in kernels that have announced earlier runs, and in
those that are still loading, where much of the length goes into imports."""
BEYOND = 1.2
"""Where the last of them comes, in lengths of the undisturbed run."""
SHORT = (0.0, 0.005, 0.02, 0.05)
"""Seconds after the cell was sent: kills around its first steps, on any machine."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell with a prompt of its own.

    Parameters
    ----------
    number
        Names its variable.
    prompt
        Its text.
    announced
        Whether the kernel was given time to look after earlier runs before the cell was sent. Otherwise the
        cell meets a kernel that is still busy with loading.
    waits
        Whether the cell stays until its video is there.
    """

    number: int
    prompt: str
    announced: bool
    waits: bool

    @property
    def code(self) -> str:
        wait = " --wait" if self.waits else ""
        return f"%%kling boat.png -m kling-v2-6 --mode std -d 5 -o run_{self.number}{wait}\n{self.prompt}"


class Drill:
    """Kernels that share one folder of runs and one sandbox, and the log as it is after each of them."""

    def __init__(self, folder: Path, sandbox: Any, session: Session) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.session = session
        self.cells: list[Cell] = []
        self.unsent: set[str | None] = set()

    def kernel(self) -> Any:
        variables = {
            "KLING_NB_HOME": str(self.session.home),
            "KLING_NB_SANDBOX_HOME": str(self.sandbox.home),
        }
        return running_kernel(sys.executable, self.folder, **variables)

    def cell(self, what: str, *, announced: bool, waits: bool) -> Cell:
        cell = Cell(len(self.cells), f"a boat {what}, cell {len(self.cells)}", announced, waits)
        self.cells.append(cell)
        return cell

    def load(self, kernel: Kernel, *, announced: bool) -> None:
        """Load the extension, which must send nothing whatever earlier kernels left behind."""
        before = len(self.sandbox.tasks())
        (shown,) = kernel.ok("%load_ext kling_nb").of_type("display_data")
        if announced:
            kernel.until(lambda: kernel.updates_of(shown["transient"]["display_id"]), timeout=60)
            assert len(self.sandbox.tasks()) == before

    def rows(self) -> dict[str, RunRecord]:
        """Rows of the log by prompt; no prompt has two."""
        records = list(self.session.log.records())
        assert max(Counter(record.prompt for record in records).values(), default=1) == 1
        return {record.prompt or "": record for record in records}

    def undisturbed(self, *, announced: bool) -> float:
        """Return the seconds from sending a cell until its file is written down."""
        cell = self.cell("left alone", announced=announced, waits=True)
        with self.kernel() as kernel:
            self.load(kernel, announced=announced)
            begin = time.monotonic()
            kernel.ok(cell.code)
            took = time.monotonic() - begin
        assert self.rows()[cell.prompt].status is RunStatus.SUCCEEDED
        return took

    def kill(self, cell: Cell, after: float) -> str:
        """Kill a fresh kernel some seconds after it was sent a cell; return what it left behind."""
        with self.kernel() as kernel:
            self.load(kernel, announced=cell.announced)
            kernel.send(cell.code)
            time.sleep(after)
            process = kernel.manager.provisioner.process
            assert process.poll() is None
            process.kill()
            assert process.wait(timeout=30) == -signal.SIGKILL
        record = self.rows().get(cell.prompt)
        if record is not None and record.sending_at is None:
            self.unsent.add(record.external_task_id)
        return stage(record)


def stage(record: RunRecord | None) -> str:
    """Name how far a run had come."""
    if record is None:
        return "not written down"
    if record.downloaded_at is not None:
        return "downloaded"
    if record.sending_at is None:
        return "not sent"
    return "being sent" if record.task_id is None else record.status.value


def settled(record: RunRecord) -> bool:
    """Whether loading the extension has done all it may for a run."""
    if record.sending_at is None or record.downloaded_at is not None:
        return True
    return record.status is RunStatus.UNCERTAIN


def moments(length: float, *, announced: bool) -> list[float]:
    """Return the seconds after which kernels are killed."""
    spread = [length * BEYOND * step / SPREAD[announced] for step in range(1, SPREAD[announced] + 1)]
    return [*SHORT, *spread] if announced else spread


@pytest.fixture
def drill(sandbox: Any, tmp_path: Path) -> Iterator[Drill]:
    sandbox.config(quota=500, workers=8, queued=0.1, min_processing=0.3)
    Image.fromarray(textured_picture()).save(tmp_path / "boat.png")
    with session_at(str(tmp_path / "kling_runs"), str(sandbox.home)) as session:
        yield Drill(tmp_path, sandbox, session)


def test_every_run_of_a_killed_kernel_is_recovered_with_one_charge(drill: Drill) -> None:
    left: Counter[str] = Counter()
    for announced in (True, False):
        length = drill.undisturbed(announced=announced)
        for number, after in enumerate(moments(length, announced=announced)):
            cell = drill.cell(f"{after:.3f} s old", announced=announced, waits=number % 2 == 0)
            left[drill.kill(cell, after)] += 1
    print(f"left behind: {dict(left)}")
    assert left.total() >= 40
    assert len(left) >= 3, "the kills met too few stages of a run"
    written = drill.rows()
    with drill.kernel() as kernel:
        before = len(drill.sandbox.tasks())
        drill.load(kernel, announced=True)
        kernel.until(lambda: all(settled(record) for record in drill.rows().values()), timeout=90)
        tasks = drill.sandbox.tasks()
        assert len(tasks) == before, "loading the extension sends nothing"
        assert not drill.unsent & {task["external_id"] for task in tasks}, "nor did it in any earlier kernel"
        kernel.ok("%kling resume --wait", timeout=120)
        assert {record.status for record in drill.rows().values()} == {RunStatus.SUCCEEDED}
        for cell in drill.cells:
            kernel.ok(cell.code, timeout=60)
        for cell in drill.cells:
            kernel.ok(f"await run_{cell.number}", timeout=60)
    check_books(drill, written)


def check_books(drill: Drill, written: dict[str, RunRecord]) -> None:
    """Compare the log, the files and the sandbox's own records: one of each for every cell."""
    rows = drill.rows()
    assert set(rows) == {cell.prompt for cell in drill.cells}
    assert all(rows[prompt].id == record.id for prompt, record in written.items())
    assert {stage(record) for record in rows.values()} == {"downloaded"}
    videos = [drill.session.home / (record.video_path or "") for record in rows.values()]
    assert len(set(videos)) == len(rows)
    assert all(video.is_file() and video.stat().st_size for video in videos)
    assert not list(drill.session.home.rglob("*.part"))
    tasks = drill.sandbox.tasks()
    assert Counter(task["external_id"] for task in tasks) == Counter(
        record.external_task_id for record in rows.values()
    )
    assert len(drill.sandbox.charges()) == len(rows)
