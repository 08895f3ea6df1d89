"""The request for a clip, closed: an unknown field is an error, because servers ignore typos silently."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from kling_nb.domain.brush import DynamicMask, Mask
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.capabilities import Feature, has_modes
from kling_nb.domain.door import Door, Form
from kling_nb.domain.images import ImageRef
from kling_nb.domain.references import ReferenceImage, ReferenceVideo
from kling_nb.domain.values import Shot

__all__ = ["ReferenceImage", "ReferenceVideo", "Shot", "VideoRequest", "with_defaults"]

DEFAULT_RATIO: Final = "16:9"
"""Ratio of a clip from words alone, which every service documents as its default."""


class VideoRequest(BaseModel):
    """One request for a clip in canonical form (``spec/official-api.md`` §4.1, §15).

    What is made follows from what is given (:attr:`form`): pictures make image-to-video, words alone
    text-to-video, and the id of an earlier video makes that one longer.

    Holds what the user meant, also when a service would refuse it: :func:`kling_nb.domain.lint.lint`
    tells all that is wrong at once. ``None`` and empty values are not sent.

    Parameters
    ----------
    model_name
        Legacy model name.
    image, image_tail
        Start and end frame.
    prompt, negative_prompt
        Up to 2500 characters each.
    multi_shot, shot_type, multi_prompt
        Storyboard of ``kling-v3``.
    element_list, voice_list
        Ids, without the objects the wire wraps them in.
    elements
        Elements as objects, passed through (AI/ML API).
    image_list, video_list
        Reference pictures and the reference video, by address (omni models).
    sound
        ``on`` or ``off``; None leaves it to the service (``off``).
    cfg_scale
        0 to 1; None when the user did not set it.
    mode
        ``std``, ``pro`` or ``4k``; None for the masters.
    static_mask, dynamic_masks
        Motion brush.
    camera_control
        Camera movement.
    duration
        Whole seconds (a string on the official wire).
    watermark
        Ask for a marked copy as well; None leaves it out.
    callback_url, external_task_id
        Where to report, and our name for the task.
    aspect_ratio
        Never sent to the official image-to-video: the output follows the input image.
    upstream
        Which service a gateway asks: ``auto``, ``kling`` or ``fal`` (AI/ML API calls it ``provider``).
    video_id
        The video to make longer, as the service named it (not its task).
    y_origin
        How paths are counted on the wire: ``"bottom"`` is the rule, ``"top"`` the escape hatch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    model_name: str
    image: ImageRef | None = None
    image_tail: ImageRef | None = None
    multi_shot: bool = False
    shot_type: str | None = None
    prompt: str = ""
    multi_prompt: tuple[Shot, ...] = ()
    negative_prompt: str = ""
    element_list: tuple[int, ...] = ()
    voice_list: tuple[str, ...] = ()
    elements: tuple[dict[str, Any], ...] = ()
    image_list: tuple[ReferenceImage, ...] = ()
    video_list: tuple[ReferenceVideo, ...] = ()
    sound: Literal["on", "off"] | None = None
    cfg_scale: float | None = None
    mode: str | None = None
    static_mask: Mask | None = None
    dynamic_masks: tuple[DynamicMask, ...] = ()
    camera_control: CameraControl | None = None
    duration: int = 5
    watermark: bool | None = None
    callback_url: str | None = None
    external_task_id: str | None = None
    aspect_ratio: str | None = None
    upstream: Literal["auto", "kling", "fal"] | None = None
    video_id: str | None = None
    y_origin: Literal["bottom", "top"] = "bottom"

    @property
    def form(self) -> Form:
        """What is made: a brush without a picture still means image-to-video, and is refused as such."""
        pictured = self.image is not None or self.image_tail is not None or self.has_brush
        return _form(extends=self.video_id is not None, pictured=pictured)

    @property
    def has_brush(self) -> bool:
        """Whether any mask is set."""
        return self.static_mask is not None or bool(self.dynamic_masks)

    @property
    def sent_mode(self) -> str | None:
        """The ``mode`` that goes on the wire: none for models without documented modes.

        A ``4k`` on such a model is kept, so that a forced request is refused by the service instead
        of being silently changed.
        """
        if self.mode is None:
            return "std" if has_modes(self.model_name) else None
        return None if not has_modes(self.model_name) and self.mode in ("std", "pro") else self.mode

    @property
    def features(self) -> frozenset[Feature]:
        """Feature codes this request triggers (``spec/capabilities.md`` §1)."""
        if self.form == "extend":
            return frozenset({Feature.EXTEND})
        frames = {
            (True, False): {Feature.START},
            (True, True): {Feature.START_END},
            (False, True): {Feature.END_ONLY},
            (False, False): {Feature.TEXT} if self.form == "text2video" else set[Feature](),
        }[self.image is not None, self.image_tail is not None]
        camera = None if self.camera_control is None else self.camera_control.type
        extra = {
            Feature.BRUSH: self.has_brush,
            Feature.CAMERA_SIMPLE: camera == "simple",
            Feature.CAMERA: camera not in (None, "simple"),
            Feature.AUDIO: self.sound == "on",
            Feature.VOICE: bool(self.voice_list),
            Feature.MULTI_SHOT: self.multi_shot,
            Feature.ELEMENTS: bool(self.element_list) or bool(self.elements),
            Feature.IMAGES: bool(self.image_list),
            Feature.VIDEO: bool(self.video_list),
        }
        return frozenset(frames | {feature for feature, used in extra.items() if used})

    def to_json(self) -> dict[str, Any]:
        """Return the request as plain values, media by digest and size; unset fields are left out.

        The result rebuilds the request through :meth:`from_json` and a store of the inputs.
        """
        plain = self.model_dump(
            mode="json",
            exclude={"image", "image_tail", "static_mask", "dynamic_masks", "camera_control"},
            exclude_none=True,
        )
        media = {
            "image": _image_to_json(self.image),
            "image_tail": _image_to_json(self.image_tail),
            "static_mask": None if self.static_mask is None else self.static_mask.to_json(),
            "dynamic_masks": [group.to_json() for group in self.dynamic_masks],
            "camera_control": None if self.camera_control is None else self.camera_control.to_wire(),
        }
        return {key: value for key, value in (plain | media).items() if value not in (None, "", [])}

    @classmethod
    def from_json(
        cls,
        data: Mapping[str, Any],
        image: Callable[[Mapping[str, Any]], ImageRef],
        mask: Callable[[str], npt.ArrayLike],
    ) -> VideoRequest:
        """Rebuild a request from :meth:`to_json`.

        Parameters
        ----------
        data
            What :meth:`to_json` returned.
        image
            Returns the picture for ``{"sha256", "bytes", "width", "height", "format"}``.
        mask
            Returns the pixels of a mask by its SHA-256.
        """
        fields = dict(data)
        for name in ("image", "image_tail"):
            if name in fields:
                row = fields[name]
                fields[name] = ImageRef(url=row["url"], source=row["url"]) if "url" in row else image(row)
        if "static_mask" in fields:
            fields["static_mask"] = Mask.from_json(fields["static_mask"], mask)
        fields["dynamic_masks"] = tuple(
            DynamicMask.from_json(row, mask) for row in fields.get("dynamic_masks", ())
        )
        return cls(**fields)

    def identity(self, provider: str) -> str:
        """Return the SHA-256 that two requests share when they ask the same of the same provider.

        Names that only steer delivery (external id, callback) and people's labels do not count.
        """
        plain = self.to_json()
        for name in ("external_task_id", "callback_url"):
            plain.pop(name, None)
        for name in ("image", "image_tail"):
            plain.get(name, {}).pop("source", None)
        plain["static_mask"] = None if self.static_mask is None else self.static_mask.sha256
        plain["dynamic_masks"] = [
            [group.mask.sha256, group.trajectory.to_wire(y_origin=self.y_origin)]
            for group in self.dynamic_masks
        ]
        plain["mode"] = self.sent_mode
        text = json.dumps([provider, plain], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _image_to_json(image: ImageRef | None) -> dict[str, Any] | None:
    if image is None:
        return None
    if image.url is not None:
        return {"url": image.url}
    return {
        "sha256": image.sha256,
        "bytes": image.nbytes,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "source": image.source,
    }


def with_defaults(params: Mapping[str, Any], door: Door) -> dict[str, Any]:
    """Fill in model, mode, duration and ratio explicitly; nothing is left to the server's defaults.

    The server's default model is a retired one (``spec/official-api.md`` §4.1), so a model is always
    named. Without a model the door's default is taken, and its mode and length too where the
    user named none; with a model the service's documented defaults (``std``, 5 s) apply, and the
    masters get no mode. Shots without a word on ``multi_shot`` are meant as a storyboard.

    Parameters
    ----------
    params
        Canonical fields.
    door
        Decides the default model.
    """
    filled = dict(params)
    form = form_of(filled)
    if form == "text2video" and "text2video" in door.ratio_forms:
        filled.setdefault("aspect_ratio", DEFAULT_RATIO)
    if filled.get("multi_prompt") and filled.setdefault("multi_shot", True):
        filled.setdefault("shot_type", "customize")
    if filled.get("model_name"):
        filled.setdefault("mode", "std" if door.has_modes(filled["model_name"], form) else None)
        filled.setdefault("duration", 5)
        return filled
    choice = door.default(form, brush=_has_brush(filled))
    filled["model_name"] = choice.model
    filled.setdefault("mode", choice.mode)
    filled.setdefault("duration", choice.duration)
    return filled


def form_of(params: Mapping[str, Any]) -> Form:
    """Return what canonical fields make, as :attr:`VideoRequest.form` does."""
    pictures = any(params.get(name) is not None for name in ("image", "image_tail"))
    return _form(extends=params.get("video_id") is not None, pictured=pictures or _has_brush(params))


def _form(*, extends: bool, pictured: bool) -> Form:
    if extends:
        return "extend"
    return "image2video" if pictured else "text2video"


def _has_brush(params: Mapping[str, Any]) -> bool:
    masks = params.get("dynamic_masks")
    return params.get("static_mask") is not None or (masks is not None and len(masks) > 0)
