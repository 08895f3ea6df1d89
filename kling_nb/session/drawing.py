"""What a drawing surface needs of files and pixels, in one place for the widgets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kling_nb.domain.images import ImageRef
from kling_nb.errors import MediaError
from kling_nb.media import load_image, load_mask
from kling_nb.media.display import Viewer, palette_png
from kling_nb.render.snap import Snapped, snap_stroke

__all__ = ["DrawingPicture", "load_mask", "palette_png"]


class DrawingPicture:
    """A picture to draw on.

    Parameters
    ----------
    source
        Path, bytes, array, PIL image or ``ImageRef``; a URL is refused, it would have to be fetched.

    Raises
    ------
    MediaError
        The picture cannot be read.
    """

    def __init__(self, source: Any) -> None:
        self.ref: ImageRef = load_image(source)
        if self.ref.data is None or self.ref.size is None or self.ref.sha256 is None:
            raise MediaError(
                "A picture at a URL cannot be drawn on.",
                f"{self.ref.url} would have to be downloaded first.",
                "Download it and give the path.",
            )
        self.size: tuple[int, int] = self.ref.size
        self.sha256: str = self.ref.sha256
        self._viewer = Viewer(self.ref.data)

    @property
    def name(self) -> str:
        """Where the picture came from, for people."""
        return self.ref.source

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) RGB."""
        return self._viewer.pixels

    def jpeg(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> bytes:
        """Return a part of the picture for display; see :meth:`kling_nb.media.display.Viewer.jpeg`."""
        return self._viewer.jpeg(box, size)

    def thumbnail(self, overlay: bytes, long_side: int = 480) -> bytes:
        """Return a small JPEG of the whole picture under a transparent PNG of the same ratio."""
        return self._viewer.thumbnail(overlay, long_side)

    def snap(self, bits: NDArray[np.bool_]) -> Snapped:
        """Draw the outline of a rough mask to the edges of the picture."""
        return snap_stroke(self.pixels, bits)
