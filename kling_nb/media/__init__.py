"""Pictures, masks and videos: read, check, convert, write.

Nothing heavy is imported before a function is asked for: Pillow and PyAV load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kling_nb.media.encoder import VideoWriter
    from kling_nb.media.images import decode_image, image_bytes, load_image, to_base64
    from kling_nb.media.masks import load_mask, mask_to_png
    from kling_nb.media.video import VideoInfo, contact_sheet, frames, look, poster, probe

_HOME = {
    "VideoWriter": "encoder",
    "decode_image": "images",
    "image_bytes": "images",
    "load_image": "images",
    "to_base64": "images",
    "load_mask": "masks",
    "mask_to_png": "masks",
    "VideoInfo": "video",
    "contact_sheet": "video",
    "frames": "video",
    "look": "video",
    "poster": "video",
    "probe": "video",
}

__all__ = [
    "VideoInfo",
    "VideoWriter",
    "contact_sheet",
    "decode_image",
    "frames",
    "image_bytes",
    "load_image",
    "load_mask",
    "look",
    "mask_to_png",
    "poster",
    "probe",
    "to_base64",
]


def __getattr__(name: str) -> Any:
    """Load the module that holds ``name`` on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
