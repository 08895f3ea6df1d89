"""Field checks of the legacy create calls in the order of ``spec/official-api.md`` §4.1.

Step 4a of ``spec/sandbox.md`` §2: type, enumeration, length and range of each field, the retired models
inside row 1. The first failing row refuses the call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kling_nb.domain.capabilities import IMAGE2VIDEO, MODES, TEXT2VIDEO, Grid
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.official.body import Body
from kling_nb.sandbox.official.messages import invalid, malformed, parameter, size_between

RETIRED = {
    "off": frozenset[str](),
    "2026-09": frozenset(
        {"kling-v1", "kling-v1-5", "kling-v1-6", "kling-v2-master", "kling-v2-1", "kling-v2-1-master"}
    ),
}
DEFAULT_MODEL = "kling-v1"
PROMPT_LENGTH = 2500
MAX_ELEMENTS = 3
MAX_VOICES = 2
RATIOS = ("16:9", "9:16", "1:1")


@dataclass(slots=True)
class Fields:
    """The fields of one create call after the checks of their rows; structures are still raw."""

    model: str = DEFAULT_MODEL
    image: str | None = None
    image_tail: str | None = None
    multi_shot: bool = False
    shot_type: str | None = None
    prompt: str = ""
    multi_prompt: list[Any] = field(default_factory=list)
    negative_prompt: str = ""
    elements: list[int] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    sound: bool = False
    cfg_scale: float = 0.5
    mode: str = "std"
    static_mask: str | None = None
    dynamic_masks: list[dict[str, Any]] = field(default_factory=list)
    camera: dict[str, Any] | None = None
    duration: int = 5
    aspect_ratio: str = RATIOS[0]
    watermark: bool = False
    callback_url: str | None = None
    external_id: str | None = None

    @property
    def brush(self) -> bool:
        """Whether the call uses the motion brush."""
        return self.static_mask is not None or bool(self.dynamic_masks)


def read_fields(body: Body, config: Config) -> Fields:
    """Check every field of an image2video create and return them.

    Raises
    ------
    RefusedError
        M05-M08 or M18, for the first row that fails.
    """
    found = Fields(model=_model(body, config, IMAGE2VIDEO))
    found.image = body.media("image")
    found.image_tail = body.media("image_tail")
    _shots(body, found)
    found.negative_prompt = body.text("negative_prompt", PROMPT_LENGTH, "negativePrompt") or ""
    found.elements = _references(body, "element_list", "element_id", int, MAX_ELEMENTS)
    found.voices = _references(body, "voice_list", "voice_id", str, MAX_VOICES)
    found.sound = body.choice("sound", ("on", "off")) == "on"
    found.cfg_scale = read_cfg_scale(body)
    found.mode = body.choice("mode", MODES) or "std"
    found.static_mask = body.media("static_mask")
    _masks(body, found)
    found.camera = body.structure("camera_control", dict)
    found.duration = _duration(body, found.model, IMAGE2VIDEO)
    _delivery(body, found)
    return found


def read_text_fields(body: Body, config: Config) -> Fields:
    """Check every field of a text2video create: the same without pictures, with a ratio (§15).

    Raises
    ------
    RefusedError
        M05-M07 or M18, for the first row that fails.
    """
    found = Fields(model=_model(body, config, TEXT2VIDEO))
    _shots(body, found)
    found.negative_prompt = body.text("negative_prompt", PROMPT_LENGTH, "negativePrompt") or ""
    found.voices = _references(body, "voice_list", "voice_id", str, MAX_VOICES)
    found.sound = body.choice("sound", ("on", "off")) == "on"
    found.cfg_scale = read_cfg_scale(body)
    found.mode = body.choice("mode", MODES) or "std"
    found.camera = body.structure("camera_control", dict)
    found.aspect_ratio = body.choice("aspect_ratio", RATIOS) or RATIOS[0]
    found.duration = _duration(body, found.model, TEXT2VIDEO)
    _delivery(body, found)
    return found


def _model(body: Body, config: Config, grid: Grid) -> str:
    name = body.choice("model_name", grid.models) or DEFAULT_MODEL
    check_served(name, config)
    return name


def check_served(model: str, config: Config) -> None:
    """Refuse a retired model.

    Raises
    ------
    RefusedError
        M18.
    """
    if model in RETIRED[config.retired]:
        raise parameter(f"The model '{model}' has been discontinued and is no longer available.")


def _shots(body: Body, found: Fields) -> None:
    found.multi_shot = body.flag("multi_shot")
    if found.multi_shot:
        found.shot_type = body.choice("shot_type", ("customize", "intelligence"))
    found.prompt = body.text("prompt", PROMPT_LENGTH) or ""
    if found.multi_shot and found.shot_type == "customize":
        found.multi_prompt = body.structure("multi_prompt", list) or []
    for name in ("shot_type", "multi_prompt"):
        body.skip(name, "has no effect without multi_shot")


def _references(body: Body, name: str, key: str, kind: type, most: int) -> list[Any]:
    members = body.structure(name, list) or []
    if len(members) > most:
        raise size_between(name.replace("_list", "List"), 0, most)
    return [_member(item, name, index, key, kind) for index, item in enumerate(members)]


def _member(item: Any, name: str, index: int, key: str, kind: type) -> Any:
    value = item.get(key, "") if isinstance(item, dict) else item
    if not isinstance(item, dict) or not isinstance(value, kind) or isinstance(value, bool) or value == "":
        raise invalid(f"{name}[{index}].{key}", value)
    return value


def read_cfg_scale(body: Body) -> float:
    """Return ``cfg_scale``, 0.5 when absent; outside 0 to 1 is M07."""
    value = body.value("cfg_scale")
    if value is None:
        return 0.5
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid("cfg_scale", value)
    if value > 1:
        raise parameter("cfgScale: must be less than or equal to 1")
    if value < 0:
        raise parameter("cfgScale: must be greater than or equal to 0")
    return float(value)


def _masks(body: Body, found: Fields) -> None:
    groups = body.structure("dynamic_masks", list) or []
    for index, group in enumerate(groups):
        label = f"dynamic_masks[{index}]"
        if not isinstance(group, dict):
            raise malformed(label)
        body.check_media(f"{label}.mask", group.get("mask", ""))
        if not isinstance(group.get("trajectories", []), list):
            raise malformed(f"{label}.trajectories")
        body.note_unknown(group, ("mask", "trajectories"), label)
    found.dynamic_masks = groups


def _duration(body: Body, model: str, grid: Grid) -> int:
    value = body.value("duration")
    if value is None or value == "":
        return 5
    allowed = {str(seconds): seconds for seconds in grid.durations(model)}
    if isinstance(value, int) and not isinstance(value, bool) and not body.strict and str(value) in allowed:
        body.notes.append("duration is a number; the service documents a string")
        value = str(value)
    if not isinstance(value, str) or value not in allowed:
        raise invalid("duration", value)
    return allowed[value]


def _delivery(body: Body, found: Fields) -> None:
    found.watermark = read_watermark(body)
    found.callback_url = read_callback(body)
    found.external_id = body.text("external_task_id")


def read_watermark(body: Body) -> bool:
    """Return ``watermark_info.enabled``."""
    info = body.structure("watermark_info", dict) or {}
    body.note_unknown(info, ("enabled",), f"{body.path}watermark_info")
    enabled = info.get("enabled", False)
    if not isinstance(enabled, bool):
        raise invalid(f"{body.path}watermark_info.enabled", enabled)
    return enabled


def read_callback(body: Body) -> str | None:
    """Return ``callback_url``, which has to be http(s)."""
    url = body.text("callback_url")
    if url is not None and not url.lower().startswith(("http://", "https://")):
        raise invalid(f"{body.path}callback_url", url)
    return url
