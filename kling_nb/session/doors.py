"""Where the doors lead in this session: addresses and credentials, by what each door says about itself.

Nothing here knows a door by name but the table of the sandbox's credentials, so that a new provider is heard
of through its variables alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from kling_nb import providers
from kling_nb.errors import SettingsError
from kling_nb.settings import Settings, clean_base_url
from kling_nb.transport.auth import Credential
from kling_nb.transport.finding import find_credential

if TYPE_CHECKING:
    from kling_nb.domain.door import Door

OFFICIAL_HOSTS = "klingai.com"

_FIELDS: Final = {str(field.validation_alias): name for name, field in Settings.model_fields.items()}
"""Variable -> field of the settings that reads it."""

_SANDBOX_KEYS: Final = {
    "official-new": "api_key",
    "acedata": "acedata_token",
    "aimlapi": "aimlapi_key",
}
"""Door -> what the sandbox calls its credential for that dialect."""


class SandboxAddress(Protocol):
    """Where a sandbox listens and what it accepts."""

    @property
    def url(self) -> str:
        """Address."""

    @property
    def pid(self) -> int:
        """Process."""

    @property
    def home(self) -> str:
        """Folder."""

    @property
    def access_key(self) -> str:
        """Half of its credential."""

    @property
    def secret_key(self) -> str:
        """The other half."""

    @property
    def api_key(self) -> str:
        """Its static key."""


def door_of(provider: str) -> Door:
    """Return the door of a provider by its name."""
    return providers.get(provider).door


def all_doors() -> list[Door]:
    """Return what is particular about each door, in the order in which they are chosen."""
    return [door_of(name) for name in providers.door_names()]


def base_of(settings: Settings, door: Door) -> str:
    """Return the address of a door: from the first of its variables that is set, else its own.

    Raises
    ------
    SettingsError
        A variable that the settings do not know holds no address.
    """
    for variable in door.base_variables:
        field = _FIELDS.get(variable)
        if field is not None:
            value = str(getattr(settings, field))
            if value != Settings.model_fields[field].default:
                return value
        elif text := os.environ.get(variable):
            try:
                return clean_base_url(text)
            except ValueError as error:
                raise SettingsError(
                    "A setting cannot be used.", f"{variable}: {error}", "Correct the variable."
                ) from None
    return door.base_url


def credential_of(settings: Settings, door: Door) -> Credential | None:
    """Return the credential of a door, None without one.

    Raises
    ------
    SettingsError
        Half of a key pair is missing, or a value is no credential.
    """
    return find_credential(settings, door)


def sandbox_credential(info: SandboxAddress, door: str) -> Credential:
    """Return what the sandbox accepts from a door.

    Raises
    ------
    SettingsError
        The sandbox does not speak that dialect.
    """
    if door == "official":
        return Credential.access_key(info.access_key, info.secret_key, providers.SANDBOX)
    key = getattr(info, _SANDBOX_KEYS.get(door, ""), None)
    if key is None:
        raise SettingsError(
            f"The sandbox does not speak the dialect of {door!r}.",
            f"It plays: official, {', '.join(_SANDBOX_KEYS)}.",
            "Try the request with provider='sandbox'.",
        )
    return Credential("api-key", providers.SANDBOX, (key,))


def no_credential(door: Door) -> SettingsError:
    """Return the error for a door without a credential."""
    ways = [*door.key_variables[:1], *(" and ".join(pair) for pair in door.pair_variables[:1])]
    why = "Neither an argument, a login, a variable, .env nor the keyring holds one."
    return SettingsError(
        f"There is no credential for the provider {door.name!r}.",
        f"{why} {door.key_only}".strip(),
        f"%kling login {door.name} asks for it, or set {', or '.join(ways)}; --provider sandbox needs none.",
    )


def is_official(base_url: str) -> bool:
    """Whether an address is one of the vendor's own hosts (``spec/official-api.md`` §2)."""
    host = urlsplit(base_url).hostname or ""
    return base_url.startswith("https://") and (host == OFFICIAL_HOSTS or host.endswith("." + OFFICIAL_HOSTS))


def is_home(base_url: str, door: Door) -> bool:
    """Whether an address is the door's own; the vendor's hosts replace one another."""
    return base_url == door.base_url or (is_official(door.base_url) and is_official(base_url))


def check_host(settings: Settings, door: Door, base_url: str) -> None:
    """Refuse to send a credential to an address that only a row of the log names.

    Raises
    ------
    SettingsError
        It is neither the configured address nor the door's own.
    """
    configured = base_of(settings, door)
    if base_url == configured or is_home(base_url, door):
        return
    raise SettingsError(
        f"This run was made at {base_url}, your credential is for {configured}.",
        "A credential is sent to the configured address and to the service's own hosts only.",
        f"If you trust that address, set {door.base_variables[0]}={base_url} and try again.",
    )


def scope_of(provider: str, settings: Settings) -> str:
    """Return what runs must share besides their request to stand for each other.

    A clip of a test server that plays a service must never pass for one of that service. The sandbox is one
    place wherever it listens, and so are the vendor's hosts.
    """
    if providers.is_local(provider):
        return provider
    door = door_of(provider)
    base = base_of(settings, door)
    return provider if is_home(base, door) else f"{provider} {base}"


def server_of(provider: str, settings: Settings) -> str:
    """Return who answers a call that several doors to one service make alike."""
    if providers.is_local(provider):
        return providers.SANDBOX
    door = door_of(provider)
    base = base_of(settings, door)
    return door.base_url if is_home(base, door) else base
