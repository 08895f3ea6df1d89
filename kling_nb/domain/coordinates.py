"""The three coordinate systems of a path and the conversions between them (``spec/official-api.md`` §5.3)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Units = Literal["pixel", "normalized", "wire"]
"""How points are counted: float pixels or 0...1 from the top-left corner, or integers as sent."""

Origin = Literal["top-left", "bottom-left"]
YOrigin = Literal["bottom", "top"]
Points = npt.NDArray[np.float64]
"""(N, 2) x and y."""

Size = tuple[int, int]
"""(width, height) in pixels."""


def rnd(value: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Round halves up, ``floor(v + 0.5)``: Python's own rounding goes to even."""
    return np.floor(np.asarray(value, dtype=np.float64) + 0.5).astype(np.int64)


def canvas_to_pixel(points: npt.ArrayLike, scale: float, offset: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Convert points on a display to pixels of the picture.

    Parameters
    ----------
    points
        (N, 2) display coordinates.
    scale
        Display pixels per picture pixel.
    offset
        Display position of the picture's top-left corner.
    """
    shifted: Points = np.asarray(points, dtype=np.float64) - np.asarray(offset, dtype=np.float64)
    return shifted / scale


def normalized_to_pixel(points: npt.ArrayLike, size: Size, origin: Origin = "top-left") -> Points:
    """Convert 0...1 to pixels counted from the top-left corner: 1 is the last pixel's centre."""
    width, height = size
    unit = np.array(points, dtype=np.float64)
    if origin == "bottom-left":
        unit[:, 1] = 1.0 - unit[:, 1]
    return unit * np.array([width - 1, height - 1], dtype=np.float64)


def pixel_to_wire(points: npt.ArrayLike, size: Size, y_origin: YOrigin = "bottom") -> npt.NDArray[np.int64]:
    """Convert top-left pixels to the integers that are sent.

    Parameters
    ----------
    points
        (N, 2) pixels, origin top-left.
    size
        (width, height) of the picture as sent.
    y_origin
        ``"bottom"`` is the wire rule; ``"top"`` is the escape hatch for a service that counts from
        the top.

    Returns
    -------
    ndarray of int64, shape (N, 2)
        Inside the picture.
    """
    width, height = size
    xy = rnd(points)
    y = xy[:, 1] if y_origin == "top" else height - 1 - xy[:, 1]
    return np.stack([np.clip(xy[:, 0], 0, width - 1), np.clip(y, 0, height - 1)], axis=1)


def wire_to_pixel(points: npt.ArrayLike, size: Size, y_origin: YOrigin = "bottom") -> Points:
    """Convert wire integers to top-left pixels."""
    xy = np.array(points, dtype=np.float64)
    if y_origin == "bottom":
        xy[:, 1] = size[1] - 1 - xy[:, 1]
    return xy
