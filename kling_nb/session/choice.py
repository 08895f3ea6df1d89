"""Which provider is used, and the reason that is always said."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from kling_nb import providers
from kling_nb.settings import PROVIDERS
from kling_nb.transport.auth import find_credential

if TYPE_CHECKING:
    from kling_nb.settings import Settings


OFFICIAL_HOSTS = "klingai.com"


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


def is_official(base_url: str) -> bool:
    """Whether an address is one of the vendor's own hosts (``spec/official-api.md`` §2)."""
    host = urlsplit(base_url).hostname or ""
    return base_url.startswith("https://") and (host == OFFICIAL_HOSTS or host.endswith("." + OFFICIAL_HOSTS))


def scope_of(provider: str, settings: Settings) -> str:
    """Return what runs must share besides their request to stand for each other.

    A clip of a test server that plays the official API must never pass for one of the official API. The
    sandbox is one place wherever it listens, and so are the vendor's hosts, which replace one another.
    """
    base = settings.kling_api_base
    return provider if provider != "official" or is_official(base) else f"{provider} {base}"
