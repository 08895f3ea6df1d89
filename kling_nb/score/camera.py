"""What the camera did: one homography for every frame, from points that are neither painted nor label.

How far a real camera moves for a unit of the request is not documented, so that only direction and
proportions are held against it, never the amount.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.score.clip import Facts, Look
from kling_nb.score.keyframe import Key
from kling_nb.score.stillness import Witnesses

Array = NDArray[Any]

_STRAY = 22
_LOST = 4
_BRIDGE_S = 0.6
_MOST_UNKNOWN = 0.3

_TOO_LITTLE = (
    "too little of the picture could be followed to tell the camera's motion: it is too soft, or changes "
    "too much"
)
_TORN = "one part of the picture stays and another moves, so that the camera's motion is not certain"


@dataclass(frozen=True, slots=True, eq=False)
class CameraTrack:
    """The camera over a clip.

    Parameters
    ----------
    indices, times
        Frames that were looked at, and their seconds.
    matrices
        (N, 3, 3) from pixels of the first frame's luma to each frame's; not a number where unknown.
    confidences
        (N,) 0 to 1; 0 where unknown.
    why
        Why nothing is known of the camera; empty when it is.
    """

    indices: Array
    times: Array
    matrices: Array
    confidences: Array
    why: str = ""
    _places: dict[int, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._places.update({int(index): place for place, index in enumerate(self.indices)})

    @property
    def known(self) -> bool:
        """Whether there is a camera to speak of."""
        return not self.why

    @property
    def confidence(self) -> float:
        """0 to 1 for the whole clip."""
        return 0.0 if self.why else float(min(np.median(self.confidences), self.confidences[-1]))

    def at(self, index: int) -> Array | None:
        """Return the matrix of a frame, None where it is unknown."""
        place = self._places.get(index)
        if place is None or self.why or not np.isfinite(self.matrices[place]).all():
            return None
        return np.asarray(self.matrices[place])

    def step(self, index: int) -> tuple[Array, float] | None:
        """Return the matrix from a frame to the next one that was looked at, and the seconds between."""
        place = self._places.get(index)
        if place is None or self.why or place + 1 >= len(self.indices):
            return None
        here, there = self.matrices[place], self.matrices[place + 1]
        if not np.isfinite([here, there]).all():
            return None
        return there @ np.linalg.inv(here), float(self.times[place + 1] - self.times[place])


class CameraMeter:
    """Follows points of a key frame, which is renewed as it goes out of sight.

    Parameters
    ----------
    facts
        The clip.
    excluded
        (H, W) bool of the size of luma: painted objects on their way and labels, where no points are taken.
    anchored
        (H, W) bool of the size of luma: what was asked to keep still.
    labels_known
        Whether ``excluded`` holds all labels that there are.
    """

    def __init__(
        self,
        facts: Facts,
        excluded: Array | None = None,
        anchored: Array | None = None,
        *,
        labels_known: bool = True,
    ) -> None:
        self._labels_known = labels_known
        self._scale = np.diag([*facts.small_scale, 1.0])
        self._back = np.linalg.inv(self._scale)
        self._size = facts.small_size
        self._allowed = np.ones(facts.small_size[::-1], np.bool_)
        if excluded is not None:
            share = cv2.resize(excluded.astype(np.float32), facts.small_size, interpolation=cv2.INTER_AREA)
            self._allowed = share < 0.01
        self._anchored = None
        if anchored is not None:
            share = cv2.resize(anchored.astype(np.float32), facts.small_size, interpolation=cv2.INTER_AREA)
            self._anchored = share > 0.99
        self._key: Key | None = None
        self._witnesses: Witnesses | None = None
        self._torn = 0
        self._lost = 0
        self._texture = True
        self._rows: list[tuple[int, float, Array, float]] = []

    def see(self, look: Look) -> Array | None:
        """Take in one frame; return its matrix if it is known."""
        if self._key is None:
            self._start(look)
            return np.eye(3)
        key, witnesses = self._key, self._witnesses
        assert witnesses is not None
        step = key.fit(look.small) if self._texture and self._lost < _LOST else None
        whole = None if step is None else step @ key.matrix
        verdict = witnesses.judge(look.small, whole)
        if verdict.still:
            whole, step = np.eye(3), np.linalg.inv(key.matrix)
        if whole is None or step is None or verdict.still is None:
            self._lost += step is None
            self._torn += verdict.still is None
            self._rows.append((look.index, look.time_s, np.full((3, 3), np.nan), 0.0))
            return None
        self._lost = 0
        confidence = verdict.confidence * (1.0 if verdict.still else key.confidence)
        self._rows.append((look.index, look.time_s, self._back @ whole @ self._scale, confidence))
        if key.worn(step):
            renewed = Key(look.small, self._places(whole, key), whole)
            if renewed.usable:
                self._key = renewed
        return self._rows[-1][2]

    def result(self) -> CameraTrack:
        """Return the camera over the clip, short gaps bridged."""
        indices, times, matrices, confidences = (np.array(each) for each in zip(*self._rows, strict=True))
        why = ""
        if not self._texture:
            why = "the picture has too little texture outside the painted objects to tell the camera's motion"
        elif confidences[-1] <= 0 or (confidences <= 0).mean() > _MOST_UNKNOWN:
            why = _TORN if self._torn else _TOO_LITTLE
        else:
            matrices, confidences = _bridged(times, matrices, confidences)
        return CameraTrack(indices, times, matrices, confidences, why)

    def _start(self, look: Look) -> None:
        self._key = Key(look.small, self._allowed, np.eye(3))
        self._texture = self._key.usable
        self._witnesses = Witnesses(
            look.small, self._allowed, self._anchored, labels_known=self._labels_known
        )
        self._rows.append((look.index, look.time_s, np.eye(3), 1.0 if self._texture else 0.0))

    def _places(self, whole: Array, key: Key) -> Array:
        """Where new points may be: nowhere near what is painted or went its own way."""
        banned = cv2.warpPerspective((~self._allowed).astype(np.uint8), whole, self._size)
        for x, y in key.strays:
            cv2.circle(banned, (round(float(x)), round(float(y))), _STRAY, 1, -1)
        return np.asarray(banned == 0)


def _bridged(times: Array, matrices: Array, confidences: Array) -> tuple[Array, Array]:
    """Fill gaps of at most half a second between two known frames."""
    matrices, confidences = matrices.copy(), confidences.copy()
    known = np.flatnonzero(confidences > 0)
    for before, after in pairwise(known):
        if after - before > 1 and times[after] - times[before] <= _BRIDGE_S:
            for place in range(before + 1, after):
                share = (times[place] - times[before]) / (times[after] - times[before])
                matrices[place] = matrices[before] * (1 - share) + matrices[after] * share
                confidences[place] = 0.5 * min(confidences[before], confidences[after])
    return matrices, confidences
