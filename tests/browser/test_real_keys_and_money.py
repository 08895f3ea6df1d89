"""The notebook about real keys and money in JupyterLab, cell by cell, in a light and a dark theme."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "03-real-keys-and-money.ipynb"
CELLS = {cell.id: index for index, cell in enumerate(nbformat.read(NOTEBOOK, as_version=4).cells)}
CODE = [cell.id for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
EXPECTED_ERRORS = {"refused", "unpriced", "forged", "replayed"}
LOOKED_AT_IN_THE_DARK = ("doors", "provider", "login", "bodies", "masks", "refused", "chart", "attach")
DARK = """async () => {
  await window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'});
}"""

pytestmark = [pytest.mark.browser, pytest.mark.drill]


def test_cell_by_cell(lab, open_notebook) -> None:
    shutil.copy2(NOTEBOOK, lab.folder)
    notebook = open_notebook(NOTEBOOK.name)
    notebook.command("application:toggle-left-area")
    for name in CODE:
        text = notebook.run(CELLS[name])
        failed = any(output["output_type"] == "error" for output in notebook.cell(CELLS[name])["outputs"])
        assert failed == (name in EXPECTED_ERRORS), f"{name}: {text}"
        notebook.page.wait_for_timeout(200)
        notebook.picture(f"money-{name}", CELLS[name])

    for name in ("first", "extend", "slide", "steam", "attach"):
        notebook.wait_measured(CELLS[name])
        assert notebook.play_video(CELLS[name])["frames"] > 2
        notebook.picture(f"money-{name}-done", CELLS[name])
    assert notebook.element(CELLS["login"]).wait_for_selector("input[type=password]") is not None
    notebook.element(CELLS["chart"]).wait_for_selector("svg rect")
    assert len(notebook.element(CELLS["chart"]).query_selector_all("svg rect")) == 22
    notebook.page.set_viewport_size({"width": 1180, "height": 960})
    notebook.element(CELLS["drill-text"])
    notebook.picture("money-page")
    notebook.page.evaluate(DARK)
    notebook.page.wait_for_timeout(800)
    for name in LOOKED_AT_IN_THE_DARK:
        notebook.picture(f"money-dark-{name}", CELLS[name])
    notebook.save()
    assert (lab.folder / NOTEBOOK.name).stat().st_size < 3_000_000
    assert notebook.errors == []
