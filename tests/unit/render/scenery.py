"""Small textured pictures with known content for the renderer's tests."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from kling_nb.render import RenderPlan

WIDTH, HEIGHT = 160, 120


def texture(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A smooth random texture without repetition: easy to locate."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    mixed = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (1.5, 4, 9))
    low, high = mixed.min(), mixed.max()
    return np.clip((mixed - low) / (high - low) * 235 + 10, 0, 255).astype(np.uint8)


def photo(seed: int = 0) -> np.ndarray:
    """A calm background with one textured disc in the middle: an object with an outline."""
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    calm = np.dstack([70 + xs * 0.2, 90 + ys * 0.2, 120 + 0 * xs]).astype(np.uint8)
    picture = np.where(disc(80, 60, 22)[:, :, None], 255 - texture(seed) // 2, calm)
    return cv2.GaussianBlur(picture.astype(np.uint8), (0, 0), 0.6)


def disc(x: float, y: float, radius: float) -> np.ndarray:
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.hypot(xs - x, ys - y) <= radius


def path_of(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, dtype=float)


def plan(**values: Any) -> RenderPlan:
    values = {"image": photo(), "width": WIDTH, "height": HEIGHT, "frames": 9, **values}
    return RenderPlan(**values)
