"""Points followed from picture to picture, and what many of them agree on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01)


@dataclass(frozen=True, slots=True, eq=False)
class Agreed:
    """What many pairs of points agree on.

    Parameters
    ----------
    matrix
        (3, 3) from source to target.
    inliers
        (N,) bool: the pairs that agree.
    """

    matrix: Array
    inliers: Array

    @property
    def share(self) -> float:
        """Share of the pairs that agree."""
        return float(self.inliers.mean()) if len(self.inliers) else 0.0


def corner_points(
    picture: Array, where: Array | None = None, *, most: int = 200, quality: float = 0.01, apart: float = 5.0
) -> Array:
    """Find points that can be followed in both directions (Shi and Tomasi 1994).

    Parameters
    ----------
    picture
        (H, W) uint8 gray.
    where
        (H, W) bool: where points may be; None for all over.
    most
        Points at most.
    quality
        Worst point's cornerness as a share of the best one's.
    apart
        Pixels between points at least.

    Returns
    -------
    ndarray
        (N, 2) float32 pixels (x, y).
    """
    mask = None if where is None else where.astype(np.uint8)
    found = cv2.goodFeaturesToTrack(picture, most, quality, apart, mask=mask)
    return np.zeros((0, 2), np.float32) if found is None else np.asarray(found).reshape(-1, 2)


def follow(
    first: Array,
    last: Array,
    points: Array,
    *,
    guess: Array | None = None,
    window: int = 21,
    levels: int = 3,
    tolerance: float = 0.7,
) -> tuple[Array, Array]:
    """Follow points by pyramidal Lucas-Kanade, there and back again.

    Parameters
    ----------
    first, last
        (H, W) uint8 gray of one size.
    points
        (N, 2) pixels (x, y) in the first picture.
    guess
        (N, 2) where they may be in the last one; None for where they were.
    window
        Pixels of a patch's side.
    levels
        Halvings of the pictures; each doubles the way that is found.
    tolerance
        Pixels by which a point may miss its origin on the way back.

    Returns
    -------
    (ndarray, ndarray)
        (N, 2) float32 places in the last picture, and (N,) bool for those that can be relied on.
    """
    start = np.ascontiguousarray(points, dtype=np.float32).reshape(-1, 1, 2)
    if not len(start):
        return np.zeros((0, 2), np.float32), np.zeros(0, np.bool_)
    there = start.copy() if guess is None else np.ascontiguousarray(guess, np.float32).reshape(-1, 1, 2)
    settings: Any = {
        "winSize": (window, window),
        "maxLevel": levels,
        "criteria": _STOP,
        "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
    }
    found, seen, _ = cv2.calcOpticalFlowPyrLK(first, last, start, there.copy(), **settings)
    # The way back begins as far off as the way there did: it must find home by itself.
    origin = found + (start - there)
    back, seen_back, _ = cv2.calcOpticalFlowPyrLK(last, first, found, np.asarray(origin), **settings)
    gap = np.linalg.norm((back - start).reshape(-1, 2), axis=1)
    height, width = last.shape[:2]
    places = np.asarray(found).reshape(-1, 2)
    inside = np.all((places >= 0) & (places <= np.array([width - 1, height - 1])), axis=1)
    return places, (seen.ravel() == 1) & (seen_back.ravel() == 1) & (gap <= tolerance) & inside


def fit_similarity(source: Array, target: Array, *, tolerance: float = 1.5, least: int = 4) -> Agreed | None:
    """Fit a shift, turn and scale to pairs of points of which many may be wrong.

    Parameters
    ----------
    source, target
        (N, 2) pixels.
    tolerance
        Pixels within which a pair agrees.
    least
        Pairs that must agree.
    """
    fit = partial(
        cv2.estimateAffinePartial2D,
        method=cv2.RANSAC,
        ransacReprojThreshold=tolerance,
        maxIters=500,
        confidence=0.999,
    )
    return _agreed(fit, source, target, max(2, least))


def fit_homography(source: Array, target: Array, *, tolerance: float = 1.5, least: int = 8) -> Agreed | None:
    """Fit a homography to pairs of points of which many may be wrong (MAGSAC++, Barath et al. 2020).

    Parameters
    ----------
    source, target
        (N, 2) pixels.
    tolerance
        Pixels within which a pair agrees.
    least
        Pairs that must agree.
    """
    fit = partial(
        cv2.findHomography,
        method=cv2.USAC_MAGSAC,
        ransacReprojThreshold=tolerance,
        maxIters=1000,
        confidence=0.999,
    )
    return _agreed(fit, source, target, max(4, least))


def _agreed(fit: Callable[[Array, Array], Any], source: Array, target: Array, least: int) -> Agreed | None:
    if len(source) < least:
        return None
    here, there = (np.ascontiguousarray(points, dtype=np.float32) for points in (source, target))
    matrix, kept = fit(here, there)
    if matrix is None or int(kept.sum()) < least:
        return None
    # What has two rows only gets the third.
    return Agreed(np.vstack([matrix, [0.0, 0.0, 1.0]])[:3], kept.ravel().astype(np.bool_))
