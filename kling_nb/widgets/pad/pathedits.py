"""What can be done to the paths of a pad."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kling_nb.domain import paths
from kling_nb.domain.paths import EASES, Ease, Preset
from kling_nb.errors import InputError
from kling_nb.widgets.pad import commands as do
from kling_nb.widgets.pad.core import PadCore
from kling_nb.widgets.pad.gestures import FREEHAND_TOLERANCE, tidy
from kling_nb.widgets.pad.presets import preset_path
from kling_nb.widgets.pad.state import Point

SMOOTHING = 0.25
"""How much one press of the smoothing button evens out."""


class PathEdits(PadCore):
    """Paths in picture pixels. ``layer`` is an id; None is the chosen layer."""

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
