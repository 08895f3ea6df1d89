"""From what people write to the one canonical form (``spec/official-api.md`` §4.5).

Nothing here reads files: pictures and masks pass through untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from kling_nb.domain import references, values
from kling_nb.domain.camera import CAMERA_LIMIT, CameraControl
from kling_nb.domain.capabilities import canonical_model
from kling_nb.domain.nearest import closest
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.trajectory import Trajectory
from kling_nb.errors import RequestRefused

ALIASES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("image_url", "start_image_url", "start_image", "first_frame"), "image"),
    **dict.fromkeys(
        (
            "image_tail_url",
            "tail_image_url",
            "end_image_url",
            "last_image_url",
            "end_image",
            "last_frame",
            "tail",
        ),
        "image_tail",
    ),
    "negative": "negative_prompt",
    "camera": "camera_control",
    "cfg": "cfg_scale",
    "freeze": "static_mask",
    "model": "model_name",
    "generate_audio": "sound",
    "audio": "sound",
    "watermark_info": "watermark",
    "advanced_camera_control": "camera_control",
    "provider_route": "upstream",
}
"""Accepted name -> canonical name."""

REQUEST_FIELDS: Final = (
    "model_name",
    "image",
    "image_tail",
    "multi_shot",
    "shot_type",
    "prompt",
    "multi_prompt",
    "negative_prompt",
    "element_list",
    "voice_list",
    "sound",
    "cfg_scale",
    "mode",
    "static_mask",
    "dynamic_masks",
    "camera_control",
    "duration",
    "watermark",
    "callback_url",
    "external_task_id",
    "aspect_ratio",
    "elements",
    "image_list",
    "video_list",
    "upstream",
    "video_id",
    "y_origin",
)
"""Canonical field names, in the order of ``spec/official-api.md`` §4.1 and §15, then those of the gateways;
the last is never sent."""

OPTIONS: Final = ("camera_scale", "units", "origin", "timing", "timeout", "allow_unknown_model")
"""Names that steer the client and belong to no request."""

KNOWN_NAMES: Final = (*REQUEST_FIELDS, *ALIASES, *OPTIONS)
"""Everything accepted as a keyword, for suggestions and completion."""

_HINTS: Final[Mapping[str, str]] = {
    "seed": "Kling has no seed; use repeat= to see how much chance matters",
    "fps": "the frame rate follows the model",
    "resolution": 'use mode="std" (720p), "pro" (1080p) or "4k"',
    "size": "the output follows the ratio of the input image",
    "n": "use repeat= for several clips",
    "motion_has_audio": "did you mean 'sound'?",
    "provider": "provider= chooses the door; what AI/ML API calls provider is upstream= (auto, kling, fal)",
    "generation_id": "kn.attach(id) follows a task that exists already",
    "task_id": "kn.attach(id) follows a task that exists already",
}

_UNSET: Final = (None, "")


@dataclass(frozen=True)
class Normalized:
    """What :func:`normalize` understood.

    Parameters
    ----------
    params
        Canonical request fields with canonical values; media as given.
    options
        Client-side settings found among the keywords (:data:`OPTIONS`).
    problems
        Everything that could not be understood, all at once.
    """

    params: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def normalize(params: Mapping[str, Any]) -> Normalized:
    """Rename aliases and convert values; report contradictions, unknown names and unusable values.

    ``None`` and ``""`` count as absent (``spec/official-api.md`` §2), so an alias that is empty
    never contradicts another.

    Parameters
    ----------
    params
        Keywords as the user wrote them; dashes in names count as underscores.
    """
    result = Normalized()
    given: dict[str, str] = {}
    for written, value in params.items():
        canonical = canonical_name(written)
        if isinstance(value, (str, type(None))) and value in _UNSET and canonical in KNOWN_NAMES:
            continue
        if canonical in OPTIONS:
            result.options[canonical] = value
        elif canonical not in REQUEST_FIELDS:
            result.problems.append(_unknown(written))
        else:
            scale = params.get("camera_scale") or CAMERA_LIMIT
            _take(result, given, written, _convert(result, written, value, scale))
    if "units" not in result.options and _has_raw_points(result.params.get("dynamic_masks")):
        result.problems.append(_UNITS_MISSING)
    return result


_UNITS_MISSING: Final = Problem(
    "L24",
    Severity.ERROR,
    "dynamic_masks",
    "the points of dynamic_masks do not say how they are counted, and that is never guessed",
    'add units="wire" (integers from the bottom-left), "pixel" (from the top-left) or "normalized" (0...1)',
    forceable=False,
)


def _has_raw_points(groups: Any) -> bool:
    """Whether masks come with plain points, which mean nothing without ``units``."""
    items = [groups] if isinstance(groups, Mapping) else groups
    if not isinstance(items, (list, tuple)):
        return False
    return any(
        isinstance(item, Mapping)
        and "trajectories" in item
        and not isinstance(item["trajectories"], Trajectory)
        for item in items
    )


def canonical_name(written: str) -> str:
    """Return the canonical field name of a keyword; unknown ones come back with underscores."""
    name = written.replace("-", "_")
    return ALIASES.get(name, name)


def unknown_name_fix(name: str) -> str:
    """Return the advice for a keyword nobody knows: the closest name, or why there is none."""
    if name in _HINTS:
        return _HINTS[name]
    close = closest(name.replace("-", "_"), KNOWN_NAMES, cutoff=0.55)
    return f"did you mean {close!r}?" if close else f"known: {', '.join(REQUEST_FIELDS)}"


def _unknown(name: str) -> Problem:
    return Problem(
        "L24",
        Severity.ERROR,
        name,
        f"unknown parameter {name!r}; the service would ignore it silently",
        unknown_name_fix(name),
        forceable=False,
    )


def _convert(result: Normalized, written: str, value: Any, camera_scale: Any) -> dict[str, Any]:
    """Return the canonical fields a keyword sets; none, and a problem noted, when it is unusable."""
    name = canonical_name(written)
    try:
        if name == "camera_control":
            return {name: CameraControl.parse(value, camera_scale)}
        if name == "model_name":
            return _model(value)
        if name == "elements" and references.are_ids(value):
            return {"element_list": values.elements(value if isinstance(value, (list, tuple)) else [value])}
        return {name: _CONVERTERS[name](value) if name in _CONVERTERS else value}
    except RequestRefused as refused:
        result.problems.extend(refused.problems)
    except ValueError as error:
        message = f"{written}={_short(value)} cannot be used: {error}"
        fix = values.EXPECTED.get(name, "give another value, or leave it out")
        result.problems.append(Problem("L24", Severity.ERROR, name, message, fix, forceable=False))
    return {}


def _take(result: Normalized, given: dict[str, str], written: str, found: Mapping[str, Any]) -> None:
    for key, value in found.items():
        if key not in given:
            result.params[key] = value
            given[key] = written
        elif not _same(result.params[key], value):
            result.problems.append(_conflict(key, given[key], written, result.params[key], value))


def _conflict(name: str, first: str, second: str, one: Any, other: Any) -> Problem:
    return Problem(
        "L24",
        Severity.ERROR,
        name,
        f"{first} and {second} both set {name}, to {_short(one)} and {_short(other)}",
        f"give {name} once",
        forceable=False,
    )


def _model(value: Any) -> dict[str, Any]:
    model, mode = canonical_model(values.text(value))
    return {"model_name": model} if mode is None else {"model_name": model, "mode": mode}


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return type(one) is type(other) and np.array_equal(one, other)
    return type(one) is type(other) and bool(one == other)


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."


_CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "mode": values.mode,
    "duration": values.seconds,
    "cfg_scale": values.number,
    "sound": values.sound,
    "multi_shot": values.flag,
    "watermark": values.watermark,
    "multi_prompt": values.shots,
    "element_list": values.elements,
    "voice_list": values.voices,
    "prompt": values.text,
    "negative_prompt": values.text,
    "shot_type": values.shot_type,
    "elements": references.elements,
    "image_list": references.images,
    "video_list": references.videos,
    "upstream": values.upstream,
    "aspect_ratio": values.ratio,
    "callback_url": values.url,
    "external_task_id": values.identifier,
    "y_origin": values.y_origin,
}
