"""The notebook about tuning prompts in JupyterLab, light and dark, and its report opened as a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from lab_in_chromium import PATIENCE_S

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "04-prompt-tuning.ipynb"
CELLS = {cell.id: index for index, cell in enumerate(nbformat.read(NOTEBOOK, as_version=4).cells)}
CODE = [cell.id for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
DARK = """async () => {
  await window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'});
}"""

pytestmark = [pytest.mark.browser, pytest.mark.drill]


def test_cell_by_cell(lab, open_notebook, chromium, pictures) -> None:
    shutil.copy2(NOTEBOOK, lab.folder)
    notebook = open_notebook(NOTEBOOK.name)
    notebook.command("application:toggle-left-area")
    for name in CODE:
        text = notebook.run(CELLS[name])
        failed = any(output["output_type"] == "error" for output in notebook.cell(CELLS[name])["outputs"])
        assert not failed, f"{name}: {text}"
        notebook.page.wait_for_timeout(600)
        notebook.picture(f"tuning-{name}", CELLS[name])
    notebook.element(CELLS["answer"]).wait_for_selector("svg circle")
    assert len(notebook.element(CELLS["answer"]).query_selector_all("svg circle")) >= 16
    notebook.page.set_viewport_size({"width": 1180, "height": 1120})
    notebook.element(CELLS["sweep"]).scroll_into_view_if_needed()
    notebook.page.wait_for_timeout(600)
    notebook.picture("tuning-page")
    notebook.page.evaluate(DARK)
    notebook.page.wait_for_timeout(800)
    for name in CODE[3:]:
        notebook.element(CELLS[name])
        notebook.page.wait_for_timeout(600)
        notebook.picture(f"tuning-dark-{name}", CELLS[name])
    notebook.save()
    assert (lab.folder / NOTEBOOK.name).stat().st_size < 3_000_000
    assert notebook.errors == []

    report = lab.folder / "kling_runs" / "prompt-tuning" / "cats.html"
    page = chromium.new_page(viewport={"width": 1180, "height": 960})
    page.set_default_timeout(1000 * PATIENCE_S)
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url.split(":")[0]))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(report.as_uri())
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / "tuning-report.png")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    page.screenshot(path=pictures / "tuning-report-dark.png")
    page.close()
    assert set(asked) <= {"file", "data", "blob"}
    assert errors == []
