"""Fixtures of the browser tests: Chromium, JupyterLab at two addresses, and a folder for screenshots."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zlib import crc32

import nbformat
import pytest
from lab_in_chromium import (
    CHROMIUM_OPTIONS,
    PATIENCE_S,
    JupyterLab,
    NotebookPage,
    find_chromium,
    notebook_page,
)
from pad_on_page import PAD_CELL, PadOnPage
from pictures_to_draw_on import two_balls
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from kling_nb.sandbox import launch

FIRST_LINE = "[t.join(60) for t in __import__('threading').enumerate() if t.name == 'kling-warmup']"
"""Ends when the line above a pad, which the extension replaces in the background, is what it will be."""

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, for one module: while Playwright runs, its thread can run no other loop."""
    path = find_chromium()
    if path is None:
        reason = "no Chromium or Chrome on PATH (Debian: apt install chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, headless=True, args=CHROMIUM_OPTIONS, timeout=1000 * PATIENCE_S
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: the folder named by KLING_NB_SCREENSHOTS, or a temporary one."""
    folder = Path(os.environ.get("KLING_NB_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    """JupyterLab at the root of a host, or under the base URL that a module gives as parameter."""
    place = tmp_path_factory.mktemp("lab")
    base_url = getattr(request, "param", "/")
    with JupyterLab(place / "notebooks", place / "state", base_url=base_url) as server:
        yield server


@pytest.fixture
def open_notebook(
    chromium: Browser, lab: JupyterLab, pictures: Path
) -> Iterator[Callable[[str], NotebookPage]]:
    """Open notebooks of the server's folder; afterwards nothing may have been asked from another machine."""
    opened: list[NotebookPage] = []
    with ExitStack() as stack:

        def open_one(name: str) -> NotebookPage:
            page = stack.enter_context(notebook_page(chromium, lab, pictures))
            opened.append(page)
            return page.open(name)

        yield open_one
        outside = [url for page in opened for url in page.outside]
    assert outside == [], "the page asked other machines for something"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One run log and one sandbox for the module."""
    folder = tmp_path_factory.mktemp("home") / "kling_runs"
    yield folder
    launch.stop(folder / "sandbox")


@pytest.fixture
def open_pad(chromium, lab, pictures, home):
    """Open a notebook with a pad on a picture in a fresh window and run its first cell."""
    with ExitStack() as stack:

        def open_one(
            name: str, size: tuple[int, int] = (720, 480), *cells: str, head: str = PAD_CELL, **options: Any
        ) -> PadOnPage:
            folder = lab.folder / name
            folder.mkdir()
            if not (folder / "scene.png").exists():
                Image.fromarray(two_balls(size, crc32(name.encode()))).save(folder / "scene.png")
            first = f"%env KLING_NB_HOME={home}\n%env KLING_NB_PROVIDER=sandbox"
            sources = [first, head, *cells]
            made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in sources])
            made.metadata["kernelspec"] = {
                "name": "python3",
                "display_name": "Python 3",
                "language": "python",
            }
            nbformat.write(made, folder / f"{name}.ipynb")
            page = stack.enter_context(notebook_page(chromium, lab, pictures, **options))
            page.open(f"{name}/{name}.ipynb")
            page.command("application:toggle-left-area")
            page.run(0)
            page.run(1)
            page.run_text(FIRST_LINE)
            page.element(1).scroll_into_view_if_needed()
            return PadOnPage(page, size)

        yield open_one


@pytest.fixture
def open_notebook_with(lab, open_notebook):
    """Write a notebook of these code cells into a folder of its own and open it."""

    def open_one(name: str, *cells: str) -> NotebookPage:
        (lab.folder / name).mkdir()
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
        made.metadata["kernelspec"] = KERNEL
        nbformat.write(made, lab.folder / name / f"{name}.ipynb")
        return open_notebook(f"{name}/{name}.ipynb")

    return open_one
