"""What a clip is measured against: everything of a request that can be seen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Timing = Literal["arc", "index"]


@dataclass(frozen=True, slots=True, eq=False)
class AskedObject:
    """One painted object.

    Parameters
    ----------
    label
        The mask's name.
    mask
        (H, W) bool, the size of the start picture.
    path
        (N, 2) float pixels (x, y) of the start picture, origin top-left: the object moves by P(s) - P(0).
    """

    label: str
    mask: NDArray[np.bool_]
    path: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Everything of a request that can be seen in its clip; can be pickled.

    Parameters
    ----------
    size
        (width, height) of the start picture as sent; masks and paths are in its pixels. None without one.
    start, tail
        (H, W, 3) uint8 RGB first and last picture, any scale; None where none was sent.
    objects
        Painted objects with their paths.
    static
        (H, W) bool that should not change; None without one.
    timing
        ``arc``: constant speed along a path (``spec/sandbox.md`` §7); ``index``: equal time from point to
        point.
    camera
        The camera move on the wire, ``{"type": ..., "config": {...}}``; None when none was asked.
    way
        How the brush was used: ``native``, ``endframe`` or ``words``; None without one.
    heading
        (x, y) unit vector of a direction that the prompt names, y downward; None when it names none.
    camera_in_words
        Whether the prompt wants the camera to move: how far nobody has said.
    notes
        What of the request could not be had, for people; they are notes of the scores too.
    key
        Digest that the question is known by; empty makes one of everything in it.
    """

    size: tuple[int, int] | None = None
    start: NDArray[np.uint8] | None = None
    tail: NDArray[np.uint8] | None = None
    objects: tuple[AskedObject, ...] = ()
    static: NDArray[np.bool_] | None = None
    timing: Timing = "arc"
    camera: Mapping[str, Any] | None = None
    way: str | None = None
    heading: tuple[float, float] | None = None
    camera_in_words: bool = False
    notes: tuple[str, ...] = ()
    key: str = ""
    _digest: list[str] = field(default_factory=list, repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of all of it; the notes do not count."""
        if self.key:
            return self.key
        if not self._digest:
            told = (self.size, self.timing, self.camera, self.way, self.heading, self.camera_in_words)
            found = hashlib.sha256(repr(told).encode())
            arrays: list[NDArray[Any] | None] = [self.start, self.tail, self.static]
            arrays += [part for each in self.objects for part in (each.mask, each.path)]
            for array in arrays:
                found.update(b"-" if array is None else repr((array.shape, str(array.dtype))).encode())
                found.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
            self._digest.append(found.hexdigest())
        return self._digest[0]
