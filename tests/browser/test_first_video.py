"""The first notebook in JupyterLab, cell by cell, as the person who opens it sees it."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "01-first-video.ipynb"
CELLS = {cell.id: index for index, cell in enumerate(nbformat.read(NOTEBOOK, as_version=4).cells)}
CODE = [cell.id for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize(
        "lab",
        [pytest.param("/", id="root"), pytest.param("/user/x/", id="base-url", marks=pytest.mark.drill)],
        indirect=True,
    ),
]


@pytest.fixture
def notebook(lab, open_notebook):
    """The first notebook, open."""
    shutil.copy2(NOTEBOOK, lab.folder)
    return open_notebook(NOTEBOOK.name)


def assert_plays(played: dict[str, float]) -> None:
    """A video that decodes: its clock advances, frames are painted, it has a size."""
    assert played["time"] > 0.2, played
    assert played["frames"] > 2, played
    assert played["width"] >= 300 and played["height"] >= 300, played
    assert 4 < played["duration"] < 6, played


def test_cell_by_cell(notebook, lab) -> None:
    where = "root" if lab.base_url == "/" else "base-url"
    expected_errors = {"impossible", "typo"}
    for name in CODE:
        index = CELLS[name]
        text = notebook.run(index)
        failed = any(output["output_type"] == "error" for output in notebook.cell(index)["outputs"])
        assert failed == (name in expected_errors), f"{name}: {text}"
        notebook.picture(f"{where}-{name}", index)
        if name == "status":
            assert notebook.card(CELLS["first"]).get_attribute("data-status") != "failed"

    for name in ("first", "lift-off", "camera"):
        notebook.wait_measured(CELLS[name])
        assert_plays(notebook.play_video(CELLS[name]))
        notebook.picture(f"{where}-{name}-done", CELLS[name])
    notebook.wait_seen(CELLS["again"], "no charge")
    assert_plays(notebook.play_video(CELLS["preview"]))
    notebook.command("application:toggle-left-area")
    notebook.seek_video(CELLS["lift-off"], 3.5)
    notebook.picture(f"{where}-page")

    notebook.save()
    saved = lab.folder / NOTEBOOK.name
    assert saved.stat().st_size < 3_000_000
    notebook.reload()
    notebook.wait_status(CELLS["lift-off"], "succeeded")
    assert_plays(notebook.play_video(CELLS["lift-off"]))
    notebook.picture(f"{where}-reloaded", CELLS["lift-off"])
    assert notebook.errors == []
