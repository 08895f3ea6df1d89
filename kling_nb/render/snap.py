"""A rough stroke becomes a clean mask: the outline is drawn to the picture's edges nearby.

GrabCut decides, within a band around the stroke's outline, what belongs to the object; far inside and far
outside the stroke keeps its word. A guided filter then carries the small decision to the picture's own size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import reduced_size
from kling_nb.render.cut import graph_cut

Array = NDArray[Any]
Bits = NDArray[np.bool_]

BAND = 0.11
"""How far the outline may move, as a share of the object's size (the square root of its area)."""

THIN = 0.3
"""How far it may move at most, as a share of half the object's thickness: thin things keep a narrow band."""

SIDE = 384
"""Longest side in pixels at which GrabCut works on the surroundings of the object."""

_SEED = 20240913
_ROUNDS = 2
_SURROUNDINGS = 2.5
_LEAST_PIXELS = 64
_LEAST_BAND = 3
_FLAT_SLOPE = 2.5
_EDGE_QUANTILE = 0.97
_AGREEMENT = 0.55
_RADIUS = 3
_SMOOTHNESS = (0.012 * 255) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class Snapped:
    """What became of a stroke.

    Parameters
    ----------
    mask
        (H, W) bool: the clean mask, or the stroke as it was given.
    reason
        Why the stroke was left as it was, for people; empty when it was changed.
    """

    mask: Bits
    reason: str = ""

    @property
    def changed(self) -> bool:
        """Whether the outline was drawn to edges."""
        return not self.reason


def snap(image: NDArray[np.uint8], mask: Bits, *, band: float = BAND, side: int = SIDE) -> Bits:
    """Draw the outline of a rough mask to the edges of the picture; see :func:`snap_stroke`.

    Returns
    -------
    ndarray
        (H, W) bool: the clean mask, or an equal copy of the rough one where nothing better was found.
    """
    return snap_stroke(image, mask, band=band, side=side).mask


def snap_stroke(image: NDArray[np.uint8], mask: Bits, *, band: float = BAND, side: int = SIDE) -> Snapped:
    """Draw the outline of a rough mask to the edges of the picture, or say why not.

    The same picture and mask always give the same result.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB.
    mask
        (H, W) bool, painted roughly.
    band
        How far the outline may move, as a share of the object's size (the square root of its area); less
        in thin things.
    side
        Longest side in pixels at which the decision is made.

    Raises
    ------
    ValueError
        Picture and mask have different sizes, or are no picture and no mask.
    """
    rough = np.asarray(mask, dtype=np.bool_)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError("the picture must be (H, W, 3) uint8 RGB")
    if rough.shape != image.shape[:2]:
        raise ValueError(f"the mask is {rough.shape}, the picture {image.shape[:2]}")
    if np.count_nonzero(rough) < _LEAST_PIXELS:
        return Snapped(rough.copy(), "the mask is too small to find edges around it")
    window = _window(rough, band)
    part, stroke = image[window], rough[window]
    decided = _decide(part, stroke, band, side)
    if isinstance(decided, str):
        return Snapped(rough.copy(), decided)
    clean = rough.copy()
    clean[window] = _at_full_size(part, stroke, decided)
    if _overlap(clean, rough) < _AGREEMENT:
        return Snapped(rough.copy(), "the edges found nearby belong to something else")
    return Snapped(clean)


def _window(rough: Bits, band: float) -> tuple[slice, slice]:
    """Return the stroke's surroundings: what GrabCut looks at."""
    margin = max(8, round(_SURROUNDINGS * band * float(np.sqrt(np.count_nonzero(rough)))))
    rows, columns = np.flatnonzero(rough.any(axis=1)), np.flatnonzero(rough.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), min(rough.shape[0], int(rows[-1]) + margin + 1)),
        slice(max(0, int(columns[0]) - margin), min(rough.shape[1], int(columns[-1]) + margin + 1)),
    )


