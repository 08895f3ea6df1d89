"""What all actions of the motion pad stand on: the drawing, the hand, the view, the history, who is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from kling_nb.domain.coordinates import Size
from kling_nb.domain.images import ImageRef
from kling_nb.domain.runs import Bits, Runs
from kling_nb.errors import InputError
from kling_nb.session.brushes import MotionBrush
from kling_nb.widgets.pad import checks
from kling_nb.widgets.pad.commands import Command
from kling_nb.widgets.pad.gestures import TOOLS, Tool
from kling_nb.widgets.pad.history import History
from kling_nb.widgets.pad.state import Layer, PadState
from kling_nb.widgets.pad.view import ZOOM_STEP, ViewTransform

Change = Literal["drawing", "choice", "view"]
"""What changed: masks or paths; tool, size, layer or point in the hand; zoom and position."""

Snap = Callable[[Bits], Any]
"""Takes a rough (H, W) mask and returns a better one: an array, or an object with ``bits``."""


@dataclass(frozen=True)
class Choice:
    """What is in the hand. Not part of the history."""

    tool: Tool
    radius: float
    layer: str
    point: int | None = None


class PadCore:
    """State and history of a pad; see :class:`kling_nb.widgets.pad.model.PadModel` for the parameters."""

    def __init__(
        self,
        image: Any = None,
        *,
        size: Size | None = None,
        display: tuple[float, float] = (800.0, 600.0),
        snap: Snap | None = None,
    ) -> None:
        blank = MotionBrush(image, size=size)
        self._blank = blank
        self._snap = snap
        self._history = History(PadState())
        self._view = ViewTransform(blank.size, display)
        self._choice = Choice("brush", self.radius_range[0] * 12, self.state.layers[0].id)
        self._callbacks: list[Callable[[Change], None]] = []
        # Callbacks of widgets run on the main thread or on a subshell's.
        self._lock = threading.RLock()

    @property
    def lock(self) -> threading.RLock:
        """Held while the drawing changes and those who watch are told; a view holds no other one."""
        return self._lock

    # What is there

    @property
    def image(self) -> ImageRef | None:
        """The picture; None when only its size was given."""
        return self._blank.image

    @property
    def size(self) -> Size:
        """(width, height) of the picture as sent."""
        return self._blank.size

    @property
    def state(self) -> PadState:
        """The drawing, an immutable value."""
        return self._history.state

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Moving masks, in the order they are sent."""
        return self.state.layers

    @property
    def still(self) -> Layer:
        """The layer of what stays still, as painted; see :meth:`runs` for what is in force."""
        return self.state.still

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing worth keeping."""
        return self.state.is_blank

    def runs(self, layer: str) -> Runs:
        """Return the selected pixels of a layer at picture size, without making its pixels.

        Drawn once and kept; a further stroke only adds itself. For ``"static"`` this is what is in force:
        what nothing moves over under "freeze the rest".
        """
        found = self.state.layer(layer)
        if found.kind == "dynamic" or not self.state.freeze_rest:
            return found.runs(self.size)
        rest = checks.static_mask(self.state, self.size)
        return Runs.full(self.size) if rest is None or rest.runs is None else rest.runs

    # What is in the hand

    @property
    def tool(self) -> Tool:
        """The tool in the hand."""
        return self._choice.tool

    @property
    def radius(self) -> float:
        """Half the width of brush and eraser in picture pixels."""
        return self._choice.radius

    @property
    def radius_range(self) -> tuple[float, float]:
        """Smallest and largest radius worth offering for this picture."""
        side = max(self.size)
        return max(1.0, side / 400), max(4.0, side / 4)

    @property
    def layer(self) -> str:
        """Id of the layer that is drawn on."""
        return self._choice.layer

    @property
    def point(self) -> int | None:
        """Index of the chosen point of the path, None when none is."""
        return self._choice.point

    def choose(
        self, *, tool: str | None = None, radius: float | None = None, layer: str | None = None
    ) -> None:
        """Take another tool, brush size (radius in picture pixels) or layer in the hand."""
        choice = self._choice
        if tool is not None:
            if tool not in TOOLS:
                raise InputError(
                    f"There is no tool {tool!r}.", f"There are: {', '.join(TOOLS)}.", "Choose one."
                )
            choice = replace(choice, tool=TOOLS[TOOLS.index(tool)])
        if radius is not None:
            low, high = self.radius_range
            choice = replace(choice, radius=min(high, max(low, float(radius))))
        if layer is not None:
            choice = replace(choice, layer=self.state.layer(layer).id, point=None)
        self._choose(choice)

    # History

    def do(self, command: Command) -> bool:
        """Do a command; return whether the drawing changed."""
        return self._step(lambda: self._history.do(command))

    def undo(self) -> bool:
        """Take the last change back; return whether there was one."""
        return self._step(self._history.undo)

    def redo(self) -> bool:
        """Do again what was taken back last."""
        return self._step(self._history.redo)

    @property
    def undo_title(self) -> str:
        """What undo would take back, a noun; empty when there is nothing."""
        return self._history.undo_title

    @property
    def redo_title(self) -> str:
        """What redo would do again, a noun; empty when there is nothing."""
        return self._history.redo_title

    def _step(self, work: Callable[[], bool]) -> bool:
        with self._lock:
            if not work():
                return False
            self._keep_choice()
        self._tell("drawing")
        return True

    def _keep_choice(self) -> None:
        keys = {layer.id: len(layer.path) for layer in (*self.layers, self.still)}
        choice = self._choice
        if choice.layer not in keys:
            choice = replace(choice, layer=self.layers[-1].id, point=None)
        if choice.point is not None and choice.point >= keys[choice.layer]:
            choice = replace(choice, point=None)
        self._choice = choice

    # View

    @property
    def view(self) -> ViewTransform:
        """Where the picture lies on the display."""
        return self._view

    def set_display(self, width: float, height: float) -> None:
        """Tell the size of the display in its own pixels."""
        self._look(self._view.resized((width, height)))

    def zoom_in(self, at: tuple[float, float] | None = None) -> None:
        """Enlarge around a display position, else the middle."""
        self._look(self._view.zoomed(ZOOM_STEP, at))

    def zoom_out(self, at: tuple[float, float] | None = None) -> None:
        """Make smaller, down to the whole picture."""
        self._look(self._view.zoomed(1 / ZOOM_STEP, at))

    def zoom_fit(self) -> None:
        """Show the whole picture."""
        self._look(self._view.fitted())

    def pan(self, dx: float, dy: float) -> None:
        """Shift the picture by display pixels."""
        self._look(self._view.panned(dx, dy))

    # Who is told

    def on_change(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back after every change; return the function that ends this.

        A callback that fails does not keep the others from being told; its error is raised afterwards.
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    def _choose(self, choice: Choice) -> None:
        if choice != self._choice:
            self._choice = choice
            self._tell("choice")

    def _look(self, view: ViewTransform) -> None:
        if view != self._view:
            self._view = view
            self._tell("view")

    def _tell(self, change: Change) -> None:
        errors: list[Exception] = []
        for callback in tuple(self._callbacks):
            try:
                callback(change)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]
