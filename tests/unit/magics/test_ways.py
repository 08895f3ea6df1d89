"""``--way``: how the brush of a cell reaches the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from kling_nb.magics.call import read_call
from kling_nb.magics.candidates import for_values
from kling_nb.magics.options import RUN_OPTIONS
from kling_nb.session import MotionBrush
from kling_nb.session.ways import AUTO, WAYS


@pytest.mark.parametrize(
    ("line", "cell"),
    [("boat.jpg --brush pad --way words", "a boat"), ("boat.jpg --brush pad", "way: words\n\na boat")],
    ids=["option", "header"],
)
def test_the_way_is_read_from_line_and_header(line: str, cell: str) -> None:
    assert read_call(line, cell, {}).way == "words"


def test_every_way_is_offered() -> None:
    (option,) = [option for option in RUN_OPTIONS if option.dest == "way"]
    assert for_values(option.values) == [AUTO, *WAYS]


def test_a_dry_run_says_which_way_and_why(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (320, 400, 3)).astype(np.uint8)
    mask = np.zeros((320, 400), bool)
    mask[100:160, 100:160] = True
    drawn: dict[str, Any] = {
        "swing": MotionBrush(picture).dynamic(mask, [(130, 130), (280, 130)], label="swing")
    }
    shell.push(drawn)
    shell.run_line_magic("load_ext", "kling_nb")
    line = "swing -m kling-v2-5-turbo -p sandbox --dry-run"
    shell.run_cell_magic("kling", f"{line} --mode pro", "a playground")
    assert "the brush is sent as an end frame: kling-v2-5-turbo pro 5 s" in capsys.readouterr().out
    shell.run_cell_magic("kling", f"{line} --way words", "a playground")
    said = capsys.readouterr().out
    assert "the brush is put into words, as asked" in said
    assert "The swing moves steadily to the right" in said
    shell.run_cell_magic("kling", f"{line} --way native", "a playground")
    assert "possible here: endframe, words" in capsys.readouterr().out
