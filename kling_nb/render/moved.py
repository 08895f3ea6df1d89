"""Which objects of a start picture stand elsewhere in the end picture, all the rest being the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import reduced_size, shifted
from kling_nb.motion.refine import refined_shift

Array = NDArray[Any]

_LOOK_SIDE = 320
_CHANGED = 14.0
_ALIKE = 16.0
_MOST_CHANGED = 0.62
_EXPLAINED = 0.9
_REACH = 0.016
_LEAST_AREA = 20
_LEAST_SHIFT = 2.0
_LEAST_CONTRAST = 4.0
_PATCH = 4
_PATCHES = 120
_PATCH_TEXTURE = 5.0
_PATCH_ERROR = 14.0
_CLUSTER = 2.5
_LEAST_VOTES = 4
_CANDIDATES = 10
_MOST_OBJECTS = 6
_CRUMB = 0.02
_LEAST_SHARE = 0.04
_NOTCH = 0.05
_DISC3, _DISC5, _DISC7 = (cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (n, n)) for n in (3, 5, 7))


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """An object at two places.

    Parameters
    ----------
    mask
        (H, W) bool: where it is in the start picture.
    shift
        (2,) pixels (x, y) from there to its place in the end picture.
    """

    mask: Array
    shift: Array


def find_moved(start: Array, end: Array) -> list[Moved] | None:
    """Find the objects by whose motion alone the two pictures differ.

    Small patches of what changed are looked for in the other picture; where many agree on a way, the
    pixels that look alike at both of its ends are the object. Background that seems to go the opposite
    way is told from it by the outline: an object has one where it is and leaves none where it was.

    Parameters
    ----------
    start, end
        (H, W, 3) uint8 RGB of one size.

    Returns
    -------
    list of Moved or None
        None when too much changed, or when motion explains too little of it.
    """
    size = reduced_size(start.shape[1], start.shape[0], _LOOK_SIDE, least=16)
    pair = _Pair(*(cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (start, end)))
    if not 0 < pair.changed.mean() <= _MOST_CHANGED:
        return None
    found = _assembled(pair)
    if not found or pair.explained(found) < _EXPLAINED:
        return None
    scale = np.array([start.shape[1] / size[0], start.shape[0] / size[1]])
    whole = _Pair(start, end)
    exact = [_exact(whole, each, scale) for each in found]
    return [each for each in exact if each is not None] if all(exact) else None


def _apart(first: Array, second: Array) -> Array:
    """Largest difference of a colour channel."""
    red, green, blue = cv2.split(cv2.absdiff(first, second))
    return np.asarray(cv2.max(cv2.max(red, green), blue))


class _Pair:
    """Two pictures of one size, and what differs between them."""

    def __init__(self, start: Array, end: Array) -> None:
        self.start, self.end = (cv2.GaussianBlur(p, (0, 0), 0.7).astype(np.float32) for p in (start, end))
        self.size = (start.shape[1], start.shape[0])
        differs = _apart(self.start, self.end) > _CHANGED
        self.changed = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2))) > 0

    def alike(self, shift: Array) -> Array:
        """Mark pixels of the start that look the same, shifted, in the end."""
        there = shifted(self.end, -shift)
        return _apart(self.start, there) < _ALIKE

    def both_changed(self, shift: Array) -> Array:
        """Mark pixels that changed where they are and, shifted, where they come to."""
        return np.asarray(self.changed & (shifted(self.changed.astype(np.uint8), -shift) > 0))

    def explained(self, found: list[Moved]) -> float:
        """Share of the change that the objects, with a margin for edge and shadow, account for."""
        cover = np.zeros(self.changed.shape, np.uint8)
        for each in found:
            mask = each.mask.astype(np.uint8)
            cover |= mask | shifted(mask, each.shift)
        reach = 2 * max(2, round(_REACH * max(self.size))) + 1
        wide = cv2.dilate(cover, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0
        return float((self.changed & wide).sum() / self.changed.sum())


def _assembled(pair: _Pair) -> list[Moved]:
    """Take the best object, then the best of what is left, and so on."""
    edges = [_edges(picture) for picture in (pair.start, pair.end)]
    free_start, free_end = pair.changed.copy(), pair.changed.copy()
    shifts = list(_voted(pair))
    found: list[Moved] = []
    while len(found) < _MOST_OBJECTS:
        options = []
        for shift in shifts:
            usable = free_start & (shifted(free_end.astype(np.uint8), -shift) > 0)
            mask = _solid(pair.alike(shift) & usable)
            if mask.sum() >= _LEAST_AREA:
                contrast = _contrast(edges, mask, shifted(mask.astype(np.uint8), shift) > 0)
                options.append((contrast * np.sqrt(mask.sum()), contrast, Moved(mask, shift)))
        if not options:
            break
        _, contrast, best = max(options, key=lambda option: option[0])
        if contrast < _LEAST_CONTRAST:
            break
        if not found and best.mask.sum() < _LEAST_SHARE * pair.changed.sum():
            # Even the best is only a small part of what changed: this is no matter of a few objects.
            return []
        found.append(best)
        free_start &= ~_grown(best.mask)
        free_end &= ~_grown(shifted(best.mask.astype(np.uint8), best.shift) > 0)
    return _united(found)


def _united(found: list[Moved]) -> list[Moved]:
    """Join the pieces that go the same way, and drop crumbs."""
    whole: list[Moved] = []
    for piece in found:
        same = next((o for o in whole if np.hypot(*(o.shift - piece.shift)) <= _CLUSTER), None)
        if same is None:
            whole.append(piece)
        else:
            whole[whole.index(same)] = Moved(same.mask | piece.mask, same.shift)
    largest = max((each.mask.sum() for each in whole), default=0)
    return [each for each in whole if each.mask.sum() >= _CRUMB * largest]


def _voted(pair: _Pair) -> Iterator[Array]:
    """Yield the ways that many patches agree on, the most frequent first."""
    first, last = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (pair.start, pair.end))
    places = _textured(first, pair.changed)
    area = _grown(pair.changed)[_PATCH:-_PATCH, _PATCH:-_PATCH]
    votes = []
    for x, y in places:
        patch = first[y - _PATCH : y + _PATCH + 1, x - _PATCH : x + _PATCH + 1]
        error = cv2.matchTemplate(last, patch, cv2.TM_SQDIFF) / patch.size
        lowest, _, (left, top), _ = cv2.minMaxLoc(error, area.astype(np.uint8))
        way = np.array([left + _PATCH - x, top + _PATCH - y], dtype=np.float64)
        if lowest <= _PATCH_ERROR**2 and np.hypot(*way) >= _LEAST_SHIFT:
            votes.append(way)
    remaining = np.array(votes).reshape(-1, 2)
    for _ in range(_CANDIDATES):
        near = np.linalg.norm(remaining[:, None] - remaining[None], axis=2) <= _CLUSTER
        support = near.sum(axis=1)
        if not len(support) or support.max() < _LEAST_VOTES:
            return
        group = near[int(support.argmax())]
        yield remaining[group].mean(axis=0)
        remaining = remaining[~group]


def _textured(gray: Array, changed: Array) -> Array:
    """Return (N, 2) places (x, y), evenly over what changed, whose patches can be told from others."""
    box = (2 * _PATCH + 1,) * 2
    mean = cv2.blur(gray, box)
    spread = np.sqrt(np.maximum(cv2.blur(gray * gray, box) - mean * mean, 0))
    inside = changed & (spread > _PATCH_TEXTURE)
    for side in (slice(None, _PATCH), slice(-_PATCH, None)):
        inside[side] = False
        inside[:, side] = False
    step = max(1, round(np.sqrt(inside.sum() / _PATCHES)))
    grid = np.zeros_like(inside)
    grid[::step, ::step] = True
    return np.argwhere(inside & grid)[:, ::-1]


def _solid(mask: Array) -> Array:
    """Drop crumbs, close gaps and fill holes."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _DISC3)
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, _DISC7)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    areas = stats[:, cv2.CC_STAT_AREA]
    areas[0] = 0
    if count < 2:
        return np.zeros_like(mask)
    kept = np.isin(labels, np.flatnonzero(areas >= max(_LEAST_AREA, 0.1 * areas.max()))).astype(np.uint8)
    outlines, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(kept, outlines, -1, 1, -1)
    return kept > 0


