"""The benchmark of masks runs; what it measures is for people to judge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_masks():
    script = Path(__file__).with_name("masks.py")
    done = subprocess.run(
        [sys.executable, str(script), "--quick"], capture_output=True, text=True, check=True
    )
    assert "goal ≥ 3" in done.stdout
    assert "pad with 6 masks" in done.stdout
