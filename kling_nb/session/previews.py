"""The motion of a request as a local video: free, without any service."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import kling_nb
from kling_nb.domain import capabilities
from kling_nb.domain.brush import resize_nearest
from kling_nb.errors import MediaError
from kling_nb.media import decode_image
from kling_nb.render import CameraMove, MaskMotion, RenderPlan, preview_size, render_video

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kling_nb.domain.brush import Mask
    from kling_nb.domain.images import ImageRef
    from kling_nb.domain.request import ImageToVideo
    from kling_nb.domain.trajectory import Size
    from kling_nb.media.encoder import Codec

LABEL = "LOCAL PREVIEW"
COMMENT = "kling_nb local preview; not Kling output"
FPS, SECONDS = 24, 5


def render_preview(
    request: ImageToVideo, identity: str, folder: Path, *, long_side: int = 640, codec: Codec = "h264"
) -> Path:
    """Render a request, or return the file of an earlier equal one.

    The paths are drawn from the request's own pixels, not from the wire form.

    Parameters
    ----------
    request
        Needs a picture on this machine.
    identity
        Digest of the request; names the file.
    folder
        Where previews are kept.
    long_side
        Longest side of the video in pixels.
    codec
        ``h264`` or ``av1``.

    Raises
    ------
    MediaError
        There is no picture, or it is only an address.
    """
    name = hashlib.sha256(f"{identity}:{kling_nb.__version__}:{long_side}:{codec}".encode()).hexdigest()[:16]
    target = folder / f"{name}.mp4"
    if not target.is_file():
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        render_video(plan_of(request, identity, long_side, codec), target)
    return target


def plan_of(request: ImageToVideo, identity: str, long_side: int, codec: Codec = "h264") -> RenderPlan:
    """Return what the renderer needs to know about a request."""
    image, tail = _pixels(request.image), _pixels(request.image_tail)
    picture = image if image is not None else tail
    if picture is None:
        raise MediaError(
            "There is no picture to preview.",
            "A preview needs a start or end frame on this machine; an address is not fetched.",
            "Give a file, an array or a PIL image.",
        )
    height, width = picture.shape[:2]
    out = preview_size(width, height, long_side)
    fps, frames = _timing(request)
    return RenderPlan(
        image=image,
        tail=tail,
        width=out[0],
        height=out[1],
        fps=fps,
        frames=frames,
        motions=motions_of(request, (width, height)),
        static_mask=mask_of_size(request.static_mask, (width, height)),
        camera=None
        if request.camera_control is None
        else CameraMove.from_wire(request.camera_control.to_wire()),
        prompt=request.prompt,
        seed=int(identity[:8], 16),
        label=LABEL,
        codec=codec,
        comment=COMMENT,
    )


def _timing(request: ImageToVideo) -> tuple[int, int]:
    found = capabilities.output_format(request.model_name, request.mode, request.duration)
    return (FPS, FPS * SECONDS + 1) if found is None else (found.fps, found.frames)


def _pixels(image: ImageRef | None) -> NDArray[np.uint8] | None:
    return None if image is None or image.data is None else decode_image(image.data)


def mask_of_size(mask: Mask | None, size: Size) -> NDArray[np.bool_] | None:
    """Return the pixels of a mask at the size of a picture, None without pixels."""
    return None if mask is None or mask.array is None else resize_nearest(mask.array, size)


def motions_of(request: ImageToVideo, size: Size) -> tuple[MaskMotion, ...]:
    """Return the regions of a request with their paths, as the renderer takes them."""
    found = []
    for group in request.dynamic_masks:
        bits = mask_of_size(group.mask, size)
        if bits is not None:
            found.append(MaskMotion(bits, group.trajectory.pixels))
    return tuple(found)
