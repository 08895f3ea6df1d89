"""The canvas below the ink: picture, masks and paths as the model has them. The only user of ipycanvas."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ipycanvas import MultiCanvas, hold_canvas
from ipycanvas.canvas import COMMANDS

PICTURE, MASKS, PATHS = range(3)
FONT = "600 {size:.0f}px system-ui, sans-serif"
NUMBERS_APART = 18
"""Nominal pixels between two numbers on a path."""

NUMBERED_POINTS = 24
"""Paths with more points show every point as a dot and number only some."""

_lock = threading.RLock()  # ipycanvas has one buffer for all canvases of the kernel


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Send everything drawn inside as one message.

    ipycanvas's own ``hold_canvas`` stays in force for all canvases of the kernel when an exception passes
    through it; here it always ends.
    """
    with _lock:
        hold = hold_canvas()
        hold.__enter__()
        try:
            yield
        finally:
            hold.__exit__(None, None, None)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPath:
    """One path as it is shown.

    Parameters
    ----------
    points
        (N, 2) canvas pixels.
    color
        ``#rrggbb``.
    chosen
        Whether its points are shown as handles.
    point
        Index of the point in the hand.
    """

    points: npt.NDArray[np.float64]
    color: str
    chosen: bool
    point: int | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """Number and name of a mask on the picture, in canvas pixels."""

    text: str
    place: tuple[float, float]
    color: str


