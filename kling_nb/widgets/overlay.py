"""Asked and measured paths as SVG for the place over a player, where no script runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kling_nb.session.views import html_text

Points = Sequence[Sequence[float]]

MOST_POINTS = 2000
"""A measured clip has a few hundred."""


def overlay_svg(paths: Mapping[str, Any]) -> str:
    """Return the paths as one element that fills the player's box.

    Parameters
    ----------
    paths
        From :func:`kling_nb.widgets.scorestate.paths_of`.
    """
    width, height = paths["size"]
    unit = max(width, height) / 100
    names = ", ".join(line["label"] for line in paths["lines"])
    parts = [f"<title>{html_text(f'Requested motion solid, measured motion dashed: {names}')}</title>"]
    for line in paths["lines"]:
        color = html_text(line["color"])
        asked, measured = fewer(line["points"], unit / 12), fewer(line["measured"], unit / 12)
        parts += _asked(asked, color, unit) if asked else []
        parts += _measured(measured, color, unit) if measured else []
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="kn-paths" viewBox="0 0 {width:g} {height:g}" '
        f'role="img">{"".join(parts)}</svg>'
    )


def fewer(points: Points, tolerance: float) -> list[Sequence[float]]:
    """Leave out points that the line hardly needs (Ramer, Douglas and Peucker): notebooks keep every one.

    Parameters
    ----------
    points
        (x, y) in pixels.
    tolerance
        How far the line may pass by a point that is left out, in pixels.
    """
    # Neither all of it nor by recursion: a path of somebody else's log may be as long as it likes.
    points = [*points[: -1 : 1 + len(points) // MOST_POINTS], *points[-1:]]
    kept = {0, len(points) - 1}
    open_ = [(0, len(points) - 1)]
    while open_:
        begin, end = open_.pop()
        if end - begin < 2:
            continue
        away = _away(points[begin], points[end], tolerance)
        place = max(range(begin + 1, end), key=lambda number: away(points[number]))
        if away(points[place]) > tolerance:
            kept.add(place)
            open_ += [(begin, place), (place, end)]
    return [point for number, point in enumerate(points) if number in kept]


def _away(
    start: Sequence[float], end: Sequence[float], tolerance: float
) -> Callable[[Sequence[float]], float]:
    """Return what measures how far a point is from a line."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)

    def away(point: Sequence[float]) -> float:
        x, y = point
        if length < tolerance:
            return math.hypot(x - x0, y - y0)
        return abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / length

    return away


def _asked(points: Points, color: str, unit: float) -> list[str]:
    lines = [_course(points, shade, wide) for shade, wide in (("#000", 5.6), ("#fff", 4.4), (color, 3.2))]
    x, y = points[0]
    start = (
        f'<circle cx="{x:g}" cy="{y:g}" r="{1.2 * unit:.2f}" fill="#fff" stroke="#000" '
        f'stroke-width="{0.4 * unit:.2f}"/>'
    )
    head = (
        f'<polygon points="{_arrow(points, 2.6 * unit)}" fill="{color}" stroke="#000" '
        f'stroke-width="{0.4 * unit:.2f}"/>'
    )
    return [*lines, start, head]


def _measured(points: Points, color: str, unit: float) -> list[str]:
    lines = [_course(points, shade, wide, dashed=True) for shade, wide in (("#000", 3.8), ("#fff", 2))]
    x, y = points[-1]
    end = (
        f'<rect x="{x - unit:.1f}" y="{y - unit:.1f}" width="{2 * unit:.2f}" height="{2 * unit:.2f}" '
        f'fill="{color}" stroke="#fff" stroke-width="{0.5 * unit:.2f}"/>'
    )
    return [*lines, end]


def _course(points: Points, color: str, wide: float, *, dashed: bool = False) -> str:
    course = " ".join(f"{x:g},{y:g}" for x, y in points)
    ends = 'stroke-linecap="butt" stroke-dasharray="6 6"' if dashed else 'stroke-linecap="round"'
    return (
        f'<polyline points="{course}" fill="none" stroke="{color}" stroke-width="{wide}" '
        f'vector-effect="non-scaling-stroke" {ends} stroke-linejoin="round"/>'
    )


def _arrow(points: Points, size: float) -> str:
    x, y = points[-1]
    # The last points may lie close together: the direction is that of a longer piece.
    far = [point for point in points[::-1] if math.hypot(point[0] - x, point[1] - y) > size]
    from_x, from_y = far[0] if far else points[0]
    angle = math.atan2(y - from_y, x - from_x)
    turns = (0.0, 2.5, -2.5)
    return " ".join(
        f"{x + size * math.cos(angle + t):.1f},{y + size * math.sin(angle + t):.1f}" for t in turns
    )
