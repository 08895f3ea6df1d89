"""Taking a key that a person types, and giving it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb import keys, providers, settings
from kling_nb.errors import SettingsError
from kling_nb.session.choice import choose_provider
from kling_nb.session.doors import credential_of, door_of
from kling_nb.transport.finding import check_key

if TYPE_CHECKING:
    from pydantic import SecretStr

    from kling_nb.domain.door import Door


def login_door(provider: str | None) -> Door:
    """Return the door a key is asked for: the named one, else the chosen one, else the official API's.

    Raises
    ------
    SettingsError
        The provider is unknown, or is the sandbox, which takes no key of anybody.
    """
    name = provider or settings.load().provider or ""
    if provider is None and (not name or providers.is_local(name)):
        name = "official"
    if name not in providers.names():
        # Not quoted: it may be the key itself, typed in the wrong place.
        raise SettingsError(
            "There is no such provider.",
            f"A key is never part of the line; providers are {', '.join(providers.door_names())}.",
            "Write %kling login and a provider. If a key stood there, make a new one: cells are saved.",
        )
    door = door_of(name)
    if providers.is_local(name):
        raise SettingsError(
            f"{name} takes no key of yours.",
            "The local server brings its own and charges nothing.",
            f"%kling login {door.name} asks for the key of the service itself.",
        )
    return door


def asks_for(door: Door) -> str:
    """Return what a person is asked for, in a few words."""
    pair = ", or AccessKey:SecretKey" if door.pair_variables else ""
    return f"Key for {door.title} ({door.name}){pair}"


def log_in(door: Door, key: SecretStr, *, remember: bool = False) -> str:
    """Keep a key for this process and say what follows from it.

    Parameters
    ----------
    door
        Whose key it is.
    key
        What was typed.
    remember
        Also keep it in the system's keyring.

    Returns
    -------
    str
        For people; nothing of the key is in it.

    Raises
    ------
    SettingsError
        It cannot be a key, or the keyring refuses.
    """
    check_key(key, door)
    if remember:
        keys.require_keyring()
    keys.log_in(door.key_variables[0], key, remember=remember)
    kept = "in the system's keyring" if remember else "until the kernel ends"
    return f"The key for {door.name} is kept {kept}.{_choice(door)}"


def log_out(door: Door) -> str:
    """Forget the key of a door and say whether another one remains.

    Parameters
    ----------
    door
        Whose key is forgotten, in this process and in the keyring.

    Returns
    -------
    str
        For people.
    """
    gone = keys.log_out(door.key_variables)
    said = (
        f"The key for {door.name} is forgotten ({', '.join(gone)})."
        if gone
        else f"No key for {door.name} was kept."
    )
    try:
        left = credential_of(settings.load(), door)
    except SettingsError as error:
        return f"{said} {error.what}"
    return said if left is None else f"{said} There is still one from {left.source}."


def _choice(door: Door) -> str:
    """Say where the next run goes when that is somewhere else."""
    try:
        chosen = choose_provider(settings.load()).provider
    except SettingsError as error:
        return f" {error.what}"
    if chosen == door.name:
        return " `%kling doctor` tries it, free of charge."
    return f" Runs go to {chosen}; %kling provider {door.name} changes that."
