"""Two real kernels on one log: the budget that one of them sets stops the other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernels import running_kernel
from PIL import Image

pytestmark = [pytest.mark.kernel, pytest.mark.drill]


def test_the_second_kernel_is_stopped_by_the_budget_of_the_day(tmp_path: Path, sandbox: Any) -> None:
    picture = np.random.default_rng(7).integers(0, 255, (12, 16, 3), np.uint8)
    Image.fromarray(picture).resize((640, 480)).save(tmp_path / "boat.png")
    environment = {"KLING_NB_SANDBOX_HOME": str(sandbox.home)}
    with (
        running_kernel(sys.executable, tmp_path, **environment) as one,
        running_kernel(sys.executable, tmp_path, **environment) as two,
    ):
        for kernel in (one, two):
            kernel.ok("%load_ext kling_nb")
        one.ok("%kling budget day 2")
        one.ok("%%kling boat.png --wait -o run\na boat")
        assert one.value("run.status.value") == "'succeeded'"
        for options in ("", "--force --again --yes"):
            stopped = two.run(f"%%kling boat.png {options}\na ship")
            assert stopped.status == "error"
            assert stopped.error[0] == "The day budget of 2 units stops this run; nothing was sent."
            assert "Spent 1.5 units" in stopped.error[1]
            assert "%kling budget day AMOUNT" in stopped.error[2]
        assert len(sandbox.tasks()) == 1
        shown = two.ok("%kling budget").text
        assert "The day began at" in shown
        two.ok("%kling budget day 4")
        two.ok("%%kling boat.png --wait -o run\na ship")
        assert two.value("run.status.value") == "'succeeded'"
        one.ok("import kling_nb as kn")
        assert one.value("kn.spent()['units'].tolist()") == "[3.0]"
