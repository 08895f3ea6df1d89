"""From start to end by carrying objects over, where nothing but their place has changed."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import shifted
from kling_nb.render.fill import fill_revealed
from kling_nb.render.layered import Layer
from kling_nb.render.moved import Moved
from kling_nb.render.planes import Planes

Array = NDArray[Any]

_MIX_FROM = 0.3
_SOME = 64
_RIM = 0.03
_DIFFERENT = 6


class Carry:
    """Objects on straight ways between their two places.

    What an object uncovers is taken from the picture that shows it: the place it leaves from the end
    picture, the place it reaches from the start picture. Only what it covers in both is made up.

    Parameters
    ----------
    start, end
        (H, W, 3) uint8 RGB at the video's size.
    objects
        What moved.
    """

    def __init__(self, start: Array, end: Array, objects: list[Moved]) -> None:
        reached = [shifted(each.mask.astype(np.float32), each.shift) >= 0.5 for each in objects]
        way = np.linspace(0, 1, _SOME)[:, None]
        leaving = [Layer(start, each.mask, way * each.shift) for each in objects]
        arriving = [Layer(end, mask, -way * each.shift) for mask, each in zip(reached, objects, strict=True)]
        holes = [np.any([layer.hole for layer in layers], axis=0) for layers in (leaving, arriving)]
        left, covered = _with_rims(start, end, holes)
        unseen = left & covered
        behind = fill_revealed(np.where(left[:, :, None], end, start), unseen, unseen)
        shifts = np.array([each.shift for each in objects])
        self._sides = [
            _Side(start, np.where(left[:, :, None], behind, start), leaving, shifts),
            _Side(end, np.where(covered[:, :, None], behind, end), arriving, -shifts),
        ]
        self._spare = Planes.empty(start.shape[1], start.shape[0])

    def draw(self, amount: float, out: Planes) -> None:
        """Draw the state after a share of the way."""
        leaving, arriving = self._sides
        # Both sides show the objects at the same places: the change from one to the other is not seen.
        mix = min(1.0, max(0.0, (amount - _MIX_FROM) / (1 - 2 * _MIX_FROM)))
        if mix < 1:
            leaving.draw(amount, out)
        if mix > 0:
            arriving.draw(1 - amount, self._spare if mix < 1 else out)
        if 0 < mix < 1:
            cv2.addWeighted(out.buffer, 1 - mix, self._spare.buffer, mix, 0, dst=out.buffer)


class _Side:
    """One of the two pictures, its objects lifted off."""

    def __init__(self, picture: Array, empty: Array, layers: list[Layer], shifts: Array) -> None:
        self._picture, self._empty = Planes.from_rgb(picture), Planes.from_rgb(empty)
        self._layers, self._shifts = layers, shifts

    def draw(self, share: float, out: Planes) -> None:
        moves = self._shifts * share
        # Lifted off over the first pixels of the way, so that nothing pops.
        ramp = max(layer.ramp(move) for layer, move in zip(self._layers, moves, strict=True))
        cv2.addWeighted(self._picture.buffer, 1 - ramp, self._empty.buffer, ramp, 0, dst=out.buffer)
        for layer, move in zip(self._layers, moves, strict=True):
            layer.draw(out, move)


def _with_rims(start: Array, end: Array, holes: list[Array]) -> list[Array]:
    """Add to each hole what changed close to it: rims and shadows that did not come along."""
    changed = np.abs(start.astype(np.int16) - end).max(axis=2) > _DIFFERENT
    away = [cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, 3) for hole in holes]
    near = _RIM * max(changed.shape)
    return [
        hole | (changed & (own <= near) & (own < other))
        for hole, own, other in zip(holes, away, away[::-1], strict=True)
    ]
