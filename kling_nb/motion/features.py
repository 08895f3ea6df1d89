"""Two pictures brought to cover each other by distinct features (SIFT, Lowe 2004)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FEATURE_SIDE = 420
"""Longest side in pixels at which features are looked for."""

_MOST_FEATURES = 1000
_MIN_MATCHES = 12
_CERTAIN_RATIO = 0.75
_RANSAC_PIXELS = 3.0


def matched_features(first: Array, last: Array, side: int = FEATURE_SIDE) -> tuple[Array, Array]:
    """Find the places of what both pictures show, wherever it is in them.

    Parameters
    ----------
    first, last
        (H, W) uint8 gray; they may differ in size.
    side
        Longest side in pixels at which features are looked for.

    Returns
    -------
    (ndarray, ndarray)
        (N, 2) float32 pixels (x, y) in each picture. Some pairs are wrong: fit robustly.
    """
    shrinks = [min(1.0, side / max(picture.shape)) for picture in (first, last)]
    finder = cv2.SIFT.create(_MOST_FEATURES)
    (keys_first, words_first), (keys_last, words_last) = (
        _features(finder, picture, shrink) for picture, shrink in zip((first, last), shrinks, strict=True)
    )
    if min(len(keys_first), len(keys_last)) < 2:
        return np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(words_first, words_last, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < _CERTAIN_RATIO * p[1].distance]
    source = np.array([keys_first[m.queryIdx].pt for m in good], dtype=np.float32).reshape(-1, 2)
    target = np.array([keys_last[m.trainIdx].pt for m in good], dtype=np.float32).reshape(-1, 2)
    return source / np.float32(shrinks[0]), target / np.float32(shrinks[1])


def feature_homography(first: Array, last: Array) -> Array | None:
    """Homography from one picture to another of the same size, None when features do not agree on one.

    Parameters
    ----------
    first, last
        (H, W) uint8 gray.
    """
    source, target = matched_features(first, last)
    if len(source) < _MIN_MATCHES:
        return None
    matrix, kept = cv2.findHomography(source, target, cv2.USAC_MAGSAC, _RANSAC_PIXELS)
    if matrix is None or int(kept.sum()) < max(_MIN_MATCHES, 0.25 * len(source)):
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
