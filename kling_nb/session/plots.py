"""Small plots as SVG in the page's own colours: no plotting library is needed, light and dark both work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kling_nb.session.views import html_text

Row = tuple[str, Sequence[float], float, tuple[float, float]]
"""Name, values, mean and its interval."""

WIDTH: Final = 640
_ROW: Final = 34
_LABEL: Final = 190
_RIGHT: Final = 84
_TOP: Final = 26
_CHARACTERS: Final = 27
_DOT: Final = 3.5
_COLORS: Final = {"kept": "#2f9e62", "ended": "#5b8def", "failed": "#d9534f"}
"""Readable on white and on black, and apart for the colour-blind by lightness."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture that a notebook shows.

    Parameters
    ----------
    svg
        One ``<svg>`` element; every text in it is escaped.
    """

    svg: str

    def _repr_html_(self) -> str:
        # As HTML, not as an image: only then the lines take the colour of the page's text.
        return self.svg

    def __repr__(self) -> str:
        return f"<Plot, {len(self.svg)} characters of SVG>"

    def save(self, path: str | Path) -> Path:
        """Write the picture to an SVG file and return its path."""
        target = Path(path)
        target.write_text(self.svg, encoding="utf-8")
        return target


def dots(rows: Sequence[Row], title: str, bounds: tuple[float, float] | None = None) -> Plot:
    """Show repeats: every value a dot, the mean a bar, its 95 % interval a line.

    Parameters
    ----------
    rows
        From top to bottom; rows without values say so.
    title
        What the axis shows.
    bounds
        Ends of the axis; None takes those of the values.
    """
    held = [row for row in rows if len(row[1])]
    axis = _Axis(*(bounds or _ends([x for _, values, _, span in held for x in (*values, *span)])))
    parts = [_text(_LABEL, 14, title, weight=600), *axis.ticks(len(rows))]
    for number, (name, values, mean, span) in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        parts.append(_text(_LABEL - 10, y + 4, _clipped(name), anchor="end", full=name))
        if not len(values):
            parts.append(_text(_LABEL + 6, y + 4, "nothing judged yet", faint=True))
            continue
        parts += axis.span(mean, span, y)
        parts += [
            f'<circle cx="{axis.at(value):.1f}" cy="{y + 11 - lift:.1f}" r="{_DOT}" fill="#5b8def" '
            'fill-opacity=".75"/>'
            for value, lift in axis.stacked(values)
        ]
        parts.append(_text(WIDTH - _RIGHT + 12, y + 4, f"{mean:.2g} ({len(values)})"))
    return _svg(parts, axis.height(len(rows)))


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
    parts = [_text(_LABEL, 14, title, weight=600), *axis.ticks(len(rows))]
    for number, (name, middle, span, word) in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        parts.append(_text(_LABEL - 10, y + 4, _clipped(name), anchor="end", full=name))
        parts += axis.span(middle, span, y)
        parts.append(_text(WIDTH - _RIGHT + 12, y + 4, word))
    return _svg(parts, axis.height(len(rows)))


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
    parts = [_text(_LABEL, 14, title, weight=600)]
    for number, (name, kept, other, failed, word) in enumerate(rows):
        x, y = float(_LABEL), _TOP + _ROW * number + 6
        parts.append(_text(_LABEL - 10, y + 15, _clipped(name), anchor="end", full=name))
        for count, color in zip((kept, other, failed), _COLORS.values(), strict=True):
            if not count:
                continue
            wide = count * scale
            parts.append(f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="22" rx="2" fill="{color}"/>')
            if wide > 18:
                parts.append(_text(x + wide / 2, y + 15, str(count), anchor="middle", color="#fff"))
            x += wide
        parts.append(_text(x + 8, y + 15, word, faint=True))
    x = float(_LABEL)
    for name, color in zip(("kept", "succeeded, not kept", "failed"), _COLORS.values(), strict=True):
        parts.append(f'<rect x="{x}" y="{height - 20}" width="10" height="10" rx="2" fill="{color}"/>')
        parts.append(_text(x + 15, height - 11, name))
        x += 30 + 7 * len(name)
    return _svg(parts, height)


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
        lines = [_line(self.at(tick), _TOP, self.at(tick), bottom, faint=True) for tick in ticks]
        return lines + [
            _text(self.at(tick), bottom + 16, f"{tick:g}", anchor="middle", faint=True) for tick in ticks
        ]

    def span(self, middle: float, span: tuple[float, float], y: float) -> list[str]:
        """Return an interval with a bar at its middle; an end beyond the axis has no stop."""
        parts = [_line(self.at(span[0]), y, self.at(span[1]), y, width=2)]
        stops = [self.at(end) for end in span if self.low < end < self.high]
        parts += [_line(x, y - 4, x, y + 4, width=2) for x in stops]
        return [*parts, _line(self.at(middle), y - 8, self.at(middle), y + 8, width=4)]

    def stacked(self, values: Sequence[float]) -> list[tuple[float, float]]:
        """Return each value with how far it is lifted, so that equal ones lie above each other."""
        lifts: dict[int, int] = {}
        found = []
        for value in values:
            place = round(self.at(value) / (2 * _DOT))
            found.append((value, min(lifts.get(place, 0), 6) * 4.0))
            lifts[place] = lifts.get(place, 0) + 1
        return found


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CHARACTERS else line[: _CHARACTERS - 1] + "…"


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", faint: bool = False, weight: int = 400,
    color: str = "currentColor", full: str = "",
) -> str:  # fmt: skip
    title = f"<title>{html_text(full)}</title>" if full else ""
    opacity = ' opacity=".65"' if faint else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{color}"'
        f"{opacity}>"
        f"{title}{html_text(text)}</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, *, width: int = 1, faint: bool = False) -> str:
    opacity = ".18" if faint else "1"
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" '
        f'stroke-width="{width}" stroke-linecap="round" opacity="{opacity}"/>'
    )


def _svg(parts: Sequence[str], height: int) -> Plot:
    return Plot(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'style="max-width:100%" font-family="system-ui,sans-serif" font-size="12" role="img">'
        f"{''.join(parts)}</svg>"
    )
