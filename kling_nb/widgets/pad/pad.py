"""The motion pad as a widget: a view of the model that draws through ipycanvas and listens to the ink."""

from __future__ import annotations

import base64
import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget
import traitlets
from ipywidgets import widget_serialization

from kling_nb.errors import InputError, KlingError
from kling_nb.session import default_session
from kling_nb.session.drawing import DrawingPicture, load_mask
from kling_nb.widgets.output import in_cell, remember_cell
from kling_nb.widgets.pad.actions import ACTIONS, draw, use
from kling_nb.widgets.pad.canvas import PadCanvas
from kling_nb.widgets.pad.drafts import Draft
from kling_nb.widgets.pad.files import load_drawing, save_drawing
from kling_nb.widgets.pad.model import Change, PadModel
from kling_nb.widgets.pad.page import Preview, Said, Surroundings, page_state, shown_layers, window_of
from kling_nb.widgets.pad.painter import Painter
from kling_nb.widgets.pad.state import PadState
from kling_nb.widgets.pad.words import failure_lines
from kling_nb.widgets.pad.worker import LatestOnly

if TYPE_CHECKING:
    from kling_nb.domain.images import ImageRef
    from kling_nb.session import MotionBrush, Session

logger = logging.getLogger("kling_nb")

STAGE: Final = (640, 560)
"""Largest (width, height) of the picture on the page, in its own pixels."""

FINE_UNIT: Final = 2.0
"""Canvas pixels per page pixel on screens of device scale above 1."""

RECENT_S: Final = 72_000
"""Drafts younger than this are told by the clock, older ones by the day."""

CHANGED_SINCE: Final = "The drawing has changed since."

PAGES: Final = 16
"""Pages whose last message is remembered."""

SCRIPTS: Final = ("icons.js", "ink.js", "toolbar.js", "side.js", "pad.js")
STYLES: Final = ("controls.css", "pad.css")


def _read(names: tuple[str, ...]) -> str:
    folder = files("kling_nb.widgets.pad")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def stage_size(size: tuple[int, int], limit: tuple[int, int] = STAGE) -> tuple[int, int]:
    """Return (width, height) of a picture on the page: as large as the limit lets it be."""
    factor = min(limit[0] / size[0], limit[1] / size[1])
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


