"""The benchmark of scores runs, and every clip is decoded once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_scores():
    script = Path(__file__).with_name("scores.py")
    done = subprocess.run(
        [sys.executable, str(script), "--quick"], capture_output=True, text=True, check=True
    )
    rows = {line[:16].strip(): line.split() for line in done.stdout.splitlines()}
    for kind in ("six lost", "no brush"):
        assert rows[kind][-1] == "1.00"
    assert "speed-up" in done.stdout
