"""One transform between display, picture and wire."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from kling_nb.domain.coordinates import Points, Size, YOrigin, pixel_to_wire, rnd, wire_to_pixel

MAX_ZOOM: Final = 32.0
ZOOM_STEP: Final = 1.5

_TURNS: Final[dict[int, tuple[tuple[int, int], tuple[int, int]]]] = {
    1: ((1, 0), (0, 1)),
    2: ((-1, 0), (0, 1)),
    3: ((-1, 0), (0, -1)),
    4: ((1, 0), (0, -1)),
    5: ((0, 1), (1, 0)),
    6: ((0, -1), (1, 0)),
    7: ((0, -1), (-1, 0)),
    8: ((0, 1), (-1, 0)),
}
"""EXIF orientation: how stored columns and rows lie on the upright display."""


class Readout(NamedTuple):
    """What lies below the pointer: the picture's pixel from the top-left corner, and as it would be sent."""

    x: int
    y: int
    wire_x: int
    wire_y: int
    inside: bool


@dataclass(frozen=True)
class ViewTransform:
    """Where the picture lies on the display.

    Display pixels count from the display's top-left corner to any fraction. Picture pixels have their
    middles at whole numbers, so the picture spans -0.5 to width - 0.5 and every display position over it is
    within half a pixel of the integers that are sent.

    Parameters
    ----------
    size
        (width, height) of the picture as sent.
    display
        (width, height) of the display in its own pixels.
    zoom
        1 shows the whole picture.
    center
        Picture position in the middle of the display; None is the middle of the picture.
    orientation
        EXIF orientation (1 to 8) the picture is shown with. Pictures are sent upright, so this is 1 unless
        a stored, turned picture is shown.
    """

    size: Size
    display: tuple[float, float]
    zoom: float = 1.0
    center: tuple[float, float] | None = None
    orientation: int = 1

    @property
    def shown_size(self) -> Size:
        """(width, height) of the picture as it is turned on the display, in picture pixels."""
        return self.size if self.orientation < 5 else (self.size[1], self.size[0])

    @property
    def scale(self) -> float:
        """Display pixels per picture pixel."""
        shown = self.shown_size
        return self.zoom * min(self.display[0] / shown[0], self.display[1] / shown[1])

    @property
    def offset(self) -> tuple[float, float]:
        """Display position of the middle of the picture's first stored pixel."""
        x, y = self.to_display([[0.0, 0.0]])[0].tolist()
        return x, y

    @property
    def _turn(self) -> Points:
        return np.array(_TURNS[self.orientation], dtype=np.float64)

    @property
    def _middle(self) -> Points:
        if self.center is not None:
            return np.array(self.center, dtype=np.float64)
        return (np.array(self.size, dtype=np.float64) - 1) / 2

    def to_display(self, points: npt.ArrayLike) -> Points:
        """Convert (N, 2) picture pixels to display pixels."""
        away = np.asarray(points, dtype=np.float64) - self._middle
        out: Points = (away @ self._turn.T) * self.scale + np.array(self.display) / 2
        return out

    def to_picture(self, points: npt.ArrayLike) -> Points:
        """Convert (N, 2) display pixels to picture pixels; positions beside the picture lie outside it."""
        away = (np.asarray(points, dtype=np.float64) - np.array(self.display) / 2) / self.scale
        # The inverse of a turn is its transpose.
        out: Points = away @ self._turn + self._middle
        return out

    def to_wire(self, points: npt.ArrayLike, y_origin: YOrigin = "bottom") -> npt.NDArray[np.int64]:
        """Convert (N, 2) display pixels to the integers that are sent."""
        return pixel_to_wire(self.to_picture(points), self.size, y_origin)

    def from_wire(self, points: npt.ArrayLike, y_origin: YOrigin = "bottom") -> Points:
        """Convert (N, 2) sent integers to display pixels."""
        return self.to_display(wire_to_pixel(points, self.size, y_origin))

    def readout(self, point: tuple[float, float], y_origin: YOrigin = "bottom") -> Readout:
        """Return the pixel at a display position."""
        where = self.to_picture([point])
        (x, y), (wire_x, wire_y) = (
            rnd(where)[0].tolist(),
            pixel_to_wire(where, self.size, y_origin)[0].tolist(),
        )
        return Readout(x, y, wire_x, wire_y, 0 <= x < self.size[0] and 0 <= y < self.size[1])

    def zoomed(self, factor: float, at: tuple[float, float] | None = None) -> ViewTransform:
        """Return the view enlarged; what lies at ``at`` (display pixels, else the middle) stays there."""
        fixed = at or (self.display[0] / 2, self.display[1] / 2)
        held = self.to_picture([fixed])[0]
        closer = replace(self, zoom=min(MAX_ZOOM, max(1.0, self.zoom * factor)))
        slip = held - closer.to_picture([fixed])[0]
        return closer._centred(closer._middle + slip)

    def panned(self, dx: float, dy: float) -> ViewTransform:
        """Return the view with the picture shifted by display pixels, as far as that shows more of it."""
        return self._centred(self._middle - np.array([dx, dy]) / self.scale @ self._turn)

    def fitted(self) -> ViewTransform:
        """Return the view of the whole picture."""
        return replace(self, zoom=1.0, center=None)

    def resized(self, display: tuple[float, float]) -> ViewTransform:
        """Return the view on a display of another size, around the same middle."""
        return replace(self, display=display)._centred(self._middle)

    def _centred(self, middle: Points) -> ViewTransform:
        # Half of what is shown, in stored columns and rows.
        reach = np.abs(np.array(self.display) / 2 / self.scale @ self._turn)
        last = np.array(self.size) - 0.5
        low, high = reach - 0.5, last - reach
        home = (np.array(self.size) - 1) / 2
        x, y = np.where(low < high, np.clip(middle, low, np.maximum(low, high)), home).tolist()
        return replace(self, center=(x, y))
