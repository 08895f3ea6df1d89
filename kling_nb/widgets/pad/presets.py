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

BEND: Final = 0.4
"""Height of a ready-made bow as a share of its width; it bends upward."""


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
    last = np.array(size, dtype=np.float64) - 1
    start = np.array(layer.runs(size).centroid or last / 2)
    side = 1.0 if start[0] <= last[0] / 2 else -1.0
    reach = REACH * min(size)
    end = start + np.array([side * reach, 0.0])
    half = (start + end) / 2
    if name == "line":
        path = paths.line(start, end)
    elif name == "arc":
        path = paths.arc(start, end, bend=BEND * side)
    elif name == "circle":
        path = paths.circle(start, half)
    else:
        room = min(reach / 2, start[0], last[0] - start[0])
        path = paths.sway(start, start + np.array([side * room, 0.0]))
    return np.clip(path, 0, last)
