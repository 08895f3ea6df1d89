"""Scores over time as small plots, one above the other with one clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

LEFT: Final = 150
"""Where panels begin; left of them stand their names."""

WIDE: Final = WIDTH - LEFT - 14
_TOP: Final = 24
_HIGH: Final = 46
_GAP: Final = 14
_COLOR: Final = "#4a86e8"


@dataclass(frozen=True, slots=True)
class Panel:
    """One of several small plots above each other.

    Parameters
    ----------
    row
        Its number from the top.
    low, high
        Ends of its scale.
    """

    row: int
    low: float
    high: float

    @property
    def top(self) -> float:
        """Its upper edge, in pixels."""
        return _TOP + self.row * (_HIGH + _GAP)

    def place(self, value: float) -> float:
        """Return the height of a value, in pixels from above."""
        return self.top + _HIGH * (1 - (value - self.low) / (self.high - self.low))

    def frame(self, label: str, unit: str, meaning: str, limit: float | None = None) -> list[str]:
        """Return its name, the ends of its scale, and a limit within them as a dashed line."""
        right = LEFT + WIDE
        ends = (self.low, self.high)
        parts = [text_at(0, self.top + 18, label, full=meaning), text_at(0, self.top + 34, unit, faint=True)]
        parts += [line_between(LEFT, self.place(at), right, self.place(at), faint=True) for at in ends]
        parts += [text_at(LEFT - 6, self.place(at) + 4, f"{at:.3g}", anchor="end", faint=True) for at in ends]
        if limit is not None and self.low <= limit <= self.high:
            parts.append(line_between(LEFT, self.place(limit), right, self.place(limit), dashed=True))
        return parts


def below(panels: int) -> float:
    """Return where so many panels end, in pixels."""
    return _TOP + panels * (_HIGH + _GAP) - _GAP


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
        values = scores.curves[name]
        known = [value for value in values if value is not None]
        panel = Panel(number, min(0.0, *known), max(LEAST[name], *known))
        parts += panel.frame(label, unit, meaning, LEVELS.get(name))
        parts += _curve(times, values, panel, end)
    bottom = below(len(held))
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
    return LEFT + WIDE * second / end


def _curve(times: Sequence[float], values: Sequence[float | None], panel: Panel, end: float) -> list[str]:
    """Return one curve; gaps stay gaps."""
    parts = []
    points = list(zip(times, values, strict=False))
    for known_here, piece in groupby(points, key=lambda point: point[1] is not None):
        if not known_here:
            continue
        spots = [(_x(time, end), panel.place(value)) for time, value in piece if value is not None]
        if len(spots) == 1:
            parts.append(f'<circle cx="{spots[0][0]:.1f}" cy="{spots[0][1]:.1f}" r="2" fill="{_COLOR}"/>')
        course = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(
            f'<polyline points="{course}" fill="none" stroke="{_COLOR}" stroke-width="2" '
            'stroke-linejoin="round"/>'
        )
    return parts
