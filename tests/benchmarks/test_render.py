"""The render benchmark runs and prints a row for every kind of clip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("render.py")


def test_the_benchmark_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick"], capture_output=True, text=True, check=True
    )
    for kind in ("layered", "elastic", "camera", "morph", "default", "preview layered"):
        assert f"\n{kind:>16}" in done.stdout
