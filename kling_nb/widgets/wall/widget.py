"""The wall as a widget: told by the sweep what changed, and tells the page no more than that."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget
import traitlets

from kling_nb.errors import KlingError
from kling_nb.widgets import places
from kling_nb.widgets.output import CellOutput, in_cell, look_at_ends, remember_cell
from kling_nb.widgets.scorestate import MEASURING, paths_of
from kling_nb.widgets.wall.state import card_of, head_of
from kling_nb.widgets.wall.static import static_wall

if TYPE_CHECKING:
    from kling_nb.session.sweep import Sweep

logger = logging.getLogger("kling_nb")

PERIOD_S: Final = 0.25
"""Shortest time between two updates of the page: a sweep changes more often than anybody can read."""

WIDGET_TYPE: Final = "application/vnd.jupyter.widget-view+json"


def _read(name: str) -> str:
    return files("kling_nb.widgets").joinpath(name).read_text(encoding="utf-8")


class Wall(anywidget.AnyWidget):
    """Cards of all runs of a sweep, kept up to date by the sweep itself.

    Parameters
    ----------
    sweep
        The sweep.
    notebook_folder
        Folder relative links start from; default the working directory.
    """

    _esm = f"{_read('overlay.js')}\n{_read('wall/wall.js')}"
    _css = _read("wall/wall.css")

    head = traitlets.Dict().tag(sync=True)
    cards: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    def __init__(self, sweep: Sweep, *, notebook_folder: Path | None = None) -> None:
        self._sweep = sweep
        self._folder = notebook_folder or Path.cwd()
        self._root = places.server_root()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._output: CellOutput | None = None
        self._left = ""
        self._settled: dict[str, dict[str, Any]] = {}
        remember_cell()
        super().__init__(head=head_of(sweep), cards=self._cards())
        self.on_msg(self._on_message)
        self._unsubscribe: Callable[[], None] = sweep.on_change(self._on_change)

    @property
    def sweep(self) -> Sweep:
        """The sweep this wall shows."""
        return self._sweep

    def __repr__(self) -> str:
        return repr(self._sweep)

    def show(self) -> Wall:
        """Display the wall in the running cell; what is saved of it follows the sweep."""
        self._output = CellOutput(self._bundle())
        look_at_ends(self)
        # It may have ended between the first look and the display.
        self._on_change(self._sweep)
        return self

    def look_again(self) -> None:
        """Take over the end of the sweep, should nobody have told it yet."""
        if self._sweep.done and not self._left:
            self._update()

    def close(self) -> None:
        """Forget the sweep and the page's view of it."""
        if callable(getattr(self, "_unsubscribe", None)):
            self._unsubscribe()
        super().close()

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._bundle(), {}

    def _bundle(self) -> dict[str, Any]:
        return {
            "text/plain": repr(self._sweep),
            "text/html": static_wall(self._sweep, self.cards, self._folder, self._root),
            WIDGET_TYPE: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
        }

    def _cards(self) -> list[dict[str, Any]]:
        cards = []
        pairs = self._sweep.pairs
        runs = [run for entry, run in pairs if run is not None and entry.id not in self._settled]
        # Before the log is asked: what comes into it in between is looked at once more.
        ended = {run.id for run in runs if run.complete and run.done and not run.measuring}
        busy = {run.id for run in runs if run.measuring}
        measured = self._sweep.session.log.scores.measured([run.id for run in runs])
        for entry, run in pairs:
            card = self._settled.get(entry.id)
            if card is None:
                known = None if run is None else measured.get(run.id)
                card = card_of(
                    self._sweep, entry, run, self._root, known, busy=run is not None and run.id in busy
                )
                if run is not None and run.id in ended:
                    # Nothing changes about it any more; hundreds of them would be looked at again and again.
                    self._settled[entry.id] = card
            cards.append(card)
        return cards

    # --- sweep to page ----------------------------------------------------------------------------------

    def _on_change(self, _sweep: Sweep) -> None:
        """Have the page told soon; called from the thread that tells changes."""
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(PERIOD_S, self._update)
                self._timer.daemon = True
                self._timer.start()

    def _update(self) -> None:
        with self._lock:
            self._timer = None
            try:
                head, cards = head_of(self._sweep), self._cards()
                in_cell(lambda: self._take(head, cards))
            except Exception:
                # A page that is gone must not disturb the sweep.
                logger.exception("the wall of sweep %s could not be updated", self._sweep.id)

    def _take(self, head: dict[str, Any], cards: list[dict[str, Any]]) -> None:
        known = self.cards
        changed = {str(place): card for place, card in enumerate(cards) if card != known[place]}
        # The page gets what has changed, not everything; who asks for the whole state gets the new one.
        self._trait_values["head"], self._trait_values["cards"] = head, cards
        end = "" if head["busy"] else "ended" if _is_awaited(cards) else "ended and measured"
        if end and end != self._left and self._output is not None:
            # The saved notebook shows the end; before the live wall, so that no one sees it drawn twice.
            self._output.replace(self._bundle())
        self._left = end
        self.send({"kind": "changed", "head": head, "cards": changed})

    # --- page to sweep ----------------------------------------------------------------------------------

    def _on_message(self, _widget: object, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Handle a click; runs on the main thread or on a subshell's and only hands work over."""
        match content.get("kind"):
            case "hello":
                # What is told meanwhile is newer, and comes after this.
                with self._lock:
                    self.send({"kind": "changed", "head": self.head, "cards": dict(enumerate(self.cards))})
            case "stop":
                self._start(self._sweep.stop)
            case "resume":
                self._start(self._sweep.resume)
            case "again":
                self._start(lambda: self._sweep.resume(failed=True))
            case "clip":
                self._send_clip(str(content.get("id")))
            case "paths":
                self._send_paths(str(content.get("id")))

    def _start(self, work: Callable[[], Any]) -> None:
        def go() -> None:
            try:
                work()
            except KlingError as error:
                text = " ".join(error.lines())
                in_cell(lambda: self.send({"kind": "said", "text": text}))

        threading.Thread(target=go, name="kling-wall", daemon=True).start()

    def _send_paths(self, run_id: str) -> None:
        """Send asked and measured paths for a clip that is played."""
        run = next((run for run in self._sweep.runs if run.id == run_id), None)
        scores = None if run is None else run.scores
        paths = None if scores is None else paths_of(scores)
        self.send({"kind": "paths", "id": run_id, "paths": paths})

    def _send_clip(self, run_id: str) -> None:
        """Send a file that no server shows; an empty answer says that it is gone."""
        run = next((run for run in self._sweep.runs if run.id == run_id), None)
        path = None if run is None else run.video
        self.send({"kind": "clip", "id": run_id}, buffers=[places.content(path)])


def _is_awaited(cards: list[dict[str, Any]]) -> bool:
    """Whether some clip is still being measured."""
    return any((card.get("scores") or {}).get("line") == MEASURING for card in cards)


def show_wall(sweep: Sweep, *, notebook_folder: Path | None = None) -> Wall:
    """Display the wall of a sweep in the running cell.

    Parameters
    ----------
    sweep
        The sweep.
    notebook_folder
        Folder relative links start from; default the working directory.
    """
    return Wall(sweep, notebook_folder=notebook_folder).show()
