"""Scores over time as small plots, one above the other with one clock."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from kling_nb.domain.scores import Scores
from kling_nb.errors import InputError
from kling_nb.session.svg import WIDTH, Plot, drawing, line_between, text_at

CURVES: Final = (
    ("path_error", "path error", "%", "Distance of the painted objects from their asked place."),
    ("camera_shift", "camera shift", "%", "How far the camera has carried the picture's middle."),
    ("motion", "motion", "%/s", "How fast the picture moves."),
    ("leak", "static leak", "levels", "Change inside the static mask; above 4 it may be flagged."),
    ("sharpness", "sharpness", "% of first", "Sharpness, in percent of the first frame's."),
    ("flicker", "flicker", "levels", "Unsteadiness of the light."),
)
"""Curve, title, unit and meaning, from top to bottom."""

LEVELS: Final = {"leak": 4.0}
"""Where a curve has a limit: drawn as a dashed line."""

LEAST: Final = {
    "path_error": 1.0, "camera_shift": 1.0, "motion": 0.2, "leak": 4.4, "sharpness": 100.0, "flicker": 0.5
}  # fmt: skip
"""Least height of a panel: what nobody can see shall not look like much."""

_LEFT: Final = 150
_RIGHT: Final = 14
_TOP: Final = 24
_HIGH: Final = 46
_GAP: Final = 14
_COLOR: Final = "#4a86e8"


def has_curves(scores: Scores) -> bool:
    """Whether anything was measured over time."""
    return len(scores.curves.get("times", ())) > 1 and bool(_held(scores))


def _held(scores: Scores) -> list[tuple[str, str, str, str]]:
    return [curve for curve in CURVES if any(value is not None for value in scores.curves.get(curve[0], ()))]


def curves_plot(scores: Scores, title: str = "Scores over time") -> Plot:
    """Return everything that was measured over time.

    Parameters
    ----------
    scores
        Of one clip.
    title
        Stands above it.

    Raises
    ------
    InputError
        Nothing was measured over time.
    """
    times = [0.0 if time is None else time for time in scores.curves.get("times", ())]
    held = _held(scores)
    if not has_curves(scores):
        raise InputError(
            "There are no curves to draw.",
            "Nothing of this clip was measured over time.",
            "run.scores tells what was measured, and why not.",
        )
    end = max(times[-1], 1e-6)
    parts = [text_at(0, 14, title, weight=600)]
    for number, (name, label, unit, meaning) in enumerate(held):
        y = _TOP + number * (_HIGH + _GAP)
        parts += _panel(times, scores.curves[name], y, end, name)
        parts.append(text_at(0, y + 18, label, full=meaning))
        parts.append(text_at(0, y + 34, unit, faint=True))
    bottom = _TOP + len(held) * (_HIGH + _GAP) - _GAP
    parts += [
        text_at(_x(second, end), bottom + 18, f"{second:g} s", anchor="middle", faint=True)
        for second in _seconds(end)
    ]
    names = ", ".join(label for _, label, _, _ in held)
    return drawing(parts, bottom + 26, name=f"{title}: {names}, over {end:.1f} seconds")


def _seconds(end: float) -> list[float]:
    step = next(step for step in (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 600) if end / step <= 8 or step == 600)
    return [step * number for number in range(int(end / step + 1e-6) + 1)]


def _x(second: float, end: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * second / end


def _panel(
    times: Sequence[float], values: Sequence[float | None], top: float, end: float, name: str
) -> list[str]:
    """Return one curve between the ends of its scale; gaps stay gaps."""
    known = [value for value in values if value is not None]
    limit = LEVELS.get(name)
    low, high = min(0.0, *known), max(LEAST[name], *known)

    def place(value: float) -> float:
        return top + _HIGH * (1 - (value - low) / (high - low))

    right = WIDTH - _RIGHT
    parts = [line_between(_LEFT, place(at), right, place(at), faint=True) for at in (low, high)]
    parts += [text_at(_LEFT - 6, place(at) + 4, f"{at:.3g}", anchor="end", faint=True) for at in (low, high)]
    if limit is not None and low <= limit <= high:
        parts.append(line_between(_LEFT, place(limit), right, place(limit), dashed=True))
    points = list(zip(times, values, strict=False))
    for known_here, piece in groupby(points, key=lambda point: point[1] is not None):
        if not known_here:
            continue
        spots = [(_x(time, end), place(value)) for time, value in piece if value is not None]
        if len(spots) == 1:
            parts.append(f'<circle cx="{spots[0][0]:.1f}" cy="{spots[0][1]:.1f}" r="2" fill="{_COLOR}"/>')
        course = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(
            f'<polyline points="{course}" fill="none" stroke="{_COLOR}" stroke-width="2" '
            'stroke-linejoin="round"/>'
        )
    return parts
