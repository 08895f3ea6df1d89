"""Which provider is used, and the reason that is always said."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kling_nb import providers
from kling_nb.session.doors import credential_of, door_of

if TYPE_CHECKING:
    from kling_nb.settings import Settings


class Choice(NamedTuple):
    """A provider and why it was chosen."""

    provider: str
    reason: str

    @property
    def is_rehearsal(self) -> bool:
        """Whether nothing is charged there."""
        return providers.is_local(self.provider)


def provider_names() -> tuple[str, ...]:
    """Return every provider a person can name, doors first, then their rehearsals on the local server."""
    return providers.names()


def choose_provider(settings: Settings, named: str | None = None) -> Choice:
    """Choose a provider: as named, else the first door with a credential, else the sandbox.

    Doors are asked in the order of the registry: the official API comes first, so its second dialect, which
    takes the same key, is used only when it is named.

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
    for name in providers.door_names():
        credential = credential_of(settings, door_of(name))
        if credential is not None:
            return Choice(name, f"credential from {credential.source}")
    return Choice("sandbox", "no Kling credential found; a local imitation that charges nothing")
