"""The gallery as a widget: what it shows of which runs, and what pages ask for and say."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget
import traitlets

from kling_nb.errors import KlingError
from kling_nb.session.clips import changed_records, records_of
from kling_nb.widgets import places
from kling_nb.widgets.gallery.items import Surroundings, details_of, item_of
from kling_nb.widgets.gallery.judge import judge
from kling_nb.widgets.gallery.sheet import sheet_html, sheet_text
from kling_nb.widgets.gallery.watch import LogWatch
from kling_nb.widgets.output import in_cell, remember_cell
from kling_nb.widgets.scorestate import ORDERS, of_clip

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord
    from kling_nb.session import Run, Session

logger = logging.getLogger("kling_nb")

SCRIPTS: Final = (
    "pad/icons.js",
    "overlay.js",
    *(
        f"gallery/{part}.js"
        for part in (
            *("icons", "clock", "media", "screen", "tile", "stage", "bar"),
            *("blind", "pivot", "filter", "keys", "judging", "gallery"),
        )
    ),
)
EAGER: Final = 12
"""Runs whose frame rate is read at once: a comparison can be stepped through while the kernel is busy."""


def _read(*names: str) -> str:
    folder = files("kling_nb.widgets")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


class Gallery(anywidget.AnyWidget):
    """Many clips on one clock: play, step, compare, rate.

    Made by :func:`kling_nb.gallery`, :func:`kling_nb.compare` and :func:`kling_nb.grid`.

    Parameters
    ----------
    session
        Whose runs.
    ids
        Complete ids of the runs, in order.
    plan
        What the page begins with: ``mode`` (``sheet``, ``side``, ``wipe``, ``difference``, ``frames`` or
        ``grid``) and, for a grid, its rows, columns and the cell of each run.
    notebook_folder
        Folder relative links of the saved picture start from; default the working directory.
    left_out
        How many runs were asked for and are not shown.
    """

    _esm = _read(*SCRIPTS)
    _css = _read("gallery/gallery.css")

    items: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    details = traitlets.Dict().tag(sync=True)
    plan = traitlets.Dict().tag(sync=True)
    marked = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        session: Session,
        ids: Sequence[str],
        plan: Mapping[str, Any],
        *,
        notebook_folder: Path | None = None,
        left_out: int = 0,
    ) -> None:
        self._session = session
        self._folder = notebook_folder or Path.cwd()
        cap = int(session.settings.embed_cap_mb * 1e6)
        self._around = Surroundings(session.home, places.server_root(), cap)
        self._lock = threading.Lock()
        # Before the rows are read: what changes in between is read once more, not missed.
        self._watch = LogWatch(session.log, self._look_again)
        self._records = _ordered(records_of(session.log, ids), ids)
        first = list(self._records.values())[:EAGER]
        self._begin = self._items(list(self._records.values()))
        remember_cell()
        super().__init__(
            items=self._begin,
            details=self._details(first),
            plan={**plan, "left_out": left_out, "orders": ORDERS},
        )
        self.on_msg(self._on_message)

    # --- for Python -------------------------------------------------------------------------------------

    @property
    def runs(self) -> list[Run]:
        """The runs that are shown, in order."""
        return [self._session.run(run_id) for run_id in self._records]

    @property
    def chosen(self) -> list[Run]:
        """The runs marked on the page."""
        return [self._session.run(run_id) for run_id in self.marked]

    def __repr__(self) -> str:
        return sheet_text(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def close(self) -> None:
        """Stop looking at the log and forget the page."""
        if hasattr(self, "_watch"):
            self._watch.stop()
        super().close()

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {
            "text/plain": repr(self),
            # What remains where there is no kernel: GitHub, nbviewer, nbconvert.
            "text/html": self._picture(),
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.model_id,
            },
        }, {}

    def _picture(self) -> str:
        return sheet_html(self.items, self._records, self._around, self._folder, self.plan)

    def _items(self, records: Sequence[RunRecord]) -> list[dict[str, Any]]:
        found = self._session.log.scores.measured(record.id for record in records)
        valid = {record.id: of_clip(found.get(record.id), record) for record in records}
        return [item_of(record, self._around, valid[record.id]) for record in records]

    def _details(self, records: Sequence[RunRecord]) -> dict[str, dict[str, Any]]:
        found = self._session.log.scores_of(record.id for record in records)
        return {
            record.id: details_of(record, self._around, of_clip(found.get(record.id), record))
            for record in records
        }

    # --- log to page ------------------------------------------------------------------------------------

    def _look_again(self, since: int) -> None:
        """Take over what has changed in the log; called from the thread that looks, or from a message."""
        changed = [
            record for record in changed_records(self._session.log, since) if record.id in self._records
        ]
        if changed:
            with self._lock:
                in_cell(lambda: self._take(changed))

    def _take(self, records: Sequence[RunRecord]) -> None:
        new = {item["id"]: item for item in self._items(records)}
        known = {item["id"]: item for item in self.items}
        patch = [item for run_id, item in new.items() if item != known[run_id]]
        self._records.update((record.id, record) for record in records)
        # The page gets what has changed, not everything; who asks for the whole state gets the new one.
        with self.hold_trait_notifications():
            self._trait_values["items"] = [new.get(item["id"], item) for item in self.items]
        self._tell(patch, known)

    def _tell(self, patch: Sequence[dict[str, Any]], known: Mapping[str, Mapping[str, Any]]) -> None:
        if patch:
            self.send({"kind": "items", "items": patch})
        measured = [item["id"] for item in patch if item["scores"] != known[item["id"]]["scores"]]
        if measured:
            self._tell_details({"ids": measured})

    # --- page to log ------------------------------------------------------------------------------------

    def _on_message(self, _widget: object, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Handle a message of a page, on the main thread or on a subshell's."""
        try:
            self._do(content)
        except KlingError as error:
            self.send({"kind": "said", "level": "E", "text": " ".join(error.lines())})
        except Exception as error:
            logger.exception("a message of the gallery's page failed")
            self.send({"kind": "said", "level": "E", "text": f"{type(error).__name__}: {error}"})

    def _do(self, content: Mapping[str, Any]) -> None:
        match content.get("kind"):
            case "hello":
                self._watch.opened(str(content.get("view")))
                self._catch_up()
            case "gone":
                self._watch.closed(str(content.get("view")))
            case "details":
                self._tell_details(content)
            case "media":
                self._send_media(str(content.get("id")), str(content.get("what")))
            case "judge":
                self._judge(content)
            case "undo":
                self.send({"kind": "said", "level": "", "text": self._session.undo_judgement()})
                self._watch.look()

    def _catch_up(self) -> None:
        """Tell what has changed since the widget was made: a further view on a page begins with that."""
        begin = {item["id"]: item for item in self._begin}
        with self._lock:
            self._tell([item for item in self.items if item != begin[item["id"]]], begin)

    def _tell_details(self, content: Mapping[str, Any]) -> None:
        asked = [self._records[run_id] for run_id in content.get("ids", ()) if run_id in self._records]
        self.send({"kind": "details", "details": self._details(asked)})

    def _send_media(self, run_id: str, what: str) -> None:
        """Send a file that no server shows; an empty answer says that it is gone."""
        record = self._records.get(run_id)
        relative = None if record is None else record.poster_path if what == "poster" else record.video_path
        path = self._around.file(relative)
        self.send({"kind": "media", "id": run_id, "what": what}, buffers=[places.content(path)])

    def _judge(self, content: Mapping[str, Any]) -> None:
        run_id = str(content.get("id"))
        try:
            if run_id in self._records:
                judge(self._session, run_id, content.get("given", {}))
        finally:
            # In every case the page hears what stands in the log: it has shown the judgement already.
            try:
                self._watch.look()
            finally:
                with self._lock:
                    item = next((item for item in self.items if item["id"] == run_id), None)
                    self.send({"kind": "judged", "seq": content.get("seq"), "item": item})


def _ordered(found: Mapping[str, RunRecord], ids: Sequence[str]) -> dict[str, RunRecord]:
    return {run_id: found[run_id] for run_id in ids if run_id in found}
