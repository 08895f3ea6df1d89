"""Clips whose motion is known without the renderer: drawn by Pillow, written by PyAV.

Nothing of the package is used but the data class of what is asked. Positions follow ``spec/sandbox.md`` §7:
constant speed along the path, the first frame at its beginning, the last one at its end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import skimage
from av.video.frame import VideoFrame
from PIL import Image, ImageFilter

from kling_nb.score.asked import Asked, AskedObject

Array = np.ndarray
DATA = Path(skimage.__file__).parent / "data"

WIDTH, HEIGHT = 480, 360
_ROOM = 1.5
"""Backgrounds are this much larger than the frame, so that a camera may move."""


@cache
def photograph(name: str, width: int, height: int) -> Image.Image:
    """Load a bundled picture, scaled to cover a size and cropped to it."""
    picture = Image.open(DATA / name).convert("RGB")
    factor = max(width / picture.width, height / picture.height)
    size = (math.ceil(picture.width * factor), math.ceil(picture.height * factor))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return picture.crop((left, top, left + width, top + height))


def sky(width: int, height: int) -> Image.Image:
    """A clear sky: a smooth gradient and nothing to hold on to."""
    ys, xs = np.mgrid[0:height, 0:width]
    colours = [120 + 60 * ys / height + 5 * xs / width, 160 + 50 * ys / height, 220 + 20 * ys / height]
    return Image.fromarray(np.dstack(colours).round().astype(np.uint8))


def checkerboard(width: int, height: int, square: int = 16) -> Image.Image:
    """Squares: every place looks like the one two squares on."""
    ys, xs = np.mgrid[0:height, 0:width]
    light = np.where((xs // square + ys // square) % 2, 200, 60).astype(np.uint8)
    return Image.fromarray(np.dstack([light] * 3))


def bricks(width: int, height: int) -> Image.Image:
    """A wall: stones of one kind in rows, each row half a stone aside."""
    ys, xs = np.mgrid[0:height, 0:width]
    row = ys // 16
    joint = (ys % 16 < 3) | ((xs + 20 * (row % 2)) % 40 < 3)
    light = np.where(joint, 190, 90)
    return Image.fromarray(np.dstack([light, light * 0.7, light * 0.6]).astype(np.uint8))


def place_on(path: Array, share: float) -> Array:
    """Place after a share of the clip: constant speed along the line through the points."""
    points = np.asarray(path, dtype=float)
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    if along[-1] == 0:
        return points[0]
    return np.array([np.interp(share * along[-1], along, points[:, axis]) for axis in (0, 1)])


@dataclass(frozen=True, eq=False)
class Sprite:
    """Something that moves: a round cut-out of a picture.

    Parameters
    ----------
    picture
        Where it is cut from; a Pillow picture at least as large as it.
    centre, radius
        Where it is in the first frame, in pixels.
    path
        (N, 2) points; it moves by P(s) - P(0).
    gain
        Share of the path that it really goes; negative is the other way.
    turn, grow
        Degrees counter-clockwise by which it turns, and factor by which it grows, over the clip.
    delay
        Share of the clip for which it waits before it sets out.
    aspect
        Height over width: an ellipse where it is not 1.
    """

    picture: Image.Image
    centre: tuple[float, float]
    radius: float
    path: tuple[tuple[float, float], ...]
    gain: float = 1.0
    turn: float = 0.0
    grow: float = 1.0
    delay: float = 0.0
    aspect: float = 1.0

    def moved(self, share: float) -> Array:
        """(dx, dy) in pixels after a share of the clip, camera not included."""
        late = min(1.0, max(0.0, (share - self.delay) / max(1e-9, 1 - self.delay)))
        return self.gain * (place_on(np.array(self.path), late) - np.array(self.path[0]))

    def alpha(self, width: int, height: int) -> Array:
        """(H, W) 0 to 1: how far it covers what is behind it in the first frame."""
        ys, xs = np.mgrid[0:height, 0:width]
        away = np.hypot(xs - self.centre[0], (ys - self.centre[1]) / self.aspect)
        return np.clip(self.radius - away + 0.5, 0, 1)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A clip to draw.

    Parameters
    ----------
    background
        Picture behind everything, 1.5 times the frame.
    sprites
        What moves; later ones in front.
    camera
        ``dx``, ``dy`` in pixels, ``scale`` as a factor, ``roll`` in degrees counter-clockwise as seen, all
        over the whole clip.
    occluder
        (x0, y0, x1, y1): a post that stands in front of everything, part of the background.
    static
        (x0, y0, x1, y1): what is asked to stay still.
    leak
        Pixels by which the background nevertheless waves there, at the last frame.
    light
        Factor of the brightness at the last frame.
    flicker
        Relative swing of brightness from frame to frame.
    noise
        Standard deviation of the camera's noise in gray levels.
    shutter
        Share of a frame's time for which the shutter is open: motion blur.
    blur
        Radius of a blur at the last frame, in pixels.
    """

    background: Image.Image
    sprites: tuple[Sprite, ...] = ()
    frames: int = 25
    fps: int = 24
    width: int = WIDTH
    height: int = HEIGHT
    camera: dict[str, float] = field(default_factory=dict)
    occluder: tuple[int, int, int, int] | None = None
    static: tuple[int, int, int, int] | None = None
    leak: float = 0.0
    light: float = 1.0
    flicker: float = 0.0
    noise: float = 0.0
    shutter: float = 0.0
    blur: float = 0.0

    def asked(self, **changes: Any) -> Asked:
        """What the clip is measured against: the paths, whatever became of them."""
        static = None
        if self.static is not None:
            x0, y0, x1, y1 = self.static
            static = np.zeros((self.height, self.width), bool)
            static[y0:y1, x0:x1] = True
        objects = tuple(
            AskedObject(f"sprite {number}", each.alpha(self.width, self.height) > 0.5, np.array(each.path))
            for number, each in enumerate(self.sprites, 1)
        )
        values = {
            "size": (self.width, self.height),
            "start": self.picture(0.0),
            "objects": objects,
            "static": static,
            "way": "native" if objects or static is not None else None,
        }
        return Asked(**{**values, **changes})

    def camera_at(self, share: float) -> Array:
        """(3, 3): from a place of the first frame to its place after a share of the clip."""
        angle = math.radians(self.camera.get("roll", 0.0) * share)
        factor = 1 + (self.camera.get("scale", 1.0) - 1) * share
        about = _about(self.width, self.height, angle, factor)
        dx, dy = (self.camera.get(key, 0.0) * share for key in ("dx", "dy"))
        shift = np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]])
        return shift @ about

    def places(self, number: int, times: Array | None = None) -> Array:
        """(N, 2) true places of a sprite's middle as seen, at shares of the clip; every frame by default."""
        shares = np.linspace(0, 1, self.frames) if times is None else np.asarray(times)
        sprite = self.sprites[number]
        seen = []
        for share in shares:
            x, y = np.array(sprite.centre) + sprite.moved(float(share))
            seen.append((self.camera_at(float(share)) @ [x, y, 1.0])[:2])
        return np.array(seen)

    def picture(self, share: float) -> Array:
        """(H, W, 3) RGB without noise."""
        return np.asarray(self._drawn(share))

    def pictures(self) -> Iterator[Array]:
        """Frame by frame, (H, W, 3) RGB."""
        random = np.random.default_rng(7)
        for number in range(self.frames):
            share = number / max(1, self.frames - 1)
            light = (1 + (self.light - 1) * share) * (1 + self.flicker / 2 * (-1) ** number)
            exposures = [share]
            if self.shutter:
                step = self.shutter / max(1, self.frames - 1)
                exposures = [min(1.0, max(0.0, share + step * (k / 4 - 0.5))) for k in range(5)]
            drawn = np.mean([np.asarray(self._drawn(each), dtype=np.float32) for each in exposures], axis=0)
            drawn = drawn * light + random.normal(0, self.noise, drawn.shape) if self.noise else drawn * light
            frame = Image.fromarray(np.clip(np.rint(drawn), 0, 255).astype(np.uint8))
            if self.blur and share:
                frame = frame.filter(ImageFilter.GaussianBlur(self.blur * share))
            yield np.asarray(frame)

    def _drawn(self, share: float) -> Image.Image:
        camera = self.camera_at(share)
        shown = self._behind(camera)
        if self.leak and share:
            self._wave(shown, share)
        for sprite in self.sprites:
            colours, cover = _cut(sprite, self.width, self.height)
            dx, dy = sprite.moved(share)
            there = _about(
                *_double(sprite.centre), math.radians(sprite.turn * share), 1 + (sprite.grow - 1) * share
            )
            own = np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]]) @ there
            _paste(shown, colours, cover, camera @ own, sprite)
        if self.occluder is not None:
            post = Image.new("L", shown.size, 0)
            post.paste(255, self.occluder)
            post = _transformed(post, camera, shown.size)
            shown.paste(photograph("gravel.png", *shown.size), (0, 0), post)
        return shown

    def _behind(self, camera: Array) -> Image.Image:
        left = (self.background.width - self.width) / 2
        top = (self.background.height - self.height) / 2
        centred = np.array([[1, 0, -round(left)], [0, 1, -round(top)], [0, 0, 1.0]])
        return _transformed(self.background, camera @ centred, (self.width, self.height))

    def _wave(self, shown: Image.Image, share: float) -> None:
        """Let what should stay still wander off by some pixels."""
        assert self.static is not None
        shift = np.array([[1, 0, self.leak * share], [0, 1, -self.leak * share / 2], [0, 0, 1.0]])
        moved = self._behind(shift)
        shown.paste(moved.crop(self.static), self.static[:2])


