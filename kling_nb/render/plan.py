"""What to render, and what was rendered, as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from kling_nb.errors import KlingError

SANDBOX_LABEL = "SANDBOX PREVIEW"
SANDBOX_COMMENT = "kling_nb sandbox preview; not Kling output"
CAMERA_AXES = ("horizontal", "vertical", "pan", "tilt", "roll", "zoom")

Timing = Literal["arc", "index"]
MaskMode = Literal["layered", "elastic", "none"]


class RenderStopped(KlingError):
    """The stop callback ended the render; nothing was written."""


@dataclass(frozen=True, slots=True)
class MaskMotion:
    """One region and the path it follows.

    Parameters
    ----------
    mask
        (H, W) bool, any size of the picture's shape; True is moved.
    path
        (N, 2) float pixels (x, y) of the picture, origin top-left; the region moves by P(s) − P(0).
    """

    mask: NDArray[np.bool_]
    path: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CameraMove:
    """A camera move in the terms of ``spec/official-api.md`` §6.

    Parameters
    ----------
    type
        ``"simple"`` or one of the four presets ``down_back``, ``forward_up``, ``right_turn_forward``,
        ``left_turn_forward``, which ignore the six values.
    horizontal, vertical, pan, tilt, roll, zoom
        −10…10 each.
    """

    type: str = "simple"
    horizontal: float = 0.0
    vertical: float = 0.0
    pan: float = 0.0
    tilt: float = 0.0
    roll: float = 0.0
    zoom: float = 0.0

    @classmethod
    def from_wire(cls, control: Mapping[str, Any]) -> Self:
        """Read ``{"type": …, "config": {…}}`` as it stands on the wire."""
        config = control.get("config") or {}
        return cls(
            str(control.get("type", "simple")),
            **{axis: float(config.get(axis) or 0.0) for axis in CAMERA_AXES},
        )


@dataclass(frozen=True, slots=True)
class Distort:
    """Deliberate faults, so that measuring tools can be calibrated (``spec/sandbox.md`` §7).

    Parameters
    ----------
    gain
        Share of the asked motion that happens; 1 is all of it.
    reverse
        Motion goes the opposite way.
    leak
        Gray levels of change inside the static mask, reached at the last frame: of the 219 that video has
        from black to white, so that each is 255/219 of a screen's.
    flicker
        Relative swing of luma between neighbouring frames.
    freeze
        No motion at all: every frame is the first.
    blur
        Gaussian sigma in pixels at the last frame, growing from 0.
    camera
        Extra camera motion over the clip: ``dx``, ``dy`` in pixels of the video, ``scale`` as a factor,
        ``roll`` in degrees counter-clockwise.
    """

    gain: float = 1.0
    reverse: bool = False
    leak: float = 0.0
    flicker: float = 0.0
    freeze: bool = False
    blur: float = 0.0
    camera: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Read the JSON form.

        Raises
        ------
        ValueError
            Unknown key, wrong type or a number that is not finite.
        """
        known = {f.name: f.default for f in fields(cls)}
        cleaned: dict[str, Any] = {}
        for key, value in values.items():
            if key not in known:
                raise ValueError(f"unknown distort key {key!r}; known: {', '.join(known)}")
            if key == "camera":
                cleaned[key] = _camera_values(value)
            elif isinstance(known[key], bool):
                cleaned[key] = bool(value)
            else:
                cleaned[key] = _finite(key, value)
        return cls(**cleaned)

    @property
    def factor(self) -> float:
        """Signed share of the asked motion that happens."""
        if self.freeze:
            return 0.0
        return -self.gain if self.reverse else self.gain


def _camera_values(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping) or set(value) - {"dx", "dy", "scale", "roll"}:
        raise ValueError("distort camera is an object of dx, dy, scale and roll")
    return {key: _finite(key, number) for key, number in value.items()}


def _finite(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"distort {key} must be a finite number, not {value!r}")
    return float(value)


