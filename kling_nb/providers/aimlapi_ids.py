"""Model ids of the AI/ML API, which carry version and tier (``spec/gateways.md`` §3.3)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.capabilities import MODES, Cell, Feature, Grid
from kling_nb.errors import InputError

if TYPE_CHECKING:
    from kling_nb.domain.door import Form
    from kling_nb.domain.request import VideoRequest

_TWIN: Final[Mapping[Form, str]] = {"image2video": "image-to-video", "text2video": "text-to-video"}

_FEATURES: Final[Mapping[str, frozenset[Feature]]] = {
    "tail": frozenset({Feature.START_END}),
    "last tail": frozenset({Feature.START_END}),
    "silent tail": frozenset({Feature.START_END_SILENT}),
    "masks": frozenset({Feature.BRUSH}),
    "camera": frozenset({Feature.CAMERA}),
    "audio": frozenset({Feature.AUDIO}),
    "sounding": frozenset({Feature.AUDIO}),
    "shots": frozenset({Feature.MULTI_SHOT}),
    "shot words": frozenset({Feature.MULTI_SHOT}),
    "elements": frozenset({Feature.ELEMENTS}),
}
"""Word of the packaged table -> features of the grid."""


@dataclass(frozen=True, slots=True)
class ModelId:
    """One id and the schema published for it.

    Parameters
    ----------
    id
        As it is sent.
    form
        What it makes.
    model, mode
        The official twin; mode None where the id carries no tier.
    seconds
        Lengths it takes.
    prompt
        ``optional``, ``required``, or ``or shots`` where a storyboard may stand for it.
    takes
        Fields beyond picture, prompt and length, in the words of the packaged table.
    """

    id: str
    form: Form
    model: str
    mode: str | None
    seconds: tuple[int, ...]
    prompt: str
    takes: frozenset[str]

    def fits(self, model: str, mode: str | None) -> bool:
        """Whether this is the id of a model and tier."""
        return self.model == model and self.mode in (None, mode or "std")


@cache
def table() -> Mapping[str, Any]:
    """Return the packaged table."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("aimlapi.json").read_text(encoding="utf-8"))
    return found


@cache
def ids() -> tuple[ModelId, ...]:
    """Return every id, oldest generation first, image-to-video before text-to-video."""
    return tuple(_read(name, row) for name, row in table()["ids"].items())


def grid(form: Form) -> Grid:
    """Return the ids of one form as a table of combinations."""
    return Grid(list(_cells(form)))


def find(request: VideoRequest) -> ModelId | None:
    """Return the id for what is asked, None where there is none."""
    fitting = (
        row for row in ids() if row.form == request.form and row.fits(request.model_name, request.mode)
    )
    return next(fitting, None)


def need(request: VideoRequest) -> ModelId:
    """Return the id for what is asked.

    Raises
    ------
    InputError
        There is none; the nearest ids are named.
    """
    row = find(request)
    if row is None:
        raise InputError(
            f"The AI/ML API has no id for {pair(request)}.", "", f"Nearest: {', '.join(nearest(request))}."
        )
    return row


def pair(request: VideoRequest) -> str:
    """Return model and tier for people."""
    return f"{request.model_name} {request.mode or 'std'}"


def nearest(request: VideoRequest, limit: int = 3) -> list[str]:
    """Return the ids nearest to what is asked: same model first, then the closest generation and tier."""
    form = request.form if request.form in _TWIN else "image2video"
    rows = [row for row in ids() if row.form == form]
    models = list(dict.fromkeys(row.model for row in rows))
    near = models.index(request.model_name) if request.model_name in models else _near(request, models)
    asked = _tier(request.mode)
    rows.sort(key=lambda row: (abs(models.index(row.model) - near), abs(_tier(row.mode) - asked)))
    return [row.id for row in rows[:limit]]


def _near(request: VideoRequest, models: list[str]) -> int:
    """Return where an unlisted model would stand: behind the listed ones of smaller names."""
    below = sum(name <= request.model_name for name in sorted(models))
    return max(0, min(below, len(models)) - 1)


def _tier(mode: str | None) -> int:
    return MODES.index(mode) if mode in MODES else 0


def _read(name: str, row: Mapping[str, Any]) -> ModelId:
    first, last = row["seconds"]
    form: Form = "text2video" if name.endswith(_TWIN["text2video"]) else "image2video"
    return ModelId(
        name,
        form,
        row["model"],
        row["mode"],
        (first, last) if (first, last) == (5, 10) else tuple(range(first, last + 1)),
        row.get("prompt", "optional"),
        frozenset(row["takes"]),
    )


def _cells(form: Form) -> Iterator[Cell]:
    base = Feature.START if form == "image2video" else Feature.TEXT
    for row in ids():
        if row.form == form:
            extra = frozenset[Feature]().union(*(_FEATURES.get(word, frozenset()) for word in row.takes))
            for seconds in row.seconds:
                yield Cell(row.model, row.mode, seconds, extra | {base})
