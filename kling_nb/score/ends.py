"""Whether the clip begins with the start picture and ends with the end picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.score.asked import Asked
from kling_nb.score.clip import Facts, Look
from kling_nb.score.likeness import found_details, psnr, ssim
from kling_nb.score.start import Registration, located

Array = NDArray[Any]
Box = tuple[int, int, int, int]

_MANY = 60


@dataclass(frozen=True, slots=True)
class EndScores:
    """How alike a frame and an asked picture are.

    Parameters
    ----------
    psnr, ssim
        At a long side of at most 640 pixels; None when the picture covers too little of the frame.
    match
        Share of the picture's details found at their place; None with too few details.
    confidence
        Of the match, 0 to 1.
    """

    psnr: float | None = None
    ssim: float | None = None
    match: float | None = None
    confidence: float = 0.0


def likeness(picture: Array, registration: Registration, look: Look, labels: tuple[Box, ...]) -> EndScores:
    """Compare a frame with a picture that was sent.

    Parameters
    ----------
    picture
        Gray picture of the registration's shape, at any scale.
    registration
        Where it is in the video.
    look
        The frame.
    labels
        Boxes in luma that are not compared: labels and watermarks.
    """
    facts = registration.facts
    wanted = _small(registration.picture(picture), facts)
    covered = registration.picture(np.ones(picture.shape, np.float32), outside=0) > 0.99
    for x, y, width, height in labels:
        covered[y : y + height, x : x + width] = False
    where = _small(covered.astype(np.float32), facts) > 0.99
    if where.mean() < 0.1:
        return EndScores()
    share, count = found_details(wanted, look.small, where)
    everywhere = None if where.all() else where
    return EndScores(
        psnr(wanted, look.small, everywhere),
        ssim(wanted, look.small, everywhere),
        share,
        min(1.0, count / _MANY),
    )


def end_likeness(
    asked: Asked, start: Registration | None, last: Look, facts: Facts, labels: tuple[Box, ...]
) -> EndScores:
    """Compare the last frame with the asked end picture; one of the start picture's shape lies as it does."""
    assert asked.tail is not None
    gray = facts.gray(asked.tail)
    size = (gray.shape[1], gray.shape[0])
    if (
        start is not None
        and not start.why
        and abs(size[0] * start.size[1] / (size[1] * start.size[0]) - 1) < 0.002
    ):
        registration = start
    else:
        registration = located(gray, size, last.luma, facts)
    return likeness(gray, registration, last, labels)


def _small(picture: Array, facts: Facts) -> Array:
    return np.asarray(cv2.resize(picture, facts.small_size, interpolation=cv2.INTER_AREA))
