"""Colours that objects are drawn in, everywhere the same ones."""

from __future__ import annotations

from typing import Final

COLORS: Final = (
    ("orange", "#e69f00"),
    ("sky blue", "#56b4e9"),
    ("green", "#009e73"),
    ("yellow", "#f0e442"),
    ("vermilion", "#d55e00"),
    ("purple", "#cc79a7"),
)
"""Colours that stay apart for all common kinds of colour blindness (Okabe and Ito), each with a name."""
