"""A private JupyterLab, and one of its notebooks opened in headless Chromium.

The server has configuration, data and runtime folders of its own, so neither the settings nor the extensions
of the person who runs the tests take part. Every request to another machine is blocked and written down.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import late_messages
from clean_room import clean_environment, end_sandboxes
from playwright.sync_api import Browser, ElementHandle, Page, Route
from playwright.sync_api import TimeoutError as PageTimeoutError

CHROMIUM_OPTIONS = [
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

PATIENCE_S = 120
"""How long pages wait for what must come: a busy machine takes half a minute to start a kernel."""

LOOPBACK = {"127.0.0.1", "localhost", "::1"}

# Everything but what is plainly loopback, which need not be asked about: a page makes a hundred requests.
ELSEWHERE = re.compile(r"^(?!(data|blob|about):|https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$))")

START = f"""
import runpy, sys
sys.modules["rfc3987_syntax"] = None
sys.path.insert(0, {str(Path(__file__).parent)!r})
import kept_ports
sys.path.pop(0)
kept_ports.keep()
runpy.run_module("jupyterlab", run_name="__main__", alter_sys=True)
"""
"""JupyterLab whose kernels keep their ports, and without a checker of addresses in other scripts.

The grammar of that one takes longer than all the rest.
"""

PAGE_CONFIG = {
    # The pop-up covers the lower right corner of every screenshot.
    "disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True},
    # Node.js would be started five times to say that nothing needs to be built.
    "buildCheck": False,
}

RUN_CELL = """async (index) => {
  const app = window.jupyterapp;
  app.shell.currentWidget.content.activeCellIndex = index;
  await app.commands.execute('notebook:run-cell');
}"""

CELL_MODEL = """(index) => {
  const model = window.jupyterapp.shell.currentWidget.content.widgets[index].model;
  const source = model.sharedModel.getSource();
  if (model.type !== 'code') return {type: model.type, source, count: null, outputs: []};
  return {type: model.type, source, count: model.executionCount, outputs: model.outputs.toJSON()};
}"""

RUN_BESIDE = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const done = kernel.requestExecute({code, store_history: false});
  let text = '';
  done.onIOPub = (message) => {
    if (message.header.msg_type === 'stream') text += message.content.text;
    if (message.header.msg_type === 'error') text += message.content.ename + ': ' + message.content.evalue;
  };
  await done.done;
  return text;
}"""

NOTEBOOK_READY = """() => {
  const panel = window.jupyterapp && window.jupyterapp.shell.currentWidget;
  const kernel = panel && panel.sessionContext && panel.sessionContext.session?.kernel;
  const cells = panel?.content?.model?.cells?.length;
  return Boolean(cells && panel.content.widgets.length === cells && kernel && kernel.status === 'idle');
}"""

