"""What a clip is measured against by reference: small, quickly compared, and readable wherever the files are.

A question names pictures and masks by their digests. Whoever measures, a process on this machine or on
another one, reads them; so thousands of questions wait in little memory, and whether a clip was measured
before is known without decoding anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from kling_nb.domain.brush import mask_bits, resize_nearest
from kling_nb.domain.trajectory import Trajectory
from kling_nb.errors import MediaError, RequestRefused
from kling_nb.score.asked import Asked, AskedObject, Timing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Read = Callable[[str], bytes]

LONG_SIDE: Final = 1280
"""Start and end picture are compared at most at this size, in pixels."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything of a request that can be seen in its clip, with files in place of pixels.

    Parameters
    ----------
    size
        (width, height) of the start picture as sent.
    start, tail
        SHA-256 of the files of first and last picture.
    brush
        What :meth:`MotionBrush.to_json` returns, without masks whose pixels cannot be had.
    masks
        Digest of a mask's bits to that of its file.
    way, timing, camera, heading, camera_in_words, notes
        As for :class:`Asked`.
    """

    size: tuple[int, int] | None = None
    start: str | None = None
    tail: str | None = None
    brush: Mapping[str, Any] | None = None
    masks: Mapping[str, str] = field(default_factory=dict)
    way: str | None = None
    timing: Timing = "arc"
    camera: Mapping[str, Any] | None = None
    heading: tuple[float, float] | None = None
    camera_in_words: bool = False
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of what is asked; the same for every run that asks the same."""
        told = (
            *(self.size, self.start, self.tail, self.brush, self.way, self.timing, self.camera, self.heading),
            self.camera_in_words,
        )
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @property
    def files(self) -> tuple[str, ...]:
        """SHA-256 of every file that :meth:`asked` reads."""
        wanted = [self.start, self.tail, *(self._file(row["sha256"]) for row in self._mask_rows())]
        return tuple(dict.fromkeys(each for each in wanted if each))

    def asked(self, read: Read) -> Asked:
        """Return the question with its pixels.

        Parameters
        ----------
        read
            Returns the bytes of a file by its SHA-256, or raises ``MediaError``; what it cannot give is left
            out, with a note.
        """
        notes = list(self.notes)
        brush = self.brush or {}
        size = self.size or (tuple(brush["size"]) if brush else None)
        static = brush.get("static_mask")
        return Asked(
            size=size,
            start=self._picture(self.start, "start picture", read, notes),
            tail=self._picture(self.tail, "end picture", read, notes),
            objects=tuple(self._objects(size, read, notes)),
            static=None if static is None else self._bits(static, "static mask", size, read, notes),
            timing=self.timing,
            camera=self.camera,
            way=self.way,
            heading=self.heading,
            camera_in_words=self.camera_in_words,
            notes=tuple(notes),
            key=self.digest,
        )

    def _mask_rows(self) -> Iterator[Mapping[str, Any]]:
        brush = self.brush or {}
        yield from (row["mask"] for row in brush.get("dynamic_masks", ()))
        if brush.get("static_mask") is not None:
            yield brush["static_mask"]

    def _file(self, bits: str) -> str:
        return self.masks.get(bits, bits)

    def _objects(self, size: tuple[int, int] | None, read: Read, notes: list[str]) -> Iterator[AskedObject]:
        for row in (self.brush or {}).get("dynamic_masks", ()):
            label = str(row["label"])
            mask = self._bits(row["mask"], f"mask of {label}", size, read, notes)
            if mask is not None:
                yield AskedObject(label, mask, Trajectory.from_json(row["trajectory"]).pixels)

    def _bits(
        self,
        row: Mapping[str, Any],
        what: str,
        size: tuple[int, int] | None,
        read: Read,
        notes: list[str],
    ) -> NDArray[np.bool_] | None:
        from kling_nb.media import decode_image  # noqa: PLC0415 - Pillow takes a while to load

        try:
            bits = mask_bits(decode_image(read(self._file(row["sha256"]))))
        except (MediaError, RequestRefused) as error:
            notes.append(f"The {what} cannot be read: {str(error).splitlines()[0]}")
            return None
        return bits if size is None else resize_nearest(bits, size)

    def _picture(
        self, sha256: str | None, what: str, read: Read, notes: list[str]
    ) -> NDArray[np.uint8] | None:
        from kling_nb.media import decode_image  # noqa: PLC0415 - as above

        if sha256 is None:
            return None
        try:
            return _reduced(decode_image(read(sha256)))
        except MediaError as error:
            notes.append(f"The {what} cannot be read: {str(error).splitlines()[0]}")
            return None


def _reduced(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2  # noqa: PLC0415 - only where something is measured

    height, width = picture.shape[:2]
    share = LONG_SIDE / max(height, width)
    if share >= 1:
        return picture
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
