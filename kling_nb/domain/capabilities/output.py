"""Size, frame rate and length of the video a request will give (``spec/capabilities.md`` §7)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kling_nb.domain.capabilities._data import load
from kling_nb.domain.capabilities.grid import ANY_MODE
from kling_nb.domain.capabilities.table import has_modes


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """What the service will deliver.

    Parameters
    ----------
    resolution_class
        ``720p``, ``1080p`` or ``4k``: a pixel area, not a short side.
    fps
        Frames per second.
    frames
        Number of frames.
    duration_string
        Seconds as the service writes them, e.g. ``5.041``.
    """

    resolution_class: str
    fps: int
    frames: int
    duration_string: str


def frame_count(fps: int, duration: int) -> int:
    """Return the number of frames for a requested length in seconds."""
    return fps * duration + (3 if fps == 30 else 1)


def duration_string(frames: int, fps: int) -> str:
    """Write a length as the service does: milliseconds cut off, no trailing zeros."""
    seconds, millis = divmod(frames * 1000 // fps, 1000)
    return f"{seconds}.{millis:03d}".rstrip("0").rstrip(".")


def output_format(
    model: str, mode: str | None, duration: int, *, text2video: bool = False
) -> OutputFormat | None:
    """Return the format of a clip, None when model or mode are unknown.

    Parameters
    ----------
    model, mode
        Legacy names; None means ``std``, and is the only choice for the masters.
    duration
        Requested seconds.
    text2video
        Whether the clip is made from text alone, for which one model has another frame rate.
    """
    row = load("output")["models"].get(model)
    if row is None:
        return None
    resolution = row["resolution"].get((mode or "std") if has_modes(model) else ANY_MODE)
    if resolution is None:
        return None
    fps: int = row.get("fps_text2video", row["fps"]) if text2video else row["fps"]
    frames = frame_count(fps, duration)
    return OutputFormat(resolution, fps, frames, duration_string(frames, fps))


def output_size(width: int, height: int, resolution_class: str) -> tuple[int, int]:
    """Return the pixel size of the video for an input picture.

    Parameters
    ----------
    width, height
        Pixels of the input picture.
    resolution_class
        ``720p``, ``1080p`` or ``4k``.

    Returns
    -------
    tuple of int
        Even width and height whose area is that of the class and whose ratio is the picture's,
        held within 0.4 to 2.5.
    """
    area: int = load("output")["area"][resolution_class]
    ratio = min(2.5, max(0.4, width / height))
    return _even(math.sqrt(area * ratio)), _even(math.sqrt(area / ratio))


def _even(length: float) -> int:
    return 2 * math.floor(length / 2 + 0.5)
