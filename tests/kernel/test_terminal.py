"""IPython without a page: the same cells, text instead of cards, waiting on IPython's own loop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from kernels import REPOSITORY
from PIL import Image

pytestmark = pytest.mark.kernel

CELLS = [
    "%load_ext kling_nb",
    "%%kling boat.png -m kling-v2-6 -d 5 --wait -o run\nwaited for in a terminal",
    "print('status', run.status.value, run.video.is_file())",
    "%%kling boat.png -m kling-v2-6 -d 5 -o other\nnot waited for",
    "%kling wait other",
    "print('other', other.status.value)",
    "%kling status",
]


def test_cells_work_in_a_terminal(tmp_path: Path, sandbox) -> None:
    picture = np.random.default_rng(7).integers(0, 255, (12, 16, 3), np.uint8)
    Image.fromarray(picture).resize((640, 480)).save(tmp_path / "boat.png")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "cells.ipynb")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("KLING", "JPY_"))}
    env |= {
        "PYTHONPATH": str(REPOSITORY),
        "IPYTHONDIR": str(tmp_path / ".ipython"),
        "KLING_NB_SANDBOX_HOME": str(sandbox.home),
    }
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "cells.ipynb"],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    shown = done.stdout + done.stderr
    assert "Traceback" not in shown, shown
    for part in (
        "provider sandbox",
        "status succeeded True",
        "other succeeded",
        "No unfinished runs.",
        ".mp4",
    ):
        assert part in shown, shown
