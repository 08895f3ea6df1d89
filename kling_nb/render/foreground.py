"""A simple guess at what a picture is of: the region that differs from its borders."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import reduced_size
from kling_nb.render.cut import graph_cut

Array = NDArray[Any]

_SIDE = 320
_BORDER = 0.06
_BACKGROUND_COLORS = 5
_CENTRE_REACH = 0.42
_ROUNDS = 5
_POSSIBLE_SHARE = (0.004, 0.92)
_SMALLEST_PART = 0.1


def foreground_mask(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Select the main object of a picture.

    Colours of the borders are taken for the background; what differs from them, the more so near the
    middle, seeds a graph cut (GrabCut), whose largest parts remain. Where nothing stands out, an ellipse in
    the middle is returned.

    Parameters
    ----------
    picture
        (H, W, 3) uint8 RGB.

    Returns
    -------
    ndarray
        (H, W) bool; the same picture gives the same mask.
    """
    height, width = picture.shape[:2]
    size = reduced_size(width, height, _SIDE)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    cv2.setRNGSeed(1)
    found = _largest_parts(_cut(small, _standing_out(small)))
    if not _POSSIBLE_SHARE[0] <= found.mean() <= _POSSIBLE_SHARE[1]:
        found = _ellipse(size)
    soft = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 1.0)
    large = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large > 0.5, dtype=np.bool_)


def _standing_out(small: Array) -> Array:
    """Return 0…1 for how much each pixel differs from the borders' colours."""
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    rim = np.ones(lab.shape[:2], np.bool_)
    margin = max(2, round(_BORDER * min(rim.shape)))
    rim[margin:-margin, margin:-margin] = False
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    _, labels, colors = cv2.kmeans(
        lab[rim], _BACKGROUND_COLORS, np.empty(0), criteria, 2, cv2.KMEANS_PP_CENTERS
    )
    shares = np.bincount(labels.ravel(), minlength=_BACKGROUND_COLORS) / labels.size
    # A colour of a small part of the rim may be the object where it leaves the picture.
    usual = colors[shares > 0.08] if (shares > 0.08).any() else colors
    distance = np.min(np.linalg.norm(lab[:, :, None] - usual[None, None], axis=3), axis=2)
    ys, xs = np.mgrid[-1.0 : 1.0 : rim.shape[0] * 1j, -1.0 : 1.0 : rim.shape[1] * 1j]
    middle = np.exp(-(xs**2 + ys**2) / (2 * (2 * _CENTRE_REACH) ** 2))
    weighted = cv2.GaussianBlur((distance * middle).astype(np.float32), (0, 0), 3.0)
    return np.asarray(weighted / max(float(weighted.max()), 1e-6))


def _cut(small: Array, standing_out: Array) -> Array:
    levels = (standing_out * 255).astype(np.uint8)
    threshold = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0] / 255
    seeds = np.full(levels.shape, cv2.GC_PR_BGD, np.uint8)
    seeds[standing_out < 0.12 * threshold] = cv2.GC_BGD
    seeds[standing_out > threshold] = cv2.GC_PR_FGD
    seeds[standing_out > threshold + 0.6 * (1 - threshold)] = cv2.GC_FGD
    found = graph_cut(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), seeds, _ROUNDS)
    return np.zeros(levels.shape, np.uint8) if found is None else found


def _largest_parts(found: Array) -> Array:
    """Smooth the outline, drop specks, close holes."""
    round3 = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    round7 = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    smooth = cv2.morphologyEx(cv2.morphologyEx(found, cv2.MORPH_OPEN, round3), cv2.MORPH_CLOSE, round7)
    outlines, _ = cv2.findContours(smooth, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(outline) for outline in outlines]
    kept = [o for o, area in zip(outlines, areas, strict=True) if area >= _SMALLEST_PART * max(areas)]
    filled = np.zeros(found.shape, np.uint8)
    cv2.drawContours(filled, kept, -1, 1, cv2.FILLED)
    return filled


def _ellipse(size: tuple[int, int]) -> Array:
    blank = np.zeros(size[::-1], np.uint8)
    cv2.ellipse(
        blank, (size[0] // 2, size[1] // 2), (size[0] * 3 // 10, size[1] * 3 // 10), 0, 0, 360, 1, cv2.FILLED
    )
    return blank
