"""Composites whose masks are known exactly: objects cut from bundled photographs, pasted on other ones.

The outlines need not be perfect: what is cut out along one *is* the object in the new picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage

ROUGH_IOU = 0.87
_FEATHER = 0.8
_SHARE = 0.34


@dataclass(frozen=True)
class Composite:
    """A picture, the exact mask of the object in it, and how a hurried hand would have painted it."""

    name: str
    picture: np.ndarray
    truth: np.ndarray
    rough: np.ndarray


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks."""
    union = np.count_nonzero(one | other)
    return 1.0 if union == 0 else float(np.count_nonzero(one & other) / union)


@cache
def photograph(name: str) -> np.ndarray:
    """Load a bundled picture as (H, W, 3) RGB."""
    path = Path(skimage.__file__).parent / "data" / name
    read = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert read is not None, path
    return cv2.cvtColor(read, cv2.COLOR_BGR2RGB)


def _points(text: str) -> np.ndarray:
    return np.array([[float(v) for v in pair.split(",")] for pair in text.split()])


def _ellipse(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    return np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], axis=1)


OBJECTS: dict[str, tuple[str, np.ndarray]] = {
    "rocket": (
        "rocket.jpg",
        _points("322,125 329,134 334,148 334,178 336,182 336,404 308,404 308,182 311,176 311,148 315,135"),
    ),
    "head": (
        "astronaut.png",
        _points(
            "152,75 160,50 180,28 210,17 240,15 268,26 288,45 299,75 300,98 290,120 270,130 262,150 "
            "256,175 240,188 215,188 197,176 186,150 181,128 160,112"
        ),
    ),
    "shuttle": (
        "astronaut.png",
        _points(
            "396,0 438,0 440,40 453,45 455,165 466,215 452,222 468,280 366,286 362,250 372,222 353,218 "
            "357,198 378,160 378,70 384,38 395,50"
        ),
    ),
    "motorcycle": (
        "motorcycle_left.png",
        _points(
            "98,200 140,150 165,158 350,185 360,160 415,115 440,125 470,120 500,50 515,60 545,98 582,118 "
            "582,140 562,150 556,190 548,215 580,266 620,280 645,312 668,350 682,420 670,442 640,451 "
            "600,440 550,405 520,360 505,330 480,365 440,381 340,376 348,436 322,438 322,372 270,378 "
            "230,400 190,398 150,375 125,335 120,290 132,250 105,246"
        ),
    ),
    "man": (
        "camera.png",
        _points(
            "0,260 30,215 70,150 110,125 150,108 160,85 195,63 235,68 265,95 270,130 255,150 240,200 "
            "300,250 303,280 245,315 205,300 140,385 150,512 0,512"
        ),
    ),
    "cup": ("coffee.png", _ellipse(277, 205, 203, 184)),
    "coffee": ("coffee.png", _ellipse(290, 115, 117, 96)),
    "coin": ("coins.png", _ellipse(334.5, 43, 29, 29)),
    "eye": ("retina.jpg", _ellipse(705, 705, 640, 640)),
    "galaxy": ("hubble_deep_field.jpg", _ellipse(728, 472, 42, 42)),
}
"""Photograph and outline in its pixels."""

SCENES: tuple[tuple[str, str], ...] = (
    ("rocket", "chelsea.png"),
    ("rocket", "grass.png"),
    ("head", "coffee.png"),
    ("head", "gravel.png"),
    ("shuttle", "moon.png"),
    ("shuttle", "chelsea.png"),
    ("motorcycle", "moon.png"),
    ("motorcycle", "rocket.jpg"),
    ("man", "rocket.jpg"),
    ("man", "brick.png"),
    ("cup", "grass.png"),
    ("cup", "astronaut.png"),
    ("coffee", "camera.png"),
    ("coin", "rocket.jpg"),
    ("coin", "retina.jpg"),
    ("eye", "motorcycle_right.png"),
    ("galaxy", "ihc.png"),
)
"""Object and the photograph it is pasted on."""


