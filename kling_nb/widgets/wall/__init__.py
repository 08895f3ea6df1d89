"""The wall: every run of a sweep as a small card, one progress bar above them."""

from __future__ import annotations

from kling_nb.widgets.wall.widget import Wall, show_wall

__all__ = ["Wall", "show_wall"]