@dataclass(frozen=True, slots=True, eq=False)
class RenderPlan:
    """Everything that decides a clip; equal plans give equal frames.

    Parameters
    ----------
    image
        Start picture, (H, W, 3) uint8 RGB; None for a clip that only ends on ``tail``.
    width, height
        Size of the video in pixels, even.
    fps, frames
        Frame rate and exact number of frames.
    tail
        Picture of the last frame, any size; cropped to the video's shape.
    motions
        Regions with paths; later ones on top.
    static_mask
        (H, W) bool; these pixels of ``image`` never change.
    camera
        Camera move over the clip.
    prompt
        Steers the gentle default motion when nothing else moves.
    seed
        Decides what is free to choose.
    timing
        ``"arc"``: constant speed along a path; ``"index"``: equal time from point to point.
    label
        Text on every frame, in the bottom right corner or, when the static mask covers it, in the free
        one of bottom left, top right, top left; empty for none.
    label_scale
        Size of the label; 1 is 3 % of the height.
    comment
        Container comment.
    distort
        Deliberate faults.
    codec
        ``"h264"`` or ``"av1"``.
    silent_audio
        Adds a silent audio track.
    hasty
        Encodes in half the time, into a larger file.
    """

    image: NDArray[np.uint8] | None
    width: int
    height: int
    fps: int = 24
    frames: int = 121
    tail: NDArray[np.uint8] | None = None
    motions: tuple[MaskMotion, ...] = ()
    static_mask: NDArray[np.bool_] | None = None
    camera: CameraMove | None = None
    prompt: str = ""
    seed: int = 0
    timing: Timing = "arc"
    label: str = SANDBOX_LABEL
    label_scale: float = 1.0
    comment: str = SANDBOX_COMMENT
    distort: Distort = field(default_factory=Distort)
    codec: Literal["h264", "av1"] = "h264"
    silent_audio: bool = False
    hasty: bool = False

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2 or min(self.width, self.height) < 16:
            raise ValueError(f"video size must be even and at least 16, not {self.width}×{self.height}")
        if self.frames < 1 or self.fps < 1:
            raise ValueError("a clip needs at least one frame and one frame per second")
        for picture in (self.image, self.tail):
            if picture is not None and (
                picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8
            ):
                raise ValueError("pictures are (H, W, 3) uint8 RGB arrays")


@dataclass(frozen=True, slots=True, eq=False)
class RenderReport:
    """The truth about a rendered clip.

    Parameters
    ----------
    path
        The file.
    seconds
        Wall time of rendering and encoding.
    modes
        How each mask was moved: ``"layered"``, ``"elastic"``, or ``"none"`` for an empty mask.
    displacements
        (masks, frames, 2) pixels (dx, dy) of the video by which each region really moved against the
        first frame, deliberate gain and direction included, extra camera motion not.
    camera
        (frames, 3, 3) homographies that map a pixel of the first frame to its place in each frame.
    scale
        (x, y) video pixels per pixel of the start picture.
    label_box
        (x, y, width, height) of the label's rectangle in the video, None without label.
    poster
        First frame with label as (H, W, 3) RGB, ready for a poster file.
    """

    path: Path
    seconds: float
    modes: tuple[MaskMode, ...]
    displacements: NDArray[np.float64]
    camera: NDArray[np.float64]
    scale: tuple[float, float]
    label_box: tuple[int, int, int, int] | None
    poster: NDArray[np.uint8]


def preview_size(width: int, height: int, long_side: int = 640) -> tuple[int, int]:
    """Scale a size to a long side, both sides even, the ratio kept as well as that allows.

    Parameters
    ----------
    width, height
        Pixels of the picture or of the full-size video.
    long_side
        Target of the longer side in pixels; smaller pictures are enlarged to it, so that a preview of a
        small picture is watchable.

    Returns
    -------
    (int, int)
        Width and height.
    """
    factor = long_side / max(width, height)
    return max(16, 2 * round(width * factor / 2)), max(16, 2 * round(height * factor / 2))
