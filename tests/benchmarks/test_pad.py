"""The benchmark of the pad runs; what it measures is for people to judge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from lab_in_chromium import find_chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.drill,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium"),
]


def test_pad() -> None:
    script = Path(__file__).parent / "pad.py"
    done = subprocess.run(
        [sys.executable, str(script), "--rounds", "1"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout.count("less traffic") == 2 and "redraw" in done.stdout
