"""The notebook of the motion brush in JupyterLab: Run All, and then a hand on its pad."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from lab_in_chromium import NotebookPage
from pad_on_page import PadOnPage

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "02-motion-brush.ipynb"
CELLS = {cell.id: index for index, cell in enumerate(nbformat.read(NOTEBOOK, as_version=4).cells)}
CODE = [cell.id for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
SIZE = (384, 303)
THIRD_COIN = (300, 263)

pytestmark = pytest.mark.browser


def assert_plays(played: dict[str, float]) -> None:
    """A video that decodes: its clock advances and frames are painted."""
    assert played["time"] > 0.2, played
    assert played["frames"] > 2, played


@pytest.fixture
def notebook(lab, open_notebook) -> NotebookPage:
    """The notebook, open."""
    shutil.copy2(NOTEBOOK, lab.folder)
    page: NotebookPage = open_notebook(NOTEBOOK.name)
    page.command("application:toggle-left-area")
    return page


@pytest.mark.drill
def test_run_all_and_then_by_hand(notebook, lab) -> None:
    expected_errors = {"other-picture", "one-point"}
    for name in CODE:
        text = notebook.run(CELLS[name])
        failed = any(output["output_type"] == "error" for output in notebook.cell(CELLS[name])["outputs"])
        assert failed == (name in expected_errors), f"{name}: {text}"
        if name not in ("load", "follow", "pad-preview"):
            notebook.picture(f"brush-{name}", CELLS[name])

    for name in ("submit", "served"):
        notebook.wait_measured(CELLS[name])
        assert_plays(notebook.play_video(CELLS[name]))
        notebook.seek_video(CELLS[name], 2.5)
        notebook.picture(f"brush-{name}-done", CELLS[name])
    notebook.wait_seen(CELLS["served"], "end frame")

    notebook.element(CELLS["pad"])
    pad = PadOnPage(notebook, SIZE, notebook.element(CELLS["pad"]).wait_for_selector(".kn-pad"))
    film = pad.part(".kn-film[src]")
    # With these, nothing beside the picture becomes higher any more.
    notebook.page.wait_for_function("(film) => film.readyState > 0", arg=film)
    pad.part(".kn-caption:has-text('Made here')")
    notebook.picture("brush-pad-filled", CELLS["pad"])
    assert len(pad.layers()) == 3
    pad.press("Add mask")
    pad.tool("brush")
    x, y = THIRD_COIN
    pad.drag([(x - 12, y - 8), (x + 12, y - 8), (x + 10, y + 10), (x - 12, y + 8)])
    pad.tool("path_freehand")
    pad.drag([(x, y), (x - 20, y - 15), (x - 45, y - 10)], steps=8)
    pad.command("snap")
    notebook.picture("brush-pad-by-hand", CELLS["pad"])
    assert "3 " in notebook.run_text("print(len(pad.brush.dynamic_masks), 'moving')")

    form = notebook.element(CELLS["composer"]).wait_for_selector(".kn-composer")
    assert form is not None
    notebook.picture("brush-composer", CELLS["composer"])
    notebook.save()
    assert (lab.folder / NOTEBOOK.name).stat().st_size < 3_000_000
    assert notebook.errors == []
