"""Camera control (``spec/official-api.md`` §6)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from kling_nb.domain.problems import Problem, Severity
from kling_nb.errors import RequestRefused

AXES: Final = ("horizontal", "vertical", "pan", "tilt", "roll", "zoom")
"""Keys of a simple camera, in the order of the wire."""

PRESETS: Final = ("down_back", "forward_up", "right_turn_forward", "left_turn_forward")
"""Camera types that take no config."""

CAMERA_LIMIT: Final = 10.0
"""Largest magnitude of an axis on the official wire."""

_ASSIGNMENT = re.compile(r"\s*([A-Za-z_]+)\s*[=:]\s*([-+]?[0-9.]+(?:[eE][-+]?\d+)?)\s*")

CameraType = Literal["simple", "down_back", "forward_up", "right_turn_forward", "left_turn_forward"]


class CameraConfig(BaseModel):
    """Six axes of a simple camera; the service wants exactly one of them non-zero, within +-10."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    horizontal: float = 0.0
    vertical: float = 0.0
    pan: float = 0.0
    tilt: float = 0.0
    roll: float = 0.0
    zoom: float = 0.0

    def moving(self) -> dict[str, float]:
        """Return the axes that are not zero."""
        return {axis: value for axis in AXES if (value := getattr(self, axis)) != 0.0}


class CameraControl(BaseModel):
    """A camera movement.

    Parameters
    ----------
    type
        ``simple`` or the name of a preset.
    config
        The axes of ``simple``; None for a preset.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: CameraType
    config: CameraConfig | None = None

    @classmethod
    def parse(cls, value: Any, scale: float = CAMERA_LIMIT) -> CameraControl:
        """Read any accepted form of a camera.

        Parameters
        ----------
        value
            A :class:`CameraControl`, ``{"type", "config"}``, ``{"zoom": 3}``, the same as JSON text,
            ``"zoom=5"``, or a preset's name.
        scale
            What the largest movement is written as: 10 (official) or 1 (values in -1...1, times
            ten). Never guessed: 0.5 is a legal official value.

        Raises
        ------
        RequestRefused
            The value is no camera (L15).
        """
        if scale not in (1, CAMERA_LIMIT):
            raise _refused(f"camera_scale={scale!r} is not known", "use camera_scale=10 (official) or 1")
        if isinstance(value, CameraControl):
            return value
        data = _read_text(value) if isinstance(value, str) else value
        if not isinstance(data, Mapping):
            raise _refused(f"{value!r} is not a camera", _EXAMPLES)
        kind, config = _split(data)
        return cls(type=kind, config=None if config is None else _config(config, CAMERA_LIMIT / scale))

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object; ``simple`` carries all six axes."""
        if self.config is None:
            return {"type": self.type}
        return {"type": self.type, "config": {axis: getattr(self.config, axis) for axis in AXES}}

    def __str__(self) -> str:
        if self.config is None:
            return self.type
        moves = " ".join(f"{axis}={value:g}" for axis, value in self.config.moving().items())
        return moves if self.type == "simple" and moves else f"{self.type} {moves}".strip()


_EXAMPLES: Final = f'write zoom=5, {{"zoom": 5}} or one of {", ".join(PRESETS)}'


def _refused(message: str, fix: str) -> RequestRefused:
    return RequestRefused([Problem("L15", Severity.ERROR, "camera_control", message, fix, forceable=False)])


def _read_text(text: str) -> Any:
    word = text.strip()
    if word.lower() in (*PRESETS, "simple"):
        return {"type": word.lower()}
    if word.startswith("{"):
        try:
            return json.loads(word)
        except ValueError as error:
            raise _refused(f"camera_control is not valid JSON: {error}", _EXAMPLES) from error
    moves = {}
    for part in re.split(r"[,;]|\s+(?=[A-Za-z])", word):
        match = _ASSIGNMENT.fullmatch(part)
        if match is None:
            raise _refused(f"{text!r} is not a camera", _EXAMPLES)
        moves[match[1].lower()] = match[2]
    return moves


def _split(data: Mapping[str, Any]) -> tuple[CameraType, Mapping[str, Any] | None]:
    if "movement_type" in data:  # AI/ML API, text-to-video (spec/gateways.md §3.3)
        extra = set(data) - {"movement_type", "movement_value"}
        if extra or "movement_value" not in data:
            raise _refused("advanced_camera_control needs movement_type and movement_value", _EXAMPLES)
        return "simple", {str(data["movement_type"]): data["movement_value"]}
    if "type" not in data and "config" not in data:
        return "simple", data
    extra = set(data) - {"type", "config"}
    if extra:
        raise _refused(f"unknown camera key: {', '.join(sorted(map(str, extra)))}", _EXAMPLES)
    kind = str(data.get("type", "simple")).strip().lower()
    if kind not in (*PRESETS, "simple"):
        raise _refused(f"camera type {kind!r} is not known", f"use simple, {', '.join(PRESETS)}")
    config = data.get("config")
    if config is not None and not isinstance(config, Mapping):
        raise _refused("the camera's config is not an object", _EXAMPLES)
    return kind, config or None  # type: ignore[return-value]  # checked against the literal's words above


def _config(data: Mapping[str, Any], factor: float) -> CameraConfig:
    axes: dict[str, float] = {}
    for axis, value in data.items():
        if axis not in AXES:
            raise _refused(f"{axis!r} is not a camera axis", f"use one of {', '.join(AXES)}")
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise _refused(f"camera {axis} is not a number: {value!r}", _EXAMPLES) from error
        # The product of a decimal fraction and ten would otherwise show as 0.7000000000000001.
        axes[axis] = round(number * factor, 6)
    return CameraConfig(**axes)
