"""One renderer for the local sandbox and for the preview: a plan in, frames or an MP4 out.

OpenCV, Pillow and PyAV are loaded when the first function is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kling_nb.render.clip import tiny_clip
    from kling_nb.render.foreground import foreground_mask
    from kling_nb.render.memory import Memory, content_digest
    from kling_nb.render.movie import render_frames, render_planes, render_video
    from kling_nb.render.plan import (
        CameraMove,
        Distort,
        MaskMotion,
        RenderPlan,
        RenderReport,
        RenderStopped,
        preview_size,
    )
    from kling_nb.render.planes import resize_mask, resize_rgb, resize_still, stretch_rgb
    from kling_nb.render.sequel import render_sequel

_HOME = {
    "CameraMove": "plan",
    "Distort": "plan",
    "MaskMotion": "plan",
    "Memory": "memory",
    "RenderPlan": "plan",
    "RenderReport": "plan",
    "RenderStopped": "plan",
    "content_digest": "memory",
    "foreground_mask": "foreground",
    "preview_size": "plan",
    "resize_mask": "planes",
    "resize_rgb": "planes",
    "resize_still": "planes",
    "stretch_rgb": "planes",
    "render_frames": "movie",
    "render_planes": "movie",
    "render_sequel": "sequel",
    "render_video": "movie",
    "tiny_clip": "clip",
}

__all__ = [
    "CameraMove",
    "Distort",
    "MaskMotion",
    "Memory",
    "RenderPlan",
    "RenderReport",
    "RenderStopped",
    "content_digest",
    "foreground_mask",
    "preview_size",
    "render_frames",
    "render_planes",
    "render_sequel",
    "render_video",
    "resize_mask",
    "resize_rgb",
    "resize_still",
    "stretch_rgb",
    "tiny_clip",
]


def __getattr__(name: str) -> Any:
    """Load the module that holds ``name`` on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
