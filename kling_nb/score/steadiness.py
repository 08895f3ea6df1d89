"""How much a clip moves, how steady its light is, and what changes beyond motion.

Flicker is like VBench's temporal flickering (Huang et al. 2023) and warp error like that of Lai et al.
(2018), with optical flow by DIS instead of a network. Both reward blur and frozen clips: they are nothing
without motion and sharpness beside them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import identity_grid, reduced_size, sample
from kling_nb.score.clip import Facts, Look

Array = NDArray[Any]

_FLOW_SIDE = 320
_TINY_SIDE = 160
_CELLS = (6, 4)
_FLOW_PAIRS = 48
_LOOKS_AT_CHANGE = 40
_CALMEST = 0.98
_CODING = 0.27
"""Levels by which good coding alone makes whole frames brighter and darker, by their kind (P, B)."""
_CHANGED_LEVELS = 6.0
_SOFT = 1.8
_COARSE = (40, 24)
_SAME_LIGHT = 0.004


@dataclass(frozen=True, slots=True)
class Pace:
    """Dense motion between two neighbouring frames.

    Parameters
    ----------
    index, time_s, seconds
        The earlier frame and the time to the later one.
    flow
        (24, 40, 2) float32 pixels of the video's luma, on a coarse grid.
    """

    index: int
    time_s: float
    seconds: float
    flow: Array


@dataclass(slots=True)
class Steadiness:
    """What :class:`SteadinessMeter` found.

    Parameters
    ----------
    motion, flicker, warp_error
        As in ``domain.scores.MEASURES``; None where there is none.
    changed
        Share of the picture that ever looks different from the first frame.
    texture
        0 to 1: how much of the picture has texture by which motion can be seen.
    light, motions, warps
        (time in seconds, value) over the clip.
    paces
        Dense motion, for the direction of what moves.
    """

    motion: float | None = None
    flicker: float | None = None
    warp_error: float | None = None
    changed: float = 0.0
    texture: float = 0.0
    light: list[tuple[float, float]] = field(default_factory=list)
    motions: list[tuple[float, float]] = field(default_factory=list)
    warps: list[tuple[float, float]] = field(default_factory=list)
    paces: list[Pace] = field(default_factory=list)


class SteadinessMeter:
    """Sees every frame, because flicker and warp error are about true neighbours.

    Parameters
    ----------
    facts
        The clip.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        # Pairs begin with frames for which the camera is known.
        self._every_pair = facts.stride * max(1, math.ceil(facts.frames / (facts.stride * _FLOW_PAIRS)))
        self._every_change = max(1, math.ceil(facts.frames / _LOOKS_AT_CHANGE))
        self._found = Steadiness()
        self._lights: list[tuple[float, Array]] = []
        self._before: tuple[Look, Array] | None = None
        self._first_tiny: Array | None = None
        self._most_change: Array | None = None

    def see(self, look: Look) -> None:
        """Take in one frame."""
        self._lights.append((look.time_s, _shrunk(look.small.astype(np.float32), _CELLS)))
        if look.index % self._every_change == 0 or look.last:
            self._change(look)
        earlier = self._before
        wanted = (look.index % self._every_pair == 0) or (
            earlier is not None and earlier[0].index % self._every_pair == 0
        )
        self._before = None
        if wanted or look.last:
            reduced = _shrunk(look.small, _fitted(look.small, _FLOW_SIDE))
            if earlier is not None and earlier[0].index % self._every_pair == 0:
                self._pair(earlier[0], earlier[1], look, reduced)
            self._before = (look, reduced)

    def result(self) -> Steadiness:
        """Return what was found."""
        found = self._found
        if len(found.motions) > 0:
            found.motion = _mean(found.motions)
            found.warp_error = _mean(found.warps)
        swings = _swings(self._lights)
        found.light = [(time_s, _beyond_coding(swing)) for time_s, swing in swings]
        if swings:
            values = np.sort([swing for _, swing in swings])
            found.flicker = _beyond_coding(float(values[: max(1, round(_CALMEST * len(values)))].mean()))
        if self._most_change is not None:
            found.changed = float((self._most_change > _CHANGED_LEVELS).mean())
        return found

    def _pair(self, look: Look, before: Array, later: Look, after: Array) -> None:
        # A change of light is no motion, but flow takes it for some.
        gain = (float(before.mean()) + 1) / (float(after.mean()) + 1)
        alike = cv2.convertScaleAbs(after, alpha=gain) if abs(gain - 1) > _SAME_LIGHT else after
        there = np.asarray(self._flow.calc(before, alike, None))  # type: ignore[call-overload]
        back = np.asarray(self._flow.calc(alike, before, None))  # type: ignore[call-overload]
        seconds = later.time_s - look.time_s
        height, width = before.shape
        speed = float(cv2.magnitude(there[:, :, 0], there[:, :, 1]).mean())
        self._found.motions.append((look.time_s, 100 * speed / math.hypot(width, height) / seconds))
        self._found.warps.append((look.time_s, _warp_error(before, after, there, back)))
        to_luma = np.array(
            [self._facts.luma_size[0] / width, self._facts.luma_size[1] / height], dtype=np.float32
        )
        coarse = np.asarray(cv2.resize(there, _COARSE, interpolation=cv2.INTER_AREA)) * to_luma
        self._found.paces.append(Pace(look.index, look.time_s, seconds, coarse))

    def _change(self, look: Look) -> None:
        tiny = _shrunk(look.small.astype(np.float32), _fitted(look.small, _TINY_SIDE))
        # So soft that more blur hardly shows: a frozen clip that is blurred as well is frozen still.
        tiny = np.asarray(cv2.GaussianBlur(tiny, (0, 0), _SOFT))
        if self._first_tiny is None:
            self._first_tiny = tiny
            self._most_change = np.zeros_like(tiny)
            steep = np.abs(cv2.Laplacian(look.small, cv2.CV_16S)) > _CHANGED_LEVELS
            self._found.texture = float(
                _shrunk(steep.astype(np.float32), (16, 9)).clip(0, 0.05).mean() / 0.05
            )
            return
        assert self._most_change is not None
        matched = tiny * (float(self._first_tiny.mean()) + 1) / (float(tiny.mean()) + 1)
        np.maximum(self._most_change, np.abs(matched - self._first_tiny), out=self._most_change)


