"""A clip read once: the light of every frame as shown, whatever the file's size, depth, rate and rotation."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.errors import KlingError, MediaError
from kling_nb.media.video import opened
from kling_nb.motion.fields import reduced_size
from kling_nb.score.light import HIGH_RANGE, light_of, quarter_turns

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

Array = NDArray[Any]
Luma = NDArray[np.uint8]

LUMA_SIDE = 1280
SMALL_SIDE = 640
_LEAST_SIDE = 32
_MOST_PIXELS = 36_000_000
_MOST_RATE = 30.5
_MOST_LOOKS = 150
_LEAST_LOOKS_A_SECOND = 6.0
_WHOLE = 0.9

_BT601 = frozenset({4, 5, 6})  # AVCOL_SPC_FCC, _BT470BG, _SMPTE170M
_BT2020 = frozenset({9, 10})  # AVCOL_SPC_BT2020_NCL, _CL
_WEIGHTS = {"601": (0.299, 0.587, 0.114), "709": (0.2126, 0.7152, 0.0722), "2020": (0.2627, 0.678, 0.0593)}


class MeasuringStopped(KlingError):
    """The stop callback ended the measurement."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One frame.

    Parameters
    ----------
    index
        Number in the file, from 0.
    time_s
        Seconds after the first frame.
    luma
        (H, W) uint8, 0 black to 255 white, as shown: rotated, square pixels, long side at most 1280.
    small
        (h, w) uint8: the same with a long side of at most 640.
    tracked
        Whether trackers are to see it; the first and the last frame always are.
    last
        Whether it is the last frame of the clip.
    """

    index: int
    time_s: float
    luma: Luma
    small: Luma
    tracked: bool = True
    last: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a clip is.

    Parameters
    ----------
    size
        (width, height) as shown, in pixels.
    luma_size, small_size
        (width, height) of :attr:`Look.luma` and :attr:`Look.small`.
    fps
        Average frames per second.
    frames
        What the file says about its number of frames; after reading, how many there were.
    duration_s
        Seconds from the first frame's beginning to the last one's end.
    stride
        Trackers see every so many frames.
    matrix
        Whose weights make gray out of colours: ``601``, ``709`` or ``2020``.
    sha256
        Of the file.
    notes
        What a person should know of the file.
    """

    size: tuple[int, int]
    luma_size: tuple[int, int]
    small_size: tuple[int, int]
    fps: float
    frames: int
    duration_s: float
    stride: int
    matrix: str
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def scale(self) -> tuple[float, float]:
        """(x, y) pixels of :attr:`Look.luma` per pixel of the video as shown."""
        return self.luma_size[0] / self.size[0], self.luma_size[1] / self.size[1]

    @property
    def small_scale(self) -> tuple[float, float]:
        """(x, y) pixels of :attr:`Look.small` per pixel of :attr:`Look.luma`."""
        return self.small_size[0] / self.luma_size[0], self.small_size[1] / self.luma_size[1]

    @property
    def diagonal(self) -> float:
        """Of the video as shown, in pixels."""
        return math.hypot(*self.size)

    def gray(self, picture: Array) -> Luma:
        """Turn an RGB picture into the gray that the clip's luma would have."""
        weights = np.array([_WEIGHTS[self.matrix]], dtype=np.float32)
        return np.asarray(cv2.transform(np.ascontiguousarray(picture[:, :, :3]), weights), dtype=np.uint8)


