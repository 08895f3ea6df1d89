"""Random regions of photographs on random straight paths, and how far the scores are off."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from calibration import LABEL, PHOTOGRAPHS, QUALITIES, disc, photograph

from kling_nb.domain.scores import ObjectScores
from kling_nb.media.encoder import VideoWriter
from kling_nb.render import Distort, MaskMotion, RenderPlan, preview_size, render_planes
from kling_nb.score.asked import Asked, AskedObject
from kling_nb.score.measure import measure


@dataclass(frozen=True, eq=False)
class Region:
    """One region of a photograph, asked to move along a line.

    Parameters
    ----------
    photograph
        A key of :data:`calibration.SPOTS`.
    mask, path
        In pixels of the photograph.
    gain
        Share of the way that happens.
    still
        What is asked to stay; the sandbox puts its label where that is not.
    long_side, frames, quality
        Of the clip.
    """

    photograph: str
    mask: np.ndarray
    path: np.ndarray
    gain: float = 1.0
    still: np.ndarray | None = None
    long_side: int = 480
    frames: int = 25
    quality: str = "fine"

    def measured(self, target: Path) -> tuple[ObjectScores, float | None]:
        """Scores, and the worse of their true mean and end error in percent of the diagonal.

        None when the region is said not to be measurable.
        """
        picture = photograph(self.photograph)
        height, width = picture.shape[:2]
        size = preview_size(width, height, self.long_side)
        plan = RenderPlan(
            picture,
            *size,
            frames=self.frames,
            motions=(MaskMotion(self.mask, self.path),),
            static_mask=self.still,
            label=LABEL,
            distort=Distort(gain=self.gain),
        )
        with VideoWriter(target, *size, plan.fps, options=QUALITIES[self.quality]) as writer:
            for planes in render_planes(plan):
                writer.write(planes)
        one = AskedObject("region", self.mask, self.path)
        asked = Asked(size=(width, height), start=picture, objects=(one,), static=self.still, way="native")
        (found,) = measure(target, asked).objects
        if found.why:
            return found, None
        shares = np.array(found.times) / found.times[-1]
        way = (self.path[-1] - self.path[0]) * np.array(size) / (width, height)
        gone = np.array(found.measured) - found.measured[0]
        away = np.linalg.norm(gone - self.gain * shares[:, None] * way, axis=1)
        return found, 100 * float(max(away.mean(), away[-1])) / math.hypot(*size)


def bottom_strip(shape: tuple[int, ...]) -> np.ndarray:
    """A strip that the label keeps out of: it goes to a corner above."""
    return np.broadcast_to((np.arange(shape[0]) >= 0.955 * shape[0])[:, None], shape[:2]).copy()


def random_regions(count: int, *, at_label: bool) -> Iterator[Region]:
    """Discs and blobs of all sizes on short and long ways, half of them still, slow or reversed.

    Parameters
    ----------
    count
        How many.
    at_label
        Only such as begin or end at the label.
    """
    for number in range(count):
        chance = np.random.default_rng([number, at_label])
        name = PHOTOGRAPHS[number % len(PHOTOGRAPHS)]
        shape = photograph(name).shape
        height, width = shape[:2]
        diagonal = math.hypot(width, height)
        above = bool(chance.random() < 0.5)
        x, y = chance.uniform(0.08, 0.92, 2)
        if at_label:
            x, y = (
                chance.uniform(0.45, 0.95),
                chance.uniform(0.02, 0.2) if above else chance.uniform(0.8, 0.98),
            )
        begin = np.array([x * width, y * height])
        end = _somewhere(chance, begin, float(chance.choice([0.04, 0.08, 0.15])) * diagonal, (width, height))
        if at_label and number % 3 == 2:
            begin, end = end, begin
        radius = float(chance.choice([0.018, 0.03, 0.05, 0.08])) * diagonal
        yield Region(
            name,
            _blob(chance, shape, begin, radius),
            np.array([begin, end]),
            float(chance.choice([1.0, 1.0, 1.0, 0.3, 0.0, -1.0])),
            bottom_strip(shape) if above else None,
            (480, 640)[number % 2],
            (21, 33)[number // 2 % 2],
            ("fine", "hasty")[number // 4 % 2],
        )


def _somewhere(
    chance: np.random.Generator, begin: np.ndarray, way: float, size: tuple[int, int]
) -> np.ndarray:
    """A place at that distance inside the picture, if one is found soon."""
    for angle in chance.uniform(0, 2 * math.pi, 60):
        end = begin + way * np.array([math.cos(angle), math.sin(angle)])
        if np.all((end > 0) & (end < size)):
            break
    return end


def _blob(
    chance: np.random.Generator, shape: tuple[int, ...], middle: np.ndarray, radius: float
) -> np.ndarray:
    if chance.random() < 0.5:
        return disc(shape, *middle, radius)
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    angles = np.arctan2(ys - middle[1], xs - middle[0])
    bumps = sum(
        chance.uniform(-0.18, 0.18) * np.cos(k * angles + chance.uniform(0, 2 * math.pi)) for k in (1, 2, 3)
    )
    return np.hypot(xs - middle[0], ys - middle[1]) <= radius * (1 + bumps)
