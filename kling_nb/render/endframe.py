"""The last picture of a motion: every masked object at the end of its path.

Models that take no masks but take an end frame are told the motion this way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.finish import Finish
from kling_nb.render.plan import MaskMotion, RenderPlan
from kling_nb.render.planes import Planes
from kling_nb.render.scenes import build_scene

Array = NDArray[Any]
Bits = NDArray[np.bool_]

_SPILL = np.ones((5, 5), np.uint8)


def end_frame(
    image: NDArray[np.uint8], motions: Sequence[MaskMotion], static_mask: Bits | None = None
) -> NDArray[np.uint8]:
    """Move regions of a picture to the end of their paths.

    The same renderer as for previews does it: whole objects are cut out and what they hide is filled in,
    parts of something are bent. Pixels that nothing moved, and those of the static mask, are the picture's
    own; there is no label.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB, at least 16 pixels on each side.
    motions
        Regions with their paths in pixels of the picture; each moves by the last point minus the first.
    static_mask
        (H, W) bool that must not change, or None.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB, the size of ``image``.
    """
    height, width = image.shape[:2]
    if not any(_moves(motion) for motion in motions):
        return image.copy()
    # The renderer draws even sizes only.
    pad = ((0, height % 2), (0, width % 2))
    picture = np.pad(image, (*pad, (0, 0)), mode="edge")
    plan = RenderPlan(
        picture,
        picture.shape[1],
        picture.shape[0],
        frames=2,
        motions=tuple(MaskMotion(np.pad(m.mask, pad, mode="edge"), _ends(m)) for m in motions),
        static_mask=None if static_mask is None else np.pad(static_mask, pad, mode="edge"),
        label="",
    )
    first, last = _drawn(plan)
    result = _unmoved_kept(picture, first, last)[:height, :width].copy()
    if static_mask is not None:
        result[static_mask] = image[static_mask]
    return result


def _moves(motion: MaskMotion) -> bool:
    return (
        bool(motion.mask.any()) and len(motion.path) > 1 and bool(np.any(motion.path[-1] != motion.path[0]))
    )


def _ends(motion: MaskMotion) -> NDArray[np.float64]:
    """Only the two ends count: a still picture shows nothing of the way."""
    return np.asarray(motion.path, dtype=np.float64)[[0, -1]]


def _drawn(plan: RenderPlan) -> tuple[Planes, Planes]:
    scene = build_scene(plan)
    first, last = (Planes.empty(plan.width, plan.height) for _ in range(2))
    scene.draw(0, first)
    finish = Finish(plan, first)
    scene.draw(1, last)
    finish.apply(1, last)
    return first, last


def _unmoved_kept(picture: Array, first: Planes, last: Planes) -> NDArray[np.uint8]:
    """Return the last frame in RGB, with the picture's own pixels wherever nothing changed."""
    changed = (first.y != last.y).astype(np.uint8)
    for before, after in ((first.u, last.u), (first.v, last.v)):
        differs = (before != after).astype(np.uint8)
        changed |= cv2.resize(differs, last.size, interpolation=cv2.INTER_NEAREST)
    result = picture.copy()
    # Chroma is interpolated from the neighbours, so a changed pixel also colours those beside it.
    touched = cv2.dilate(changed, _SPILL).astype(np.bool_)
    result[touched] = last.to_rgb()[touched]
    return result
