"""Asynchronous checks of pictures and masks, in the order of ``spec/sandbox.md`` §3.

Fetch, decode, size and ratio, masks, content: what fails here fails the task, not the call.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from kling_nb.sandbox.config import Config
from kling_nb.sandbox.failures import (
    CONTENT_RISK,
    FETCH_FAILED,
    IMAGE_INVALID,
    MASK_RATIO,
    MASK_RESOLUTION,
)
from kling_nb.sandbox.fetch import FetchError
from kling_nb.sandbox.tasks import Job

SHORTEST_SIDE = 300
RATIOS = (0.4, 2.5)
MASK_RATIO_TOLERANCE = 0.01
FORMATS = frozenset({"JPEG", "PNG"})
LARGEST_PIXELS = 89_000_000

Size = tuple[int, int]

Load = Callable[[str], bytes]
"""Returns what lies behind an http(s) URL or raises ``FetchError``."""


class JobFailedError(Exception):
    """The task fails with these words; ``note`` explains it in the debug record."""

    def __init__(self, message: str, note: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.note = note


@dataclass(frozen=True, slots=True)
class Picture:
    """An input as received: the bytes and their pixel size."""

    data: bytes
    size: Size


@dataclass(frozen=True, slots=True)
class Inputs:
    """Every picture of a job after the checks."""

    image: Picture | None
    tail: Picture | None
    static_mask: Picture | None
    masks: tuple[Picture, ...]


def read_inputs(job: Job, config: Config, load: Load) -> Inputs:
    """Fetch, decode and check everything a job needs.

    Raises
    ------
    JobFailedError
        A01-A04, the first in the order of the module's title.
    """
    sources = [job.image, job.image_tail, job.static_mask, *(group.mask for group in job.dynamic_masks)]
    raw = [source and _bytes(source, load) for source in sources]
    pictures = [data and _decoded(data) for data in raw]
    image, tail, static, *masks = (p if isinstance(p, Picture) else None for p in pictures)
    for picture in filter(None, (image, tail)):
        _check_limits(picture, job.media_limit)
    for picture in filter(None, (image, tail if job.tail_ratio else None)):
        _check_ratio(picture)
    found = Inputs(image, tail, static, tuple(mask for mask in masks if mask))
    _check_masks(found, job.media_limit)
    _check_content(job, config)
    return found


def read_picture(source: str, load: Load, limit: int) -> Picture:
    """Fetch, decode and check one picture.

    Parameters
    ----------
    source
        Raw Base64 or an http(s) URL.
    load
        Fetches a URL.
    limit
        Bytes allowed.

    Raises
    ------
    JobFailedError
        A01 or A04.
    """
    picture = _decoded(_bytes(source, load))
    _check_limits(picture, limit)
    _check_ratio(picture)
    return picture


def _bytes(source: str, load: Load) -> bytes:
    if not source[:8].lower().startswith(("http://", "https://")):
        return base64.b64decode(source)
    try:
        return load(source)
    except FetchError as error:
        raise JobFailedError(FETCH_FAILED, str(error)) from error


def _decoded(data: bytes) -> Picture:
    try:
        with Image.open(io.BytesIO(data), formats=sorted(FORMATS)) as picture:
            if picture.width * picture.height > LARGEST_PIXELS:
                raise JobFailedError(IMAGE_INVALID, "more pixels than the sandbox decodes")
            picture.load()
            turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            size = picture.size[::-1] if turned else picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise JobFailedError(IMAGE_INVALID, f"no readable JPEG or PNG: {type(error).__name__}") from error
    return Picture(data, size)


def _check_limits(picture: Picture, limit: int) -> None:
    width, height = picture.size
    if len(picture.data) > limit:
        raise JobFailedError(IMAGE_INVALID, f"{len(picture.data)} bytes are more than {limit}")
    if min(width, height) < SHORTEST_SIDE:
        raise JobFailedError(IMAGE_INVALID, f"{width}x{height} is below {SHORTEST_SIDE} pixels")


def _check_ratio(picture: Picture) -> None:
    width, height = picture.size
    if not RATIOS[0] <= width / height <= RATIOS[1]:
        raise JobFailedError(
            IMAGE_INVALID, f"ratio {width / height:.3f} is outside {RATIOS[0]} to {RATIOS[1]}"
        )


def _check_masks(found: Inputs, limit: int) -> None:
    masks = [mask for mask in (found.static_mask, *found.masks) if mask]
    if not masks or not found.image:
        return
    wanted = found.image.size[0] / found.image.size[1]
    for mask in masks:
        if abs(mask.size[0] / mask.size[1] / wanted - 1) > MASK_RATIO_TOLERANCE:
            raise JobFailedError(MASK_RATIO, f"mask {mask.size} for image {found.image.size}")
    if len({mask.size for mask in masks}) > 1:
        raise JobFailedError(MASK_RESOLUTION, f"mask sizes {sorted({mask.size for mask in masks})}")
    for mask in masks:
        _check_limits(mask, limit)


def _check_content(job: Job, config: Config) -> None:
    prompt = job.prompt.casefold()
    if any(word.casefold() in prompt for word in config.content_words if word):
        raise JobFailedError(CONTENT_RISK)
