"""The card where no server shows the video, and across a reload of the page in the middle of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from pad_on_page import pass_time

from kling_nb.sandbox import launch

pytestmark = pytest.mark.browser


@pytest.fixture
def notebook(lab, open_notebook):
    """Open a notebook with these code cells."""

    def write(name: str, *cells: str):
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        # A folder each: a run log and a sandbox of their own.
        (lab.folder / name).mkdir()
        nbformat.write(made, lab.folder / name / f"{name}.ipynb")
        return open_notebook(f"{name}/{name}.ipynb")

    return write


PICTURE = "from skimage import data\ncat = data.chelsea()"
CELL = "%%kling cat --model kling-v2-6 --mode std --duration 5\n"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for runs that the server does not show."""
    folder = tmp_path / "far away"
    yield folder
    launch.stop(folder / "sandbox")


def test_a_video_outside_the_servers_folder_comes_over_the_kernel(notebook, home: Path) -> None:
    first = f"%env KLING_NB_HOME={home}\n%load_ext kling_nb\n{PICTURE}"
    page = notebook("elsewhere", first, CELL + "The cat looks up")
    page.run(0)
    page.run(1)
    card = page.wait_measured(1)
    video = card.wait_for_selector(".kn-video")
    assert video.get_attribute("src").startswith("blob:")
    assert page.play_video(1)["time"] > 0.2
    assert str(home) in card.query_selector(".kn-file").inner_text()
    page.picture("card-elsewhere", 1)
    page.save()
    saved = (
        nbformat.read(page.lab.folder / "elsewhere" / "elsewhere.ipynb", as_version=4)
        .cells[1]
        .outputs[0]
        .data
    )
    assert "data:image/jpeg;base64," in saved["text/html"]
    assert "<video" not in saved["text/html"]


@pytest.mark.drill
def test_the_card_goes_on_after_a_reload_in_the_middle_of_a_run(notebook, lab) -> None:
    page = notebook(
        "reloaded", f"%load_ext kling_nb\n{PICTURE}", CELL + "The cat looks down [[sandbox:slow:600]]"
    )
    page.run(0)
    page.run(1)
    page.wait_status(1, "processing")
    page.save()
    page.reload()
    card = page.wait_status(1, "processing")
    assert ":" in card.query_selector(".kn-time").inner_text()
    page.picture("card-after-reload", 1)
    pass_time(lab.folder / "reloaded" / "kling_runs", scale=0)
    page.wait_measured(1).wait_for_selector(".kn-video")
    assert page.play_video(1)["time"] > 0.2


def test_dark_theme_and_keyboard(notebook) -> None:
    page = notebook("dark", f"%load_ext kling_nb\n{PICTURE}", CELL + "The cat waits [[sandbox:slow:600]]")
    change = "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    page.page.evaluate(f"async () => {{ await {change}; }}")
    page.run(0)
    page.run(1)
    card = page.wait_status(1, "processing")
    stop = card.wait_for_selector(".kn-stop")
    stop.focus()
    page.picture("card-dark", 1)
    # JupyterLab may have taken the focus for its cell meanwhile.
    stop.press("Enter")
    card.wait_for_selector(".kn-follow", state="visible")
