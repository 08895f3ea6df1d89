"""Tables with pyarrow installed: Parquet files are written, and frames mean the same on its string storage.

pyarrow is an optional extra: this drill installs it from the package index into a folder of its own; without
an index it is skipped.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

NO_INDEX = ("No matching distribution", "connection", "Network is unreachable", "timed out", "resolution")
SUITE = Path(__file__).resolve().parents[1]
TESTS = (SUITE / "unit" / "session" / "test_export.py", SUITE / "integration" / "runlog" / "test_frame.py")


def test_tables_with_pyarrow(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "1", "--no-deps"]
    try:
        done = subprocess.run(
            [*pip, "--target", tmp_path, "pyarrow"], capture_output=True, text=True, timeout=600, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("no package index: pip did not finish in 600 s")
    if done.returncode and any(word in done.stderr for word in NO_INDEX):
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    made = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *TESTS],
        capture_output=True, text=True, timeout=280, check=False,
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, cwd=SUITE.parent,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout[-3000:]
    assert re.search(r"\d+ passed", made.stdout)
    assert "skipped" not in made.stdout
