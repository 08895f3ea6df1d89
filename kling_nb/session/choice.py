"""Which provider is used, and the reason that is always said."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kling_nb import providers
from kling_nb.settings import PROVIDERS
from kling_nb.transport.auth import find_credential

if TYPE_CHECKING:
    from kling_nb.settings import Settings


class Choice(NamedTuple):
    """A provider and why it was chosen."""

    provider: str
    reason: str


def choose_provider(settings: Settings, named: str | None = None) -> Choice:
    """Choose a provider: as named, else the first with a credential, else the sandbox.

    Parameters
    ----------
    settings
        Where credentials and a configured name come from.
    named
        What this call names; wins.
    """
    if named:
        providers.get(named)
        return Choice(named, "named in the call")
    if settings.provider:
        providers.get(settings.provider)
        return Choice(settings.provider, "named in the settings")
    unspoken = []
    for name in PROVIDERS:
        credential = None if name == "sandbox" else find_credential(settings, name)
        if credential is None:
            continue
        if name in providers.AVAILABLE:
            return Choice(name, f"credential from {credential.source}")
        unspoken.append(credential.source)
    also = (
        f" ({', '.join(unspoken)} is set, but this version does not speak to that gateway)"
        if unspoken
        else ""
    )
    return Choice("sandbox", f"no Kling credential found{also}; a local imitation that charges nothing")