def _decide(part: Array, stroke: Bits, band: float, side: int) -> Array | str:
    """Return the clean mask at the working size as 0 and 1, or why there is none."""
    size = reduced_size(stroke.shape[1], stroke.shape[0], side)
    picture = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(stroke.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    hints = _hints(small, band)
    unsure = (hints == cv2.GC_PR_FGD) | (hints == cv2.GC_PR_BGD)
    if not (hints == cv2.GC_BGD).any() or not small.any():
        return "the mask leaves no background to compare with"
    if _steepness(picture, unsure) < _FLAT_SLOPE:
        return "the picture is flat here: there is no edge to snap to"
    cv2.setRNGSeed(_SEED)
    decided = graph_cut(picture, hints, _ROUNDS)
    if decided is None:
        return "the colours inside and outside cannot be told apart"
    return _tidied(decided, small)


def _steepness(picture: Array, where: Array) -> float:
    """How steep the steeper edges in a region are, in levels per pixel; noise counts little."""
    soft = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.0)
    slopes = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)) / 8
    return float(np.quantile(slopes.max(axis=2)[where], _EDGE_QUANTILE))


def _hints(small: Bits, band: float) -> Array:
    """Sure inside, sure outside, and in the band between them what the stroke says for a start."""
    inside, outside = (
        cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 5) for side in (small, ~small)
    )
    reach = max(_LEAST_BAND, min(band * float(np.sqrt(np.count_nonzero(small))), THIN * float(inside.max())))
    # The thinnest strokes have no pixel that deep inside; their middle must stay sure all the same.
    depth = min(reach, 0.6 * float(inside.max()))
    hints = np.where(small, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    hints[inside > depth] = cv2.GC_FGD
    hints[outside > reach] = cv2.GC_BGD
    return hints


def _tidied(decided: Array, small: Bits) -> Array:
    """Drop crumbs beside the object and fill pinholes in it."""
    least = 0.02 * np.count_nonzero(small)
    tidy = decided.copy()
    for value in (1, 0):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            (tidy == value).astype(np.uint8), connectivity=4
        )
        crumbs = [label for label in range(1, count) if stats[label, cv2.CC_STAT_AREA] < least]
        tidy[np.isin(labels, crumbs)] = 1 - value
    return tidy


def _at_full_size(part: Array, stroke: Bits, decided: Array) -> Bits:
    """Carry a small mask to the picture's size along the picture's edges (fast guided filter)."""
    height, width = stroke.shape
    size = (decided.shape[1], decided.shape[0])
    plain = cv2.resize(decided.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    clean = plain >= 0.5
    # Away from the outline the decision stands; the filter only places the outline itself.
    near = cv2.morphologyEx(decided, cv2.MORPH_GRADIENT, np.ones((2 * _RADIUS + 1,) * 2, np.uint8))
    guide = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    slope, offset = _guided(guide, decided.astype(np.float32), near > 0)
    where = cv2.resize(near, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    soft = _larger(offset, width, height)[where]
    for channel in range(3):
        soft += _larger(slope[:, :, channel], width, height)[where] * part[:, :, channel][where]
    clean[where] = soft >= 0.5
    return np.asarray(clean)


def _larger(values: Array, width: int, height: int) -> Array:
    return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR))


def _guided(guide: Array, values: Array, near: Array) -> tuple[Array, Array]:
    """Fit values to colours around each pixel (He, Sun and Tang 2010), averaged: slopes and offsets."""
    window = (2 * _RADIUS + 1,) * 2
    needed = cv2.dilate(near.astype(np.uint8), np.ones(window, np.uint8)) > 0

    def mean(array: Array) -> Array:
        return np.asarray(cv2.blur(array, window))[needed]

    colour, value = mean(guide), mean(values)
    moments = np.empty((len(value), 3, 3), np.float64)
    for i in range(3):
        for j in range(i, 3):
            product = mean(guide[:, :, i] * guide[:, :, j]) - colour[:, i] * colour[:, j]
            moments[:, i, j] = moments[:, j, i] = product
    shared = mean(guide * values[:, :, None]) - colour * value[:, None]
    found = np.linalg.solve(moments + _SMOOTHNESS * np.eye(3), shared[:, :, None])[:, :, 0]
    slope, offset = np.zeros_like(guide), values.copy()
    slope[needed] = found
    offset[needed] = value - np.einsum("ij,ij->i", found, colour)
    return np.asarray(cv2.blur(slope, window)), np.asarray(cv2.blur(offset, window))


def _overlap(one: Bits, other: Bits) -> float:
    union = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / max(1, union)
