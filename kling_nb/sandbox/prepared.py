"""The tiny clip that ``render=off`` delivers for every task, so that load tests measure everything else."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
from PIL import Image

SIDE = 64
FRAMES = 8
FPS = 24


class PreparedClip:
    """A clip and its poster, encoded once for each home.

    Parameters
    ----------
    folder
        Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._clip = folder / "prepared.mp4"
        self._poster = folder / "prepared.jpg"

    def copy(self, clip: Path, poster: Path) -> None:
        """Put the clip and its poster at the given places."""
        if not self._poster.is_file():
            self._encode()
        shutil.copyfile(self._clip, clip)
        shutil.copyfile(self._poster, poster)

    def _encode(self) -> None:
        shades = np.linspace(40, 210, SIDE, dtype=np.uint8)
        frame = np.repeat(np.broadcast_to(shades, (SIDE, SIDE))[..., None], 3, axis=2)
        with av.open(str(self._clip), "w", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=FPS, options={"preset": "superfast"})
            stream.width = stream.height = SIDE
            stream.pix_fmt = "yuv420p"
            for _ in range(FRAMES):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode(None))
        Image.fromarray(frame).save(self._poster)
