"""Words the completer chooses from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kling_nb import settings
from kling_nb.domain.aliases import ALIASES, OPTIONS, REQUEST_FIELDS, canonical_name
from kling_nb.domain.camera import PRESETS
from kling_nb.domain.capabilities import MODELS, MODES
from kling_nb.domain.task import RunStatus
from kling_nb.magics.options import Option, Values

RUN_COMMANDS = frozenset(
    {
        *("show", "status", "wait", "resume", "cost", "extend", "vary", "capsule"),
        *("score", "rate", "keep", "discard", "tag", "note", "diff"),
    }
)
SWEEP_COMMANDS = frozenset({"show", "wait", "resume", "stop", "score"})
"""Subcommands whose words are run ids."""

_FIXED: Mapping[Values, tuple[str, ...]] = {
    Values.NONE: (),
    Values.MODELS: tuple(MODELS),
    Values.MODES: tuple(MODES),
    Values.DURATIONS: ("5", "10"),
    Values.SOUND: ("on", "off"),
    Values.RATIOS: ("16:9", "9:16", "1:1"),
    Values.CAMERA: (
        *(f"{axis}=" for axis in ("horizontal", "vertical", "pan", "tilt", "roll", "zoom")),
        *PRESETS,
    ),
    Values.WAYS: ("auto", "native", "endframe", "words"),
    Values.VIDEOS: ("embed", "link", "none"),
    Values.STATUSES: tuple(status.value for status in RunStatus),
}

_WORDS = {
    "budget": ("day", "run", "sweep"),
    "export": ("runs.csv", "runs.parquet", "runs.json", "runs.jsonl"),
    "report": ("report.html",),
    "sandbox": ("start", "stop"),
    "summary": ("day", "model", "provider", "prompt", "sweep"),
}
"""Subcommands whose words are always the same."""


def for_values(values: Values) -> list[str]:
    """Return the values of an option."""
    return providers() if values is Values.PROVIDERS else list(_FIXED[values])


def providers() -> list[str]:
    """Return the names of all providers."""
    from kling_nb.session import provider_names  # noqa: PLC0415 - most cells name none

    return list(provider_names())


def header_keys(options: tuple[Option, ...]) -> list[str]:
    """Return the keys offered above the prompt: the long names of the options, then other fields."""
    longs = [option.flags[-1].lstrip("-").replace("-", "_") for option in options if option.flags[-1] != "-o"]
    skipped = {"help", "traceback", "param", "dry_run", "preview"}
    return [key for key in dict.fromkeys([*longs, *REQUEST_FIELDS]) if key not in skipped and key != "prompt"]


_TRUTH = ("true", "false")
_PARAM_VALUES: Mapping[str, tuple[str, ...]] = {
    "model_name": _FIXED[Values.MODELS],
    "mode": _FIXED[Values.MODES],
    "duration": _FIXED[Values.DURATIONS],
    "sound": _FIXED[Values.SOUND],
    "aspect_ratio": _FIXED[Values.RATIOS],
    "camera_control": _FIXED[Values.CAMERA],
    "multi_shot": _TRUTH,
    "watermark": _TRUTH,
    "allow_unknown_model": _TRUTH,
    "shot_type": ("customize", "intelligence"),
    "upstream": ("auto", "kling", "fal"),
    "units": ("wire", "pixel", "normalized"),
    "y_origin": ("bottom", "top"),
}
"""What Tab offers after ``--param NAME=``, by canonical name."""


def request_fields(fragment: str, *, listed: bool = False) -> list[str]:
    """Return what may follow ``--param`` or ``--set``: fields, or values of the field that stands there.

    Names of the other source systems are offered once a letter of them is typed.

    Parameters
    ----------
    fragment
        What is typed so far.
    listed
        Whether several values may stand there, separated by commas.
    """
    name, equals, typed = fragment.partition("=")
    if equals:
        before = typed[: typed.rfind(",") + 1] if listed else ""
        used = before.split(",")
        values = [value for value in _PARAM_VALUES.get(canonical_name(name), ()) if value not in used]
        return [f"{name}={before}{value}" for value in values]
    names = [*REQUEST_FIELDS, *OPTIONS, *(ALIASES if name else ())]
    return [f"{each}=" for each in names]


def run_ids(limit: int = 30) -> list[str]:
    """Return the ids of the latest runs, newest first."""
    from kling_nb.session import default_session  # noqa: PLC0415 - cells without run ids need no session

    return [str(value) for value in default_session().runs(limit=limit)["id"]]


def sweep_ids(limit: int = 10) -> list[str]:
    """Return the ids of the latest sweeps, newest first."""
    from kling_nb.session import default_session  # noqa: PLC0415 - as above

    return [str(value) for value in default_session().sweeps()["id"].head(limit)]


def for_command(name: str, _variables: Mapping[str, Any]) -> list[str]:
    """Return what may follow a subcommand."""
    sweeps = sweep_ids() if name in SWEEP_COMMANDS else []
    if name in RUN_COMMANDS or sweeps:
        return sweeps + (run_ids() if name in RUN_COMMANDS else [])
    if name == "config":
        return settings.names()
    if name in ("provider", "login", "logout", "models", "doctor"):
        return providers()
    if name == "help":
        from kling_nb.magics.commands import COMMANDS  # noqa: PLC0415 - the table imports nothing of ours
        from kling_nb.magics.pages import PAGES  # noqa: PLC0415 - texts, for those who ask

        return ["errors", "options", *PAGES, *(name for name in COMMANDS if name not in PAGES)]
    return list(_WORDS.get(name, ()))
