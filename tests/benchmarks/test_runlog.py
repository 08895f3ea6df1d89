"""The benchmark script runs and prints its ratios; what they are is not a test's business."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("runlog.py")


def test_the_benchmark_runs_small() -> None:
    command = [sys.executable, str(SCRIPT), "--rows", "60", "--rounds", "1", "--each", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "read_sql_query" in done.stdout
    assert "0 refused, 0 lost, 0 failed" in done.stdout
    assert "0 lost   goal 0" in done.stdout
