"""The photographs of the contact sheets: bundled with scikit-image, masks and paths drawn by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage
from skimage import data, io

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Shape:
    """A mask drawn by hand: a closed outline, or a round spot when ``radius`` is given."""

    outline: Points
    path: Points
    radius: float = 0.0

    def mask(self, height: int, width: int) -> np.ndarray:
        canvas = np.zeros((height, width), np.uint8)
        if self.radius:
            (x, y), *_ = self.outline
            cv2.circle(canvas, (round(x), round(y)), round(self.radius), 1, -1)
        else:
            cv2.fillPoly(canvas, [np.array(self.outline, np.int32)], 1)
        return canvas.astype(bool)


def picture(name: str) -> np.ndarray:
    """Load a bundled picture as (H, W, 3) RGB; nothing is downloaded."""
    if name.endswith((".png", ".jpg")):
        array = io.imread(str(Path(skimage.__file__).parent / "data" / name))
    else:
        array = getattr(data, name)()
    if array.ndim == 2:
        array = np.dstack([array] * 3)
    return np.ascontiguousarray(array[:, :, :3])


def _outline(text: str) -> Points:
    """Read "x,y x,y …" in pixels of the photograph."""
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())]


def _ring(x: float, y: float, rx: float, ry: float, count: int = 60) -> Points:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return [(x + rx * np.cos(a), y + ry * np.sin(a)) for a in angles]


_HEAD = _outline(
    "152,75 160,50 180,28 210,17 240,15 268,26 288,45 299,75 300,98 290,120 270,130 262,150 "
    "256,175 240,188 215,188 197,176 186,150 181,128 160,112"
)
_SHUTTLE = _outline(
    "396,0 438,0 440,40 453,45 455,165 466,215 452,222 468,280 366,286 362,250 372,222 353,218 "
    "357,198 378,160 378,70 384,38 395,50"
)
_ROCKET = _outline("322,125 329,134 334,148 334,178 336,182 336,404 308,404 308,182 311,176 311,148 315,135")
_MAN = _outline(
    "0,260 30,215 70,150 110,125 150,108 160,85 195,63 235,68 265,95 270,130 255,150 240,200 "
    "300,250 303,280 245,315 205,300 140,385 150,512 0,512"
)
_BIKE = _outline(
    "98,200 140,150 165,158 350,185 360,160 415,115 440,125 470,120 500,50 515,60 545,98 582,118 "
    "582,140 562,150 556,190 548,215 580,266 620,280 645,312 668,350 682,420 670,442 640,451 "
    "600,440 550,405 520,360 505,330 480,365 440,381 340,376 348,436 322,438 322,372 270,378 "
    "230,400 190,398 150,375 125,335 120,290 132,250 105,246"
)

BRUSH: dict[str, list[Shape]] = {
    "rocket": [Shape(_ROCKET, [(322, 270), (324, 220), (322, 150)])],
    "coins": [
        Shape([(334.5, 43)], [(334, 43), (310, 120), (240, 150)], radius=30),
        Shape([(102, 193)], [(102, 193), (75, 150), (25, 145)], radius=22.5),
    ],
    "coffee": [Shape(_ring(277, 205, 203, 184), [(277, 205), (350, 190)])],
    "astronaut": [
        Shape(_HEAD, [(225, 100), (238, 95), (245, 104)]),
        Shape(_SHUTTLE, [(410, 150), (405, 130), (408, 95)]),
    ],
    "chelsea": [Shape(_ring(270, 165, 95, 110), [(270, 165), (295, 160), (300, 178)])],
    "hubble_deep_field": [
        Shape([(728, 472)], [(728, 472), (650, 380), (560, 300)], radius=42),
        Shape([(124, 397)], [(124, 397), (200, 470), (300, 460)], radius=30),
    ],
    "motorcycle_left.png": [Shape(_BIKE, [(380, 300), (330, 302)])],
    "camera": [Shape(_MAN, [(150, 250), (125, 250)])],
    "retina.jpg": [Shape([(245, 645)], [(245, 645), (300, 600), (340, 640)], radius=130)],
}

STATIC: dict[str, tuple[Points, list[Shape]]] = {
    "astronaut": (_HEAD, [Shape(_SHUTTLE, [(410, 150), (380, 165), (330, 150)])]),
    "rocket": ([(0, 380), (640, 380), (640, 427), (0, 427)], [Shape(_ROCKET, [(322, 270), (322, 180)])]),
    "coffee": (
        _ring(290, 115, 117, 96),
        [Shape([(365, 285)], [(365, 285), (385, 275), (400, 290)], radius=45)],
    ),
    "chelsea": (_ring(172, 115, 40, 36), [Shape(_ring(320, 135, 45, 42), [(320, 135), (333, 128)])]),
    "camera": (_MAN, []),
    "hubble_deep_field": (_ring(728, 472, 60, 60), []),
}

CAMERA: dict[str, dict[str, float] | str] = {
    "rocket": {"vertical": 6},
    "coffee": {"horizontal": -6},
    "astronaut": {"zoom": -8},
    "chelsea": {"roll": 6},
    "camera": {"pan": 6},
    "motorcycle_left.png": {"tilt": 5},
    "hubble_deep_field": {"zoom": 8},
    "retina.jpg": "down_back",
}

DEFAULT: dict[str, str] = {
    "astronaut": "",
    "chelsea": "the wind moves its fur",
    "coffee": "camera pans left",
    "rocket": "zoom out slowly",
    "camera": "windy day",
    "hubble_deep_field": "closer to the stars",
}
