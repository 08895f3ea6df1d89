"""Served or retired (``spec/capabilities.md`` §5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple

from kling_nb.domain.capabilities._data import load
from kling_nb.domain.capabilities.table import MODELS

BRUSH_ON_OFFICIAL: Final[str] = load("status")["brush_on_official"]
"""Why the brush is off on the official hosts, in the words people are shown."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What is known about one model on one provider.

    Parameters
    ----------
    model
        Legacy model name.
    retired
        Whether the provider no longer serves it.
    mark
        Confidence: ``official``, ``observed``, ``unverified``, ``learned`` (this process was told
        so) or ``user`` (overridden).
    since
        ISO date of retirement, None when served or unknown.
    note
        One phrase for people.
    introduced, changes, last_seen
        From the vendor's update log and from reports; empty or None when unknown.
    """

    model: str
    retired: bool
    mark: str
    since: str | None = None
    note: str = ""
    introduced: str = ""
    changes: str = ""
    last_seen: str | None = None


class DefaultModel(NamedTuple):
    """Model, mode and seconds used when the user names none."""

    model: str
    mode: str | None
    duration: int


_told: dict[tuple[str, str], tuple[bool, str]] = {}
_lock = Lock()


def status(model: str, provider: str = "official", *, dated: bool | None = None) -> ModelStatus:
    """Return whether a provider serves a model.

    What this process learned or the user stated wins over the dated table. The table speaks of the
    official hosts only; other providers count as serving until they say otherwise.

    Parameters
    ----------
    model
        Legacy model name.
    provider
        What was learned or stated is kept by provider.
    dated
        Whether the table holds there (:attr:`kling_nb.domain.door.Door.retires`); None for the official one.
    """
    dated = provider == "official" if dated is None else dated
    row = load("status")["models"].get(model, {})
    history = {key: row[key] for key in ("introduced", "changes", "last_seen") if key in row}
    with _lock:
        told = _told.get((provider, model))
    if told is not None:
        retired, mark = told
        note = "the service said so in this session" if mark == "learned" else "set by the user"
        return ModelStatus(model, retired, mark, note=note, **history)
    if not dated or not row:
        return ModelStatus(model, retired=False, mark="unverified", **history)
    return ModelStatus(model, row["retired"], row["mark"], row["since"], row["note"], **history)


def mark_retired(model: str, provider: str = "official") -> None:
    """Remember for this process that the service called a model discontinued (M18)."""
    with _lock:
        _told[provider, model] = (True, "learned")


def override_status(model: str, *, retired: bool, provider: str = "official") -> None:
    """Let the user correct the dated table for this process."""
    with _lock:
        _told[provider, model] = (retired, "user")


def forget_status() -> None:
    """Drop everything learned or overridden in this process."""
    with _lock:
        _told.clear()


def retired_models(
    provider: str = "official", *, dated: bool | None = None, models: Iterable[str] = MODELS
) -> frozenset[str]:
    """Return those of the models that a provider no longer serves; see :func:`status`."""
    return frozenset(model for model in models if status(model, provider, dated=dated).retired)
