"""Notebook 7 and Voila: the pad is there, a stroke arrives."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from clean_room import clean_environment, end_sandboxes
from lab_in_chromium import NOTEBOOK_READY, PATIENCE_S, RUN_CELL, NotebookPage, reserved_port
from pad_on_page import PAD_CELL, PadOnPage
from pictures_to_draw_on import two_balls
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.drill]

SIZE = (720, 480)


def write_notebook(folder: Path) -> Path:
    folder.mkdir(parents=True)
    Image.fromarray(two_balls(SIZE)).save(folder / "scene.png")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PAD_CELL)])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, folder / "draw.ipynb")
    return folder / "draw.ipynb"


@pytest.fixture
def port():
    """A port that nothing else takes until the server has it."""
    with reserved_port() as kept:
        yield kept


@contextlib.contextmanager
def served(command: list[str], url: str, folder: Path, state: Path):
    """Run a server until the block ends."""
    state.mkdir(parents=True, exist_ok=True)
    environment = clean_environment(state)
    with (state / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], env=environment, cwd=folder,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and process.poll() is None:
            try:
                urllib.request.urlopen(url, timeout=20).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.2)
        else:
            raise AssertionError((state / "server.log").read_text(errors="replace")[-3000:])
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
        end_sandboxes(folder)


def draw(notebook: NotebookPage) -> None:
    """Paint a stroke and see it in the list of masks."""
    pad = PadOnPage(notebook, SIZE)
    pad.drag([(150, 200), (250, 260), (350, 200)])
    pad.wait_ink_gone()
    assert "%" in pad.layers()[0]
    assert pad.pixel((250, 255)) != pad.pixel((600, 400))


class Front(NotebookPage):
    """A page of another front end: only the browser's part of a notebook page."""

    def __init__(self, page, pictures: Path) -> None:
        super().__init__(page, None, pictures)  # type: ignore[arg-type]  # no JupyterLab here


def test_notebook_7(chromium, pictures, port: int, tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "nb")
    url = f"http://127.0.0.1:{port}/"
    options = [
        "--no-browser", "--allow-root", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=", "--ServerApp.password=",
        f"--ServerApp.root_dir={notebook.parent}", "--JupyterNotebookApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with served(["notebook", *options], f"{url}api", notebook.parent, tmp_path / "state"):
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        try:
            front = Front(context.new_page(), pictures)
            front.page.goto(f"{url}notebooks/draw.ipynb", wait_until="domcontentloaded")
            front.page.wait_for_function(NOTEBOOK_READY)
            front.page.evaluate(RUN_CELL, 0)
            draw(front)
            front.page.screenshot(path=pictures / "pad-notebook-7.png")
            assert front.outside == []
        finally:
            context.close()


@pytest.mark.skipif(not find_spec("voila") and not os.environ.get("CI"), reason="Voila is not installed")
def test_voila(chromium, pictures, port: int, tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "app")
    url = f"http://127.0.0.1:{port}/"
    options = [
        str(notebook), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1",
        "--VoilaConfiguration.show_tracebacks=True",
    ]  # fmt: skip
    with served(["voila", *options], f"{url}voila/static/voila.js", notebook.parent, tmp_path / "state"):
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        try:
            front = Front(context.new_page(), pictures)
            front.page.goto(url, wait_until="domcontentloaded")
            draw(front)
            front.page.screenshot(path=pictures / "pad-voila.png")
        finally:
            context.close()