@cache
def _cut(sprite: Sprite, width: int, height: int) -> tuple[Image.Image, Image.Image]:
    """Colours and cover of a sprite in its place."""
    colours = sprite.picture.crop((0, 0, width, height))
    return colours, Image.fromarray((sprite.alpha(width, height) * 255).round().astype(np.uint8))


def _paste(
    shown: Image.Image, colours: Image.Image, cover: Image.Image, matrix: Array, sprite: Sprite
) -> None:
    """Draw a cut-out through an affine map, no more of the frame than it may cover."""
    x, y = (matrix @ [*sprite.centre, 1.0])[:2]
    reach = 3 + sprite.radius * max(1.0, sprite.aspect) * math.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    left, top = math.floor(x - reach), math.floor(y - reach)
    size = (math.ceil(2 * reach), math.ceil(2 * reach))
    local = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ matrix
    shown.paste(_transformed(colours, local, size), (left, top), _transformed(cover, local, size))


def _double(centre: tuple[float, float]) -> tuple[float, float]:
    """The size of a frame that has its middle there."""
    return 2 * centre[0] + 1, 2 * centre[1] + 1


def _about(width: float, height: float, angle: float, factor: float) -> Array:
    """Turn counter-clockwise as seen and scale about the middle of a frame."""
    x, y = (width - 1) / 2, (height - 1) / 2
    cosine, sine = factor * math.cos(angle), factor * math.sin(angle)
    turn = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1.0]])
    there, back = (np.array([[1, 0, s * x], [0, 1, s * y], [0, 0, 1.0]]) for s in (1, -1))
    return there @ turn @ back