class Clip:
    """A clip that is decoded once, frame after frame, in one thread.

    Parameters
    ----------
    path
        The file.
    sha256
        Of the file, if it is known.
    stop
        Asked before each frame; True ends the reading.

    Raises
    ------
    MediaError
        From the iteration: no readable clip, or none that anything can be measured of.
    MeasuringStopped
        From the iteration: ``stop`` returned True.
    """

    def __init__(
        self, path: str | Path, *, sha256: str | None = None, stop: Callable[[], bool] | None = None
    ) -> None:
        self._path = Path(path)
        self._sha256 = sha256
        self._stop = stop
        self._facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        """What the clip is; known with the first frame, final after the last."""
        if self._facts is None:
            raise RuntimeError("the facts of a clip are known with its first frame")
        return self._facts

    def __iter__(self) -> Iterator[Look]:
        """Decode the clip."""
        with opened(self._path) as (container, stream):
            claimed = int(stream.frames or 0)
            stream.thread_type = "NONE"
            before: _Raw | None = None
            last_tracked = -1
            with closing(self._raw(container, stream)) as raws:
                for raw in raws:
                    if before is not None:
                        tracked = before.index % self.facts.stride == 0
                        last_tracked = before.index if tracked else last_tracked
                        yield self._look(before, tracked, False)
                    else:
                        self._facts = _facts(stream, raw, self._sha256 or file_sha256(self._path), claimed)
                    before = raw
            if before is None:
                raise self._bad("It holds no frames.", "Download it again.")
            self._check(before, claimed)
            self._finish(before)
            yield self._look(before, True, True)

    def _raw(self, container: InputContainer, stream: VideoStream) -> Generator[_Raw]:
        index, began, previous = 0, 0.0, -1.0
        rate = float(stream.average_rate or stream.guessed_rate or 24)
        self._irregular = False
        try:
            for frame in container.decode(stream):
                if self._stop is not None and self._stop():
                    raise MeasuringStopped("The measurement was stopped.", "Nothing was kept of it.")
                if index == 0:
                    began = frame.time if frame.time is not None else 0.0
                time_s = (frame.time - began) if frame.time is not None else index / rate
                if time_s <= previous:
                    time_s, self._irregular = previous + 1 / rate, True
                yield _Raw(index, time_s, frame)
                previous = time_s
                index += 1
        except av.FFmpegError as error:
            raise self._bad(
                f"It is damaged after {index} frames ({error.strerror or error}).", "Download it again."
            ) from error

    def _look(self, raw: _Raw, tracked: bool, last: bool) -> Look:
        luma = light_of(raw.frame)
        facts = self.facts
        luma = _resized(luma, facts.luma_size)
        return Look(raw.index, raw.time_s, luma, _resized(luma, facts.small_size), tracked, last)

    def _check(self, last: _Raw, claimed: int) -> None:
        count = last.index + 1
        if claimed and count < _WHOLE * claimed:
            raise self._bad(f"It is cut off: {count} of {claimed} frames are there.", "Download it again.")
        if count == 1:
            raise self._bad(
                "It is a single frame, so nothing moves in it.", "Measure a clip of at least two frames."
            )

    def _finish(self, last: _Raw) -> None:
        count = last.index + 1
        step = last.time_s / (count - 1)
        notes = list(self.facts.notes)
        if self._irregular:
            notes.append("The file's times do not always rise; its average rate was used there.")
        self._facts = replace(
            self.facts, frames=count, fps=1 / step, duration_s=last.time_s + step, notes=tuple(notes)
        )

    def _bad(self, why: str, what_to_do: str) -> MediaError:
        return MediaError(f"Nothing can be measured of {self._path.name}.", why, what_to_do)


@dataclass(slots=True)
class _Raw:
    index: int
    time_s: float
    frame: av.VideoFrame


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _facts(stream: VideoStream, first: _Raw, sha256: str, claimed: int) -> Facts:
    frame = first.frame
    ratio = float(stream.sample_aspect_ratio or 1)
    width, height = max(1, round(frame.width * ratio)), frame.height
    notes = []
    if ratio != 1:
        notes.append(f"The file's pixels are not square; it is measured as shown, {width}×{height}.")
    if quarter_turns(frame) % 2:
        width, height = height, width
    if quarter_turns(frame):
        notes.append("The file says that it is to be shown turned; it is measured as shown.")
    if int(frame.color_trc) in HIGH_RANGE:
        notes.append("The file's high dynamic range was brought to that of an ordinary screen.")
    if min(width, height) < _LEAST_SIDE or width * height > _MOST_PIXELS:
        raise MediaError(
            "Nothing can be measured of this clip.",
            f"Its frames are {width}×{height} pixels.",
            f"Measure a clip with sides of at least {_LEAST_SIDE} pixels, up to 8K.",
        )
    rate = float(stream.average_rate or stream.guessed_rate or 24)
    seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    count = claimed or max(1, round(seconds * rate))
    luma_size = _within((width, height), LUMA_SIDE)
    return Facts(
        (width, height), luma_size, _within(luma_size, SMALL_SIDE), rate, count, count / rate,
        _stride(rate, count), _matrix(int(frame.colorspace)), sha256, tuple(notes),
    )  # fmt: skip


def _stride(rate: float, count: int) -> int:
    """Return how many frames trackers go on by: 30 a second and 150 a clip at most, 6 a second at least."""
    wanted = max(1, math.ceil(rate / _MOST_RATE), math.ceil(count / _MOST_LOOKS))
    return max(1, min(wanted, int(rate / _LEAST_LOOKS_A_SECOND)))


def _matrix(colorspace: int) -> str:
    return "601" if colorspace in _BT601 else "2020" if colorspace in _BT2020 else "709"


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    return reduced_size(*size, side)


def _resized(luma: Luma, size: tuple[int, int]) -> Luma:
    if (luma.shape[1], luma.shape[0]) == size:
        return luma
    method = cv2.INTER_AREA if luma.shape[1] > size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(luma, size, interpolation=method), dtype=np.uint8)
