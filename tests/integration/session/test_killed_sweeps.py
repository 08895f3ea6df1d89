"""SIGKILL during a sweep, again and again: whoever goes on repeats nothing and skips nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from kill_points import session_at
from sweep_kills import NAME, RUNS


def killed(home: Path, sandbox_home: Path, times: Sequence[float | str]) -> list[int]:
    """Kill the sweep's process at each of these moments; return what ended it each time."""
    program = Path(__file__).parents[2] / "support" / "sweep_kills.py"
    done = subprocess.run(
        [sys.executable, str(program), str(home), str(sandbox_home)],
        input="".join(f"{moment}\n" for moment in times),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(["2 tasks", "5 tasks", "9 tasks"], id="thrice"),
        pytest.param(
            [*(0.02 * step for step in range(1, 40)), *(f"{n} tasks" for n in range(1, 12))],
            id="everywhere",
            marks=pytest.mark.drill,
        ),
    ],
)
def test_a_killed_sweep_goes_on_with_nothing_repeated_and_nothing_skipped(
    sandbox: Any, tmp_path: Path, times: Sequence[float | str]
) -> None:
    sandbox.config(quota=3, workers=3, queued=0.05, min_processing=0.1)
    home = tmp_path / "runs"
    assert signal.SIGKILL in killed(home, sandbox.home, times)
    with session_at(str(home), str(sandbox.home)) as session:
        sweep = session.sweep_of(NAME).resume().wait(60)
        assert (sweep.state, sweep.progress.done) == ("done", RUNS)
        frame = sweep.frame
    assert Counter(zip(frame["what"], frame["mode"], frame["repeat"], strict=True)) == Counter(
        {(w, m, r): 1 for w in ("boat", "kite", "fish") for m in ("std", "pro") for r in (1, 2)}
    )
    tasks = sandbox.tasks()
    assert len(tasks) == len(sandbox.charges()) == RUNS
    assert {task["id"] for task in tasks} == set(frame["task_id"])
