"""``%kling pad IMAGE`` in a terminal shell, and pads as brushes of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from pictures_to_draw_on import two_balls
from PIL import Image

from kling_nb.magics import extension
from kling_nb.widgets.pad.pad import MotionPad

SIZE = (480, 360)


@pytest.fixture
def loaded(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> InteractiveShell:
    Image.fromarray(two_balls(SIZE)).save("balls.png")
    extension.load(shell)
    capsys.readouterr()
    return shell


def test_a_pad_is_assigned(loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert loaded.run_cell("%kling pad balls.png").success
    assert isinstance(loaded.user_ns["pad"], MotionPad)
    assert "variable pad" in capsys.readouterr().out
    assert loaded.run_cell("%kling pad balls.png -o other").success
    assert loaded.user_ns["other"].image.source.endswith("balls.png")


def test_a_brush_is_opened_with_what_was_drawn(loaded: InteractiveShell) -> None:
    loaded.run_cell("%kling pad balls.png")
    drawn = loaded.user_ns["pad"]
    drawn.model.stroke("brush", [(120, 180)], radius=30)
    drawn.model.set_path([(120, 180), (200, 100)])
    loaded.user_ns["brush"] = drawn.brush
    assert loaded.run_cell("%kling pad brush -o again").success
    assert loaded.user_ns["again"].brush == drawn.brush


@pytest.mark.parametrize("words", ["", "balls.png more"])
def test_one_picture_no_more_no_less(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    assert not loaded.run_cell(f"%kling pad {words}").success
    assert "takes one picture" in capsys.readouterr().out


def test_a_pad_is_the_brush_of_a_cell(loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    loaded.run_cell("%kling pad balls.png")
    pad = loaded.user_ns["pad"]
    pad.model.stroke("brush", [(120, 180)], radius=30)
    pad.model.set_path([(120, 180), (200, 100)])
    capsys.readouterr()
    cell = "%%kling balls.png --brush pad -p sandbox -m kling-v1 --mode std --dry-run\nit rolls"
    assert loaded.run_cell(cell).success
    shown = capsys.readouterr().out
    assert "dynamic_masks" in shown and "trajectories" in shown
    assert Path("balls.png").exists()
