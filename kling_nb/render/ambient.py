"""What moves when nothing was asked to move: a slow push-in, steered by a few words."""

from __future__ import annotations

import re
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.camera import homography
from kling_nb.render.plan import CameraMove

Array = NDArray[Any]

_PUSH_IN = -2.6
_STEER = 2.2
_STIFF_ENERGY = 900.0
_SWAY_WORDS = re.compile(r"\b(wind|windy|breeze|water|wave|waves|ripple|ripples|sea|ocean|river|rain)\b")
_WORDS: tuple[tuple[str, CameraMove], ...] = (
    (r"zoom(s|ing)? out|pull(s|ing)? (back|out)", CameraMove(zoom=2.6)),
    (r"pan(s|ning)? left|left", CameraMove(pan=-_STEER, zoom=_PUSH_IN)),
    (r"pan(s|ning)? right|right", CameraMove(pan=_STEER, zoom=_PUSH_IN)),
    (r"tilt(s|ing)? up|upwards?|up", CameraMove(tilt=_STEER, zoom=_PUSH_IN)),
    (r"tilt(s|ing)? down|downwards?|down", CameraMove(tilt=-_STEER, zoom=_PUSH_IN)),
    (r"zoom(s|ing)?( in)?|push(es|ing)? in|closer", CameraMove(zoom=-4.0)),
)


def default_move(prompt: str, seed: int) -> CameraMove:
    """Choose the slow move of a clip without motion control.

    Parameters
    ----------
    prompt
        The first of a few words (zoom out, left, right, up, down, zoom) decides.
    seed
        Decides the slight drift of the push-in otherwise.
    """
    text = prompt.lower()
    for pattern, move in _WORDS:
        if re.search(rf"\b({pattern})\b", text):
            return move
    drift = np.random.default_rng(seed).uniform(-0.5, 0.5, 2)
    return CameraMove(horizontal=float(drift[0]), vertical=float(drift[1]), zoom=_PUSH_IN)


def default_homographies(prompt: str, seed: int, positions: Array, size: tuple[int, int]) -> list[Array]:
    """Homography of every frame; the motion starts and ends gently."""
    move = default_move(prompt, seed)
    return [homography(move, float(s), size) for s in positions]


def sways(prompt: str) -> bool:
    """Whether the prompt asks for something that sways: wind, water, waves."""
    return bool(_SWAY_WORDS.search(prompt.lower()))


def supple_weight(picture: Array, size: tuple[int, int]) -> Array:
    """How freely each place may sway: grass and water do, masts and walls do not.

    Straight structures are where the gradients of a neighbourhood are strong and agree in direction
    (the coherence of the structure tensor).

    Parameters
    ----------
    picture
        (H, W, 3) uint8.
    size
        (columns, rows) of the coarse grid.

    Returns
    -------
    ndarray
        (rows, columns) float32 in 0…1.
    """
    small = cv2.resize(picture, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(p, (0, 0), 4.0) for p in (across**2, down**2, across * down))
    energy = xx + yy
    coherence = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (energy + 1e-3)
    stiff = np.clip(1.8 * coherence * energy / (energy + _STIFF_ENERGY), 0, 1)
    wide = cv2.GaussianBlur(cv2.dilate(stiff, np.ones((9, 9), np.uint8)), (0, 0), 6.0)
    return np.asarray(1 - cv2.resize(wide, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def sway_field(seed: int, size: tuple[int, int], shape: tuple[int, int], seconds: float) -> Array:
    """Travelling waves as a backward displacement on a coarse grid.

    Parameters
    ----------
    seed
        Decides phases and directions.
    size
        (width, height) of the video, which scales the amplitude.
    shape
        (rows, columns) of the grid.
    seconds
        Time since the first frame; the field is 0 there.

    Returns
    -------
    ndarray
        (rows, columns, 2) float32 pixels of the video.
    """
    random = np.random.default_rng(seed + 1)
    ys, xs = np.mgrid[0.0 : 1.0 : shape[0] * 1j, 0.0 : 1.0 : shape[1] * 1j]
    amplitude = 0.0028 * max(size)
    field = np.zeros((*shape, 2))
    for _ in range(4):
        across, down = random.uniform(1.0, 3.5, 2) * random.choice([-1, 1], 2)
        speed, phase, angle = random.uniform(0.25, 0.55), random.uniform(0, 1), random.uniform(0, 0.6)
        turns = across * xs + down * ys + phase
        wave = np.sin(2 * np.pi * (turns + speed * seconds)) - np.sin(2 * np.pi * turns)
        field[:, :, 0] += wave * np.cos(angle)
        field[:, :, 1] += wave * np.sin(angle)
    edge = np.minimum(np.minimum(xs, 1 - xs), np.minimum(ys, 1 - ys))
    calm = np.clip(edge * 12, 0, 1)[:, :, None]
    return np.asarray(field * (amplitude / 2) * calm, dtype=np.float32)
