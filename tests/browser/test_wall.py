"""A sweep of twelve clips in JupyterLab: the wall fills in, is stopped, goes on, and plays its clips."""

from __future__ import annotations

import nbformat
import pytest
from pad_on_page import STILL

pytestmark = [pytest.mark.browser, pytest.mark.drill]

HEAD = "%load_ext kling_nb\nfrom skimage import data\ncat = data.chelsea()"
CELL = """%%kling cat -m kling-v1 --set mode=std,pro --set what=head,tail --set duration=5,7 --repeat 2 -o s
the cat moves its {{what}} [[sandbox:slow:2]]
---
the cat waits [[sandbox:slow:2]]"""
MEASURED = """() => [...document.querySelectorAll('.kn-wall-scores')].filter(
  (line) => line.textContent && line.textContent !== 'measuring…').length === 12"""
DARK = "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"


@pytest.fixture
def notebook(lab, open_notebook):
    """A notebook with the sweep, its first cell run."""
    cells = [nbformat.v4.new_code_cell(source) for source in (HEAD, CELL, "1 + 1")]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (lab.folder / "wall").mkdir()
    nbformat.write(made, lab.folder / "wall" / "wall.ipynb")
    page = open_notebook("wall/wall.ipynb")
    page.run(0)
    return page


def counted(page, kind: str) -> int:
    return len(page.page.query_selector_all(f".kn-wall-card[data-kind='{kind}']"))


def test_a_sweep_fills_its_wall_stops_goes_on_and_plays(notebook) -> None:
    page = notebook
    text = page.run(1)
    assert text.startswith("Sweep: 6 combinations × 2 = 12 runs, 27 units ($3.78 list)")
    # One prompt does not name what varies: both values make the same request.
    assert "the same request as" in text
    assert "mode=pro, duration=7 (4 of them): L01 kling-v1 pro 7 s does not exist" in text
    page.page.wait_for_selector(".kn-wall-card[data-kind='running']")
    page.picture("wall-running", 1)
    # The kernel is free while the sweep runs.
    assert page.run(2) == "2"
    page.element(1).wait_for_selector(".kn-wall-card[data-kind='done'] img")
    page.page.click(".kn-wall-stop")
    page.page.wait_for_selector(".kn-wall-resume", state="visible")
    assert counted(page, "waiting") > 0
    page.picture("wall-stopped", 1)
    page.page.click(".kn-wall-resume")
    page.page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.kn-wall-card')];"
        " return all.length === 12 && all.every((card) => card.dataset.kind === 'done'); }"
    )
    # Scores come one by one and move nothing: what a mouse aims at is hit.
    page.element(1)
    last = page.page.locator(".kn-wall-card").last
    last.locator(".kn-wall-media[data-plays]").click()
    last.locator("video").wait_for()
    assert page.play_video(1)["frames"] > 5
    # A machine with other work measures a dozen clips for minutes.
    page.page.wait_for_function(MEASURED, timeout=600_000)
    page.picture("wall-done", 1)
    page.page.evaluate(DARK)
    last.locator("video").evaluate(STILL)
    page.picture("wall-dark", 1)
    assert page.run_text("print(len(s.frame), s.frame.task_id.nunique(), s.state)") == "12 12 done"
