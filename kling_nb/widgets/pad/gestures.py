"""What a stroke of the pointer means, tool by tool."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from kling_nb.domain import paths, shapes
from kling_nb.domain.coordinates import Points
from kling_nb.domain.shapes import Operation, Shape
from kling_nb.widgets.pad.commands import Command, Draw, InsertPoint, MovePoint, SetPath
from kling_nb.widgets.pad.state import Layer, Point

Tool = Literal[
    "brush", "eraser", "rectangle", "ellipse", "lasso", "path_click", "path_freehand", "edit", "hand"
]
TOOLS: Final[tuple[Tool, ...]] = get_args(Tool)

HIT_REACH: Final = 14.0
"""Display pixels within which a press means a handle or a line: a finger hits what it means."""

FREEHAND_TOLERANCE: Final = 0.4
"""Picture pixels a freehand path may lose by leaving out points: less than the wire can tell."""

MIN_EXTENT: Final = 1.0
"""Picture pixels; a smaller rectangle, ellipse or lasso is a slip of the hand."""

DECIMALS: Final = 2
"""Hundredths of a pixel are kept of what is drawn: short in files, and far below what can be seen."""


@dataclass(frozen=True)
class Hit:
    """What lies below the pointer.

    Parameters
    ----------
    kind
        A point of the chosen path, a stretch between two points, a mask, or nothing.
    index
        Number of the point; for a stretch, where a new point would be put in.
    layer
        The layer it belongs to; empty for nothing.
    """

    kind: Literal["point", "segment", "mask", "none"]
    index: int = -1
    layer: str = ""


@dataclass(frozen=True)
class Stroke:
    """A pointer pressed, moved and released over the picture.

    Parameters
    ----------
    tool
        What was in the hand when it began.
    layer
        The layer it was drawn on.
    points
        (N, 2) picture pixels, N at least 1.
    radius
        Half the width of the brush in picture pixels.
    pressures
        (N,) shares of the radius; None for a mouse.
    take_away
        Whether a rectangle, ellipse or lasso is erased instead of added.
    moved
        Whether the pointer moved farther than a trembling hand does.
    picked
        For the point tool: what was pressed on.
    """

    tool: Tool
    layer: str
    points: Points
    radius: float = 20.0
    pressures: npt.NDArray[np.float64] | None = None
    take_away: bool = False
    moved: bool = True
    picked: Hit = Hit("none")


def command_of(stroke: Stroke, layer: Layer) -> Command | None:
    """Return what a stroke does to the drawing; None when it does nothing.

    Parameters
    ----------
    stroke
        What was drawn.
    layer
        The layer it was drawn on, as it is now.
    """
    return _MEANINGS[stroke.tool](stroke, layer)


def tidy(points: npt.ArrayLike) -> tuple[Point, ...]:
    """Return points to be kept: rounded, equal neighbours dropped."""
    rows = np.round(np.asarray(points, dtype=np.float64).reshape(-1, 2), DECIMALS) + 0.0
    moved = np.any(np.diff(rows, axis=0) != 0, axis=1)
    return tuple((x, y) for x, y in rows[np.concatenate([[True], moved])[: len(rows)]].tolist())


def hit(point: Point, layer: Layer, reach: float) -> Hit:
    """Return what of a layer's path lies within ``reach`` picture pixels of a point."""
    if not layer.path:
        return Hit("none")
    path = np.array(layer.path)
    away = np.hypot(*(path - np.array(point)).T)
    nearest = int(np.argmin(away))
    if away[nearest] <= reach:
        return Hit("point", nearest, layer.id)
    gaps = [_gap(point, *ends) for ends in zip(layer.path, layer.path[1:], strict=False)]
    if gaps and min(gaps) <= reach:
        return Hit("segment", int(np.argmin(gaps)) + 1, layer.id)
    return Hit("none")


def _gap(point: Point, start: Point, end: Point) -> float:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    share = ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / length if length else 0.0
    share = min(1.0, max(0.0, share))
    return math.dist(point, (start[0] + share * dx, start[1] + share * dy))


def brush_shape(stroke: Stroke) -> Shape:
    """Return what a round brush paints along the stroke."""
    if stroke.pressures is None or np.ptp(stroke.pressures) == 0:
        share = 1.0 if stroke.pressures is None else float(stroke.pressures[0])
        return shapes.stroke(tidy(stroke.points), round(max(0.5, stroke.radius * share), DECIMALS))
    # Equal places with another pressure are kept: a pen that presses harder on the spot paints more.
    radii = np.round(np.maximum(0.5, stroke.radius * stroke.pressures), DECIMALS)
    return shapes.stroke(np.round(stroke.points, DECIMALS).tolist(), radii.tolist())


def _painted(stroke: Stroke, _layer: Layer) -> Command:
    operation: Operation = "erase" if stroke.tool == "eraser" else "add"
    return Draw(stroke.layer, operation, brush_shape(stroke), f"{stroke.tool} stroke")


def _area(stroke: Stroke, _layer: Layer) -> Command | None:
    operation: Operation = "erase" if stroke.take_away else "add"
    shape = _OUTLINES[stroke.tool](stroke.points)
    return None if shape is None else Draw(stroke.layer, operation, shape, stroke.tool)


def _rectangle(points: Points) -> Shape | None:
    low, high = np.round(np.minimum(points[0], points[-1]), 2), np.round(np.maximum(points[0], points[-1]), 2)
    return shapes.rectangle(*low.tolist(), *high.tolist()) if np.all(high - low >= MIN_EXTENT) else None


def _ellipse(points: Points) -> Shape | None:
    radii = np.round(np.abs(points[-1] - points[0]) / 2, DECIMALS)
    middle = np.round((points[0] + points[-1]) / 2, DECIMALS)
    return shapes.ellipse(middle.tolist(), radii.tolist()) if np.all(2 * radii >= MIN_EXTENT) else None


def _lasso(points: Points) -> Shape | None:
    corners = tidy(points)
    wide = np.all(np.ptp(points, axis=0) >= MIN_EXTENT)
    return shapes.polygon(corners) if len(corners) > 2 and wide else None


_OUTLINES: Final[dict[str, Callable[[Points], Shape | None]]] = {
    "rectangle": _rectangle,
    "ellipse": _ellipse,
    "lasso": _lasso,
}


def _clicked(stroke: Stroke, layer: Layer) -> Command:
    return InsertPoint(stroke.layer, len(layer.path), tidy(stroke.points[-1:])[0], "path point")


def _freehand(stroke: Stroke, _layer: Layer) -> Command | None:
    if not stroke.moved:
        return None
    line = tidy(paths.simplify(stroke.points, FREEHAND_TOLERANCE))
    return SetPath(stroke.layer, line, "freehand path") if len(line) > 1 else None


def _edited(stroke: Stroke, _layer: Layer) -> Command | None:
    last = tidy(stroke.points[-1:])[0]
    if stroke.picked.kind == "point" and stroke.moved:
        return MovePoint(stroke.layer, stroke.picked.index, last)
    if stroke.picked.kind == "segment":
        return InsertPoint(stroke.layer, stroke.picked.index, last)
    return None


_MEANINGS: Final[dict[Tool, Callable[[Stroke, Layer], Command | None]]] = {
    "brush": _painted,
    "eraser": _painted,
    "rectangle": _area,
    "ellipse": _area,
    "lasso": _area,
    "path_click": _clicked,
    "path_freehand": _freehand,
    "edit": _edited,
    "hand": lambda _stroke, _layer: None,
}
