"""Paths on a frame: what was asked is a solid line, what was measured a dashed one, on any ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.domain.palette import COLORS
from kling_nb.domain.scores import ObjectScores

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]
Color = tuple[int, int, int]

WHITE: Final = (255, 255, 255)
DARK: Final = (16, 16, 16)
_SHIFT: Final = 4  # cv2 draws on sixteenths of a pixel
_DASH: Final = (6.0, 11.0)


def color_of(number: int) -> Color:
    """Return the colour of the nth object as RGB."""
    code = COLORS[number % len(COLORS)][1]
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def draw_objects(
    picture: Picture, objects: Sequence[ObjectScores], scale: tuple[float, float], time_s: float | None = None
) -> None:
    """Draw the paths of all objects onto a picture, in place.

    Parameters
    ----------
    picture
        (H, W, 3) uint8 RGB.
    objects
        With places in pixels of the video.
    scale
        (x, y) pixels of the picture per pixel of the video.
    time_s
        Where the objects are at this second is marked, too; None marks no moment.
    """
    unit = max(picture.shape[:2]) / 640
    for number, each in enumerate(objects):
        color = color_of(number)
        asked, measured = _points(each.asked, scale), _points(each.measured, scale)
        _asked(picture, asked, color, unit)
        _measured(picture, measured, color, unit)
        if time_s is not None and len(each.times):
            place = int(np.argmin(np.abs(np.asarray(each.times) - time_s)))
            _moment(picture, asked[place : place + 1], measured[place : place + 1], color, unit)


def draw_sign(picture: Picture, kind: str, middle: tuple[float, float], color: Color) -> None:
    """Draw a sign of the legend, in place.

    Parameters
    ----------
    picture
        (H, W, 3) uint8 RGB.
    kind
        ``solid``, ``dashed``, ``start``, ``arrow``, ``square``, ``asked``, ``measured``; others draw nothing.
    middle
        Its place in pixels.
    color
        RGB.
    """
    x, y = middle
    line, spot, none = np.array([[x - 18, y], [x + 16, y]]), np.array([[x, y]]), np.zeros((0, 2))
    match kind:
        case "solid":
            for wide, shade in ((7.0, DARK), (5.0, color)):
                _line(picture, line, shade, wide)
        case "dashed":
            for wide, shade in ((5.0, DARK), (2.4, WHITE)):
                for dash in dashes(line, 6, 8):
                    _line(picture, dash, shade, wide)
        case "start":
            _disk(picture, spot[0], 6, DARK)
            _disk(picture, spot[0], 4.6, WHITE)
        case "arrow":
            _arrow(picture, line - [12, 0], 14, color)
        case "square":
            _end(picture, spot[0], color, 1.2)
        case "asked":
            _moment(picture, spot, none, color, 1.2)
        case "measured":
            _moment(picture, none, spot, color, 1.2)


def _points(places: Sequence[tuple[float, float]], scale: tuple[float, float]) -> Points:
    return np.asarray(np.asarray(places, dtype=np.float64).reshape(-1, 2) * np.asarray(scale))


def _asked(picture: Picture, points: Points, color: Color, unit: float) -> None:
    if not len(points):
        return
    for wide, shade in ((6.0, DARK), (4.2, color)):
        _line(picture, points, shade, wide * unit)
    _disk(picture, points[0], 5 * unit, DARK)
    _disk(picture, points[0], 3.8 * unit, WHITE)
    _arrow(picture, points, 11 * unit, color)


def _measured(picture: Picture, points: Points, color: Color, unit: float) -> None:
    if not len(points):
        return
    for wide, shade in ((4.0, DARK), (2.2, WHITE)):
        # A dash's dark rim is longer than the dash by itself: line ends are round.
        for dash in dashes(points, _DASH[0] * unit, _DASH[1] * unit):
            _line(picture, dash, shade, wide * unit)
    _end(picture, points[-1], color, unit)


def _end(picture: Picture, middle: Points, color: Color, unit: float) -> None:
    for half, shade in ((5.4, DARK), (4.2, WHITE), (2.4, color)):
        _square(picture, middle, half * unit, shade)


def _moment(picture: Picture, asked: Points, measured: Points, color: Color, unit: float) -> None:
    """Mark where the object should be, where it is, and how far that is apart; either may be unknown."""
    if len(asked) and len(measured):
        pair = np.concatenate([asked, measured])
        _line(picture, pair, DARK, 2.6 * unit)
        _line(picture, pair, WHITE, 1.2 * unit)
    for spots, sizes in ((asked, (7.5, 6.4, 4.8)), (measured, (6.6, 5.5, 2.6))):
        for spot in spots:
            for radius, shade in zip(sizes, (DARK, WHITE, color), strict=True):
                _disk(picture, spot, radius * unit, shade)


def dashes(points: Points, dash: float, gap: float) -> list[Points]:
    """Cut a line into dashes of even length.

    Parameters
    ----------
    points
        (N, 2) pixels.
    dash, gap
        Pixels along the line.
    """
    steps = np.hypot(*np.diff(points, axis=0).T) if len(points) > 1 else np.zeros(0)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    found = []
    for start in np.arange(0.0, along[-1], dash + gap):
        end = min(start + dash, along[-1])
        inner = points[(along > start) & (along < end)]
        ends = [[np.interp(s, along, points[:, axis]) for axis in (0, 1)] for s in (start, end)]
        found.append(np.concatenate([[ends[0]], inner, [ends[1]]]))
    return found


def _fixed(points: Points) -> NDArray[np.int32]:
    inside = np.clip(points, -30_000, 30_000)
    return np.asarray(np.round(inside * (1 << _SHIFT)), dtype=np.int32)


def _line(picture: Picture, points: Points, color: Color, wide: float) -> None:
    thick = max(1, round(wide))
    cv2.polylines(picture, [_fixed(points)], False, color, thick, cv2.LINE_AA, _SHIFT)


def _disk(picture: Picture, middle: Points, radius: float, color: Color) -> None:
    x, y = _fixed(middle)
    cv2.circle(picture, (int(x), int(y)), round(radius * (1 << _SHIFT)), color, -1, cv2.LINE_AA, _SHIFT)


def _square(picture: Picture, middle: Points, half: float, color: Color) -> None:
    corners = middle + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.float64)
    cv2.fillPoly(picture, [_fixed(corners)], color, cv2.LINE_AA, _SHIFT)


def _arrow(picture: Picture, points: Points, length: float, color: Color) -> None:
    tip = points[-1]
    # The last points may lie close together: the direction is that of a longer piece.
    away = [point for point in points[::-1] if math.hypot(*(point - tip)) > length / 2]
    if not away:
        return
    angle = math.atan2(*(tip - away[0])[::-1])
    for size, shade in ((length * 1.35, DARK), (length, color)):
        turns: Any = angle + np.array([0.0, 2.5, -2.5])
        corners = tip + size * 0.62 * np.column_stack([np.cos(turns), np.sin(turns)])
        cv2.fillPoly(picture, [_fixed(corners)], shade, cv2.LINE_AA, _SHIFT)
