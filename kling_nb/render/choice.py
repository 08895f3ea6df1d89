"""Layered or elastic: the choice for each mask."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.elastic import ElasticField
from kling_nb.render.plan import MaskMode

Array = NDArray[Any]

MIN_ALIGNMENT = 0.6
MIN_DETERMINANT = 0.4
_LOOK_SIDE = 320
_STRONG_EDGE = 0.75


def choose_modes(
    picture: Array, masks: list[Array], still: Array | None, moves: list[Array]
) -> tuple[MaskMode, ...]:
    """Choose how each region is moved.

    A region is moved elastically when its outline does not follow the picture's edges (it is a part of
    something) or when the motion is small enough for the surroundings to give way without folding;
    otherwise, and where regions touch, it is cut out and moved as a layer.

    Parameters
    ----------
    picture
        (H, W, 3) uint8 at the video's size.
    masks
        (H, W) bool each.
    still
        (H, W) bool that must not move, or None.
    moves
        (F, 2) displacements in pixels of each region.
    """
    gradients = _gradients(picture)
    touching = _touching(masks)
    modes: list[MaskMode] = []
    for index, mask in enumerate(masks):
        if not mask.any():
            modes.append("none")
        elif index in touching or (
            _folds(mask, still, moves[index]) < MIN_DETERMINANT
            and edge_alignment(gradients, mask) >= MIN_ALIGNMENT
        ):
            modes.append("layered")
        else:
            modes.append("elastic")
    return tuple(modes)


def _touching(masks: list[Array]) -> set[int]:
    kernel = np.ones((5, 5), np.uint8)
    grown = [cv2.dilate(mask.astype(np.uint8), kernel).astype(bool) for mask in masks]
    return {
        index
        for first in range(len(masks))
        for second in range(first + 1, len(masks))
        if (grown[first] & grown[second]).any()
        for index in (first, second)
    }


def _folds(mask: Array, still: Array | None, moves: Array) -> float:
    """Fold measure of a region's largest displacements alone."""
    field = ElasticField([mask], still, (mask.shape[1], mask.shape[0]))
    lengths = np.hypot(moves[:, 0], moves[:, 1])
    samples = {int(np.argmax(lengths)), len(moves) - 1}
    return min(field.folds(moves[index : index + 1]) for index in samples)


def _gradients(picture: Array) -> Array:
    """Gradient of brightness: (h, w, 2) float32 at a reduced size."""
    factor = min(1.0, _LOOK_SIDE / max(picture.shape[:2]))
    size = (max(8, round(picture.shape[1] * factor)), max(8, round(picture.shape[0] * factor)))
    gray = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    soft = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.0)
    return cv2.merge([cv2.Scharr(soft, cv2.CV_32F, 1, 0), cv2.Scharr(soft, cv2.CV_32F, 0, 1)])


def edge_alignment(gradients: Array, mask: Array) -> float:
    """Share of a mask's outline that lies on an edge of the picture running along it.

    Parameters
    ----------
    gradients
        (h, w, 2) brightness gradient at a reduced size.
    mask
        (H, W) bool.
    """
    height, width = gradients.shape[:2]
    small = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 2.0)
    normal = cv2.merge([cv2.Scharr(soft, cv2.CV_32F, 1, 0), cv2.Scharr(soft, cv2.CV_32F, 0, 1)])
    length = np.linalg.norm(normal, axis=2)
    inside = (small >= 0.5).astype(np.uint8)
    outline = (cv2.dilate(inside, np.ones((3, 3), np.uint8)) > 0) & (inside == 0) & (length > 1e-3)
    outline[[0, -1], :] = False
    outline[:, [0, -1]] = False
    if not outline.any():
        return 0.0
    across = np.abs((gradients * normal).sum(axis=2)) / np.maximum(length, 1e-6)
    best = cv2.dilate(across, np.ones((5, 5), np.uint8))
    strength = np.linalg.norm(gradients, axis=2)
    around = cv2.dilate(outline.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
    limit = max(24.0, float(np.quantile(strength[around], _STRONG_EDGE)))
    return float((best[outline] >= limit).mean())
