"""A prepared clip for load tests, where what is shown does not matter."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from kling_nb.media.encoder import VideoWriter
from kling_nb.render.label import Label
from kling_nb.render.plan import SANDBOX_COMMENT, SANDBOX_LABEL
from kling_nb.render.planes import NEUTRAL, Planes


def tiny_clip(
    target: Path,
    *,
    width: int = 128,
    height: int = 128,
    fps: int = 24,
    frames: int | None = None,
    duration: float = 1.0,
) -> Path:
    """Write a small valid MP4; the second one of a kind costs only the writing.

    Parameters
    ----------
    target
        File to write.
    width, height
        Even pixels.
    fps
        Frames per second.
    frames
        Number of frames; None takes ``duration``.
    duration
        Seconds, used when ``frames`` is None.

    Returns
    -------
    Path
        ``target``.
    """
    count = frames if frames is not None else max(1, round(duration * fps))
    target = Path(target)
    target.write_bytes(_encoded(width, height, fps, count))
    return target


@lru_cache(maxsize=16)
def _encoded(width: int, height: int, fps: int, frames: int) -> bytes:
    picture = Planes.empty(width, height)
    picture.y[:] = np.linspace(60, 140, width).astype(np.uint8)
    picture.u[:] = NEUTRAL
    picture.v[:] = NEUTRAL
    Label(SANDBOX_LABEL, (width, height)).draw(picture)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with VideoWriter(
            path, width, height, fps, comment=SANDBOX_COMMENT, options={"preset": "ultrafast", "crf": "30"}
        ) as writer:
            for _ in range(frames):
                writer.write(picture.buffer)
        return path.read_bytes()
