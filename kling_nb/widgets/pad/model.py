"""The motion pad without any widget: tools, masks, paths, view, history. A view of it is drawn elsewhere.

>>> pad = PadModel(size=(640, 360))
>>> pad.stroke("brush", [(100, 100), (160, 110)], radius=30)
True
>>> pad.stroke("path_freehand", [(130, 105), (300, 90), (500, 120)])
True
>>> pad.brush
<MotionBrush 640 × 360 · region 1: 6,471 px along 3 points>
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from kling_nb.domain import paths
from kling_nb.domain.brush import Fit
from kling_nb.domain.brush import MotionBrush as PlainBrush
from kling_nb.domain.coordinates import Size
from kling_nb.domain.images import ImageRef
from kling_nb.domain.paths import EASES, Ease, Preset
from kling_nb.domain.problems import Problem
from kling_nb.domain.runs import Bits, Runs
from kling_nb.domain.shapes import Bitmap, Shape
from kling_nb.errors import InputError, RequestRefused
from kling_nb.session.brushes import MotionBrush
from kling_nb.widgets.pad import checks
from kling_nb.widgets.pad import commands as do
from kling_nb.widgets.pad.checks import Finding
from kling_nb.widgets.pad.gestures import (
    FREEHAND_TOLERANCE,
    HIT_REACH,
    TOOLS,
    Hit,
    Stroke,
    Tool,
    command_of,
    hit,
    tidy,
)
from kling_nb.widgets.pad.history import History
from kling_nb.widgets.pad.presets import preset_path
from kling_nb.widgets.pad.state import Layer, PadState, Point
from kling_nb.widgets.pad.view import ZOOM_STEP, Readout, ViewTransform

__all__ = ["Change", "Finding", "Hit", "Layer", "PadModel", "PadState", "Readout", "Tool", "ViewTransform"]

FORMAT: Final = "kling_nb motion pad"
VERSION: Final = 1

SMOOTHING: Final = 0.25
"""How much one press of the smoothing button evens out."""

Change = Literal["drawing", "choice", "view"]
"""What changed: masks or paths; tool, size, layer or point in the hand; zoom and position."""

Snap = Callable[[Bits], Any]
"""Takes a rough (H, W) mask and returns a better one: an array, or an object with ``bits``."""


@dataclass(frozen=True)
class _Choice:
    """What is in the hand. Not part of the history."""

    tool: Tool
    radius: float
    layer: str
    point: int | None = None


class PadModel:
    """A drawing of masks and paths on one picture.

    Every change of the drawing is a command that undo takes back. What cannot be done raises
    :class:`InputError` and changes nothing. Points are picture pixels, origin top-left, middles of pixels at
    whole numbers; :attr:`view` converts from and to the display.

    Parameters
    ----------
    image
        The picture, in any form ``MotionBrush`` takes.
    size
        (width, height) of the picture instead.
    display
        (width, height) of the display in its own pixels.
    snap
        What :meth:`snap` calls.
    """

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
        self._choice = _Choice("brush", self.radius_range[0] * 12, self.state.layers[0].id)
        self._callbacks: list[Callable[[Change], None]] = []
        self._found: tuple[PadState, tuple[Finding, ...]] | None = None
        # Callbacks of widgets run on the main thread or on a subshell's.
        self._lock = threading.RLock()

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
        everything else under "freeze the rest".
        """
        found = self.state.layer(layer)
        return self.state.static_runs(self.size) if found.kind == "static" else found.runs(self.size)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the linter says about the drawing (L06 to L14), errors first; worked out once a change."""
        state = self.state
        if self._found is None or self._found[0] is not state:
            self._found = (state, checks.findings(state, self.size))
        return self._found[1]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The findings without their layers."""
        return tuple(finding.problem for finding in self.findings)

    @property
    def brush(self) -> MotionBrush:
        """The drawing as it would be sent; masks without anything drawn are left out.

        Raises
        ------
        RequestRefused
            It cannot be sent: a mask without a path, a path of one point. The drawing stays as it is.
        """
        broken = [problem for problem in self.problems if problem.blocks]
        if broken:
            raise RequestRefused(broken)
        state = self.state
        return replace(
            self._blank,
            dynamic_masks=checks.groups(state, self.size),
            static_mask=checks.static_mask(state, self.size),
        )

    def to_python(self) -> str:
        """Return the code that rebuilds the brush byte for byte ("show code")."""
        return self.brush.to_python()

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

    # Pointer

    def stroke(
        self,
        tool: str,
        points: npt.ArrayLike,
        *,
        layer: str | None = None,
        radius: float | None = None,
        pressures: npt.ArrayLike | None = None,
        take_away: bool = False,
        moved: bool | None = None,
        picked: Hit | None = None,
        scale: float | None = None,
    ) -> bool:
        """Do what a stroke of the pointer means.

        Parameters
        ----------
        tool
            The tool it was drawn with.
        points
            (N, 2) picture pixels from press to release.
        layer, radius
            What was in the hand; None takes what is now.
        pressures
            (N,) shares of the radius, for a pen.
        take_away
            Erase a rectangle, ellipse or lasso instead of adding it.
        moved
            Whether it is more than a click; None judges by the distance.
        picked
            What the point tool pressed on; None looks for it.
        scale
            Display pixels per picture pixel when it was drawn; None takes what is now.

        Returns
        -------
        bool
            Whether the drawing changed.
        """
        if tool not in TOOLS:
            raise InputError(f"There is no tool {tool!r}.", f"There are: {', '.join(TOOLS)}.", "Choose one.")
        line = np.array(points, dtype=np.float64).reshape(-1, 2)
        if not len(line) or not np.all(np.isfinite(line)):
            raise InputError(
                "A stroke without usable points.", "It is empty or not finite.", "Draw it again."
            )
        with self._lock:
            key = self.layer if layer is None else layer
            target = self.state.layer(key)
            reach = 1 / (scale or self._view.scale)
            far = bool(np.hypot(*(line - line[0]).T).max() > 4 * reach)
            if picked is None:
                picked = (
                    hit(tuple(line[0].tolist()), target, HIT_REACH * reach) if tool == "edit" else Hit("none")
                )
            stroke = Stroke(
                TOOLS[TOOLS.index(tool)],
                key,
                line,
                self.radius if radius is None else radius,
                None if pressures is None else np.array(pressures, dtype=np.float64),
                take_away,
                far if moved is None else moved,
                picked,
            )
            command = command_of(stroke, target)
            done = command is not None and self.do(command)
            if stroke.tool == "edit":
                self._pick(stroke, target)
            elif stroke.tool == "path_click":
                self._choose(replace(self._choice, layer=key, point=len(target.path)))
            return done

    def _pick(self, stroke: Stroke, target: Layer) -> None:
        if stroke.picked.kind in ("point", "segment"):
            self._choose(replace(self._choice, layer=target.id, point=stroke.picked.index))
            return
        x, y = stroke.points[0].tolist()
        found = self.hit((x, y), reach=0)
        if not stroke.moved and found.kind == "mask":
            self._choose(replace(self._choice, layer=found.layer, point=None))

    def hit(self, point: Point, *, reach: float = HIT_REACH) -> Hit:
        """Return what lies below a picture position: the chosen path, else the topmost mask.

        Parameters
        ----------
        point
            Picture pixels.
        reach
            Display pixels a point or line may be away.
        """
        chosen = self.state.layer(self.layer)
        found = hit(point, chosen, reach / self._view.scale)
        if found.kind != "none":
            return found
        column, row = int(np.floor(point[0] + 0.5)), int(np.floor(point[1] + 0.5))
        for layer in (chosen, *reversed(self.layers)):
            if layer.visible and layer.runs(self.size).contains(column, row):
                return Hit("mask", layer=layer.id)
        return found

    # Masks

    def paint(
        self, shape: Shape, *, layer: str | None = None, erase: bool = False, title: str = "shape"
    ) -> bool:
        """Add a shape to a mask, or take it away."""
        return self.do(do.Draw(layer or self.layer, "erase" if erase else "add", shape, title))

    def replace_mask(
        self, mask: Shape | npt.ArrayLike, *, layer: str | None = None, title: str = "mask"
    ) -> bool:
        """Put another region in the place of a mask: a shape, or (H, W) booleans of the picture's size."""
        shape = mask if isinstance(mask, Shape) else Bitmap(Runs.from_bits(self._bits(mask)))
        return self.do(do.ReplaceMask(layer or self.layer, shape, title))

    def snap(self, layer: str | None = None) -> bool:
        """Bring a mask to the edges of the picture, by the function given for that."""
        key = layer or self.layer
        rough = self.runs(key)
        if self._snap is None or rough.is_empty:
            what = "There is nothing to snap." if rough.is_empty else "This pad cannot snap to edges."
            raise InputError(
                what, "The mask is empty." if rough.is_empty else "No picture is at hand.", "Paint first."
            )
        found = self._snap(rough.bits())
        bits: Bits = getattr(found, "bits", found)
        return self.replace_mask(bits, layer=key, title="snap to edges")

    def invert(self, layer: str | None = None) -> bool:
        """Select what is not selected."""
        key = layer or self.layer
        return self.do(do.ReplaceMask(key, ~self.state.layer(key).drawn, "inverted mask"))

    def clear_mask(self, layer: str | None = None) -> bool:
        """Empty a mask; its path stays."""
        return self.do(do.ReplaceMask(layer or self.layer, None, "emptied mask"))

    def freeze_rest(self, on: bool | None = None) -> bool:
        """Keep everything still that does not move; None turns it over."""
        return self.do(do.FreezeRest(not self.state.freeze_rest if on is None else on))

    def _bits(self, value: npt.ArrayLike) -> Bits:
        bits = np.asarray(value)
        width, height = self.size
        if bits.dtype != np.bool_ or bits.shape != (height, width):
            raise InputError(
                f"An array of shape {bits.shape} and type {bits.dtype} is no mask of this picture.",
                f"The picture is {width}x{height}.",
                f"Give ({height}, {width}) booleans, or load it as a brush.",
            )
        return bits

    # Paths

    def set_path(self, points: npt.ArrayLike, *, layer: str | None = None, title: str = "path") -> bool:
        """Give a mask a path of (N, 2) picture pixels."""
        return self.do(do.SetPath(layer or self.layer, self._points(points), title))

    def add_point(self, point: Point, *, layer: str | None = None) -> bool:
        """Append a point to a path."""
        key = layer or self.layer
        return self.insert_point(len(self.state.layer(key).path), point, layer=key)

    def insert_point(self, index: int, point: Point, *, layer: str | None = None) -> bool:
        """Put a point before the point of that index."""
        return self.do(do.InsertPoint(layer or self.layer, index, self._points([point])[0]))

    def move_point(self, index: int, point: Point, *, layer: str | None = None) -> bool:
        """Put a point elsewhere."""
        return self.do(do.MovePoint(layer or self.layer, index, self._points([point])[0]))

    def delete_point(self, index: int | None = None, *, layer: str | None = None) -> bool:
        """Take a point out of a path: the given one, else the chosen one, else the last."""
        key = layer or self.layer
        count = len(self.state.layer(key).path)
        if not count:
            return False
        chosen = self.point if index is None and key == self.layer else index
        return self.do(do.DeletePoint(key, count - 1 if chosen is None or chosen >= count else chosen))

    def clear_path(self, layer: str | None = None) -> bool:
        """Take a path away; its mask stays."""
        return self.do(do.SetPath(layer or self.layer, (), "deleted path"))

    def smooth(self, amount: float = SMOOTHING, *, layer: str | None = None) -> bool:
        """Even out a path; its ends stay."""
        key = layer or self.layer
        path = self.state.layer(key).path
        if len(path) < 3:
            return False
        line = paths.simplify(paths.smooth(path, amount), FREEHAND_TOLERANCE)
        return self.do(do.SetPath(key, tidy(line), "smoothing"))

    def set_ease(self, ease: str, *, layer: str | None = None) -> bool:
        """Say where the motion is meant to be slow: ``none``, ``in``, ``out``, ``in-out``. A hint only."""
        if ease not in EASES:
            raise InputError(f"There is no ease {ease!r}.", f"There are: {', '.join(EASES)}.", "Choose one.")
        chosen: Ease = EASES[EASES.index(ease)]
        return self.do(do.SetEase(layer or self.layer, chosen))

    def preset(self, name: str, *, layer: str | None = None) -> bool:
        """Give a mask a ready-made path from its middle: ``line``, ``arc``, ``circle`` or ``sway``."""
        if name not in paths.PRESETS:
            known = ", ".join(paths.PRESETS)
            raise InputError(f"There is no ready-made path {name!r}.", f"There are: {known}.", "Choose one.")
        kind: Preset = paths.PRESETS[paths.PRESETS.index(name)]
        key = layer or self.layer
        return self.do(do.SetPath(key, tidy(preset_path(kind, self.state.layer(key), self.size)), kind))

    def copy_path(self, to: str, *, layer: str | None = None, move: bool = True) -> bool:
        """Give another mask the same path.

        Parameters
        ----------
        to
            The other mask.
        layer
            The mask that has the path.
        move
            Let it begin as far from the other mask's middle as it begins from this one's.
        """
        source, target = self.state.layer(layer or self.layer), self.state.layer(to)
        ends = source.runs(self.size).centroid, target.runs(self.size).centroid
        shift = np.zeros(2)
        if move and ends[0] is not None and ends[1] is not None:
            shift = np.array(ends[1]) - np.array(ends[0])
        line = tidy(np.array(source.path).reshape(-1, 2) + shift)
        return self.do(do.SetPath(to, line, "copied path", source.ease))

    def _points(self, points: npt.ArrayLike) -> tuple[Point, ...]:
        line = np.array(points, dtype=np.float64).reshape(-1, 2)
        if not np.all(np.isfinite(line)):
            raise InputError("A path with NaN or infinite points.", "They are no places.", "Remove them.")
        return tidy(line)

    # Layers

    def add_layer(self, label: str = "") -> str:
        """Begin another moving mask and choose it; return its id. A seventh is refused."""
        slot = do.free_slot(self.state)
        self.do(do.AddLayer(label))
        self.choose(layer=Layer(slot).id)
        return self.layer

    def remove_layer(self, layer: str | None = None) -> bool:
        """Remove a mask with its path; what stays still is emptied."""
        return self.do(do.RemoveLayer(layer or self.layer))

    def rename(self, label: str, *, layer: str | None = None) -> bool:
        """Name the object below a mask."""
        return self.do(do.Rename(layer or self.layer, label))

    def show(self, visible: bool, *, layer: str | None = None) -> bool:
        """Show or hide a mask and its path; hidden ones are sent all the same."""
        return self.do(do.Show(layer or self.layer, visible))

    def clear(self) -> bool:
        """Begin with an empty drawing."""
        return self.do(do.Replace(PadState(), "clear"))

    # History

    def do(self, command: do.Command) -> bool:
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

    # Files and brushes

    def load_brush(self, brush: PlainBrush, *, fit: Fit | None = None) -> bool:
        """Put a finished brush in the place of the drawing; undo brings the drawing back.

        Parameters
        ----------
        brush
            Of any number of masks; more than six are shown and named by the linter.
        fit
            What to do when it was drawn on a picture of another ratio; see ``MotionBrush.refit``.

        Raises
        ------
        InputError
            The ratio differs, or a mask is only an address. The drawing stays as it is.
        """
        plain = PlainBrush(brush.size, brush.dynamic_masks, brush.static_mask).resized(self.size, fit)
        masks = [group.mask for group in plain.dynamic_masks] + [plain.static_mask]
        if any(mask is not None and mask.url is not None for mask in masks):
            raise InputError(
                "A mask at an address cannot be drawn on.",
                "It would have to be downloaded first.",
                "Download it, and load the picture of the mask.",
            )
        layers = tuple(
            Layer(slot, group.label, checks.region_of(group.mask), tidy(group.trajectory.pixels))
            for slot, group in enumerate(plain.dynamic_masks)
        )
        still = Layer(-1)
        if plain.static_mask is not None:
            still = Layer(-1, plain.static_mask.label, checks.region_of(plain.static_mask))
        return self.do(do.Replace(PadState(layers or (Layer(0),), still), "loaded brush"))

    def to_json(self) -> dict[str, Any]:
        """Return the drawing as plain values for a file; the history is not part of it."""
        picture = None if self.image is None else self.image.sha256
        head = {"format": FORMAT, "version": VERSION, "size": list(self.size), "picture": picture}
        return head | self.state.to_json()

    def restore(self, data: Mapping[str, Any], *, forget: bool = False) -> None:
        """Put a drawing from :meth:`to_json` in the place of this one.

        Parameters
        ----------
        data
            The values.
        forget
            Begin the history with it; otherwise undo brings the earlier drawing back.

        Raises
        ------
        InputError
            No drawing, damaged, or of a picture of another size. The drawing stays as it is.
        """
        state = self._read(data)
        if forget:
            self._step(lambda: self._history.restart(state))
        else:
            self.do(do.Replace(state, "loaded drawing"))

    def _read(self, data: Mapping[str, Any]) -> PadState:
        advice = "Save it again, or take an older copy."
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            raise InputError("This is no drawing of a motion pad.", "Its format is another one.", advice)
        if data.get("version") != VERSION:
            why = f"It has version {data.get('version')!r}; this kling_nb reads {VERSION}."
            raise InputError("This drawing cannot be read.", why, "Update kling_nb.")
        if data.get("size") != list(self.size):
            raise InputError(
                "This drawing was made on another picture.",
                f"That one has size {data.get('size')}, this one {list(self.size)}.",
                "Open it with its own picture, then pad.load_brush(other.brush) with fit=.",
            )
        try:
            state = PadState.from_json(data)
            # Drawing everything once shows whether it can be drawn at all.
            for layer in (*state.layers, state.still):
                layer.runs(self.size)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise InputError(
                "This drawing is damaged.", f"{type(error).__name__}: {error}", advice
            ) from error
        return state

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

    def _choose(self, choice: _Choice) -> None:
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
