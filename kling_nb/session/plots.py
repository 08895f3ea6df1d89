"""Small plots as SVG in the page's own colours: no plotting library is needed, light and dark both work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kling_nb.session.svg import (
    DOT,
    FAULTY,
    PLAIN,
    WIDTH,
    Plot,
    clipped,
    dot_at,
    drawing,
    line_between,
    text_at,
)

Row = tuple[str, Sequence[float], float, tuple[float, float]]
"""Name, values, mean and its interval."""

_ROW: Final = 34
_LABEL: Final = 190
_RIGHT: Final = 84
_TOP: Final = 26
_COLORS: Final = {"kept": "#2f9e62", "ended": PLAIN, "failed": FAULTY}


def dots(
    rows: Sequence[Row],
    title: str,
    bounds: tuple[float, float] | None = None,
    *,
    faults: Sequence[Sequence[str]] = (),
    target: float | None = None,
    empty: str = "nothing judged yet",
) -> Plot:
    """Show repeats: every value a dot, the mean a bar, its 95 % interval a line.

    Parameters
    ----------
    rows
        From top to bottom; rows without values say so.
    title
        What the axis shows.
    bounds
        Ends of the axis; None takes those of the values.
    faults
        For every value of every row what is wrong with its clip, empty where nothing is; such dots are
        hollow.
    target
        The best value, as a dashed line.
    empty
        What stands in a row without values.
    """
    held = [row for row in rows if len(row[1])]
    ends = [x for _, values, _, span in held for x in (*values, *span)]
    axis = _Axis(*(bounds or _ends(ends if target is None else [*ends, target])))
    parts = [text_at(_LABEL, 14, title, weight=600), *axis.ticks(len(rows))]
    if target is not None:
        x = axis.at(target)
        parts.append(line_between(x, _TOP, x, axis.height(len(rows)) - 26, dashed=True))
    for number, (name, values, mean, span) in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        parts.append(text_at(_LABEL - 10, y + 4, clipped(name), anchor="end", full=name))
        if not len(values):
            parts.append(text_at(_LABEL + 6, y + 4, empty, faint=True))
            continue
        parts += axis.span(mean, span, y)
        wrong = faults[number] if faults else [""] * len(values)
        parts += [
            dot_at(axis.at(value), y + 11 - lift, fault)
            for (value, lift), fault in zip(axis.stacked(values), wrong, strict=True)
        ]
        parts.append(text_at(WIDTH - _RIGHT + 12, y + 4, f"{mean:.2g} ({len(values)})"))
    return drawing(parts, axis.height(len(rows)))


def spans(
    rows: Sequence[tuple[str, float, tuple[float, float], str]], title: str, bounds: tuple[float, float]
) -> Plot:
    """Show estimates with their intervals.

    Parameters
    ----------
    rows
        Name, estimate, interval, and what stands at the right.
    title
        What the axis shows.
    bounds
        Ends of the axis.
    """
    axis = _Axis(*bounds)
    parts = [text_at(_LABEL, 14, title, weight=600), *axis.ticks(len(rows))]
    for number, (name, middle, span, word) in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        parts.append(text_at(_LABEL - 10, y + 4, clipped(name), anchor="end", full=name))
        parts += axis.span(middle, span, y)
        parts.append(text_at(WIDTH - _RIGHT + 12, y + 4, word))
    return drawing(parts, axis.height(len(rows)))


def bars(rows: Sequence[tuple[str, int, int, int, str]], title: str) -> Plot:
    """Show how many runs were kept, ended well otherwise, and failed, with a word beside each bar.

    Parameters
    ----------
    rows
        Name, runs kept, other runs that succeeded, failed runs, and what stands at the right.
    title
        What the rows are.
    """
    most = max((kept + other + failed for _, kept, other, failed, _ in rows), default=0) or 1
    height = _TOP + _ROW * len(rows) + 30
    scale = (WIDTH - _LABEL - _RIGHT - 60) / most
    parts = [text_at(_LABEL, 14, title, weight=600)]
    for number, (name, kept, other, failed, word) in enumerate(rows):
        x, y = float(_LABEL), _TOP + _ROW * number + 6
        parts.append(text_at(_LABEL - 10, y + 15, clipped(name), anchor="end", full=name))
        for count, color in zip((kept, other, failed), _COLORS.values(), strict=True):
            if not count:
                continue
            wide = count * scale
            parts.append(f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="22" rx="2" fill="{color}"/>')
            if wide > 18:
                parts.append(text_at(x + wide / 2, y + 15, str(count), anchor="middle", color="#fff"))
            x += wide
        parts.append(text_at(x + 8, y + 15, word, faint=True))
    x = float(_LABEL)
    for name, color in zip(("kept", "succeeded, not kept", "failed"), _COLORS.values(), strict=True):
        parts.append(f'<rect x="{x}" y="{height - 20}" width="10" height="10" rx="2" fill="{color}"/>')
        parts.append(text_at(x + 15, height - 11, name))
        x += 30 + 7 * len(name)
    return drawing(parts, height)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    margin = (high - low) * 0.05 or 1.0
    return low - margin, high + margin


@dataclass(frozen=True, slots=True)
class _Axis:
    """The horizontal axis of a plot with one row a thing."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return where a value stands, in pixels; beyond the ends, at the end."""
        inside = min(max(value, self.low), self.high) - self.low
        return _LABEL + (WIDTH - _LABEL - _RIGHT) * inside / (self.high - self.low)

    def height(self, rows: int) -> int:
        """Return the height of a plot with so many rows."""
        return _TOP + _ROW * rows + 34

    def ticks(self, rows: int) -> list[str]:
        """Return about five round numbers with their lines."""
        bottom = self.height(rows) - 26
        raw = (self.high - self.low) / 5
        power = 10 ** math.floor(math.log10(raw))
        step = power * next(nice for nice in (1, 2, 5, 10) if nice * power >= raw * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        ticks = [step * n for n in range(first, last + 1)]
        lines = [line_between(self.at(tick), _TOP, self.at(tick), bottom, faint=True) for tick in ticks]
        return lines + [
            text_at(self.at(tick), bottom + 16, f"{tick:g}", anchor="middle", faint=True) for tick in ticks
        ]

    def span(self, middle: float, span: tuple[float, float], y: float) -> list[str]:
        """Return an interval with a bar at its middle; an end beyond the axis has no stop."""
        parts = [line_between(self.at(span[0]), y, self.at(span[1]), y, width=2)]
        stops = [self.at(end) for end in span if self.low < end < self.high]
        parts += [line_between(x, y - 4, x, y + 4, width=2) for x in stops]
        return [*parts, line_between(self.at(middle), y - 8, self.at(middle), y + 8, width=4)]

    def stacked(self, values: Sequence[float]) -> list[tuple[float, float]]:
        """Return each value with how far it is lifted, so that equal ones lie above each other."""
        lifts: dict[int, int] = {}
        found = []
        for value in values:
            place = round(self.at(value) / (2 * DOT))
            found.append((value, min(lifts.get(place, 0), 6) * 4.0))
            lifts[place] = lifts.get(place, 0) + 1
        return found
