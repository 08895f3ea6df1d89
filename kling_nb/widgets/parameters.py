"""What can be chosen for a run, and why the rest cannot: the capability table as a form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kling_nb.domain import capabilities
from kling_nb.domain.capabilities import Feature, Grid
from kling_nb.domain.door import FORM_WORDS, Door, Form
from kling_nb.session import provider_names
from kling_nb.session.doors import door_of

AUTO: Final = ""
"""Value of an option that leaves the choice to the toolkit."""

RATIOS: Final = ("16:9", "9:16", "1:1")
"""Ratios that every door takes (``spec/gateways.md`` §4)."""

CAMERAS: Final = {
    "zoom=5": "zoom in",
    "zoom=-5": "zoom out",
    "horizontal=5": "slide right",
    "horizontal=-5": "slide left",
    "vertical=5": "slide up",
    "vertical=-5": "slide down",
    "pan=5": "pan",
    "tilt=5": "tilt",
    "roll=5": "roll",
}
"""One axis each, as a simple camera demands (``spec/official-api.md`` §6)."""


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a field.

    Parameters
    ----------
    value, label
        What is sent and what is shown.
    reason
        Why it cannot be chosen now; empty when it can.
    """

    value: str
    label: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form.

    Parameters
    ----------
    name, label
        Request field and words for people.
    options
        All of them, possible or not.
    value
        The chosen one.
    reason
        Why the whole field means nothing now; empty when it does.
    """

    name: str
    label: str
    options: tuple[Option, ...]
    value: str
    reason: str = ""

    @property
    def shown(self) -> str:
        """The chosen option in words, empty where the field means nothing."""
        return "" if self.reason else next((o.label for o in self.options if o.value == self.value), "")

    def to_json(self) -> dict[str, Any]:
        """Return the field as the page takes it."""
        options = [{"value": o.value, "label": o.label, "reason": o.reason} for o in self.options]
        return {
            "name": self.name,
            "label": self.label,
            "options": options,
            "value": self.value,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Choices:
    """What has been chosen so far.

    Parameters
    ----------
    provider
        Whose models and retirements count.
    values
        Value by field name: ``model_name``, ``mode``, ``duration``, ``sound``, ``cfg_scale``,
        ``camera_control``, ``aspect_ratio``.
    native
        Whether masks will be sent, which rules a camera out.
    form
        What is made: with a picture, or from words alone.
    """

    provider: str
    values: Mapping[str, str] = field(default_factory=dict)
    native: bool = False
    form: Form = "image2video"

    @property
    def door(self) -> Door:
        """What is particular about the provider."""
        return door_of(self.provider)

    @property
    def grid(self) -> Grid:
        """What its models offer in this form; empty where the service alone knows."""
        return self.door.grids.get(self.form) or Grid(())

    def offers(self, feature: Feature) -> bool:
        """Whether the chosen combination can do something."""
        return self.grid.supports(self.model, self.mode, self.duration, feature)

    @property
    def model(self) -> str:
        """The chosen model."""
        return self.values.get("model_name", "")

    @property
    def mode(self) -> str | None:
        """The chosen mode; None for models without."""
        return self.values.get("mode") or None

    @property
    def duration(self) -> int:
        """The chosen length in seconds."""
        return int(self.values.get("duration") or 5)


def defaults(provider: str, form: Form = "image2video") -> dict[str, str]:
    """Return model, mode and duration to begin with."""
    model, mode, duration = door_of(provider).default(form)
    return {"model_name": model, "mode": mode or AUTO, "duration": str(duration)}


def repaired(choices: Choices) -> tuple[dict[str, str], list[str]]:
    """Replace what has become impossible by what is nearest to it.

    Returns
    -------
    dict, list of str
        All values, and a sentence for each change.
    """
    values, said = dict(choices.values), []
    models = choices.grid.models
    if models and values.get("model_name") not in models:
        fresh = defaults(choices.provider, choices.form)
        what = f"{choices.door.title} has no {values.get('model_name')} for {FORM_WORDS[choices.form]}"
        said.append(f"Model is now {fresh['model_name']}: {what}.")
        values |= fresh
    for name in ("mode", "duration", "aspect_ratio", "sound", "cfg_scale", "camera_control"):
        made = _FIELDS[name](Choices(choices.provider, values, choices.native, choices.form))
        chosen = next((option for option in made.options if option.value == made.value), None)
        if not made.reason and chosen is not None and not chosen.reason:
            continue
        possible = [option for option in made.options if not option.reason]
        new = AUTO if made.reason or not possible else _nearest(made.value, possible)
        if values.get(name, AUTO) != new:
            why = made.reason or (chosen.reason if chosen else "not offered")
            shown = next((option.label for option in possible if option.value == new), "default")
            said.append(f"{made.label} is now {shown}: {why}.")
            values[name] = new
    return values, said


def _nearest(value: str, possible: list[Option]) -> str:
    numbers = [option.value for option in possible if option.value.isdigit()]
    if value.isdigit() and numbers:
        return min(numbers, key=lambda number: abs(int(number) - int(value)))
    return possible[0].value


def fields(choices: Choices) -> list[Field]:
    """Return all fields of the form."""
    return [make(choices) for make in _FIELDS.values()]


def _models(choices: Choices) -> Field:
    options = []
    for model in reversed(choices.grid.models):
        status = capabilities.status(model, choices.provider, dated=choices.door.retires)
        since = f" since {status.since}" if status.since else ""
        options.append(Option(model, model, f"retired{since} ({status.mark})" if status.retired else ""))
    return Field("model_name", "Model", tuple(options), choices.model)


def _modes(choices: Choices) -> Field:
    if not choices.grid.has_modes(choices.model):
        return Field("mode", "Mode", (Option(AUTO, "–"),), AUTO, f"{choices.model} documents no mode")
    offered = choices.grid.modes(choices.model)
    options = tuple(
        Option(mode, mode, "" if mode in offered else f"not with {choices.model}")
        for mode in capabilities.MODES
    )
    return Field("mode", "Mode", options, choices.mode or (offered[0] if offered else AUTO))


def _durations(choices: Choices) -> Field:
    offered = choices.grid.durations(choices.model, choices.mode)
    known = sorted({*offered, *choices.grid.durations(choices.model), 5, 10})
    options = tuple(
        Option(str(seconds), f"{seconds} s", "" if seconds in offered else f"not with {_cell(choices)}")
        for seconds in known
    )
    return Field("duration", "Length", options, str(choices.duration))


def _ratio(choices: Choices) -> Field:
    options = (Option(AUTO, "default"), *(Option(ratio, ratio) for ratio in RATIOS))
    reason = "" if choices.form in choices.door.ratio_forms else "the clip follows its picture"
    return Field("aspect_ratio", "Shape", options, choices.values.get("aspect_ratio", AUTO), reason)


def _sound(choices: Choices) -> Field:
    value = choices.values.get("sound", AUTO)
    return Field("sound", "Sound", tuple(_sound_options(choices)), value)


def _sound_options(choices: Choices) -> Iterator[Option]:
    yield Option(AUTO, "off")
    yield Option("on", "on", "" if choices.offers(Feature.AUDIO) else f"not with {_cell(choices)}")


def _cfg_scale(choices: Choices) -> Field:
    options = (
        Option(AUTO, "default"),
        *(Option(f"{tenth / 10:g}", f"{tenth / 10:g}") for tenth in range(11)),
    )
    reason = ""
    if "cfg_scale" not in choices.door.fields:
        reason = f"{choices.door.title} has no place for it"
    elif not capabilities.cfg_scale_documented(choices.model):
        reason = f"no documented effect with {choices.model}"
    return Field("cfg_scale", "Prompt strength", options, choices.values.get("cfg_scale", AUTO), reason)


def _camera(choices: Choices) -> Field:
    options = (Option(AUTO, "none"), *(Option(value, label) for value, label in CAMERAS.items()))
    value = choices.values.get("camera_control", AUTO)
    can = choices.offers(Feature.CAMERA_SIMPLE)
    reason = "" if can else f"not with {_cell(choices)}"
    if can and choices.native:
        reason = "masks and camera exclude each other"
    return Field("camera_control", "Camera", options, value, reason)


def _cell(choices: Choices) -> str:
    words = (choices.model, choices.mode, f"{choices.duration} s")
    return " ".join(word for word in words if word)


_FIELDS: Final = {
    "model_name": _models,
    "mode": _modes,
    "duration": _durations,
    "aspect_ratio": _ratio,
    "sound": _sound,
    "cfg_scale": _cfg_scale,
    "camera_control": _camera,
}


WAYS: Final = {
    "auto": "automatic",
    "native": "masks and paths",
    "endframe": "end frame",
    "words": "words",
}
"""How a brush reaches the model."""


def way_field(value: str, obstacles: Mapping[str, str] | None) -> Field:
    """Return the choice how the brush is sent.

    Parameters
    ----------
    value
        The chosen way.
    obstacles
        What stands in each way; None without a drawing.
    """
    found = obstacles or {}
    options = tuple(Option(way, label, found.get(way, "")) for way, label in WAYS.items())
    return Field("way", "Brush", options, value, "nothing is drawn" if obstacles is None else "")


def door_field(value: str, obstacles: Mapping[str, str]) -> Field:
    """Return the choice of the door.

    Parameters
    ----------
    value
        The chosen provider.
    obstacles
        Why a door cannot be taken now; doors that can are absent.
    """
    options = tuple(Option(name, name, obstacles.get(name, "")) for name in provider_names())
    return Field("provider", "Door", options, value)
