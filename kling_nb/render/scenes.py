"""What is in front of the camera in each frame: one class per kind of motion."""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import identity_grid
from kling_nb.render.ambient import default_homographies, supple_weight, sway_field, sways
from kling_nb.render.camera import Canvas, homography
from kling_nb.render.choice import choose
from kling_nb.render.elastic import Displacer, ElasticField
from kling_nb.render.fields import grid_size
from kling_nb.render.fill import fill_revealed
from kling_nb.render.layered import Layer
from kling_nb.render.memory import Memory
from kling_nb.render.morph import Morph
from kling_nb.render.paths import clip_positions, displacements
from kling_nb.render.plan import MaskMode, RenderPlan
from kling_nb.render.planes import Planes, resize_mask, resize_rgb, resize_still, stretch_rgb

Array = NDArray[Any]


class Scene(Protocol):
    """A clip that can be drawn frame by frame, first to last."""

    camera: Array
    displacements: Array
    modes: tuple[MaskMode, ...]

    def draw(self, index: int, out: Planes) -> None:
        """Draw one frame into ``out``."""


def build_scene(plan: RenderPlan, memory: Memory | None = None) -> Scene:
    """Prepare the scene a plan asks for: brush, start to end, camera, or the gentle default.

    Parameters
    ----------
    plan
        What to show.
    memory
        Keeps costly steps for the next scene.
    """
    memory = memory or Memory()
    picture = plan.image if plan.image is not None else plan.tail
    if picture is None:
        raise ValueError("a plan needs a start picture or an end picture")
    start = stretch_rgb(picture, plan.width, plan.height)
    if plan.motions:
        return BrushScene(plan, start, memory)
    if plan.image is not None and plan.tail is not None:
        return MorphScene(plan, start, resize_rgb(plan.tail, plan.width, plan.height))
    return CameraScene(plan, start, memory)


def static_region(plan: RenderPlan) -> Array | None:
    """Pixels of the video that the static mask touches, or None."""
    if plan.static_mask is None or not plan.static_mask.any():
        return None
    return resize_still(plan.static_mask, plan.width, plan.height)


class CameraScene:
    """A camera move or the default motion over one picture."""

    def __init__(self, plan: RenderPlan, picture: Array, memory: Memory) -> None:
        self._size = (plan.width, plan.height)
        self._positions = clip_positions(plan.frames)
        amounts = self._positions * plan.distort.factor
        if plan.image is None:
            # Only the end is given: the move arrives there instead of leaving from it.
            amounts = (1 - self._positions) * plan.distort.factor
        if plan.camera is not None:
            matrices = [homography(plan.camera, float(a), self._size) for a in amounts]
        else:
            matrices = default_homographies(plan.prompt, plan.seed, amounts, self._size)
        self.camera = np.array(matrices)
        self.displacements = np.zeros((0, plan.frames, 2))
        self.modes: tuple[MaskMode, ...] = ()
        self._source = memory.get("planes", (picture,), lambda: Planes.from_rgb(picture))
        self._canvas = Canvas(self._source)
        self._plan = plan
        still = static_region(plan)
        self._supple: Array | None = None
        if plan.camera is None and sways(plan.prompt) and not plan.distort.freeze:
            self._supple = supple_weight(picture, grid_size(*self._size))
        self._displacer = Displacer(self._size)
        self._free = None if still is None else _distance_weight(still, grid_size(*self._size))

    def draw(self, index: int, out: Planes) -> None:
        """Draw one frame into ``out``."""
        if self._free is None and self._supple is None:
            self._canvas.draw(self.camera[index], out)
            return
        columns, rows = grid_size(*self._size)
        cell = np.array([self._size[0] / columns, self._size[1] / rows], dtype=np.float32)
        places = (identity_grid(columns, rows) + np.float32(0.5)) * cell - np.float32(0.5)
        origin = cv2.perspectiveTransform(places, np.linalg.inv(self.camera[index]))
        backward = places - origin
        if self._supple is not None:
            seconds = index / self._plan.fps * self._plan.distort.factor
            sway = sway_field(self._plan.seed, self._size, (rows, columns), seconds)
            backward = backward + sway * self._supple[:, :, None]
        if self._free is not None:
            backward = backward * self._free[:, :, None]
        self._displacer.draw(self._source, out, backward)


