"""The motion of a request as a local video: free, without any service."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from kling_nb import __version__
from kling_nb.domain import capabilities
from kling_nb.domain.brush import resize_nearest
from kling_nb.domain.images import ImageRef
from kling_nb.errors import MediaError
from kling_nb.media import decode_image
from kling_nb.render import (
    CameraMove,
    MaskMotion,
    Memory,
    RenderPlan,
    RenderReport,
    content_digest,
    preview_size,
    render_video,
    resize_mask,
    resize_rgb,
    resize_still,
    stretch_rgb,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kling_nb.domain.brush import Mask
    from kling_nb.domain.door import Form
    from kling_nb.domain.request import VideoRequest
    from kling_nb.domain.trajectory import Size
    from kling_nb.media.encoder import Codec

    Resize = Callable[[NDArray[np.uint8], int, int], NDArray[np.uint8]]

LABEL = "LOCAL PREVIEW"
COMMENT = "kling_nb local preview; not Kling output"
FPS, SECONDS = 24, 5
EVERY = 2
"""A preview shows every second frame: half the wait after an edit, and motion and speed are seen as well."""

MEMORY_BYTES = 96_000_000
"""What previews keep of pictures, masks and backgrounds, so that a small edit costs little."""

_memory = Memory(MEMORY_BYTES)
_KEPT_REPORTS = 4
_reports: OrderedDict[Path, RenderReport] = OrderedDict()
_lock = Lock()


def render_preview(
    request: VideoRequest, identity: str, folder: Path, *, long_side: int = 640, codec: Codec = "h264"
) -> tuple[Path, RenderReport | None]:
    """Render a request, or return the file of an earlier one that looks the same.

    The paths are drawn from the request's own pixels, not from the wire form.

    Parameters
    ----------
    request
        Needs a picture on this machine.
    identity
        Digest of the request; decides what is free to choose.
    folder
        Where previews are kept.
    long_side
        Longest side of the video in pixels.
    codec
        ``h264`` or ``av1``.

    Returns
    -------
    (Path, RenderReport or None)
        The file, and the truth about it; None for a file from longer ago.

    Raises
    ------
    MediaError
        There is no picture, or it is only an address.
    """
    plan = plan_of(request, identity, long_side, codec)
    target = folder / f"{content_digest(__version__, plan)[:16]}.mp4"
    if target.is_file():
        with _lock:
            return target, _reports.get(target)
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    report = render_video(plan, target, memory=_memory)
    with _lock:
        _reports[target] = report
        while len(_reports) > _KEPT_REPORTS:
            _reports.popitem(last=False)
    return target, report


def forget() -> None:
    """Drop what is kept in memory; the files stay."""
    _memory.clear()
    with _lock:
        _reports.clear()


def plan_of(
    request: VideoRequest,
    identity: str,
    long_side: int = 640,
    codec: Codec = "h264",
    memory: Memory = _memory,
) -> RenderPlan:
    """Return what the renderer needs to know about a request, pictures and masks at the video's size.

    Parameters
    ----------
    request, identity, long_side, codec
        As for :func:`render_preview`.
    memory
        Keeps the reduced pictures and masks.
    """
    image, tail = (_with_pixels(picture) for picture in (request.image, request.image_tail))
    size = (image or tail or ImageRef()).size
    if size is None:
        raise _nothing_to_show(request.form)
    width, height = out = preview_size(*size, long_side)
    scale = np.array(out) / np.array(size)
    fps, frames = _timing(request)
    masks = [_reduced(group.mask, size, out, memory) for group in request.dynamic_masks]
    motions = tuple(
        MaskMotion(mask, group.trajectory.pixels * scale)
        for mask, group in zip(masks, request.dynamic_masks, strict=True)
        if mask is not None
    )
    camera = request.camera_control
    # Words and chance steer the gentle default motion only: beside another one they make no other video.
    steered = bool(motions) or camera is not None or (image is not None and tail is not None)
    return RenderPlan(
        image=None if image is None else _shown(image, out, stretch_rgb, memory),
        tail=None if tail is None else _shown(tail, out, resize_rgb, memory),
        width=width,
        height=height,
        fps=fps,
        frames=frames,
        motions=motions,
        static_mask=_reduced(request.static_mask, size, out, memory, still=True),
        camera=None if camera is None else CameraMove.from_wire(camera.to_wire()),
        prompt="" if steered else request.prompt,
        seed=0 if steered else int(identity[:8], 16),
        label=LABEL,
        codec=codec,
        comment=COMMENT,
        hasty=True,
    )


def _nothing_to_show(form: Form) -> MediaError:
    words = {
        "text2video": (
            "There is nothing to preview: text-to-video begins without a picture.",
            "Only the service can make pictures from words; a preview moves one that is there.",
            'Give image=…, or rehearse the whole run with provider="sandbox".',
        ),
        "extend": (
            "There is nothing to preview: a longer clip begins with the last frame of the video.",
            "That frame is not part of the request, and what follows is up to the service.",
            "Look at the video of the run that goes on.",
        ),
        "image2video": (
            "There is no picture to preview.",
            "A preview needs a start or end frame on this machine; an address is not fetched.",
            "Give a file, an array or a PIL image.",
        ),
    }
    return MediaError(*words[form])


def _with_pixels(image: ImageRef | None) -> ImageRef | None:
    return image if image is not None and image.data is not None else None


def _shown(image: ImageRef, out: Size, resize: Resize, memory: Memory) -> NDArray[np.uint8]:
    """Return a picture at the video's size."""
    data = image.data
    assert data is not None
    step = f"picture {resize.__name__}"
    return memory.get(step, (image.sha256, out), lambda: resize(decode_image(data), *out))


def _reduced(
    mask: Mask | None, size: Size, out: Size, memory: Memory, *, still: bool = False
) -> NDArray[np.bool_] | None:
    """Return a mask at the video's size, None without pixels."""
    if mask is None or mask.array is None:
        return None
    resize = resize_still if still else resize_mask
    bits = mask.array
    step = f"mask {resize.__name__}"
    return memory.get(step, (mask.sha256, size, out), lambda: resize(resize_nearest(bits, size), *out))


def _timing(request: VideoRequest) -> tuple[int, int]:
    """Return rate and number of frames: as long as the real video, with every second of its frames."""
    found = capabilities.output_format(request.model_name, request.mode, request.duration)
    fps, frames = (FPS, FPS * SECONDS + 1) if found is None else (found.fps, found.frames)
    return max(1, fps // EVERY), (frames - 1) // EVERY + 1


def mask_of_size(mask: Mask | None, size: Size) -> NDArray[np.bool_] | None:
    """Return the pixels of a mask at the size of a picture, None without pixels."""
    return None if mask is None or mask.array is None else resize_nearest(mask.array, size)


def motions_of(request: VideoRequest, size: Size) -> tuple[MaskMotion, ...]:
    """Return the regions of a request with their paths, as the renderer takes them."""
    found = []
    for group in request.dynamic_masks:
        bits = mask_of_size(group.mask, size)
        if bits is not None:
            found.append(MaskMotion(bits, group.trajectory.pixels))
    return tuple(found)
