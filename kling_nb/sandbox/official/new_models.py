"""What the new API offers: model by model (``spec/official-api.md`` §8.1, ``spec/capabilities.md`` §4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FULL_HD = "1080p"
MODES = {"720p": "std", FULL_HD: "pro", "4k": "4k"}
"""Resolutions by the legacy mode that costs and renders the same."""


@dataclass(frozen=True, slots=True)
class NewModel:
    """One model.

    Parameters
    ----------
    name
        The last segment of its paths.
    legacy
        The name under which slots, prices and formats are kept.
    contents
        Types of ``contents`` items it takes for image to video.
    audio
        ``switch``: a setting; ``always``: no setting, always on; ``never``: no setting, never on.
    multi_shot
        Whether ``settings.multi_shot`` exists.
    hd_only
        What needs 1080p.
    """

    name: str
    legacy: str
    durations: tuple[int, ...]
    contents: tuple[str, ...]
    resolutions: tuple[str, ...] = ("720p", FULL_HD)
    prompt_length: int = 2500
    audio: Literal["switch", "always", "never"] = "never"
    multi_shot: bool = False
    hd_only: tuple[str, ...] = ()


SECONDS = tuple(range(3, 16))
NEW_MODELS = (
    NewModel("kling-3.0-turbo", "kling-3.0-turbo", SECONDS, ("prompt", "first_frame"), audio="always"),
    NewModel(
        "kling-3.0",
        "kling-v3",
        SECONDS,
        ("prompt", "first_frame", "last_frame", "element"),
        resolutions=("720p", FULL_HD, "4k"),
        prompt_length=3072,
        audio="switch",
        multi_shot=True,
    ),
    NewModel(
        "kling-2.6",
        "kling-v2-6",
        (5, 10),
        ("prompt", "first_frame", "last_frame", "voice"),
        audio="switch",
        hd_only=("last_frame", "audio", "voice"),
    ),
    NewModel(
        "kling-2.5-turbo",
        "kling-v2-5-turbo",
        (5, 10),
        ("prompt", "first_frame", "last_frame"),
        hd_only=("last_frame",),
    ),
)