def _transformed(picture: Image.Image, matrix: Array, size: tuple[int, int]) -> Image.Image:
    """Draw a picture through an affine map of pixel centres; whole pixels are no more than a crop."""
    shift = np.rint(matrix[:2, 2])
    whole = np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1.0]])
    if np.allclose(matrix, whole, atol=1e-9):
        left, top = (-int(value) for value in shift)
        return picture.crop((left, top, left + size[0], top + size[1]))
    # Pillow's coordinates are those of pixel corners.
    corner = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    inverse = corner @ np.linalg.inv(matrix) @ np.linalg.inv(corner)
    return picture.transform(
        size, Image.Transform.AFFINE, tuple(inverse[:2].ravel()), resample=Image.Resampling.BICUBIC
    )


def write(
    pictures: Iterator[Array],
    target: Path,
    fps: int = 24,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> Path:
    """Write pictures as a file, with nothing but PyAV."""
    chosen = {"preset": "veryfast", "crf": "20"} if codec == "libx264" and options is None else options or {}
    with av.open(str(target), "w") as container:
        stream: Any = container.add_stream(codec, rate=Fraction(fps), options=chosen)
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = pixels
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target


def behind(name: str, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """A photograph as a background."""
    return photograph(name, round(_ROOM * width), round(_ROOM * height))


def sprite(
    name: str, centre: tuple[float, float], radius: float, *path: tuple[float, float], **values: Any
) -> Sprite:
    """Cut a sprite out of a photograph; the path begins at its middle."""
    picture = photograph(name, WIDTH, HEIGHT)
    return Sprite(picture, centre, radius, (centre, *path), **values)