def _distance_weight(still: Array, size: tuple[int, int]) -> Array:
    """Return 0 on the static mask, growing smoothly to 1 away from it, on the coarse grid."""
    share = cv2.resize(still.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    free = cv2.erode((share < 1e-3).astype(np.uint8), np.ones((3, 3), np.uint8))
    distance = cv2.distanceTransform(free, cv2.DIST_L2, 5)
    near = np.clip(distance / (0.2 * max(size)), 0, 1)
    return np.asarray(near * near * (3 - 2 * near), dtype=np.float32)


class MorphScene:
    """From the start picture to the end picture."""

    def __init__(self, plan: RenderPlan, start: Array, end: Array) -> None:
        amounts = clip_positions(plan.frames) * abs(plan.distort.factor)
        self._amounts = np.clip(amounts, 0, 1)
        self._morph = Morph(start, end)
        self.camera = np.tile(np.eye(3), (plan.frames, 1, 1))
        self.displacements = np.zeros((0, plan.frames, 2))
        self.modes: tuple[MaskMode, ...] = ()

    def draw(self, index: int, out: Planes) -> None:
        """Draw one frame into ``out``."""
        self._morph.draw(float(self._amounts[index]), out)


class BrushScene:
    """Regions that follow their paths."""

    def __init__(self, plan: RenderPlan, picture: Array, memory: Memory) -> None:
        size = (plan.width, plan.height)
        assert plan.image is not None
        scale = np.array([size[0] / plan.image.shape[1], size[1] / plan.image.shape[0]])
        positions = clip_positions(plan.frames)
        still = static_region(plan)
        masks = _separate([resize_mask(m.mask, *size) for m in plan.motions], still)
        moves = [
            displacements(m.path * scale, positions, plan.timing) * plan.distort.factor for m in plan.motions
        ]
        choices = choose(picture, masks, still, moves, memory)
        self.modes = tuple(choice.mode for choice in choices)
        self.displacements = np.array(moves).reshape(len(moves), plan.frames, 2)
        self.displacements[[mode == "none" for mode in self.modes]] = 0
        self.camera = np.tile(np.eye(3), (plan.frames, 1, 1))
        self._source = memory.get("planes", (picture,), lambda: Planes.from_rgb(picture))
        self._elastic_indices = [i for i, mode in enumerate(self.modes) if mode == "elastic"]
        self._layer_indices = [i for i, mode in enumerate(self.modes) if mode == "layered"]
        self._field = None
        regions = [choice.region for choice in choices if choice.region is not None]
        if regions:
            self._field = ElasticField(regions, still, size)
        self._layers = [Layer(picture, masks[i], self.displacements[i], memory) for i in self._layer_indices]
        self._filled = self._source
        if self._layers:
            objects = np.any([layer.hole for layer in self._layers], axis=0)
            revealed = np.any([layer.revealed for layer in self._layers], axis=0)
            self._filled = memory.get(
                "background",
                (picture, objects, revealed, still),
                lambda: Planes.from_rgb(fill_revealed(picture, objects, revealed, still)),
            )
        self._plate = self._source.copy()
        self._plate_ramps: list[float] = []

    def draw(self, index: int, out: Planes) -> None:
        """Draw one frame into ``out``."""
        shifts = self.displacements[:, index]
        layers = list(zip(self._layers, self._layer_indices, strict=True))
        plate = self._background([layer.ramp(shifts[number]) for layer, number in layers])
        if self._field is None:
            out.buffer[:] = plate.buffer
        else:
            self._field.draw(plate, out, shifts[self._elastic_indices])
        for layer, number in layers:
            layer.draw(out, shifts[number])

    def _background(self, ramps: list[float]) -> Planes:
        """Return the picture with each hole filled as far as its object has left."""
        if ramps == self._plate_ramps:
            return self._plate
        self._plate.buffer[:] = self._source.buffer
        for layer, ramp in zip(self._layers, ramps, strict=True):
            if ramp > 0:
                layer.reveal(self._plate, self._filled, ramp)
        self._plate_ramps = ramps
        return self._plate


def _separate(masks: list[Array], still: Array | None) -> list[Array]:
    """Give every pixel to one region only: the static one first, else the later one."""
    taken = np.zeros_like(masks[0]) if still is None else still.copy()
    separate = []
    for mask in reversed(masks):
        separate.append(mask & ~taken)
        taken |= mask
    return separate[::-1]
