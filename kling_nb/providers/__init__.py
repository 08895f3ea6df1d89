"""Dialects: requests to calls, answers to tasks. No network, no clock."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.nearest import closest
from kling_nb.errors import SettingsError

if TYPE_CHECKING:
    from kling_nb.providers.base import Provider

SANDBOX: Final = "sandbox"

_MODULES: Final = {
    "official": "kling_nb.providers.official:Official",
    "official-new": "kling_nb.providers.official_new:OfficialNew",
    "acedata": "kling_nb.providers.acedata:AceData",
    "aimlapi": "kling_nb.providers.aimlapi:AimlApi",
}
"""Provider -> module and class; a new provider is one module and one line here."""


def door_names() -> tuple[str, ...]:
    """Return the names of all doors, in the order in which they are chosen when none is named."""
    return tuple(_MODULES)


def names() -> tuple[str, ...]:
    """Return every name that :func:`get` takes.

    ``sandbox`` speaks the official legacy dialect to the local server, ``sandbox-<name>`` rehearses another
    door there.
    """
    return (*door_names(), SANDBOX, *(f"{SANDBOX}-{name}" for name in door_names() if name != "official"))


def door_of(name: str) -> str:
    """Return the door a provider goes through: its name without the ``sandbox`` in front."""
    return "official" if name == SANDBOX else name.removeprefix(f"{SANDBOX}-")


def is_local(name: str) -> bool:
    """Whether a provider is the local server."""
    return name == SANDBOX or name.startswith(f"{SANDBOX}-")


def get(name: str, settings: object = None) -> Provider:
    """Return a provider by name.

    Parameters
    ----------
    name
        One of :func:`names`.
    settings
        Where a dialect finds the settings it names in ``own_settings`` (its field -> the setting); None
        leaves them at their defaults.

    Returns
    -------
    Provider
        The dialect; at the sandbox the same one, asked more often.

    Raises
    ------
    SettingsError
        If this version has no such dialect.
    """
    if name not in names():
        near = closest(str(name), names())
        raise SettingsError(
            f"There is no provider {name!r}.",
            f"This version speaks to: {', '.join(names())}.",
            f"Did you mean {near}?" if near else "Choose one of them.",
        )
    from kling_nb.providers.base import PollPolicy  # noqa: PLC0415 - listing names needs no dialect

    module, _, cls = _MODULES[door_of(name)].partition(":")
    provider: Any = getattr(import_module(module), cls)()
    if settings is not None:
        own = getattr(provider, "own_settings", {})
        provider = dataclasses.replace(
            provider, **{field: getattr(settings, setting) for field, setting in own.items()}
        )
    if is_local(name):
        provider = dataclasses.replace(
            provider, name=name, door=provider.door.rehearsed(), poll=PollPolicy(first_s=0.2, max_s=0.2)
        )
    found: Provider = provider
    return found