NOTEBOOK_STATE = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  return JSON.stringify({
    title: document.title, status: kernel?.status, connection: kernel?.connectionStatus,
    cells: panel?.content?.model?.cells?.length, widgets: panel?.content?.widgets?.length,
    dialog: document.querySelector('.jp-Dialog')?.innerText,
  });
}"""

WIDGETS_RESTORED = """async () => {
  const kind = 'application/vnd.jupyter.widget-view+json';
  const { rendermime } = window.jupyterapp.shell.currentWidget.content;
  const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
  while (!rendermime.getFactory(kind)) await pause();
  const renderer = rendermime.createRenderer(kind);
  const manager = await renderer._manager.promise;
  renderer.dispose();
  while (!manager.restoredStatus || manager._kernelRestoreInProgress) await pause();
  return true;
}"""
"""The page has asked the kernel for the widgets there are. Until then what it is told may be put in the place
of something newer: JupyterLab lets cells run before."""

PLAYED = """async (video) => {
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  video.muted = true;
  video.currentTime = 0;
  await video.play();
  // As long as it takes: a machine with other work decodes slowly, a broken clip never comes this far.
  let frames = 0;
  for (const end = performance.now() + 120000; performance.now() < end; await pause(50)) {
    frames = video.getVideoPlaybackQuality().totalVideoFrames;
    if (video.currentTime > 0.5 && frames > 8) break;
  }
  const played = {time: video.currentTime, frames, width: video.videoWidth, height: video.videoHeight,
                  duration: video.duration, source: video.currentSrc.slice(0, 200)};
  video.pause();
  return played;
}"""


SEEK = """async (video, seconds) => {
  const event = (name) => new Promise((resolve) => video.addEventListener(name, resolve, {once: true}));
  // Before the player knows its clip, there are no seeks.
  if (video.readyState < 1) await event('loadedmetadata');
  const arrived = event('seeked');
  video.currentTime = seconds;
  await arrived;
  await new Promise((resolve) => requestAnimationFrame(resolve));
}"""


def find_chromium() -> str | None:
    """Return the system's Chromium or Chrome, None when there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """Keep a port for a server that starts within the block: nothing else gets it by chance.

    The server itself may take it, because nobody listens here and both sides share addresses
    (``SO_REUSEADDR``, which Tornado's servers set).
    """
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield int(kept.getsockname()[1])


class JupyterLab:
    """One JupyterLab server on loopback.

    Parameters
    ----------
    folder
        The folder that it shows: copies of notebooks live there.
    state
        Folder for its configuration and log, outside ``folder``.
    base_url
        Path it is served under; ``/user/x/`` is the shape of JupyterHub and Binder.
    """

    def __init__(self, folder: Path, state: Path, base_url: str = "/") -> None:
        self.folder = folder
        self.state = state
        self.base_url = base_url
        self.log = state / "server.log"

    def __enter__(self) -> JupyterLab:
        with reserved_port() as port:
            self._start(port)
        return self

    def _start(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}{self.base_url}"
        self.folder.mkdir(parents=True, exist_ok=True)
        page_config = self.state / "config" / "labconfig" / "page_config.json"
        page_config.parent.mkdir(parents=True, exist_ok=True)
        page_config.write_text(json.dumps(PAGE_CONFIG))
        options = [
            "--no-browser",
            "--allow-root",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.base_url={self.base_url}",
            f"--ServerApp.root_dir={self.folder}",
            "--IdentityProvider.token=",
            "--ServerApp.password=",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.news_url=",
            "--LabApp.extension_manager=readonly",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, *options],
                env=clean_environment(self.state),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{self.url}api", timeout=20).close()
                return
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text(errors='replace')[-3000:]}")

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        end_sandboxes(self.folder)
        end_sandboxes(self.state)


class NotebookPage:
    """A notebook open in the browser, driven the way its user drives it: a cell at a time."""

    def __init__(self, page: Page, lab: JupyterLab, pictures: Path) -> None:
        self.page = page
        self.lab = lab
        self.pictures = pictures
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(1000 * PATIENCE_S)
        if late := late_messages.script():
            page.add_init_script(late)
        page.route(ELSEWHERE, self._only_loopback)
        page.on("websocket", lambda socket: self._note(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, url: str) -> bool:
        parts = urlsplit(url)
        inside = parts.scheme in {"data", "blob", "about"} or parts.hostname in LOOPBACK
        if not inside:
            self.outside.append(url)
        return inside

    def _only_loopback(self, route: Route) -> None:
        if self._note(route.request.url):
            route.continue_()
        else:
            route.abort()

    def open(self, name: str) -> NotebookPage:
        """Open a notebook of the server's folder and wait for its kernel."""
        self.page.goto(f"{self.lab.url}lab/tree/{name}?reset", wait_until="domcontentloaded")
        self.wait_ready()
        return self

    def reload(self) -> None:
        """Reload the page, as a person does; the kernel goes on."""
        self.page.reload(wait_until="domcontentloaded")
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait for the notebook, its kernel and the widgets that live there."""
        try:
            self.page.wait_for_function(NOTEBOOK_READY)
            self.page.wait_for_function(WIDGETS_RESTORED)
        except PageTimeoutError as error:
            log = self.lab.log.read_text(errors="replace")[-3000:]
            raise AssertionError(f"not ready: {self.page.evaluate(NOTEBOOK_STATE)}\n{log}") from error

    def __len__(self) -> int:
        return int(self.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length"))

    def cell(self, index: int) -> dict[str, Any]:
        """Type, source, execution count and outputs of one cell."""
        return dict(self.page.evaluate(CELL_MODEL, index))

    def run(self, index: int) -> str:
        """Run one cell to its end and return what it printed."""
        self.page.evaluate(RUN_CELL, index)
        return self.text(index)

    def text(self, index: int) -> str:
        """Return the text of a cell's outputs, errors included."""
        return "".join(plain_text(output) for output in self.cell(index)["outputs"])

    def run_text(self, code: str) -> str:
        """Run code in the notebook's kernel beside its cells and return what it printed."""
        return str(self.page.evaluate(RUN_BESIDE, code)).strip()

    def output_types(self, index: int) -> set[str]:
        """Return the MIME types that a cell shows."""
        return {kind for output in self.cell(index)["outputs"] for kind in output.get("data", {})}

    def element(self, index: int) -> ElementHandle:
        """Return the cell on the page, scrolled into view."""
        self.page.evaluate(
            "(i) => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", index
        )
        selector = f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']"
        element = self.page.wait_for_selector(selector)
        assert element is not None
        element.scroll_into_view_if_needed()
        return element

    def start(self, index: int) -> None:
        """Begin to run one cell without waiting for its end."""
        self.page.evaluate(f"(index) => {{ ({RUN_CELL})(index); }}", index)

    def card(self, index: int) -> ElementHandle:
        """Return the run card in a cell's output."""
        card = self.element(index).wait_for_selector(".kn-card[data-status]")
        assert card is not None
        return card

    def wait_status(self, index: int, status: str, seconds: float = PATIENCE_S) -> ElementHandle:
        """Wait until the card of a cell shows a status."""
        selector = f".kn-card[data-status='{status}']"
        card = self.element(index).wait_for_selector(selector, timeout=seconds * 1000)
        assert card is not None
        return card

    def wait_measured(self, index: int) -> ElementHandle:
        """Wait for a run's clip and its scores: with these, the page has drawn the card for the last time."""
        measuring = ":has(.kn-scores[data-state='measuring'])"
        selector = f".kn-card[data-status='succeeded']:not({measuring})"
        card = self.element(index).wait_for_selector(selector)
        assert card is not None
        return card

    def seen(self, index: int) -> str:
        """Return the text a person sees in a cell's output area, widgets included."""
        area = self.element(index).query_selector(".jp-Cell-outputArea")
        return "" if area is None else area.inner_text()

    def wait_seen(self, index: int, word: str, seconds: float = PATIENCE_S) -> str:
        """Wait until a word stands in a cell's output area."""
        deadline = time.monotonic() + seconds
        while word.lower() not in (text := self.seen(index)).lower():
            if time.monotonic() > deadline:
                raise AssertionError(f"{word!r} did not appear in cell {index}; it shows:\n{text}")
            self.page.wait_for_timeout(100)
        return text

    def play_video(self, index: int) -> dict[str, Any]:
        """Play half a second of a cell's video, however long that takes, and report how far it came."""
        video = self.element(index).wait_for_selector("video", state="attached")
        assert video is not None
        return dict(video.evaluate(PLAYED))

    def seek_video(self, index: int, seconds: float) -> None:
        """Show one moment of a cell's video."""
        video = self.element(index).wait_for_selector("video", state="attached")
        assert video is not None
        video.evaluate(SEEK, seconds)

    def picture(self, name: str, index: int | None = None) -> Path:
        """Save a screenshot of the page, or of one cell."""
        target = self.pictures / f"{name}.png"
        if index is None:
            self.page.screenshot(path=target)
        else:
            self.element(index).screenshot(path=target)
        return target

    def command(self, name: str) -> None:
        """Run one of JupyterLab's own commands, as its menus do."""
        self.page.evaluate("async (name) => { await window.jupyterapp.commands.execute(name); }", name)

    def save(self) -> None:
        """Save the notebook to its file."""
        self.command("docmanager:save")


def plain_text(output: dict[str, Any]) -> str:
    """Return what one output says without its formatting."""
    match output["output_type"]:
        case "stream":
            text = output["text"]
        case "error":
            text = f"{output['ename']}: {output['evalue']}\n"
        case _:
            text = output["data"].get("text/plain", "")
    return text if isinstance(text, str) else "".join(text)


@contextlib.contextmanager
def notebook_page(
    browser: Browser, lab: JupyterLab, pictures: Path, **options: Any
) -> Iterator[NotebookPage]:
    """Open a fresh browser window on a server; options are those of Playwright's contexts."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    try:
        yield NotebookPage(context.new_page(), lab, pictures)
    finally:
        context.close()
