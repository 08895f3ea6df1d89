"""Parts of small pictures as SVG, in the page's own colours; every text in them is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kling_nb.session.views import NO_MATH, html_text

WIDTH: Final = 640
DOT: Final = 3.5
"""Radius of a dot."""

PLAIN: Final = "#5b8def"
FAULTY: Final = "#d9534f"
"""Readable on white and on black, and apart for the colour-blind by lightness."""

_CHARACTERS: Final = 27


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


def clipped(text: str, characters: int = _CHARACTERS) -> str:
    """Return a text on one line, cut to what fits beside a row, or to so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= characters else line[: characters - 1] + "…"


def text_at(
    x: float, y: float, text: str, *, anchor: str = "start", faint: bool = False, weight: int = 400,
    color: str = "currentColor", full: str = "",
) -> str:  # fmt: skip
    """Return a text; ``full`` is shown when the pointer rests on it."""
    title = f"<title>{html_text(full)}</title>" if full else ""
    opacity = ' opacity=".65"' if faint else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{color}"'
        f"{opacity}>"
        f"{title}{html_text(text)}</text>"
    )


def line_between(
    x1: float, y1: float, x2: float, y2: float, *, width: int = 1, faint: bool = False, dashed: bool = False
) -> str:
    """Return a straight line."""
    opacity = ".18" if faint else "1"
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" '
        f'stroke-width="{width}" stroke-linecap="round" opacity="{opacity}"{dashes}/>'
    )


def dot_at(x: float, y: float, fault: str = "", *, full: str = "") -> str:
    """Return a dot; one of a clip with a fault is hollow. ``full`` is told before the fault."""
    place = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{DOT}"'
    told = ", ".join(filter(None, (full, fault)))
    title = f"<title>{html_text(told)}</title>" if told else ""
    if fault:
        return f'{place} fill="none" stroke="{FAULTY}" stroke-width="1.5">{title}</circle>'
    return f'{place} fill="{PLAIN}" fill-opacity=".75">{title}</circle>'


def drawing(parts: Sequence[str], height: float, *, name: str = "") -> Plot:
    """Return a picture of these parts, as wide as all of them.

    Parameters
    ----------
    parts
        SVG elements.
    height
        Pixels.
    name
        What is read out in its place.
    """
    label = f' aria-label="{html_text(name)}"' if name else ""
    return Plot(
        f'<svg class="{NO_MATH}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
        f'width="{WIDTH}" style="max-width:100%" font-family="system-ui,sans-serif" font-size="12" '
        f'role="img"{label}>{"".join(parts)}</svg>'
    )