class PadCanvas:
    """Three layers: picture, masks, paths.

    Parameters
    ----------
    size
        (width, height) of the canvas in its own pixels.
    unit
        Canvas pixels per nominal display pixel: 2 on a screen of device scale 2.
    """

    def __init__(self, size: tuple[int, int], unit: float) -> None:
        self.unit = unit
        self.widget: Any = MultiCanvas(3, width=size[0], height=size[1], sync_image_data=False)
        # A canvas stretches inside a box of Jupyter's otherwise.
        self.widget.layout.width = "100%"
        self.widget.layout.height = "100%"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in canvas pixels."""
        return self.widget.width, self.widget.height

    def on_client_ready(self, callback: Callable[[], None]) -> None:
        """Call back whenever a page has made its empty copy of the canvas."""
        self.widget.on_client_ready(callback)

    def resize(self, size: tuple[int, int], unit: float) -> None:
        """Change the number of pixels; everything has to be drawn again."""
        with _lock:
            self.unit = unit
            self.widget.width, self.widget.height = size

    def close(self) -> None:
        """Forget the page's copies."""
        layers = [self.widget[index] for index in range(3)]
        for widget in (self.widget, *layers):
            widget.close()

    def draw(
        self,
        paths: Sequence[DrawnPath],
        tags: Sequence[Tag],
        *,
        picture: bytes | None = None,
        masks: bytes | None = None,
    ) -> None:
        """Draw in one message.

        Parameters
        ----------
        paths, tags
            Always drawn anew.
        picture
            JPEG of the whole canvas; None leaves that layer as it is.
        masks
            PNG of the whole canvas; None leaves that layer as it is.
        """
        with held():
            first = self.widget[PICTURE]
            # Makes the batch begin by naming its canvas: a page just opened knows of no current one.
            first.save()
            first.restore()
            self._layer(PICTURE, picture)
            self._layer(MASKS, masks)
            layer = self.widget[PATHS]
            layer.clear()
            for path in sorted(paths, key=lambda path: path.chosen):
                self._path(layer, path)
            for tag in tags:
                self._tag(layer, tag)

    def _layer(self, number: int, data: bytes | None) -> None:
        if data is None:
            return
        layer = self.widget[number]
        layer.clear()
        # What `put_image_data` does with an array, for bytes that are encoded already. Not `draw_image`: the
        # picture would travel as another widget's state, and a page that is told to draw it before it has it
        # waits for ever.
        layer._canvas_manager.send_draw_command(layer, COMMANDS["putImageData"], [0, 0], [data])

    def _path(self, layer: Any, path: DrawnPath) -> None:
        unit = self.unit
        points = np.asarray(path.points, dtype=np.float32)
        width = (2.5 if path.chosen else 2.0) * unit
        layer.line_cap = "round"
        layer.line_join = "round"
        if len(points) > 1:
            for extra, color in ((3 * unit, "#000000"), (1.8 * unit, "#ffffff"), (0.0, path.color)):
                layer.line_width = width + extra
                layer.stroke_style = color
                layer.stroke_lines(points)
            self._arrow(layer, points, path.color)
        self._dots(layer, points, path)

    def _arrow(self, layer: Any, points: npt.NDArray[np.float32], color: str) -> None:
        tip = points[-1]
        away = np.hypot(*(points - tip).T)
        # The direction of the last stretch that is long enough to have one.
        tail = points[int(np.flatnonzero(away >= min(8 * self.unit, float(away.max())))[-1])]
        length = float(np.hypot(*(tip - tail))) or 1.0
        along = (tip - tail) / length
        across = np.array([-along[1], along[0]], dtype=np.float32)
        reach, half = 13 * self.unit, 6.5 * self.unit
        front, back = tip + along * 4 * self.unit, tip - along * (reach - 4 * self.unit)
        head = np.array([front, back + across * half, back - across * half], dtype=np.float32)
        layer.fill_style = color
        layer.fill_polygon(head)
        layer.line_width = 1.2 * self.unit
        layer.stroke_style = "#000000"
        layer.stroke_polygon(head)

    def _dots(self, layer: Any, points: npt.NDArray[np.float32], path: DrawnPath) -> None:
        unit = self.unit
        layer.line_width = 1.2 * unit
        layer.stroke_style = "#000000"
        layer.fill_style = path.color
        if path.chosen and len(points) > 2:
            inner = points[1:-1] if len(points) <= NUMBERED_POINTS else points[1:-1:2]
            x, y = np.ascontiguousarray(inner[:, 0]), np.ascontiguousarray(inner[:, 1])
            radius = (4.0 if len(points) <= NUMBERED_POINTS else 2.2) * unit
            layer.fill_circles(x, y, radius)
            layer.stroke_circles(x, y, radius)
        # The start is a ring: with the arrow at the other end the direction needs no colour.
        x0, y0 = float(points[0, 0]), float(points[0, 1])
        layer.fill_style = "#ffffff"
        layer.fill_circle(x0, y0, 6 * unit)
        layer.stroke_circle(x0, y0, 6 * unit)
        layer.fill_style = path.color
        layer.fill_circle(x0, y0, 3.6 * unit)
        if path.point is not None and path.point < len(points):
            x, y = points[path.point].tolist()
            layer.line_width = 2.5 * unit
            layer.stroke_style = "#ffffff"
            layer.stroke_circle(x, y, 8.5 * unit)
            layer.line_width = 1.2 * unit
            layer.stroke_style = "#000000"
            layer.stroke_circle(x, y, 10 * unit)
        if path.chosen and 1 < len(points) <= NUMBERED_POINTS:
            self._numbers(layer, points)

    def _numbers(self, layer: Any, points: npt.NDArray[np.float32]) -> None:
        unit = self.unit
        layer.font = FONT.format(size=11 * unit)
        layer.text_align = "left"
        layer.text_baseline = "alphabetic"
        layer.line_width = 3 * unit
        last = None
        for number, (x, y) in enumerate(points.tolist(), 1):
            # Where points lie close together, numbers would cover each other and the path.
            if last is not None and np.hypot(x - last[0], y - last[1]) < NUMBERS_APART * unit:
                continue
            last = (x, y)
            layer.stroke_style = "#000000"
            layer.stroke_text(str(number), x + 7 * unit, y - 6 * unit)
            layer.fill_style = "#ffffff"
            layer.fill_text(str(number), x + 7 * unit, y - 6 * unit)

    def _tag(self, layer: Any, tag: Tag) -> None:
        unit = self.unit
        x, y = tag.place
        number, _, name = tag.text.partition(" ")
        # A coloured disc, as in the list beside the canvas: not to be taken for the number of a point.
        layer.fill_style = tag.color
        layer.fill_circle(x, y, 9 * unit)
        layer.line_width = 1.5 * unit
        layer.stroke_style = "#000000"
        layer.stroke_circle(x, y, 9 * unit)
        layer.font = FONT.format(size=11 * unit)
        layer.text_align = "center"
        layer.text_baseline = "middle"
        layer.fill_style = "#000000"
        layer.fill_text(number, x, y)
        if name:
            layer.text_align = "left"
            layer.line_width = 3.5 * unit
            layer.line_join = "round"
            layer.stroke_text(name, x + 13 * unit, y)
            layer.fill_style = "#ffffff"
            layer.fill_text(name, x + 13 * unit, y)
