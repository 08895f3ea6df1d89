"""Whether a stop rule on scores can come true with what the runs of a sweep ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from kling_nb.domain.heading import heading_of
from kling_nb.domain.scores import BY_NAME
from kling_nb.errors import UsageError

if TYPE_CHECKING:
    from kling_nb.domain.sweep_until import Rule
    from kling_nb.session.build import Prepared

_PATH, _STATIC = "something painted with a path", "a static mask"
_WANTED: Final = {
    "path": _PATH,
    "own path": _PATH,
    "static": _STATIC,
    "camera_direction": "a camera move",
    "first": "a start picture",
    "end": "an end picture",
    "words": "a direction in the prompt",
}
"""What a run has to ask for, before there is a score."""


def check_asked(rule: Rule, text: str, prepared: Sequence[Prepared]) -> None:
    """Refuse a rule that no run can fulfil: it would look at every clip, and buy all of them.

    Parameters
    ----------
    rule, text
        The rule, as read and as written.
    prepared
        The requests of the sweep.

    Raises
    ------
    UsageError
        Each of its choices asks for a score that no clip of the sweep will have.
    """
    asked = {part for each in prepared for part in _asked(each)}
    lacking = {name: wanted for name in rule.scores if (wanted := _wanted(name)) and wanted not in asked}
    if not lacking or any(all(term.name not in lacking for term in terms) for terms in rule.choices):
        return
    raise UsageError(
        f"until={text!r} can never hold: no clip of this sweep will have it.",
        "; ".join(f"{name} needs {wanted}, and no run has one" for name, wanted in sorted(lacking.items()))
        + ".",
        "Ask for it, or write a rule on what every clip has: flicker, warp_error, sharpness_decay.",
    )


def _wanted(name: str) -> str:
    """Return what a score needs, empty when every clip has it."""
    measure = BY_NAME[name]
    key = name.split("_", 1)[0] if measure.about == "ends" else measure.about
    return _WANTED.get(name) or _WANTED.get(key, "")


def _asked(prepared: Prepared) -> set[str]:
    drawn, sent = prepared.drawn, prepared.request
    parts = {
        _PATH: bool(drawn.dynamic_masks),
        _STATIC: drawn.static_mask is not None,
        _WANTED["camera_direction"]: sent.camera_control is not None,
        _WANTED["first"]: sent.form == "image2video",
        _WANTED["end"]: sent.image_tail is not None or drawn.image_tail is not None,
        _WANTED["words"]: heading_of(drawn.prompt or "") is not None,
    }
    return {part for part, there in parts.items() if there}
