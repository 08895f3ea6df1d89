"""How every painted object of a clip moved, and how well that is what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.domain.scores import ObjectScores
from kling_nb.motion.fields import carried
from kling_nb.score.asked import Asked, AskedObject
from kling_nb.score.expected import asked_displacement, progress
from kling_nb.score.pathscores import path_scores
from kling_nb.score.start import Registration, covered_by
from kling_nb.score.track import Sighting, Track

Array = NDArray[Any]

_LEVEL_PIXELS = 1600
_LEVEL_SIDE = 320
_LEVEL_THICKNESS = 10
_BLUR = 0.8
_EDGE = 2
_KEPT_SHARE = 0.4
_LEAST_SEEN = 0.65
_UNLIKE, _DISTINCT = 0.5, 0.1
# Contrast that coding, which errs by one or two levels, can take away; how exact the path is to be known of
# what has no more, in standard errors and as a share of the diagonal.
_FAINT, _ERRORS, _EXACT = 5.0, 3.0, 0.001
_SINGULAR = 1e-6
_TWIN = "own_"
_TWINS = ("path_error", "end_error", "direction", "gain", "lag")


class FrameLook(Protocol):
    """What is read of a frame: :class:`kling_nb.score.clip.Look` has it."""

    @property
    def time_s(self) -> float:
        """Seconds after the first frame."""

    @property
    def last(self) -> bool:
        """Whether it is the last frame of the clip."""

    @property
    def luma(self) -> NDArray[np.uint8]:
        """(H, W) light, 0 to 255."""


@dataclass(slots=True, eq=False)
class _Followed:
    """One object, the level it is followed at, and its middle in pixels of ``luma``."""

    asked: AskedObject
    path: Array
    middle: Array
    level: int
    track: Track | None
    why: str = ""


class ObjectTracker:
    """Follows all painted objects frame by frame.

    Parameters
    ----------
    asked
        What was asked.
    place
        Where the start picture is in the video.
    labels
        Boxes (x, y, width, height) in pixels of ``luma`` with labels and watermarks: they lie on top of
        everything, stay where they are, and say nothing of what is below them.
    """

    def __init__(
        self, asked: Asked, place: Registration, labels: Sequence[tuple[int, int, int, int]] = ()
    ) -> None:
        self._asked, self._place, self._labels = asked, place, labels
        self._scale = np.array(place.facts.scale, dtype=np.float64)
        self._objects: list[_Followed] = []
        self._times: list[float] = []
        self._size = (0, 0)

    def see(self, look: FrameLook) -> None:
        """Take the next frame; the first one says what the objects look like."""
        first = not self._times
        self._times.append(look.time_s)
        if not self._asked.objects:
            return
        if first:
            self._size = (look.luma.shape[1], look.luma.shape[0])
            self._begin(look.luma)
            return
        followed = [each for each in self._objects if each.track is not None and not each.track.refusal]
        if not followed:
            return
        levels = _levels(look.luma, {each.level for each in followed})
        for each in followed:
            assert each.track is not None
            each.track.see(levels[each.level], look.time_s, last=look.last)

    def result(self, camera: Sequence[Array | None] | None = None) -> tuple[ObjectScores, ...]:
        """Return the scores of each object, in the order of the request.

        Parameters
        ----------
        camera
            A (3, 3) homography for every frame seen, from the first frame to that one in pixels of
            ``luma``; None where it is not known.
        """
        return tuple(self._judged(each, camera) for each in self._objects)

    def _begin(self, luma: Array) -> None:
        masks = [self._place.mask(each.mask) for each in self._asked.objects]
        label = covered_by(self._labels, luma.shape)
        taken = np.zeros(luma.shape, np.bool_) if label is None else label.copy()
        if self._asked.static is not None:
            taken |= self._place.mask(self._asked.static)
        own = []
        # A pixel belongs to one region only: to the static one first, else to the one painted last.
        for mask in reversed(masks):
            own.append(mask & ~taken)
            taken |= mask
        chosen = [_level(mask, luma.shape) for mask in own[::-1]]
        levels = _levels(luma, set(chosen))
        for each, mask, level in zip(self._asked.objects, own[::-1], chosen, strict=True):
            path = self._place.points(each.path)
            if not mask.any():
                why = _nothing_left(self._place.mask(each.mask), label)
                self._objects.append(_Followed(each, path, np.zeros(2), level, None, why))
                continue
            middle = np.argwhere(mask).mean(axis=0)[::-1]
            picture = levels[level]
            factor = picture.shape[1] / luma.shape[1], picture.shape[0] / luma.shape[0]
            there = (middle + 0.5) * factor - 0.5
            hidden = None if label is None else _reduced(label, picture.shape) > 0
            wanted = asked_displacement(path, np.ones(1), self._asked.timing)[0] * factor
            track = Track(picture, _core(mask, picture.shape), there, hidden, wanted)
            self._objects.append(_Followed(each, path, middle, level, track))

    def _judged(self, each: _Followed, camera: Sequence[Array | None] | None) -> ObjectScores:
        why = each.why or self._why_not(each)
        if why:
            return self._lost(each, why)
        assert each.track is not None
        sightings = each.track.sightings
        seen = [index for index, sighting in enumerate(sightings) if sighting.way]
        times = np.array([sightings[index].time_s for index in seen])
        end = self._times[-1]
        shares = progress(times, end)
        factor = self._factor(each)
        moved = np.array([(sightings[i].pose.dx, sightings[i].pose.dy) for i in seen]) * factor
        video_path = each.path / self._scale
        size = np.array(self._size) / self._scale
        settings: dict[str, Any] = {
            "duration": end,
            "diagonal": float(np.hypot(*size)),
            "ends": seen[-1] == len(self._times) - 1,
        }
        values = path_scores(video_path, self._asked.timing, shares, moved / self._scale, **settings)
        values |= dict.fromkeys([_TWIN + name for name in _TWINS])
        matrices = [] if camera is None else [camera[index] for index in seen]
        known = [matrix for matrix in matrices if matrix is not None and _turns_back(matrix)]
        if len(known) == len(seen):
            stayed = np.array(
                [
                    carried(each.middle + shift, np.linalg.inv(matrix))
                    for shift, matrix in zip(moved, known, strict=True)
                ]
            )
            own = path_scores(
                video_path, self._asked.timing, shares, (stayed - each.middle) / self._scale, **settings
            )
            values |= {_TWIN + name: own[name] for name in _TWINS}
        middle = (each.middle + 0.5) / self._scale - 0.5
        wanted = middle + asked_displacement(video_path, shares, self._asked.timing)
        return ObjectScores(
            each.asked.label,
            values,
            _confidence(each.track),
            method=_method(sightings),
            asked=_pairs(wanted),
            measured=_pairs(middle + moved / self._scale),
            times=tuple(round(float(time), 4) for time in times),
        )

    def _lost(self, each: _Followed, why: str) -> ObjectScores:
        """Return an object that could not be followed: where it should have been is known all the same."""
        label = each.asked.label
        if each.track is None or not self._times or self._times[-1] <= 0:
            return ObjectScores(label, {}, 0.0, why)
        times = np.array(self._times)
        shares = progress(times, self._times[-1])
        middle = (each.middle + 0.5) / self._scale - 0.5
        wanted = middle + asked_displacement(each.path / self._scale, shares, self._asked.timing)
        moments = tuple(round(float(time), 4) for time in times)
        return ObjectScores(label, {}, 0.0, why, asked=_pairs(wanted), times=moments)

    def _factor(self, each: _Followed) -> Array:
        """Pixels of luma per pixel of the level."""
        width, height = _level_size(self._size, each.level)
        return np.array([self._size[0] / width, self._size[1] / height])

    def _why_not(self, each: _Followed) -> str:
        track = each.track
        assert track is not None
        if track.refusal:
            return track.refusal
        sightings = track.sightings
        if len(sightings) < 2:
            return "there is only one frame"
        if track.doubt:
            return track.doubt
        seen = np.array([bool(sighting.way) for sighting in sightings])
        if seen.mean() < _LEAST_SEEN or not seen[-1]:
            last = sightings[int(np.flatnonzero(seen)[-1])].time_s
            if not seen[-1]:
                return f"it was lost after {last:.1f} s"
            return f"it was seen in {100 * seen.mean():.0f} % of the frames only"
        faint = "it has little detail, and the coding of the clip took too much of that away"
        return faint if _too_faint(track) else ""


def _turns_back(matrix: Array) -> bool:
    return bool(np.isfinite(matrix).all()) and abs(float(np.linalg.det(matrix))) > _SINGULAR


def _too_faint(track: Track) -> bool:
    """Whether coding may have taken away what its place is told by: it is uncertain, where it was seen."""
    wrong = float(np.mean([sighting.precision for sighting in track.sightings if sighting.way]))
    return track.contrast < _FAINT and wrong * _ERRORS > _EXACT * track.diagonal


def _confidence(track: Track) -> float:
    """Return 0 to 1: likeness to the first frame, on average and at its worst, where it was seen.

    Less where it was not, and where other places look alike.
    """
    likeness = np.array(
        [s.zncc if s.way == "template" else s.zncc * s.share for s in track.sightings if s.way]
    )
    surely = np.clip((likeness - _UNLIKE) / (1 - _UNLIKE), 0, 1)
    seen = float(np.mean([bool(s.way) for s in track.sightings]))
    distinct = min(1.0, (1 - track.lookalike) / _DISTINCT)
    return float(seen * distinct * (surely.mean() + np.quantile(surely, 0.05)) / 2)


def _method(sightings: list[Sighting]) -> str:
    """Return how it was seen in most frames."""
    ways = [sighting.way for sighting in sightings if sighting.way]
    return "template" if 2 * ways.count("template") >= len(ways) else "points"


def _pairs(places: Array) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in places)


def _core(mask: Array, shape: tuple[int, ...]) -> Array:
    """Return the part of a mask away from its soft edge, at a level's size; all of it where that is thin."""
    small = _reduced(mask, shape) >= 0.5
    factor = shape[1] / mask.shape[1]
    depth = cv2.distanceTransform(
        cv2.copyMakeBorder(small.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 5
    )[1:-1, 1:-1]
    core = np.asarray(depth > max(1.0, _EDGE * factor * max(1, mask.shape[1] / 640)))
    return core if core.sum() >= _KEPT_SHARE * small.sum() else small


def _reduced(mask: Array, shape: tuple[int, ...]) -> Array:
    """Return the share of each pixel of a level that a mask takes."""
    return np.asarray(cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA))


