"""Rules about making an earlier video longer (``spec/official-api.md`` §15, ``video-extend``)."""

from __future__ import annotations

from typing import Final

from kling_nb.domain.lint.facts import Place, Problems, error, warning
from kling_nb.domain.request import VideoRequest

_OF_A_PICTURE: Final = ("image", "image_tail", "static_mask", "dynamic_masks", "camera_control")
_IGNORED: Final = (
    "sound",
    "voice_list",
    "element_list",
    "elements",
    "image_list",
    "video_list",
    "multi_shot",
    "multi_prompt",
    "aspect_ratio",
)
_WORDLESS: Final = frozenset({"kling-v1"})
"""Sources whose extension takes neither a negative prompt nor a guidance number."""


def exclusive(request: VideoRequest, _at: Place) -> Problems:
    """L02: a video is made longer, or a picture is animated."""
    if request.form != "extend":
        return
    for name in _OF_A_PICTURE:
        if getattr(request, name):
            fix = f"drop {name} to make the video longer, or video_id to animate the picture"
            yield error("L02", name, f"video_id and {name} cannot be used at the same time", fix)


def ignored(request: VideoRequest, _at: Place) -> Problems:
    """L02 as a warning: an extension follows the video, whatever else is said."""
    if request.form != "extend":
        return
    for name in _IGNORED:
        if getattr(request, name) not in (None, (), False, "off"):
            message = f"{name} is not sent: an extension follows the video"
            yield warning("L02", name, message, "give video_id, prompt, negative_prompt and cfg_scale only")


def words_of_v1(request: VideoRequest, _at: Place) -> Problems:
    """L01: extensions of the first model take a prompt only."""
    if request.form != "extend" or request.model_name not in _WORDLESS:
        return
    for name in ("negative_prompt", "cfg_scale"):
        if getattr(request, name) not in (None, ""):
            message = f"an extension of a {request.model_name} video takes no {name}"
            yield error("L01", name, message, f"leave {name} out")


RULES: Final = (exclusive, ignored, words_of_v1)
