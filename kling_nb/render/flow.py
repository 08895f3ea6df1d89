"""Dense motion between two pictures: a global alignment by features, refined by optical flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.fields import identity_grid, invert_displacement, sample

Array = NDArray[Any]

_LONG_SIDE = 640
_FEATURE_SIDE = 420
_AGREE_PIXELS = 1.5
_MIN_MATCHES = 12
_CERTAIN_RATIO = 0.75
_RANSAC_PIXELS = 3.0


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
    aligned = _alignment(first, last)
    forward, agreement = _refined(first, last, aligned)
    return _seen_from_middle(forward), agreement


def _prepared(picture: Array, size: tuple[int, int]) -> Array:
    """Gray, with the local contrast evened out, so that a change of light does not hide the motion."""
    gray = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.createCLAHE(2.0, (8, 8)).apply(gray))


def _alignment(first: Array, last: Array) -> Array | None:
    """Homography from the first picture to the last, None when features do not agree on one."""
    shrink = min(1.0, _FEATURE_SIDE / max(first.shape))
    finder = cv2.SIFT.create(1000)
    (keys_first, words_first), (keys_last, words_last) = (_features(finder, p, shrink) for p in (first, last))
    if min(len(keys_first), len(keys_last)) < _MIN_MATCHES:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(words_first, words_last, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < _CERTAIN_RATIO * p[1].distance]
    if len(good) < _MIN_MATCHES:
        return None
    source = np.array([keys_first[m.queryIdx].pt for m in good], dtype=np.float32) / np.float32(shrink)
    target = np.array([keys_last[m.trainIdx].pt for m in good], dtype=np.float32) / np.float32(shrink)
    matrix, kept = cv2.findHomography(source, target, cv2.USAC_MAGSAC, _RANSAC_PIXELS)
    if matrix is None or int(kept.sum()) < max(_MIN_MATCHES, 0.25 * len(good)):
        return None
    corners = np.array([[[0, 0], [first.shape[1], 0], [first.shape[1], first.shape[0]], [0, first.shape[0]]]])
    area = cv2.contourArea(cv2.perspectiveTransform(corners.astype(np.float32), matrix))
    plausible = 0.1 < area / first.size < 10
    return np.asarray(matrix) if plausible else None


def _features(finder: cv2.SIFT, picture: Array, shrink: float) -> tuple[Sequence[cv2.KeyPoint], Array]:
    size = (round(picture.shape[1] * shrink), round(picture.shape[0] * shrink))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    keys, words = finder.detectAndCompute(small, np.ones_like(small))
    return keys, np.asarray(words)


def _refined(first: Array, last: Array, aligned: Array | None) -> tuple[Array, float]:
    """Refine an alignment by dense flow; return the displacement and the agreement."""
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
    agreement = float((agrees & visible).sum() / max(1, int(visible.sum())))
    trusted = (agrees & visible).astype(np.float32)
    # Where the directions disagree, the field of the surroundings is better than its own.
    weight = cv2.GaussianBlur(trusted, (0, 0), 6) + np.float32(1e-3)
    spread = cv2.GaussianBlur(rest * trusted[:, :, None], (0, 0), 6) / weight[:, :, None]
    calm = rest * trusted[:, :, None] + spread * (1 - trusted[:, :, None])
    residual = np.asarray(cv2.GaussianBlur(calm, (0, 0), 1.5))
    # The rest was measured in the pulled picture: first the rest, then the alignment.
    total = _through(grid + residual, aligned) - grid
    return np.ascontiguousarray(total, dtype=np.float32), agreement


def _through(places: Array, matrix: Array | None) -> Array:
    return places if matrix is None else np.asarray(cv2.perspectiveTransform(places, matrix))


def _seen_from_middle(forward: Array) -> Array:
    """Turn u, seen from the start, into v, seen half way: v(x + u(x) / 2) = u(x)."""
    half = invert_displacement(forward * np.float32(0.5), rounds=12)
    return np.asarray(half * np.float32(2))
