"""Legacy image2video and text2video of the official service (``spec/capabilities.md`` §2, §3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kling_nb.domain.capabilities._data import load
from kling_nb.domain.capabilities.grid import Cell, Feature, Grid

AS_OF: Final = "2026-11"
"""Month the capability and status tables were last checked."""

IMAGE2VIDEO: Final = Grid.from_json(load("image2video")["models"])
"""What legacy image2video offers."""

TEXT2VIDEO: Final = Grid.from_json(load("text2video")["models"])
"""What legacy text2video offers."""

EXTEND: Final = Grid.from_json(load("extend")["models"])
"""Whose clips legacy video-extend makes longer."""

MODELS: Final[tuple[str, ...]] = IMAGE2VIDEO.models
"""Legacy image2video models, oldest first."""


def table() -> tuple[Cell, ...]:
    """Return every image2video cell, in the order of the specification."""
    return IMAGE2VIDEO.cells


def has_modes(model: str) -> bool:
    """Whether the service documents ``mode`` for this model.

    The two masters document none: the client sends no ``mode`` there (``spec/capabilities.md`` §2).
    Unknown models count as having modes.
    """
    return IMAGE2VIDEO.has_modes(model)


def modes(model: str) -> tuple[str, ...]:
    """Return the documented modes of a model; empty for the masters and for unknown models."""
    return IMAGE2VIDEO.modes(model)


def durations(model: str, mode: str | None = None) -> tuple[int, ...]:
    """Return the clip lengths in seconds a model offers, in one mode or in any."""
    return IMAGE2VIDEO.durations(model, mode)


def cfg_scale_documented(model: str) -> bool:
    """Whether the service documents an effect of ``cfg_scale`` for this model."""
    return model in load("image2video")["cfg_scale"]["supported"]


def features(model: str, mode: str | None, duration: int) -> frozenset[Feature]:
    """Return what a combination can do; see :meth:`Grid.features`."""
    return IMAGE2VIDEO.features(model, mode, duration)


def supports(model: str, mode: str | None, duration: int, *wanted: Feature | str) -> bool:
    """Whether a combination can do all the wanted features at once; see :meth:`Grid.supports`."""
    return IMAGE2VIDEO.supports(model, mode, duration, *wanted)


def supported_anywhere(model: str, *wanted: Feature | str) -> bool:
    """Whether some mode and duration of the model can do all the wanted features."""
    return IMAGE2VIDEO.supported_anywhere(model, *wanted)


def alternatives(
    *wanted: Feature | str,
    model: str | None = None,
    mode: str | None = None,
    duration: int | None = None,
    exclude: Iterable[str] = (),
) -> list[Cell]:
    """Return the cells that can do all the wanted features, nearest first; see :meth:`Grid.alternatives`."""
    return IMAGE2VIDEO.alternatives(*wanted, model=model, mode=mode, duration=duration, exclude=exclude)
