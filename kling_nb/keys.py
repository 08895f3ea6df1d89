"""Where keys are looked for: a login of this process, the environment, ``.env``, the system's keyring.

A key goes by the name of its variable (``KLING_API_KEY``) wherever it is kept. Nothing here shows, logs or
exports one: a ``.env`` is read without touching the environment, and values are handed out hidden.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import stat
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from kling_nb.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = "kling_nb"
"""Name under which keys stand in the keyring; the user name is the variable."""

LOGIN = "%kling login"
DOTENV = ".env"
DOTENV_MAX_BYTES = 1_000_000
KEYRING_PATIENCE_S = 5.0
"""A keyring that wants to be unlocked and cannot ask must not hold the kernel up."""
_LOOKS_SECRET = re.compile("KEY|TOKEN|SECRET|PASS|CREDENTIAL", re.IGNORECASE)
_SIGNED_ADDRESS = re.compile(r"://[^/?#\s]*@")

_lock = threading.RLock()
_logins: dict[str, SecretStr] = {}
_remembered: dict[str, SecretStr | None] = {}
_dotenv: list[tuple[object, dict[str, SecretStr]]] = []
_troubles: dict[str, str] = {}
_changes = [0]
_salt = os.urandom(16)


@dataclass(frozen=True, slots=True)
class Place:
    """One place where keys may be.

    Parameters
    ----------
    title
        For people: ``%kling login``, a path, ``the keyring``; empty for the environment.
    get
        Returns the value kept under a variable's name, None without one.
    """

    title: str
    get: Callable[[str], SecretStr | None]

    def source(self, *names: str) -> str:
        """Return how a key from here is named to people."""
        what = " + ".join(names)
        return self.title if self.title == LOGIN else f"{what} in {self.title}" if self.title else what


def places() -> Iterator[Place]:
    """Yield the places in the order in which they are looked at; the first that holds a key wins."""
    with _lock:
        logins = dict(_logins)
    yield Place(LOGIN, logins.get)
    yield Place("", _from_environment)
    path = dotenv_path()
    if path is not None:
        yield Place(_short(path), _of_dotenv(path).get)
    yield Place("the keyring", _from_keyring)


def log_in(name: str, value: SecretStr, *, remember: bool = False) -> None:
    """Keep a key for this process, and in the keyring on request.

    Parameters
    ----------
    name
        Variable it stands for.
    value
        The key.
    remember
        Also put it into the system's keyring, for later kernels.

    Raises
    ------
    SettingsError
        There is no keyring, or it refuses; then the key is kept for this process only.
    """
    with _lock:
        _logins[name] = value
        _changes[0] += 1
    if remember:
        keyring = require_keyring()
        _ask_keyring(lambda: keyring.set_password(SERVICE, name, value.get_secret_value()), needed=True)
        refresh()


def log_out(names: tuple[str, ...]) -> list[str]:
    """Forget keys of this process and of the keyring.

    Parameters
    ----------
    names
        Variables they stand for.

    Returns
    -------
    list of str
        Where something was forgotten, for people.
    """
    with _lock:
        gone = [LOGIN] if [name for name in names if _logins.pop(name, None)] else []
        _changes[0] += 1
    refresh()
    for name in names:
        if _from_keyring(name) is not None:
            delete = partial(require_keyring().delete_password, SERVICE, name)
            _ask_keyring(delete, needed=True)
            gone.append("the keyring")
    refresh()
    return list(dict.fromkeys(gone))


@lru_cache(maxsize=1024)
def looks_secret(name: str) -> bool:
    """Whether a name is one that keys are kept under."""
    return _LOOKS_SECRET.search(name) is not None


def is_private(name: str, value: str) -> bool:
    """Whether a variable is nothing for a process that only reads files: a key, an address with a password.

    Parameters
    ----------
    name, value
        Of the variable; addresses of logs and proxies may hold a password under any name.
    """
    return looks_secret(name) or _SIGNED_ADDRESS.search(value) is not None


def refresh() -> None:
    """Forget what the keyring said, so that it is asked again."""
    with _lock:
        _remembered.clear()
        _troubles.pop("keyring", None)
        _changes[0] += 1


def troubles() -> list[str]:
    """Return why a place that is there was not read, for people; one sentence each."""
    dotenv_path()
    return list(_troubles.values())


def mark() -> bytes:
    """Return a digest that changes when a key may have; salted, so that none can be guessed from it.

    Variables are taken by the look of their names, generously: too many only means looking once more.
    """
    with _lock:
        logins = [(name, value.get_secret_value()) for name, value in sorted(_logins.items())]
        changes = _changes[0]
    variables = sorted((name, os.environ.get(name)) for name in os.environ if looks_secret(name))
    path = dotenv_path()
    found = {} if path is None else _of_dotenv(path)
    kept = [(name, value.get_secret_value()) for name, value in sorted(found.items())]
    everything = (_salt, logins, changes, variables, str(path), kept)
    return hashlib.sha256(repr(everything).encode(errors="replace")).digest()


def dotenv_path() -> Path | None:
    """Return the nearest ``.env``: in the working folder or above it, up to the repository's or home folder.

    Outside of both only the working folder counts: what others put into ``/tmp`` is not ours. For the same
    reason a file of another user is left alone. python-dotenv's own switch turns the search off.
    """
    _troubles.pop("dotenv", None)
    if os.environ.get("PYTHON_DOTENV_DISABLED", "").lower() in ("1", "true", "t", "yes", "y"):
        return None
    for name in _folders():
        try:
            found = os.stat(name)  # noqa: PTH116 - with every submit, and pathlib takes ten times longer
        except OSError:
            continue
        if not stat.S_ISREG(found.st_mode):
            continue
        path = Path(name)
        if hasattr(os, "getuid") and found.st_uid not in (os.getuid(), 0):
            _troubles["dotenv"] = f"{_short(path)} belongs to another user and is not read."
        elif found.st_size > DOTENV_MAX_BYTES:
            _troubles["dotenv"] = f"{_short(path)} is too large to be read."
        else:
            return path
    return None


def dotenv_values(names: Collection[str]) -> dict[str, str]:
    """Return what the nearest ``.env`` says about some variables that are no keys.

    Parameters
    ----------
    names
        The variables.
    """
    path = dotenv_path()
    found = {} if path is None else _of_dotenv(path)
    return {name: value.get_secret_value() for name, value in found.items() if name in names}


def _folders() -> tuple[str, ...]:
    """Return where a ``.env`` may be, nearest first."""
    try:
        return _above(os.getcwd(), str(Path.home()))  # noqa: PTH109 - as above
    except (OSError, RuntimeError):
        return ()  # A deleted working folder, or a user without a home.


@lru_cache(maxsize=8)
def _above(here: str, home: str) -> tuple[str, ...]:
    found = []
    for folder in (Path(here), *Path(here).parents):
        found.append(str(folder / DOTENV))
        if str(folder) == home or (folder / ".git").exists():
            return tuple(found)
    return (str(Path(here) / DOTENV),)


def _of_dotenv(path: Path) -> dict[str, SecretStr]:
    try:
        found = path.stat()
        seen = (str(path), found.st_mtime_ns, found.st_size, found.st_ino)
        with _lock:
            if not _dotenv or _dotenv[0][0] != seen:
                _dotenv[:] = [(seen, _read_dotenv(path))]
            return _dotenv[0][1]
    except (OSError, ValueError) as error:
        _troubles["dotenv"] = f"{_short(path)} cannot be read ({type(error).__name__})."
        return {}


def _read_dotenv(path: Path) -> dict[str, SecretStr]:
    from dotenv import dotenv_values  # noqa: PLC0415 - few have such a file

    text = StringIO(path.read_text(encoding="utf-8-sig"))
    # Keys may hold a dollar sign: nothing in them is expanded.
    values = dotenv_values(stream=text, interpolate=False)
    return {name: SecretStr(value) for name, value in values.items() if value}


def _from_environment(name: str) -> SecretStr | None:
    value = os.environ.get(name)
    return SecretStr(value) if value else None


def has_keyring() -> bool:
    """Whether the optional package ``keyring`` is installed."""
    return importlib.util.find_spec("keyring") is not None


def require_keyring() -> Any:
    """Return the package ``keyring``.

    Raises
    ------
    SettingsError
        It is not installed.
    """
    if not has_keyring():
        raise SettingsError(
            "There is no keyring to remember the key in.",
            "The optional package `keyring` is not installed.",
            "%pip install keyring, or leave --remember away: the key is then kept until the kernel ends.",
        )
    import keyring  # noqa: PLC0415 - optional

    return keyring


def _from_keyring(name: str) -> SecretStr | None:
    with _lock:
        if name not in _remembered and "keyring" not in _troubles:
            _remembered[name] = _asked(name) if has_keyring() else None
        return _remembered.get(name)


def _asked(name: str) -> SecretStr | None:
    keyring = require_keyring()
    found: list[SecretStr] = []

    def ask() -> None:
        value = keyring.get_password(SERVICE, name)
        if value:
            found.append(SecretStr(value))

    _ask_keyring(ask, needed=False)
    return found[0] if found else None


def _ask_keyring(ask: Callable[[], None], *, needed: bool) -> None:
    """Call the keyring on a thread of its own: some wait for a person who is not there."""
    failed: list[str] = []

    def guarded() -> None:
        try:
            ask()
        except Exception as error:
            # Its words may hold anything; its kind says enough.
            failed.append(type(error).__name__)

    thread = threading.Thread(target=guarded, name="kling-keyring", daemon=True)
    thread.start()
    thread.join(KEYRING_PATIENCE_S)
    why = failed[0] if failed else "it does not answer" if thread.is_alive() else ""
    if not why:
        return
    if needed:
        raise SettingsError(
            "The keyring did not take part.",
            f"The system's keyring failed ({why}).",
            "The key is kept until the kernel ends; unlock the keyring, then try again.",
        )
    _troubles["keyring"] = f"The system's keyring failed ({why}) and is left alone for now."


def _short(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