class MotionPad(anywidget.AnyWidget):
    """Paint what moves, draw where it goes, see it before paying.

    Parameters
    ----------
    image
        The picture: path, bytes, array, PIL image.
    width
        Largest width on the page in its pixels.
    session
        Makes previews and keeps drafts; default the session of the module functions.
    draft
        Whether an unfinished drawing on the same picture comes back, and this one is kept.
    **request
        Request fields the preview's price assumes: ``model_name``, ``mode``, ``duration`` …

    Examples
    --------
    >>> pad = kn.MotionPad("boat.jpg")  # doctest: +SKIP
    >>> run = kn.submit("boat.jpg", "the boat drifts left", brush=pad)  # doctest: +SKIP
    """

    _esm = _read(SCRIPTS)
    _css = _read(STYLES)

    state = traitlets.Dict().tag(sync=True)
    film = traitlets.Bytes(b"").tag(sync=True)
    canvas = traitlets.Any().tag(sync=True, **widget_serialization)

    def __init__(
        self,
        image: Any,
        *,
        width: int = STAGE[0],
        session: Session | None = None,
        draft: bool = True,
        **request: Any,
    ) -> None:
        self._nested = 0
        self._dirty = False
        self._turn = 0
        self._session = session
        self._request: Callable[[], Mapping[str, Any]] = lambda: request
        self._picture = DrawingPicture(image)
        stage = stage_size(self._picture.size, (width, STAGE[1]))
        self.model = PadModel(self._picture.ref, display=stage, snap=self._snapped)
        # One lock for both: two would wait for each other between a cell and a click.
        self._lock = self.model.lock
        self._canvas = PadCanvas(stage, 1.0)
        self._painter = Painter(self._picture, self._canvas)
        self._around = Surroundings()
        self._callbacks: list[Callable[[], None]] = []
        self._worker: LatestOnly[tuple[bytes, Preview, PadState]] = LatestOnly(self._previewed)
        self._draft: Draft | None = None
        if draft:
            self._draft = Draft(self.session.home, self._picture.sha256, self._keep, self._not_kept)
            self._restore(self._draft)
        remember_cell()
        super().__init__(state=self._state(), canvas=self._canvas.widget)
        self.model.on_change(self._changed)
        self._canvas.on_client_ready(self._page_ready)
        self.on_msg(self._on_message)

    # --- for Python -------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """Makes previews and keeps drafts."""
        return self._session or default_session()

    @property
    def image(self) -> ImageRef:
        """The picture as it will be sent."""
        return self._picture.ref

    @property
    def brush(self) -> MotionBrush:
        """The drawing as a motion brush.

        Raises
        ------
        RequestRefused
            It cannot be sent yet: a mask without a path, a path of one point.
        """
        return self.model.brush

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to send."""
        state = self.model.state
        return not state.used and state.still.is_blank

    def to_python(self) -> str:
        """Return the code that rebuilds the brush byte for byte."""
        return self.model.to_python()

    def preview(self) -> None:
        """Begin to render the motion; the film appears beside the canvas."""
        self._order_preview()

    def save(self, path: str | Path | None = None) -> Path:
        """Write the drawing as JSON, and as a motion brush with one PNG a mask when it can be sent.

        Parameters
        ----------
        path
            A folder; default one beside the notebook, named for the picture.
        """
        return save_drawing(self.model, Path(path) if path is not None else self._folder())

    def load(self, path: str | Path) -> None:
        """Load a drawing, a motion brush, or a picture of a mask (into the chosen mask); can be undone."""
        with self._once():
            load_drawing(self.model, Path(path).expanduser(), load_mask)

    def load_brush(self, brush: MotionBrush) -> None:
        """Put a finished brush in the place of the drawing; undo brings the drawing back."""
        with self._once():
            self.model.load_brush(brush)

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after every change of the drawing; return the function that ends this."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    def set_request(self, request: Callable[[], Mapping[str, Any]]) -> None:
        """Tell where previews find the other request fields, prompt included."""
        self._request = request

    def settle(self, timeout: float = 60) -> None:
        """Wait until previews are rendered, and write the draft."""
        self._worker.join(timeout)
        if self._draft is not None:
            self._draft.flush()

    def close(self) -> None:
        """Write the draft and forget the page's views."""
        if getattr(self, "_draft", None) is not None:
            self._draft.flush()  # type: ignore[union-attr]  # asked above; absent when __init__ failed
        if hasattr(self, "_canvas"):
            self._canvas.close()
        super().close()

    def __repr__(self) -> str:
        width, height = self._picture.size
        drawn = [f"{layer.name} ({len(layer.path)} points)" for layer in self.model.state.used]
        return f"<MotionPad {self._picture.name} {width} × {height} · {', '.join(drawn) or 'empty'}>"

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.bundle(), {}

    def bundle(self) -> dict[str, Any]:
        """Return the MIME bundle that shows the pad; without a kernel it is a picture of the drawing."""
        remember_cell()
        picture = base64.b64encode(self._picture.thumbnail(self._painter.overlay(shown_layers(self.model))))
        return {
            "text/plain": repr(self),
            # What remains where there is no kernel: GitHub, nbviewer.
            "text/html": f'<img alt="Motion pad" src="data:image/jpeg;base64,{picture.decode("ascii")}">',
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.model_id,
            },
        }

    # --- page to model ----------------------------------------------------------------------------------

    def _on_message(self, _widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Handle a message of a page, on the main thread or on a subshell's."""
        with self._once():
            try:
                if content.get("kind") in ("ink", "do"):
                    # What was said is about the step before; taking another tool is none.
                    self._say("")
                self._do(content, buffers)
            except Exception as error:
                # An error in a handler would only be found in the log of the server.
                if not isinstance(error, KlingError):
                    logger.exception("the motion pad could not do %s", content.get("kind"))
                self._say(failure_lines(error), "E")
            self._answered(str(content.get("client", "")), int(content.get("seq", 0)))

    def _do(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        match content.get("kind"):
            case "ink":
                draw(self.model, content, buffers[0])
            case "use":
                use(self.model, content)
            case "hello":
                self._fit_screen(float(content.get("ratio", 1)))
            case "do":
                self._command(str(content["name"]), content)

    def _command(self, name: str, values: dict[str, Any]) -> None:
        if name in ACTIONS:
            ACTIONS[name](self.model, values)
        elif name == "preview":
            self._order_preview()
        elif name == "code":
            self.send({"kind": "code", "text": self.to_python()})
        elif name == "save":
            self._say(f"Saved in {self.save()}.", "I")
        elif name == "load":
            self.load(str(values["path"]))
            self._say(f"Loaded {values['path']}; undo brings the earlier drawing back.", "I")
        else:
            raise InputError(
                f"There is no command {name!r}.", "The page is of another version.", "Reload it."
            )

    def _answered(self, client: str, seq: int) -> None:
        if client:
            # The page that was heard last comes last: one that is drawn on is never among the forgotten.
            others = {page: number for page, number in self._around.done.items() if page != client}
            # A page's first message can wait behind a cell while later ones go past it on a subshell.
            last = max(seq, self._around.done.get(client, 0))
            self._around = _with(self._around, done=dict([*others.items(), (client, last)][-PAGES:]))
        self._dirty = True

    def _fit_screen(self, ratio: float) -> None:
        unit = FINE_UNIT if ratio > 1 else 1.0
        if unit > self._canvas.unit:
            width, height = self.model.view.display
            self._canvas.resize((round(width * unit), round(height * unit)), unit)
            self._painter.forget()

    def _snapped(self, bits: Any) -> Any:
        found = self._picture.snap(bits)
        if not found.changed:
            reason = found.reason[:1].upper() + found.reason[1:].rstrip(".") + "."
            raise InputError("The mask was left as it is.", reason, "Paint closer to the object.")
        return found.mask

    def _folder(self) -> Path:
        stem = Path(self._picture.name).stem or "picture"
        return Path.cwd() / f"{stem}-drawing"

    # --- model to page ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _once(self) -> Iterator[None]:
        """Gather changes: one drawing and one message at the end."""
        with self._lock:
            self._nested += 1
            try:
                yield
            finally:
                self._nested -= 1
                if not self._nested and self._dirty:
                    self._dirty = False
                    self._show()

    def _changed(self, change: Change) -> None:
        with self._once():
            self._dirty = True
            if change != "drawing":
                return
            if self._draft is not None:
                self._draft.touch()
            if self._around.preview.status == "ready":
                shown = self._around.preview
                self._around = _with(self._around, preview=Preview("stale", CHANGED_SINCE, shown.price))
            for callback in list(self._callbacks):
                callback()

    def _page_ready(self) -> None:
        with self._once():
            self._painter.forget()
            self._dirty = True

    def _show(self) -> None:
        # The drawing first: the state tells the page that its echo is no longer needed.
        self._painter.paint(shown_layers(self.model), window_of(self.model, self._canvas.unit))
        self._turn += 1
        self.state = self._state()

    def _state(self) -> dict[str, Any]:
        return {**page_state(self.model, self._around), "turn": self._turn}

    def _say(self, text: str, level: str = "") -> None:
        self._around = _with(self._around, said=Said(text, level))
        self._dirty = True

    # --- preview ----------------------------------------------------------------------------------------

    def _order_preview(self) -> None:
        # Taken here, on the thread that draws: what is rendered is what was seen when the button was pressed.
        request = {**self._request(), "image": self.image, "brush": self.brush}
        drawing = self.model.state
        with self._once():
            self._around = _with(self._around, preview=Preview("working", "", self._around.preview.price))
            self._dirty = True
        self._worker.order(lambda: (*self._render(request), drawing))

    def _render(self, request: dict[str, Any]) -> tuple[bytes, Preview]:
        begin = time.monotonic()
        made = self.session.preview(**request)
        seconds = time.monotonic() - begin
        said = f"Made here in {seconds:.1f} s: free, not Kling's work."
        return made.path.read_bytes(), Preview("ready", said, made.price)

    def _previewed(self, result: tuple[bytes, Preview, PadState] | Exception) -> None:
        """Show what was rendered; on the worker's thread."""

        def show() -> None:
            with self._once():
                self._dirty = True
                if isinstance(result, Exception):
                    if not isinstance(result, KlingError):
                        logger.error("the preview failed", exc_info=result)
                    failed = Preview("failed", failure_lines(result))
                    self._around = _with(self._around, preview=failed)
                    return
                self.film, ready, drawing = result
                if drawing is not self.model.state:
                    ready = Preview("stale", CHANGED_SINCE, ready.price)
                self._around = _with(self._around, preview=ready)

        in_cell(show)

    # --- drafts -----------------------------------------------------------------------------------------

    def _restore(self, draft: Draft) -> None:
        found = draft.load()
        if found is None:
            return
        data, written = found
        try:
            self.model.restore(data, forget=True)
        except KlingError as error:
            draft.put_aside()
            self._say(f"The kept drawing could not be read and was put aside. {error.why}", "W")
            return
        if not self.model.is_blank:
            when = time.strftime(
                "%H:%M" if time.time() - written < 72_000 else "%d %B", time.localtime(written)
            )
            self._say(f"Your drawing of {when} is back.", "I")

    def _keep(self) -> dict[str, Any] | None:
        with self._lock:
            return None if self.model.is_blank else self.model.to_json()

    def _not_kept(self, error: OSError) -> None:
        def show() -> None:
            with self._once():
                self._say(f"The draft could not be kept: {error.strerror or error}.", "W")

        in_cell(show)


def _with(around: Surroundings, **changes: Any) -> Surroundings:
    values = {name: getattr(around, name) for name in ("said", "preview", "done", "y_origin")}
    return Surroundings(**{**values, **changes})
