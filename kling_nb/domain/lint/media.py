"""Rules about the start and end frame (``spec/official-api.md`` §4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kling_nb.domain.brush import same_ratio
from kling_nb.domain.images import ImageRef
from kling_nb.domain.lint.facts import Place, Problems, error, info, warning
from kling_nb.domain.request import VideoRequest

MIN_SIDE: Final = 300
MIN_RATIO: Final = 0.4
MAX_RATIO: Final = 2.5
LARGE_SHARE: Final = 0.75
"""Base64 text of a larger share of the limit passes the limit."""
LARGE_SIDE: Final = 4096
RATIOS: Final = ("16:9", "9:16", "1:1")
"""Ratios every service takes where it takes any."""


def _frames(request: VideoRequest) -> Iterator[tuple[str, ImageRef]]:
    for name, image in (("image", request.image), ("image_tail", request.image_tail)):
        if image is not None:
            yield name, image


def limits(request: VideoRequest, at: Place) -> Problems:
    """L16: smallest side, ratio (stated for the start frame only) and file size."""
    for name, image in _frames(request):
        if image.nbytes > at.door.image_bytes:
            message = (
                f"{name} has {image.nbytes / 1e6:.1f} MB, at most {at.door.image_bytes / 1e6:g} MB are taken"
            )
            yield error("L16", name, message, "save it as JPEG or scale it down")
        if image.size is None:
            continue
        width, height = image.size
        if min(width, height) < MIN_SIDE:
            factor = MIN_SIDE / min(width, height)
            fix = f"scale it up to {round(width * factor)}x{round(height * factor)} or more"
            message = f"{name} is {width}x{height}, both sides need {MIN_SIDE} px"
            yield error("L16", name, message, fix)
        if name == "image" and not MIN_RATIO <= width / height <= MAX_RATIO:
            yield error(
                "L16", name, f"{name} is {width}x{height}, ratio {width / height:.3g}", _crop(width, height)
            )


def _crop(width: int, height: int) -> str:
    wide = width / height > MAX_RATIO
    size = (int(height * MAX_RATIO), height) if wide else (width, int(width / MIN_RATIO))
    return f"width/height must lie within {MIN_RATIO} to {MAX_RATIO}: crop it to {size[0]}x{size[1]}"


def large(request: VideoRequest, at: Place) -> Problems:
    """L17: near the size limit."""
    for name, image in _frames(request):
        if LARGE_SHARE * at.door.image_bytes < image.nbytes <= at.door.image_bytes:
            limit = at.door.image_bytes / 1e6
            message = f"{name} has {image.nbytes / 1e6:.1f} MB; as Base64 text it passes {limit:g} MB"
            yield warning(
                "L17", name, message, f"save it below {LARGE_SHARE * limit:g} MB if the service refuses it"
            )
        if image.size is not None and max(image.size) > LARGE_SIDE:
            message = f"{name} is {image.size[0]}x{image.size[1]}; larger than any output"
            yield warning("L17", name, message, f"{LARGE_SIDE} px are plenty and keep the file small")


def converted(request: VideoRequest, _at: Place) -> Problems:
    """L18: what was changed when the picture was read."""
    for name, image in _frames(request):
        for note in image.notes:
            yield info("L18", name, f"{name}: {note}")


def frames_match(request: VideoRequest, _at: Place) -> Problems:
    """L38: start and end frame should have the same size."""
    if request.image is None or request.image_tail is None:
        return
    first, last = request.image.size, request.image_tail.size
    if first is None or last is None or first == last:
        return
    what = "sizes" if same_ratio(first, last) else "ratios"
    message = f"image is {first[0]}x{first[1]}, image_tail {last[0]}x{last[1]}: the {what} differ"
    yield warning("L38", "image_tail", message, f"crop or scale image_tail to {first[0]}x{first[1]}")


def aspect_ratio(request: VideoRequest, at: Place) -> Problems:
    """L23: the output follows the input picture; a wish that differs from it is not granted."""
    if request.aspect_ratio is None or request.form == "extend":
        return
    if request.form in at.door.ratio_forms:
        if request.aspect_ratio not in RATIOS:
            message = f"aspect_ratio={request.aspect_ratio} is not taken"
            yield error("L23", "aspect_ratio", message, f"use {', '.join(RATIOS)}")
        return
    if request.form == "text2video":
        message = f"aspect_ratio is not sent: {at.door.title} has no place for it"
        yield warning("L23", "aspect_ratio", message, "leave it out")
        return
    wide, _, high = request.aspect_ratio.partition(":")
    size = None if request.image is None else request.image.size
    if size is not None and same_ratio((int(wide), int(high)), size):
        return
    message = f"aspect_ratio={request.aspect_ratio} is not sent: the output follows the start frame"
    yield warning("L23", "aspect_ratio", message, f"crop the picture to {request.aspect_ratio} instead")


RULES: Final = (limits, large, converted, frames_match, aspect_ratio)
