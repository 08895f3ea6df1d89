"""Pictures for the motion pad: two coloured balls on calm ground."""

from __future__ import annotations

import cv2
import numpy as np

BALL = 0.13
"""Radius of a ball as a share of the picture's shorter side."""

_PLACES = {1: (0.26, 0.5), 2: (0.72, 0.38)}
_COLOURS = {1: (225, 60, 40), 2: (40, 190, 60)}


def centre_of(number: int, size: tuple[int, int]) -> tuple[float, float]:
    """Return the middle of ball 1 (red) or 2 (green), in pixels."""
    x, y = _PLACES[number]
    return x * size[0], y * size[1]


def two_balls(size: tuple[int, int], seed: int = 3) -> np.ndarray:
    """Return the picture: (H, W, 3) RGB. Another seed gives another ground: drawings are kept by picture."""
    width, height = size
    rng = np.random.default_rng(seed)
    coarse = rng.integers(95, 150, (height // 8 + 1, width // 8 + 1, 1)).astype(np.uint8)
    ground = cv2.GaussianBlur(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), (0, 0), 4)
    picture = np.repeat(ground[..., None], 3, axis=2)
    for number, colour in _COLOURS.items():
        x, y = (round(value) for value in centre_of(number, size))
        radius = round(BALL * min(size))
        cv2.circle(picture, (x, y), radius, colour, -1, cv2.LINE_AA)
        cv2.circle(picture, (x - radius // 3, y - radius // 3), radius // 4, (250, 250, 250), -1, cv2.LINE_AA)
    return picture