def _grown(mask: Array) -> Array:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _DISC5) > 0)


def _edges(picture: Array) -> Array:
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)) / 4


def _contrast(edges: list[Array], left: Array, reached: Array) -> float:
    """How much more outline there is where the object is than where it is not."""
    total = 0.0
    for mask, here, away in ((left, *edges), (reached, *edges[::-1])):
        bits = mask.astype(np.uint8)
        outline = (cv2.dilate(bits, _DISC3) > 0) & (cv2.erode(bits, _DISC3) == 0)
        total += float(here[outline].mean() - away[outline].mean()) if outline.any() else 0.0
    return total


def _exact(pair: _Pair, rough: Moved, scale: Array) -> Moved | None:
    """Return an object's way and outline at the pictures' own size."""
    mask = cv2.resize(rough.mask.astype(np.float32), pair.size, interpolation=cv2.INTER_LINEAR) >= 0.5
    shift = _refined(pair, mask, rough.shift * scale)
    grown = cv2.dilate(mask.astype(np.uint8), _DISC7, iterations=max(1, round(float(scale.max()) / 2))) > 0
    alike = pair.alike(shift)
    body = _solid(alike & pair.both_changed(shift) & grown)
    # What looked the same before and after still belongs to the object where it notches it.
    body = _solid(body | (alike & _closed(body, max(2, round(_NOTCH * max(pair.size))))))
    return Moved(body, shift) if body.sum() >= _LEAST_AREA * scale.prod() / 2 else None


def _closed(mask: Array, radius: int) -> Array:
    """Close gaps with a disc, the picture's border being no obstacle; by distances, as the disc is large."""
    pad = radius + 1
    wide = cv2.copyMakeBorder(mask.astype(np.uint8), pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    grown = cv2.distanceTransform(1 - wide, cv2.DIST_L2, 5) <= radius
    closed = cv2.distanceTransform(grown.astype(np.uint8), cv2.DIST_L2, 5) > radius
    return np.asarray(closed[pad:-pad, pad:-pad])


def _refined(pair: _Pair, mask: Array, shift: Array) -> Array:
    """Fit the way to a fraction of a pixel, inside the mask."""
    first, last = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (pair.start, pair.end))
    core = cv2.erode(mask.astype(np.uint8), _DISC5) > 0
    return refined_shift(first, last, core if core.any() else mask, shift, most_error=2 * _ALIKE)
