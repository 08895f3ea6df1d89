"""Dense motion between two pictures: a global alignment by features, refined by optical flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.features import feature_homography
from kling_nb.motion.fields import identity_grid, invert_displacement, sample

Array = NDArray[Any]

_LONG_SIDE = 640
_AGREE_PIXELS = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """Where the pixels of one picture are in another.

    Parameters
    ----------
    displacement
        (h, w, 2) float32 pixels; calmed where forward and backward flow disagree.
    agrees
        (h, w) bool: forward and backward flow agree within 1.5 pixels.
    visible
        (h, w) bool: the alignment leads to a place inside the other picture.
    """

    displacement: Array
    agrees: Array
    visible: Array

    @property
    def agreement(self) -> float:
        """Share of what is visible in both where the two directions agree."""
        return float((self.agrees & self.visible).sum() / max(1, int(self.visible.sum())))


def halfway_flow(start: Array, end: Array) -> tuple[Array, float]:
    """Find the motion from one picture to another, seen from the middle of the way.

    Parameters
    ----------
    start, end
        (H, W, 3) uint8 RGB of one size.

    Returns
    -------
    (ndarray, float)
        (h, w, 2) float32 displacement from start to end in pixels of the reduced grid, and the share of
        the picture where forward and backward flow agree within 1.5 pixels.
    """
    factor = min(0.5 if max(start.shape) > 400 else 1.0, _LONG_SIDE / max(start.shape[:2]))
    size = (max(32, round(start.shape[1] * factor)), max(32, round(start.shape[0] * factor)))
    first, last = (_prepared(picture, size) for picture in (start, end))
    flow = dense_flow(first, last, aligned=feature_homography(first, last))
    return _seen_from_middle(flow.displacement), flow.agreement


def dense_flow(first: Array, last: Array, *, aligned: Array | None = None) -> Flow:
    """Find where every pixel of a picture is in another (DIS, Kroeger et al. 2016, both ways).

    Parameters
    ----------
    first, last
        (h, w) uint8 gray of one size.
    aligned
        (3, 3) homography from first to last that holds for most of the picture; None where they cover
        each other well enough as they are.
    """
    grid = identity_grid(first.shape[1], first.shape[0])
    there = _through(grid, aligned)
    pulled = sample(last, np.ascontiguousarray(there, dtype=np.float32), border=cv2.BORDER_REPLICATE)
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    nothing = np.zeros((*first.shape, 2), np.float32)
    rest = np.asarray(finder.calc(first, pulled, nothing.copy()))
    back = np.asarray(finder.calc(pulled, first, nothing.copy()))
    gap = np.linalg.norm(rest + sample(back, grid + rest, border=cv2.BORDER_REPLICATE), axis=2)
    visible = np.all((there >= 0) & (there <= np.array([first.shape[1], first.shape[0]])), axis=2)
    agrees = gap < _AGREE_PIXELS
    residual = _calmed(rest, agrees & visible)
    # The rest was measured in the pulled picture: first the rest, then the alignment.
    total = _through(grid + residual, aligned) - grid
    return Flow(np.ascontiguousarray(total, dtype=np.float32), agrees, visible)


def _prepared(picture: Array, size: tuple[int, int]) -> Array:
    """Gray, with the local contrast evened out, so that a change of light does not hide the motion."""
    gray = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.createCLAHE(2.0, (8, 8)).apply(gray))


def _calmed(rest: Array, sure: Array) -> Array:
    """Where the directions disagree, the field of the surroundings is better than its own."""
    trusted = sure.astype(np.float32)
    weight = cv2.GaussianBlur(trusted, (0, 0), 6) + np.float32(1e-3)
    spread = cv2.GaussianBlur(rest * trusted[:, :, None], (0, 0), 6) / weight[:, :, None]
    calm = rest * trusted[:, :, None] + spread * (1 - trusted[:, :, None])
    return np.asarray(cv2.GaussianBlur(calm, (0, 0), 1.5))


def _through(places: Array, matrix: Array | None) -> Array:
    return places if matrix is None else np.asarray(cv2.perspectiveTransform(places, matrix))


def _seen_from_middle(forward: Array) -> Array:
    """Turn u, seen from the start, into v, seen half way: v(x + u(x) / 2) = u(x)."""
    half = invert_displacement(forward * np.float32(0.5), rounds=12)
    return np.asarray(half * np.float32(2))
