"""Layered or elastic: the choice for each mask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import reduced_size
from kling_nb.render.elastic import ElasticField, ElasticRegion
from kling_nb.render.memory import Memory
from kling_nb.render.plan import MaskMode

Array = NDArray[Any]

MIN_ALIGNMENT = 0.65
MIN_DETERMINANT = 0.4
_LEAST_REACH = 0.07
_OBJECT_REACH = 0.1
_PART_REACH = 0.33
_REACH_PER_PIXEL = 2.6
_LOOK_SIDE = 320
_SLACK = 0.009
_LOCAL_QUANTILE = 0.75
_STRONG_EDGE = 200.0
_CLUTTER_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Choice:
    """How one region is moved.

    Parameters
    ----------
    mode
        Layered, elastic, or none for an empty mask.
    region
        What the elastic mode moves, None in the others.
    """

    mode: MaskMode
    region: ElasticRegion | None = None


def choose(
    picture: Array, masks: list[Array], still: Array | None, moves: list[Array], memory: Memory | None = None
) -> list[Choice]:
    """Choose how each region is moved.

    A whole object (its outline follows the picture's edges) is cut out and moved as a layer, unless the
    motion is so small that its close surroundings can give way.  A part of something is moved
    elastically, with a reach as wide as the motion needs, and so is an object whose surroundings are too
    busy to be filled in.  Where even that would fold, and where regions touch, the region becomes a layer.

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
    memory
        Keeps what was found about each region's outline.
    """
    memory = memory or Memory()
    touching = _touching(masks)
    choices = []
    for index, (mask, move) in enumerate(zip(masks, moves, strict=True)):
        if not mask.any():
            choices.append(Choice("none"))
            continue
        long_side = max(mask.shape)
        whole = memory.get("whole", (picture, mask), partial(_whole, picture, mask))
        needed = _REACH_PER_PIXEL * float(np.hypot(move[:, 0], move[:, 1]).max())
        widest = _OBJECT_REACH if whole else _PART_REACH
        reach = min(max(_LEAST_REACH * long_side, needed), widest * long_side)
        choices.append(Choice("layered") if index in touching else _bend(mask, still, move, reach))
    return choices


def _whole(picture: Array, mask: Array) -> bool:
    """Whether a region is a whole object, in surroundings that can be filled in."""
    gradients = _gradients(picture)
    return edge_alignment(gradients, mask) >= MIN_ALIGNMENT and not _cluttered(gradients, mask)


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


def _bend(mask: Array, still: Array | None, moves: Array, reach: float) -> Choice:
    """Elastic with the picture's border held, else with it free, else a layer."""
    lengths = np.hypot(moves[:, 0], moves[:, 1])
    samples = {int(np.argmax(lengths)), len(moves) - 1}
    for hold_border in (True, False):
        region = ElasticRegion(mask, reach, hold_border)
        field = ElasticField([region], still, (mask.shape[1], mask.shape[0]))
        if min(field.folds(moves[index : index + 1]) for index in samples) >= MIN_DETERMINANT:
            return Choice("elastic", region)
    return Choice("layered")


def _cluttered(gradients: Array, mask: Array) -> bool:
    """Whether the surroundings are too busy for a filled hole to pass unnoticed."""
    height, width = gradients.shape[:2]
    small = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.02
    close, wide = (cv2.dilate(small.astype(np.uint8), np.ones((n, n), np.uint8)) for n in (7, 39))
    ring = (wide > 0) & (close == 0)
    if not ring.any():
        return False
    return float((np.linalg.norm(gradients, axis=2)[ring] > _STRONG_EDGE).mean()) > _CLUTTER_SHARE


def _gradients(picture: Array) -> Array:
    """Gradient of brightness: (h, w, 2) float32 at a reduced size."""
    size = reduced_size(picture.shape[1], picture.shape[0], _LOOK_SIDE)
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
    slack = 2 * round(_SLACK * max(width, height)) + 1
    best = cv2.dilate(across, np.ones((slack, slack), np.uint8))
    strength = np.linalg.norm(gradients, axis=2)
    around = cv2.dilate(outline.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
    limit = max(24.0, float(np.quantile(strength[around], _LOCAL_QUANTILE)))
    return float((best[outline] >= limit).mean())
