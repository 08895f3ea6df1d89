"""A decoded frame's light in 8 bits of full range, as an ordinary screen shows it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Luma = NDArray[np.uint8]

_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_PQ, _HLG = 16, 18  # AVCOL_TRC_SMPTE2084, _ARIB_STD_B67
HIGH_RANGE = (_PQ, _HLG)
"""Transfer characteristics of high dynamic range."""


def quarter_turns(frame: av.VideoFrame) -> int:
    """Quarter turns counter-clockwise by which the frame is to be shown; odd angles count as the nearest."""
    return round(float(frame.rotation or 0) / 90) % 4


def light_of(frame: av.VideoFrame) -> Luma:
    """Return a frame's light as (H, W) uint8 of full range, turned as it is shown."""
    name = frame.format.name
    depth = max((part.bits for part in frame.format.components), default=8)
    if (
        name.startswith(("yuv", "nv", "p0", "gray"))
        and frame.format.components[0].plane == 0
        and _own_plane(name)
    ):
        codes = _plane(frame, depth)
        shift = 16 - depth if name.startswith("p0") else 0
        full = int(frame.color_range) == _FULL_RANGE or name.startswith(("yuvj", "gray"))
        table = _table(depth, shift, full, int(frame.color_trc))
        light = cv2.LUT(codes, table) if depth == 8 else table[codes]
    else:
        light = cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2GRAY)
    turns = quarter_turns(frame)
    return np.ascontiguousarray(np.rot90(light, turns) if turns else light, dtype=np.uint8)


def _own_plane(name: str) -> bool:
    """Whether light has a plane of its own, in this machine's byte order."""
    return not name.startswith(("yuyv", "yuv411p10be")) and not name.endswith("be")


def _plane(frame: av.VideoFrame, depth: int) -> Array:
    plane = frame.planes[0]
    kind, width = (np.uint8, 1) if depth == 8 else (np.uint16, 2)
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)[: frame.height]
    return np.ascontiguousarray(rows[:, : frame.width * width]).view(kind)


@lru_cache(maxsize=8)
def _table(depth: int, shift: int, full: bool, transfer: int) -> Array:
    """Full-range 8-bit light of every code."""
    codes = np.arange(1 << (depth + shift), dtype=np.float64) / (1 << shift)
    unit = codes / ((1 << depth) - 1)
    if not full:
        unit = (codes / (1 << (depth - 8)) - 16) / 219
    unit = np.clip(unit, 0, 1)
    if transfer in (_PQ, _HLG):
        unit = _ordinary(_pq(unit) if transfer == _PQ else _hlg(unit))
    return np.asarray(np.rint(unit * 255), dtype=np.uint8)


def _pq(signal: Array) -> Array:
    """SMPTE ST 2084: signal to light, 1 being the white of paper (203 cd/m2, ITU-R BT.2408)."""
    power = signal ** (1 / 78.84375)
    light = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(10000 / 203 * light ** (1 / 0.1593017578125))


def _hlg(signal: Array) -> Array:
    """ITU-R BT.2100 hybrid log-gamma: signal to light, 1 being the white of paper (75 % of the signal)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    white = (math.exp((0.75 - c) / a) + b) / 12
    return np.asarray((scene / white) ** 1.2)


def _ordinary(light: Array) -> Array:
    """Bring light above paper white gently below 1 and encode it for an ordinary screen."""
    knee = 0.8
    over = np.maximum(light - knee, 0)
    squeezed = np.where(light <= knee, light, knee + (1 - knee) * over / (over + 1 - knee))
    return np.asarray(squeezed ** (1 / 2.2))
