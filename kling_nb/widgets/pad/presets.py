"""Ready-made paths, fitted to the mask they are for."""

from __future__ import annotations

from typing import Final

import numpy as np

from kling_nb.domain import paths
from kling_nb.domain.coordinates import Points, Size
from kling_nb.domain.paths import Preset
from kling_nb.widgets.pad.state import Layer

REACH: Final = 0.25
"""Length of a ready-made path as a share of the picture's shorter side."""


def preset_path(name: Preset, layer: Layer, size: Size) -> Points:
    """Return a ready-made path that begins in the middle of the mask, toward the roomier side.

    Parameters
    ----------
    name
        ``line``, ``arc``, ``circle`` or ``sway``.
    layer
        The mask; an empty one counts as a point in the middle of the picture.
    size
        (width, height) of the picture.
    """
    middle = (np.array(size, dtype=np.float64) - 1) / 2
    start = np.array(layer.runs(size).centroid or middle)
    side = 1.0 if start[0] <= middle[0] else -1.0
    reach = REACH * min(size)
    end = start + np.array([side * reach, 0.0])
    if name == "line":
        return paths.line(start, end)
    if name == "arc":
        return paths.arc(start, end, bend=0.4 * side)
    if name == "circle":
        return paths.circle(start, start + np.array([side * reach / 2, 0.0]))
    return paths.sway(start, start + np.array([side * reach / 2, 0.0]))
