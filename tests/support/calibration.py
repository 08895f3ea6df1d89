"""The sandbox's renders with known faults, and what the scores say of them.

Every photograph has three regions of three sizes, at places with texture, and a region that is asked to stay
still. The regions are numbers, not outlines: whatever lies there is the object.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from PIL import Image

from kling_nb.media.encoder import VideoWriter
from kling_nb.render import CameraMove, Distort, MaskMotion, Memory, RenderPlan, preview_size, render_planes
from kling_nb.score.asked import Asked, AskedObject
from kling_nb.score.measure import measure

DATA = Path(skimage.__file__).parent / "data"

SIZES = {"large": 0.10, "medium": 0.06, "small": 0.035}
"""Radii of the regions in shares of the diagonal."""

SPOTS: dict[str, tuple[tuple[tuple[float, float, float], ...], tuple[float, float]]] = {
    "astronaut.png": (((0.381, 0.844, 200), (0.819, 0.481, 160), (0.594, 0.706, 20)), (0.275, 0.428)),
    "chelsea.png": (((0.562, 0.197, 20), (0.353, 0.127, 160), (0.425, 0.770, 20)), (0.459, 0.577)),
    "coffee.png": (((0.612, 0.648, 20), (0.097, 0.845, 340), (0.384, 0.606, 200)), (0.091, 0.559)),
    "rocket.jpg": (((0.219, 0.799, 340), (0.510, 0.450, 20), (0.640, 0.830, 340)), (0.530, 0.850)),
    "camera.png": (((0.550, 0.381, 20), (0.519, 0.900, 200), (0.575, 0.641, 20)), (0.803, 0.916)),
    "coins.png": (((0.159, 0.778, 20), (0.550, 0.639, 20), (0.725, 0.183, 20)), (0.706, 0.397)),
    "hubble_deep_field.jpg": (((0.344, 0.226, 20), (0.788, 0.692, 20), (0.609, 0.108, 20)), (0.597, 0.803)),
    "motorcycle_left.png": (((0.631, 0.264, 20), (0.550, 0.588, 20), (0.312, 0.588, 20)), (0.181, 0.370)),
    "retina.jpg": (((0.175, 0.506, 20), (0.259, 0.256, 20), (0.831, 0.128, 160)), (0.372, 0.828)),
}
"""Middle (share of width, of height) and direction in degrees of the large, medium and small region of each
photograph, and the middle of the region that stays still."""

PHOTOGRAPHS = tuple(SPOTS)

TRAVEL = 0.085
"""Way of each region in shares of the diagonal."""

QUALITIES: dict[str, dict[str, str]] = {
    "fine": {"preset": "superfast", "crf": "19"},
    "hasty": {"preset": "ultrafast", "crf": "22", "x264-params": "chromaloc=1:subme=1"},
    "rough": {"preset": "superfast", "crf": "28"},
}
"""Encoder options: the two of the sandbox, and what a thrifty service would send. At the last one the
encoder itself takes flicker of a hundredth and leaks of a few levels out of the clip."""

LABEL = "SANDBOX PREVIEW"
MEMORY = 200_000_000


@dataclass(frozen=True)
class Case:
    """One clip: a photograph, what is wrong with the clip, and how it is made.

    Parameters
    ----------
    photograph
        A key of :data:`SPOTS`.
    distort
        Deliberate faults as JSON, as they stand in a prompt of the sandbox.
    quality
        A key of :data:`QUALITIES`.
    long_side
        Pixels of the video.
    frames
        Fewer of them are a faster motion.
    codec
        ``h264`` or ``av1``.
    camera
        A camera move instead of the regions, as JSON; ``zoom`` and its like.
    moving
        Names of the regions that move.
    """

    photograph: str
    distort: str = "{}"
    quality: str = "fine"
    long_side: int = 480
    frames: int = 25
    codec: str = "h264"
    camera: str = ""
    moving: tuple[str, ...] = tuple(SIZES)

    def but(self, **changes: Any) -> Case:
        """The same with something else."""
        return replace(self, **changes)

    @property
    def wrong(self) -> Mapping[str, Any]:
        """The deliberate faults."""
        found: dict[str, Any] = json.loads(self.distort)
        return found


@cache
def photograph(name: str) -> np.ndarray:
    """A bundled picture as (H, W, 3) RGB with a long side of at most 960."""
    picture = Image.open(DATA / name).convert("RGB")
    picture.thumbnail((960, 960), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(picture))


def disc(shape: tuple[int, ...], x: float, y: float, radius: float) -> np.ndarray:
    """A round region."""
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(xs - x, ys - y) <= radius


def path(x: float, y: float, degrees: float, way: float) -> np.ndarray:
    """A bent line of a given length: two legs with 30 degrees between them."""
    points = [np.array([x, y])]
    for turn in (-15, 15):
        angle = math.radians(degrees + turn)
        points.append(points[-1] + way / 2 * np.array([math.cos(angle), math.sin(angle)]))
    return np.array(points)


def regions(case: Case) -> tuple[list[tuple[str, np.ndarray, np.ndarray]], np.ndarray]:
    """Label, mask and path of each region that moves, and the mask of what stays still."""
    picture = photograph(case.photograph)
    height, width = picture.shape[:2]
    diagonal = math.hypot(width, height)
    spots, (still_x, still_y) = SPOTS[case.photograph]
    found = []
    for (label, radius), (x, y, degrees) in zip(SIZES.items(), spots, strict=True):
        if label not in case.moving:
            continue
        mask = disc(picture.shape, x * width, y * height, radius * diagonal)
        found.append((label, mask, path(x * width, y * height, degrees, TRAVEL * diagonal)))
    return found, disc(picture.shape, still_x * width, still_y * height, 0.055 * diagonal)


def plan_of(case: Case) -> RenderPlan:
    """What is rendered."""
    picture = photograph(case.photograph)
    width, height = preview_size(picture.shape[1], picture.shape[0], case.long_side)
    moving, still = regions(case)
    values: dict[str, Any] = {
        "motions": tuple(MaskMotion(mask, way) for _, mask, way in moving),
        "static_mask": still,
    }
    if case.camera:
        values = {"camera": CameraMove.from_wire(json.loads(case.camera))}
    return RenderPlan(
        picture,
        width,
        height,
        frames=case.frames,
        label=LABEL,
        distort=Distort.from_mapping(case.wrong),
        codec="av1" if case.codec == "av1" else "h264",
        **values,
    )


def asked_of(case: Case) -> Asked:
    """What the clip is measured against."""
    picture = photograph(case.photograph)
    size = (picture.shape[1], picture.shape[0])
    if case.camera:
        return Asked(size=size, start=picture, camera=json.loads(case.camera))
    moving, still = regions(case)
    objects = tuple(AskedObject(label, mask, way) for label, mask, way in moving)
    return Asked(size=size, start=picture, objects=objects, static=still, way="native")


def render(case: Case, target: Path, memory: Memory | None = None) -> Path:
    """Render and encode a case."""
    plan = plan_of(case)
    options = (
        QUALITIES[case.quality]
        if case.codec == "h264"
        else {"crf": "45" if case.quality == "rough" else "35"}
    )
    with VideoWriter(target, plan.width, plan.height, plan.fps, codec=plan.codec, options=options) as writer:
        for planes in render_planes(plan, memory):
            writer.write(planes)
    return target


class Bench:
    """Renders and measures cases, each of them once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._memory = Memory(MEMORY)
        self._read: dict[Case, Any] = {}

    def scores(self, case: Case) -> Any:
        """Scores of a case."""
        if case not in self._read:
            target = render(case, self._folder / f"{len(self._read)}.mp4", self._memory)
            self._read[case] = measure(target, asked_of(case))
            target.unlink()
        return self._read[case]


def distorted(**values: Any) -> str:
    """Faults as :attr:`Case.distort` has them."""
    return json.dumps(values, sort_keys=True)