def _nothing_left(painted: Array, label: Array | None) -> str:
    """Say why there is nothing of a mask to be followed."""
    if not painted.any():
        return "nothing of it is in the video"
    if label is not None and not (painted & ~label).any():
        return "a label covers it"
    return "other masks cover it"


def _level(mask: Array, shape: tuple[int, ...]) -> int:
    """Return how often the picture is halved to follow a region: large ones need no fine detail."""
    area, level = float(mask.sum()), 0
    thickness = 2 * float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3).max())
    while (
        area / 4**level > _LEVEL_PIXELS
        and max(shape) / 2 ** (level + 1) >= _LEVEL_SIDE
        and thickness / 2 ** (level + 1) >= _LEVEL_THICKNESS
    ):
        level += 1
    return level


def _level_size(size: tuple[int, int], level: int) -> tuple[int, int]:
    return max(8, size[0] >> level), max(8, size[1] >> level)


def _levels(luma: Array, wanted: set[int]) -> dict[int, Array]:
    """Return the picture at those levels, slightly blurred."""
    size = (luma.shape[1], luma.shape[0])
    found, current = {}, luma
    for level in range(max(wanted) + 1):
        if level:
            current = np.asarray(cv2.resize(current, _level_size(size, level), interpolation=cv2.INTER_AREA))
        if level in wanted:
            found[level] = np.asarray(cv2.GaussianBlur(current, (5, 5), _BLUR))
    return found
