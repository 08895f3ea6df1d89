"""The notebook of motion scores in JupyterLab: a clip is measured, and the numbers notice what was broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from lab_in_chromium import NotebookPage

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "05-motion-scores.ipynb"
CELLS = {cell.id: index for index, cell in enumerate(nbformat.read(NOTEBOOK, as_version=4).cells)}
CODE = [cell.id for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
DARK = """async () => {
  await window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'});
}"""

DASHED = ".kn-paths polyline[stroke-dasharray]"
"""A measured path, on a live and on a saved page."""

FEWER = 'knobs = {name: knobs[name] for name in ("as asked", "half the way")}\n'
"""One broken clip says as much about the page as seven."""

pytestmark = pytest.mark.browser


def run_cell(notebook: NotebookPage, name: str) -> str:
    """Run one cell by its name; it must not fail."""
    text = notebook.run(CELLS[name])
    failed = any(output["output_type"] == "error" for output in notebook.cell(CELLS[name])["outputs"])
    assert not failed, f"{name}: {text}"
    return text


@pytest.mark.drill
def test_the_scores_stand_on_the_card_over_the_clips_and_in_the_table(lab, open_notebook) -> None:
    made = nbformat.read(NOTEBOOK, as_version=4)
    whole = made.cells[CELLS["break"]]
    whole.source = whole.source.replace("words = {", FEWER + "words = {")
    nbformat.write(made, lab.folder / NOTEBOOK.name)
    notebook = open_notebook(NOTEBOOK.name)
    notebook.command("application:toggle-left-area")
    for name in ("load", "brush", "ask", "read"):
        run_cell(notebook, name)
    card = notebook.wait_measured(CELLS["ask"])
    line = card.wait_for_selector(".kn-scores[data-state='done'] summary", state="visible")
    assert "gain 1.00" in line.inner_text() and "leak none" in line.inner_text()
    line.click()
    body = card.wait_for_selector(".kn-score-body", state="visible").inner_text()
    for word in ("path error", "static leak", "head", "archer", "153 frames"):
        assert word in body
    assert len(card.query_selector_all(DASHED)) >= 2
    notebook.picture("motion-scores-card", CELLS["ask"])

    for name in ("sheet", "break", "measure", "table", "gallery"):
        run_cell(notebook, name)
    assert notebook.element(CELLS["sheet"]).wait_for_selector("img[src^='data:image/jpeg']") is not None
    table = notebook.element(CELLS["table"])
    meant = table.wait_for_selector("th:has-text('path error')").get_attribute("title")
    rows = [row.inner_text() for row in table.query_selector_all("tbody tr")]
    assert ["too short" in row for row in rows] == [False, True]
    assert "on average over the clip" in meant
    notebook.picture("motion-scores-table", CELLS["table"])
    assert notebook.element(CELLS["gallery"]).wait_for_selector(DASHED, state="attached") is not None
    notebook.picture("motion-scores-gallery", CELLS["gallery"])
    assert notebook.errors == []


@pytest.mark.drill
def test_cell_by_cell(lab, open_notebook) -> None:
    """Every cell, light and dark; look at the pictures."""
    (lab.folder / "whole").mkdir()
    shutil.copy2(NOTEBOOK, lab.folder / "whole")
    notebook = open_notebook(f"whole/{NOTEBOOK.name}")
    notebook.command("application:toggle-left-area")
    for name in CODE:
        run_cell(notebook, name)
        notebook.page.wait_for_timeout(400)
        notebook.picture(f"scores-{name}", CELLS[name])
    notebook.page.evaluate(DARK)
    notebook.page.wait_for_timeout(800)
    for name in CODE[2:]:
        notebook.element(CELLS[name])
        notebook.page.wait_for_timeout(400)
        notebook.picture(f"scores-dark-{name}", CELLS[name])
    notebook.save()
    assert (lab.folder / "whole" / NOTEBOOK.name).stat().st_size < 3_000_000
    assert notebook.errors == []
