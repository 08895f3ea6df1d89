"""The card of one run: live while the kernel lives, a static picture of itself in the saved notebook."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from kling_nb import settings
from kling_nb.errors import KlingError
from kling_nb.widgets import places
from kling_nb.widgets.output import CellOutput, in_cell, is_watched, look_at_ends, remember_cell
from kling_nb.widgets.scorestate import picture_of, saved_scores
from kling_nb.widgets.state import plain_text, state_of
from kling_nb.widgets.static import card_css, static_card

if TYPE_CHECKING:
    from kling_nb.session.run import Run

logger = logging.getLogger("kling_nb")

WIDGET_TYPE = "application/vnd.jupyter.widget-view+json"
START_IMAGE_LIMIT = 3_000_000
"""Largest start image, in bytes, that is sent to the page as a poster while the video is being made."""


class RunCard(anywidget.AnyWidget):
    """Status, times, player, cost and parameters of one run, kept up to date by the run itself.

    Parameters
    ----------
    run
        The run.
    notebook_folder
        Folder relative links start from; default the working directory.
    open_scores
        Whether the table of scores is unfolded.
    """

    _esm = "\n".join(
        files("kling_nb.widgets").joinpath(name).read_text(encoding="utf-8")
        for name in ("overlay.js", "scores.js", "card.js")
    )
    _css = card_css()

    state = traitlets.Dict().tag(sync=True)
    poster = traitlets.Bytes(b"").tag(sync=True)

    def __init__(self, run: Run, *, notebook_folder: Path | None = None, open_scores: bool = False) -> None:
        self._run = run
        self._open_scores = open_scores
        # A later cell may take the same run again; what this cell did stays true.
        self._reused = run.reused
        self._lock = threading.Lock()
        self._output: CellOutput | None = None
        self._left = ""
        self._folder = notebook_folder or Path.cwd()
        self._root = places.server_root()
        # A notebook executed by a program is looked at later, without a kernel: links have to do.
        self._links_work = self._root is not None or not is_watched()
        self._cap = int(settings.load().embed_cap_mb * 1e6)
        remember_cell()
        super().__init__(state=self._state(), poster=self._poster())
        self.on_msg(self._on_message)
        self._unsubscribe: Callable[[], None] = run.on_change(self._on_change)
        # What came after the first look and before there was anybody to be told.
        self._on_change(run)

    @property
    def run(self) -> Run:
        """The run this card shows."""
        return self._run

    def __repr__(self) -> str:
        return plain_text(self._run, reused=self._reused)

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._bundle(), {}

    def show(self) -> RunCard:
        """Display the card in the running cell; what is saved of it follows the run."""
        self._output = CellOutput(self._bundle())
        look_at_ends(self)
        # The run may have ended between the first look and the display.
        self._on_change(self._run)
        return self

    def look_again(self) -> None:
        """Take over the end of the run, should nobody have told it yet."""
        if self._run.done and not self._left:
            self._on_change(self._run)

    def close(self) -> None:
        """Forget the run and the page's view of it."""
        if callable(getattr(self, "_unsubscribe", None)):
            self._unsubscribe()
        super().close()

    # --- run to page ------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        state = state_of(self._run, embed_cap_bytes=self._cap, root=self._root)
        return {**state, "open_scores": self._open_scores, "reused": self._reused}

    def _poster(self) -> bytes:
        path = self._run.poster or self._run.image
        if path is None:
            return b""
        try:
            return path.read_bytes() if path.stat().st_size <= START_IMAGE_LIMIT else b""
        except OSError:
            return b""

    def _on_change(self, run: Run) -> None:
        """Take over the run's state; called from the thread that tells changes, never from the kernel's."""
        try:
            with self._lock:
                state = self._state()
                in_cell(lambda: self._take(state))
        except Exception:
            # A page that is gone must not disturb the run.
            logger.exception("the card of run %s could not be updated", run.id)

    def _take(self, state: dict[str, Any]) -> None:
        turned = state["status"] != self.state.get("status") or bool(state["video"]) != bool(
            self.state["video"]
        )
        if turned:
            self.poster = self._poster()
        # A lost answer is an end for the notebook, too: it is read when the kernel is gone.
        end = "final" if state["final"] else "lost" if state["check"] else ""
        # Scores that come late are worth drawing it again: without a kernel nothing else would bring them.
        end += " and measured" if end and _is_measured(state) else ""
        if self._output is not None and end and end != self._left:
            # At the end and with the scores only: the page draws a replaced output anew, which would close
            # what a person has opened. Before the live card: where the static one takes its place, no one
            # sees both.
            self._left = end
            self._output.replace(self._bundle(state))
        self.state = state

    def _bundle(self, state: dict[str, Any] | None = None) -> dict[str, Any]:
        state = self.state if state is None else state
        video = self._run.video
        url = None if video is None else places.beside(video, self._folder, self._root)
        bundle: dict[str, Any] = {
            "text/plain": plain_text(self._run, reused=self._reused),
            "text/html": static_card(
                state, poster=self.poster, video_url=url, scores=saved_scores(self._run)
            ),
        }
        if not self._lives_on_alone(state, url):
            bundle[WIDGET_TYPE] = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return bundle

    def _lives_on_alone(self, state: dict[str, Any], url: str | None) -> bool:
        """Whether the static card shows all there is: then no kernel is needed to look at it tomorrow."""
        if not state["final"] or _is_awaited(state):
            return False
        return self._run.video is None or (url is not None and self._links_work)

    # --- page to run ------------------------------------------------------------------------------------

    def _on_message(self, _widget: object, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Handle a click; runs on the main thread or on a subshell's and only hands work over."""
        kind = content.get("kind")
        if kind == "time":
            self.send({"kind": "time", "now_ms": int(time.time() * 1000)})
        elif kind == "stop":
            self._run.stop_following()
        elif kind == "follow":
            # What goes wrong is shown by the card itself, through the run's error.
            with contextlib.suppress(KlingError):
                self._run.follow()
        elif kind == "video" and (video := self._run.video) is not None:
            self.send({"kind": "video"}, buffers=[places.content(video)])
        elif kind == "picture":
            what = str(content.get("what"))
            threading.Thread(target=self._picture, args=(what,), name="kling-picture", daemon=True).start()

    def _picture(self, what: str) -> None:
        """Make a picture of the scores and send it, or say why there is none."""
        try:
            data, said = picture_of(self._run, what), ""
        except KlingError as error:
            data, said = b"", " ".join(error.lines())
        message = {"kind": "picture", "what": what, "said": said}
        in_cell(lambda: self.send(message, buffers=[data]))


def _is_awaited(state: dict[str, Any]) -> bool:
    return (state["scores"] or {}).get("state") == "measuring"


def _is_measured(state: dict[str, Any]) -> bool:
    return (state["scores"] or {}).get("state") == "done"


def show_run(run: Run, *, notebook_folder: Path | None = None, open_scores: bool = False) -> RunCard:
    """Display the card of a run in the running cell.

    Parameters
    ----------
    run
        The run.
    notebook_folder
        Folder relative links start from; default the working directory.
    open_scores
        Whether the table of scores is unfolded.
    """
    return RunCard(run, notebook_folder=notebook_folder, open_scores=open_scores).show()