def composites(side: int = 512) -> Iterator[Composite]:
    """Yield the reference set.

    Parameters
    ----------
    side
        Width and height of each picture in pixels.
    """
    for number, (name, ground) in enumerate(SCENES):
        yield composite(name, ground, side, number)


def composite(name: str, ground: str, side: int, seed: int) -> Composite:
    """Paste one object at a place that follows from the seed, and paint it roughly."""
    source, outline = OBJECTS[name]
    random = np.random.default_rng(seed)
    spread = np.ptp(outline, axis=0)
    scale = side * np.sqrt(_SHARE) / np.sqrt(np.prod(spread)) * random.uniform(0.7, 1.0)
    scale = min(scale, 0.86 * side / spread.max())
    free = side - spread * scale
    place = free * random.uniform(0.25, 0.75, 2) - outline.min(axis=0) * scale
    move = np.array([[scale, 0, place[0]], [0, scale, place[1]]])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    photo = photograph(source)
    if scale < 0.6:
        small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=method)
        move_picture = np.array([[1, 0, place[0]], [0, 1, place[1]]], float)
    else:
        small, move_picture = photo, move
    pasted = cv2.warpAffine(
        small, move_picture, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    truth = _filled(outline * scale + place, side)
    alpha = cv2.GaussianBlur(truth.astype(np.float32), (0, 0), _FEATHER)[:, :, None]
    behind = _covering(photograph(ground), side)
    picture = np.clip(np.rint(pasted * alpha + behind * (1 - alpha)), 0, 255).astype(np.uint8)
    return Composite(f"{name} on {Path(ground).stem}", picture, truth, roughened(truth, seed))


def _filled(outline: np.ndarray, side: int) -> np.ndarray:
    canvas = np.zeros((side, side), np.uint8)
    cv2.fillPoly(canvas, [np.rint(outline).astype(np.int32)], 1)
    return canvas.astype(bool)


def _covering(picture: np.ndarray, side: int) -> np.ndarray:
    """Crop the middle of a photograph to a square of a size."""
    height, width = picture.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = picture[top : top + edge, left : left + edge]
    method = cv2.INTER_AREA if edge > side else cv2.INTER_CUBIC
    return cv2.resize(square, (side, side), interpolation=method)


def roughened(truth: np.ndarray, seed: int) -> np.ndarray:
    """Return the mask as a hurried stroke: grown or shrunk or shifted until its IoU is about 0.87."""
    kinds: tuple[Callable[[np.ndarray, int], np.ndarray], ...] = (_grown, _shrunk, _shifted, _clumsy)
    change = kinds[seed % len(kinds)]
    best = truth
    for amount in range(1, max(truth.shape)):
        changed = change(truth, amount)
        if abs(iou(changed, truth) - ROUGH_IOU) < abs(iou(best, truth) - ROUGH_IOU) or best is truth:
            best = changed
        if iou(changed, truth) < ROUGH_IOU:
            break
    return best


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)


def _grown(mask: np.ndarray, amount: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), _disc(amount)).astype(bool)


def _shrunk(mask: np.ndarray, amount: int) -> np.ndarray:
    return cv2.erode(mask.astype(np.uint8), _disc(amount)).astype(bool)


def _shifted(mask: np.ndarray, amount: int) -> np.ndarray:
    move = np.array([[1.0, 0, amount * 0.8], [0, 1, -amount * 0.6]])
    size = (mask.shape[1], mask.shape[0])
    return cv2.warpAffine(mask.astype(np.uint8), move, size, flags=cv2.INTER_NEAREST).astype(bool)


def _clumsy(mask: np.ndarray, amount: int) -> np.ndarray:
    """Too wide, corners cut, and a little beside."""
    return _shifted(_shrunk(_grown(mask, 2 * amount), amount), max(1, amount // 2))
