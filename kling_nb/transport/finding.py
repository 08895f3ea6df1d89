"""Which credential opens a door: the first that is found, by the names the door gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb import keys
from kling_nb.errors import SettingsError
from kling_nb.transport.auth import Credential

if TYPE_CHECKING:
    from pydantic import SecretStr

    from kling_nb.domain.door import Door
    from kling_nb.settings import Settings

ACCOUNT_VARIABLES = frozenset({"KLING_API_KEY", "KLINGAI_API_KEY"})
"""Variables of the Kling account: their value may also be a pair, ``AK:SK``."""


def find_credential(settings: Settings, door: Door) -> Credential | None:
    """Return the credential of a door (``spec/official-api.md`` §3.4).

    The explicit argument wins, then the places of `kling_nb.keys` in their order. Within one place a static
    key comes before a key pair, and the two halves of a pair are never taken from two places.

    Parameters
    ----------
    settings
        Settings as loaded: the explicit arguments, and the provider they are for.
    door
        Whose variables are looked for.

    Returns
    -------
    Credential or None
        None when there is none.

    Raises
    ------
    SettingsError
        If half of a key pair is missing, or a value is no key; it is not quoted.
    """
    try:
        return _find(settings, door)
    except SettingsError as error:
        problem = error.with_traceback(None)
    # Raised anew: the frames in between hold what cannot be used, and that may be a key with a typing error.
    raise problem


def check_key(key: SecretStr, door: Door) -> None:
    """Make sure that what a person typed can be the key of a door.

    Parameters
    ----------
    key
        What was typed.
    door
        Whose key it shall be.

    Raises
    ------
    SettingsError
        It cannot be one; it is not quoted.
    """
    try:
        account = not ACCOUNT_VARIABLES.isdisjoint(door.key_variables)
        found = _static(key, keys.LOGIN, door, account=account)
    except SettingsError as error:
        problem = error.with_traceback(None)
    else:
        if found is not None:
            return
        problem = SettingsError(
            f"{door.title} takes an API key.",
            "AccessKey and SecretKey do not open it.",
            f"Make an API key in the console: {door.console_url}",
        )
    raise problem


def _find(settings: Settings, door: Door) -> Credential | None:
    if _is_for(settings, door):
        pair = (settings.explicit_access_key, settings.explicit_secret_key)
        found = _static(settings.explicit_api_key, "argument", door, account=True)
        found = found or _pair(pair, "", ("access_key", "secret_key"), door)
        if found is not None:
            return found
    for place in keys.places():
        for name in door.key_variables:
            found = _static(place.get(name), place.source(name), door, account=name in ACCOUNT_VARIABLES)
            if found is not None:
                return found
        for names in door.pair_variables:
            found = _pair((place.get(names[0]), place.get(names[1])), place.title, names, door)
            if found is not None:
                return found
    return None


def _is_for(settings: Settings, door: Door) -> bool:
    """Whether an explicit key belongs to a door: to the named provider's, else to the Kling account's."""
    named = settings.provider
    if named == door.name:
        return True
    account = not ACCOUNT_VARIABLES.isdisjoint(door.key_variables)
    return account and (named is None or named.startswith(("official", "sandbox")))


def _static(value: SecretStr | None, source: str, door: Door, *, account: bool) -> Credential | None:
    if value is None:
        return None
    text = value.get_secret_value()
    if account and text.count(":") == 1:
        # An account's variable may hold AK:SK, which doors that know no pairs do not accept.
        return Credential.api_key(text, source) if door.pair_variables else None
    return Credential("api-key", source, (text.strip(),))


def _pair(
    values: tuple[SecretStr | None, SecretStr | None], title: str, names: tuple[str, str], door: Door
) -> Credential | None:
    if not door.pair_variables or values == (None, None):
        return None
    first, second = values
    where = f" in {title}" if title else ""
    if first is None or second is None:
        present, missing = (names[1], names[0]) if first is None else names
        raise SettingsError(
            f"{present} is set{where} but {missing} is not.",
            "AccessKey and SecretKey work only together.",
            f"Set {missing} too, or use an API key ({door.key_variables[0]}).",
        )
    source = "argument" if names[0] == "access_key" else f"{' + '.join(names)}{where}"
    return Credential.access_key(first.get_secret_value(), second.get_secret_value(), source)
