"""The harness itself: without these, a green browser test would prove nothing."""

from __future__ import annotations

import nbformat
import pytest
from lab_in_chromium import JupyterLab, notebook_page

pytestmark = pytest.mark.browser


def write(lab: JupyterLab, name: str, *cells: str) -> None:
    """Put a notebook with these code cells into the server's folder."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.folder / name)


def test_cells_run_and_widgets_are_seen(lab, open_notebook) -> None:
    write(
        lab,
        "widgets.ipynb",
        "print(6 * 7)",
        "import ipywidgets; ipywidgets.HTML('<b>a live widget</b>')",
        "1 / 0",
    )
    page = open_notebook("widgets.ipynb")
    assert page.run(0) == "42\n"
    page.run(1)
    assert "a live widget" in page.wait_seen(1, "a live widget")
    assert page.run(2).startswith("ZeroDivisionError")


def test_requests_to_other_machines_are_blocked_and_written_down(chromium, lab, pictures) -> None:
    write(
        lab,
        "outside.ipynb",
        "from IPython.display import HTML; HTML('<img src=\"http://pictures.example/cat.jpg\">')",
    )
    with notebook_page(chromium, lab, pictures) as page:
        page.open("outside.ipynb")
        with page.page.expect_event("requestfailed", lambda request: "pictures.example" in request.url):
            page.run(0)
        assert set(page.outside) == {"http://pictures.example/cat.jpg"}
