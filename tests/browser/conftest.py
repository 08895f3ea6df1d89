"""Fixtures of the browser tests: Chromium, JupyterLab at two addresses, and a folder for screenshots."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from lab_in_chromium import CHROMIUM_OPTIONS, JupyterLab, NotebookPage, find_chromium, notebook_page
from playwright.sync_api import Browser, sync_playwright


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
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_OPTIONS)
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
