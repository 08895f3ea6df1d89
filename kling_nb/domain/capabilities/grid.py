"""A table of model x mode x duration -> features: what one form of one door offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ANY_MODE: Final = "*"
"""Key of models for which the service documents no mode."""

MODES: Final = ("std", "pro", "4k")
"""Values of ``mode`` the service knows (``spec/official-api.md`` §4.1 row 13)."""


class Feature(StrEnum):
    """Feature codes of ``spec/capabilities.md`` §1, and those of the other forms (§3)."""

    START = "start"
    START_END = "start_end"
    START_END_SILENT = "start_end_silent"
    END_ONLY = "end_only"
    BRUSH = "brush"
    CAMERA_SIMPLE = "camera_simple"
    CAMERA = "camera"
    """Camera of any type, presets included."""
    AUDIO = "audio"
    VOICE = "voice"
    MULTI_SHOT = "multi_shot"
    ELEMENTS = "elements"
    TEXT = "text"
    """Text-to-video."""
    EXTEND = "extend"
    """A clip of this model can be made longer."""
    VIDEO = "video"
    """A reference video."""
    IMAGES = "images"
    """Reference pictures besides the frames."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination the service offers.

    Parameters
    ----------
    model
        Legacy model name.
    mode
        ``std``, ``pro``, ``4k``, or None where no mode is documented.
    duration
        Seconds.
    features
        What the combination can do.
    """

    model: str
    mode: str | None
    duration: int
    features: frozenset[Feature]

    def __str__(self) -> str:
        return " ".join(part for part in (self.model, self.mode, f"{self.duration} s") if part)


class Grid:
    """Every combination of one form of one door.

    Parameters
    ----------
    cells
        In the order of the specification, oldest model first.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = tuple(cells)
        self.models = tuple(dict.fromkeys(cell.model for cell in self.cells))
        self._index = {(cell.model, cell.mode, cell.duration): cell.features for cell in self.cells}
        self._modeless = frozenset(cell.model for cell in self.cells if cell.mode is None)

    @classmethod
    def from_json(cls, models: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]]) -> Grid:
        """Read the packaged form ``{model: {mode or "*": {"5" or "3-15": [codes]}}}``."""
        return cls(
            [
                Cell(model, None if mode == ANY_MODE else mode, seconds, frozenset(map(Feature, codes)))
                for model, modes in models.items()
                for mode, durations in modes.items()
                for key, codes in durations.items()
                for seconds in _seconds(key)
            ]
        )

    def has_modes(self, model: str) -> bool:
        """Whether ``mode`` is documented for this model; unknown models count as having modes."""
        return model not in self._modeless

    def modes(self, model: str) -> tuple[str, ...]:
        """Return the documented modes of a model; empty where there are none and for unknown models."""
        return tuple(dict.fromkeys(c.mode for c in self.cells if c.model == model and c.mode is not None))

    def durations(self, model: str, mode: str | None = None) -> tuple[int, ...]:
        """Return the clip lengths in seconds a model offers, in one mode or in any."""
        wanted = {
            c.duration for c in self.cells if c.model == model and (mode is None or c.mode in (mode, None))
        }
        return tuple(sorted(wanted))

    def features(self, model: str, mode: str | None, duration: int) -> frozenset[Feature]:
        """Return what a combination can do; empty when it does not exist.

        Parameters
        ----------
        model
            Legacy model name.
        mode
            None means ``std``, the service's default. Models without modes accept and ignore ``std`` and
            ``pro``.
        duration
            Seconds.
        """
        if self.has_modes(model):
            return self._index.get((model, mode or "std", duration), frozenset())
        if mode not in (None, "std", "pro"):
            return frozenset()
        return self._index.get((model, None, duration), frozenset())

    def supports(self, model: str, mode: str | None, duration: int, *wanted: Feature | str) -> bool:
        """Whether a combination can do all the wanted features at once.

        ``start_end`` together with ``audio`` needs a model that offers both; where the end frame is
        documented as silent only (``kling-v2-6`` pro) the pair is refused.
        """
        offered = self.features(model, mode, duration)
        return bool(offered) and _covers(offered, frozenset(map(Feature, wanted)))

    def supported_anywhere(self, model: str, *wanted: Feature | str) -> bool:
        """Whether some mode and duration of the model can do all the wanted features."""
        need = frozenset(map(Feature, wanted))
        return any(cell.model == model and _covers(cell.features, need) for cell in self.cells)

    def alternatives(
        self,
        *wanted: Feature | str,
        model: str | None = None,
        mode: str | None = None,
        duration: int | None = None,
        exclude: Iterable[str] = (),
    ) -> list[Cell]:
        """Return the cells that can do all the wanted features, nearest to the request first.

        Near means: same model, then same mode, then same duration, then the closest generation and
        length.

        Parameters
        ----------
        wanted
            Feature codes, all of them required.
        model, mode, duration
            What was asked for.
        exclude
            Models left out, e.g. the retired ones.
        """
        need = frozenset(map(Feature, wanted))
        banned = frozenset(exclude)
        near = self.models.index(model) if model in self.models else len(self.models) - 1
        asked_mode = MODES.index(mode) if mode in MODES else 0
        seconds = 5 if duration is None else duration

        def distance(cell: Cell) -> tuple[int, int, int, int]:
            off_mode = 0 if cell.mode is None else abs(MODES.index(cell.mode) - asked_mode)
            off_length = abs(cell.duration - seconds)
            changes = (cell.model != model) * 3 + bool(off_mode) + bool(off_length)
            return changes, abs(self.models.index(cell.model) - near), off_length, off_mode

        found = [c for c in self.cells if c.model not in banned and _covers(c.features, need)]
        return sorted(found, key=distance)


def _seconds(key: str) -> range:
    first, _, last = key.partition("-")
    return range(int(first), int(last or first) + 1)


def _covers(offered: frozenset[Feature], wanted: frozenset[Feature]) -> bool:
    silent = Feature.AUDIO not in wanted
    if silent and Feature.START_END_SILENT in offered:
        offered = offered | {Feature.START_END}
    if Feature.CAMERA in offered:
        offered = offered | {Feature.CAMERA_SIMPLE}
    return wanted <= offered


def describe(cells: Iterable[Cell], limit: int = 4) -> str:
    """Put cells into words for people: ``kling-v1 pro 5 s, kling-v3 std 3-15 s``.

    Cells of one model and mode are written together; the order of first appearance is kept.
    """
    groups: dict[tuple[str, str | None], list[int]] = {}
    for cell in cells:
        groups.setdefault((cell.model, cell.mode), []).append(cell.duration)
    words = [
        " ".join(part for part in (model, mode, f"{_lengths(seconds)} s") if part)
        for (model, mode), seconds in groups.items()
    ]
    more = len(words) - limit
    return ", ".join(words[:limit]) + (f" and {more} more" if more > 0 else "")


def _lengths(seconds: list[int]) -> str:
    ordered = sorted(set(seconds))
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]}-{ordered[-1]}"
    return " or ".join(map(str, ordered))
