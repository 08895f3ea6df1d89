"""The benchmarks of loading and following run; what they measure is for people to judge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def run(script, *options):
    done = subprocess.run(
        [sys.executable, str(HERE / script), *options],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_load():
    out = run("load.py", "--rounds", "1")
    assert out.count("ratio") == 4


@pytest.mark.drill
def test_follow():
    out = run("follow.py", "--tasks", "30", "--few", "20", "--rounds", "1")
    assert "30 tasks" in out
    assert "polls a task" in out
    assert "unfinished" not in out
    cells = [
        line.split("ms") for line in out.partition("a cell in a kernel with 30 runs")[2].splitlines()[2:5]
    ]
    assert [len(line) for line in cells] == [4, 4, 4], "idle, in flight and ending: median, p95, longest"