def _warp_error(before: Array, after: Array, there: Array, back: Array) -> float:
    """Mean change along the flow where the way back agrees (the test of Ruder et al. 2016)."""
    height, width = before.shape
    places = there + identity_grid(width, height)
    returned = sample(back, places, border=cv2.BORDER_REPLICATE)
    pulled = sample(after, places, border=cv2.BORDER_REPLICATE)
    visible = _squared(there + returned) <= 0.01 * (_squared(there) + _squared(returned)) + 0.5
    if not visible.any():
        return float(cv2.absdiff(before, after).mean())
    return float(cv2.absdiff(before, pulled)[visible].mean())


def _squared(field: Array) -> Array:
    across, down = field[:, :, 0], field[:, :, 1]
    return np.asarray(across * across + down * down)


def _swings(lights: list[tuple[float, Array]]) -> list[tuple[float, float]]:
    """Second difference: how far the light of a frame is from the line between its neighbours.

    Light swings everywhere at once: what makes some cells brighter and others darker, or shows in the mean of
    all but not in most of them, is motion. The smaller of the mean and the median is what both agree on.
    """
    swings = []
    for (t0, before), (t1, here), (t2, after) in zip(lights, lights[1:], lights[2:], strict=False):
        share = (t1 - t0) / (t2 - t0)
        swing = here - (before + (after - before) * np.float32(share))
        mean, median = float(swing.mean()), float(np.median(swing))
        swings.append((t1, min(abs(mean), abs(median)) if mean * median > 0 else 0.0))
    return swings


def _beyond_coding(swing: float) -> float:
    return math.sqrt(max(0.0, swing**2 - _CODING**2))


def _mean(values: list[tuple[float, float]]) -> float:
    return float(np.mean([value for _, value in values]))


def _fitted(picture: Array, side: int) -> tuple[int, int]:
    return reduced_size(picture.shape[1], picture.shape[0], side, 16)


def _shrunk(picture: Array, size: tuple[int, int]) -> Array:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
