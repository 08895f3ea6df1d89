"""The tiny clip that ``render=off`` delivers for every task, so that load tests measure everything else."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from kling_nb import media, render


class PreparedClip:
    """A clip and its poster, encoded at the first use and kept in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clip = b""
        self._poster = b""

    def copy(self, clip: Path) -> None:
        """Put the clip at ``clip`` and its poster beside it."""
        with self._lock:
            if not self._clip:
                self._encode()
        clip.write_bytes(self._clip)
        clip.with_suffix(".jpg").write_bytes(self._poster)

    def _encode(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            clip = render.tiny_clip(Path(folder) / "clip.mp4")
            self._poster = media.poster(clip, clip.with_suffix(".jpg")).read_bytes()
            self._clip = clip.read_bytes()
