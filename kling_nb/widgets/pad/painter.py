"""From what is drawn to what is shown: works out what has changed and has only that painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kling_nb.domain.runs import Runs
from kling_nb.widgets.pad.canvas import DrawnPath, PadCanvas, Tag
from kling_nb.widgets.pad.overlay import Bits, Window, overlay_png, sample

if TYPE_CHECKING:
    from kling_nb.session.drawing import DrawingPicture

STILL_SIDE = 480
"""Longest side in pixels of the picture that stays in a saved notebook."""

TAG_MARGIN = 12
"""Nominal pixels that words keep from the upper edge."""


@dataclass(frozen=True, slots=True, eq=False)
class ShownLayer:
    """One mask and its path as they shall be seen.

    Parameters
    ----------
    name
        Its key in the caches.
    tag
        Word on the picture; empty for none.
    color
        ``#rrggbb``.
    region
        Selected pixels of the picture.
    path
        (N, 2) pixels of the picture, N = 0 without a path.
    still
        Whether it is the region that stays.
    chosen
        Whether its path is being worked on.
    point
        Index of the chosen point of the path.
    """

    name: str
    tag: str
    color: str
    region: Runs
    path: npt.NDArray[np.float64]
    still: bool = False
    chosen: bool = False
    point: int | None = None


class Painter:
    """Keeps the canvas in step with the drawing.

    Parameters
    ----------
    picture
        What is drawn on.
    canvas
        Where it is shown.
    """

    def __init__(self, picture: DrawingPicture, canvas: PadCanvas) -> None:
        self._picture = picture
        self._canvas = canvas
        self._window: Window | None = None
        self._shown: list[tuple[str, Runs, str]] | None = None
        self._seen: dict[str, tuple[Runs, Window, Bits]] = {}

    def forget(self) -> None:
        """Paint everything the next time: a page has made an empty copy of the canvas."""
        self._window = None
        self._shown = None

    def paint(self, layers: Sequence[ShownLayer], window: Window) -> None:
        """Show the drawing in one message.

        Parameters
        ----------
        layers
            The visible ones, lowest first.
        window
            The part of the picture to show.
        """
        moved = window != self._window
        shown = [(layer.name, layer.region, layer.color) for layer in layers if not layer.region.is_empty]
        masks = moved or shown != self._shown
        self._canvas.draw(
            [self._path(layer, window) for layer in layers if len(layer.path)],
            [tag for layer in layers if (tag := self._tag(layer, window)) is not None],
            picture=self._crop(window) if moved else None,
            masks=self._overlay(layers, window) if masks else None,
        )
        self._window, self._shown = window, shown

    def overlay(self, layers: Sequence[ShownLayer]) -> bytes:
        """Return the masks over the whole picture as a small transparent PNG."""
        width, height = self._picture.size
        scale = min(1.0, STILL_SIDE / max(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        window = Window(*size, scale, (0.5 * scale, 0.5 * scale))
        still = next((sample(layer.region, window) for layer in layers if layer.still), None)
        return overlay_png(
            [(sample(layer.region, window), layer.color) for layer in layers if not layer.still], still, size
        )

    def _crop(self, window: Window) -> bytes:
        # Whole numbers are the middles of pixels, boxes of pictures count from their borders.
        left = -window.offset[0] / window.scale + 0.5
        top = -window.offset[1] / window.scale + 0.5
        box = (left, top, left + window.width / window.scale, top + window.height / window.scale)
        return self._picture.jpeg(box, (window.width, window.height))

    def _overlay(self, layers: Sequence[ShownLayer], window: Window) -> bytes:
        still = next((self._bits(layer, window) for layer in layers if layer.still), None)
        regions = [(self._bits(layer, window), layer.color) for layer in layers if not layer.still]
        self._seen = {layer.name: self._seen[layer.name] for layer in layers}
        return overlay_png(regions, still, (window.width, window.height))

    def _bits(self, layer: ShownLayer, window: Window) -> Bits:
        known = self._seen.get(layer.name)
        if known is None or known[1] != window or known[0] != layer.region:
            known = self._seen[layer.name] = (layer.region, window, sample(layer.region, window))
        return known[2]

    def _path(self, layer: ShownLayer, window: Window) -> DrawnPath:
        points = layer.path * window.scale + np.array(window.offset)
        return DrawnPath(points, layer.color, layer.chosen, layer.point)

    def _tag(self, layer: ShownLayer, window: Window) -> Tag | None:
        box = layer.region.box if layer.tag else None
        if box is None:
            return None
        x = (box[0] + box[2] - 1) / 2 * window.scale + window.offset[0]
        # On the upper edge of the region: the middle is where paths begin.
        y = max(box[1] * window.scale + window.offset[1], TAG_MARGIN * self._canvas.unit)
        inside = 0 <= x < window.width and y < window.height
        return Tag(layer.tag, (x, y), layer.color) if inside else None
