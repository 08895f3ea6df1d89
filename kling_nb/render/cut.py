"""Object and background told apart by their colours (GrabCut, Rother et al. 2004)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def graph_cut(picture: Array, hints: Array, rounds: int) -> Array | None:
    """Decide which pixels belong to the object.

    GrabCut starts from a random clustering of the colours: set OpenCV's seed before.

    Parameters
    ----------
    picture
        (H, W, 3) uint8.
    hints
        (H, W) uint8 of ``cv2.GC_*``: what is sure and what is likely; left as it is.
    rounds
        Repetitions.

    Returns
    -------
    ndarray or None
        (H, W) uint8 of 0 and 1; None when one of the two sides has no pixels or no colours of its own.
    """
    decided = hints.copy()
    unused = (0, 0, 1, 1)  # the rectangle, with a mask
    try:
        cv2.grabCut(
            picture, decided, unused, np.zeros((1, 65)), np.zeros((1, 65)), rounds, cv2.GC_INIT_WITH_MASK
        )
    except cv2.error:
        return None
    return np.isin(decided, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
