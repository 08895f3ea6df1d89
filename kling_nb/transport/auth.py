"""Credentials: API key or AccessKey/SecretKey, signed, cached and never shown.

Wire rules: ``spec/official-api.md`` §3. A credential lives in a host-scoped ``httpx.Auth``, because
a client-level header would travel to any absolute URL.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Generator
from typing import TYPE_CHECKING, Literal

import httpx

from kling_nb.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from kling_nb.settings import Settings

TOKEN_LIFE_S = 1800
"""``exp`` is this many seconds after signing."""
NOT_BEFORE_S = 5
"""``nbf`` is this many seconds before signing."""
RENEW_S = 120
"""A token is re-signed this many seconds before it ends."""

Kind = Literal["api-key", "jwt"]


def sign(access_key: str, secret_key: str, now: float) -> str:
    """Return the JWT of ``spec/official-api.md`` §3.1.

    Parameters
    ----------
    access_key, secret_key
        The account's key pair.
    now
        Unix time in seconds.

    Returns
    -------
    str
        Token valid from 5 s before to 1800 s after ``now``.
    """
    import jwt  # noqa: PLC0415 - 30 ms that an API key never needs

    # The service made the key, and a mistyped one is refused soon enough: nothing to warn a notebook about.
    warnings.filterwarnings("ignore", message="The HMAC key is ", module=r"jwt\.")
    at = int(now)
    claims = {"iss": access_key, "exp": at + TOKEN_LIFE_S, "nbf": at - NOT_BEFORE_S}
    return jwt.encode(claims, secret_key, algorithm="HS256", headers={"alg": "HS256", "typ": "JWT"})


class Credential:
    """One way to authenticate; shows its kind and source, never its value.

    Parameters
    ----------
    kind
        ``"api-key"`` or ``"jwt"``.
    source
        Where it came from, for people: ``"argument"``, ``"KLING_API_KEY"``, ``"sandbox"``.
    secrets
        The key, or AccessKey and SecretKey.
    """

    __slots__ = ("_expires", "_lock", "_secrets", "_token", "kind", "source")

    def __init__(self, kind: Kind, source: str, secrets: tuple[str, ...]) -> None:
        if not all(map(_is_sound, secrets)) or (kind == "api-key" and not secrets[0].isascii()):
            raise SettingsError(
                f"The credential from {source} cannot be used.",
                "It is empty or contains spaces, line breaks or other characters that no key has.",
                "Copy it again from the console, without quotes and blanks.",
            )
        self.kind = kind
        self.source = source
        self._secrets = tuple(_Hidden(text) for text in secrets)
        self._token: _Hidden | None = None
        self._expires = 0.0
        self._lock = threading.Lock()

    @classmethod
    def api_key(cls, value: str, source: str) -> Credential:
        """Return a credential from an API key; ``AK:SK`` with exactly one colon is a key pair.

        Parameters
        ----------
        value
            Static key from the console.
        source
            Where it came from.
        """
        value = value.strip()
        if value.count(":") == 1:
            access, secret = value.split(":")
            return cls.access_key(access, secret, source)
        return cls("api-key", source, (value,))

    @classmethod
    def access_key(cls, ak: str, sk: str, source: str) -> Credential:
        """Return a credential from AccessKey and SecretKey.

        Parameters
        ----------
        ak, sk
            The account's key pair.
        source
            Where it came from.
        """
        return cls("jwt", source, (ak.strip(), sk.strip()))

    def authorization(self, now: float) -> str:
        """Return the value of the ``Authorization`` header.

        Parameters
        ----------
        now
            Unix time in seconds; a token is reused until 120 s before its end.

        Returns
        -------
        str
            ``Bearer`` and the credential, one space between them.
        """
        if self.kind == "api-key":
            return f"Bearer {self._secrets[0].text}"
        with self._lock:
            # A clock that was set back leaves a token whose nbf lies in the future.
            signed_at = self._expires - TOKEN_LIFE_S
            if self._token is None or now >= self._expires - RENEW_S or now < signed_at - NOT_BEFORE_S:
                self._token = _Hidden(sign(self._secrets[0].text, self._secrets[1].text, now))
                self._expires = int(now) + TOKEN_LIFE_S
            return f"Bearer {self._token.text}"

    def resign(self) -> bool:
        """Forget the token, so that the next header is signed anew.

        Returns
        -------
        bool
            Whether there is anything to sign; False for an API key.
        """
        with self._lock:
            self._token = None
        return self.kind == "jwt"

    def contains(self, text: str) -> bool:
        """Return whether a text holds one of the secrets; for leak checks.

        Parameters
        ----------
        text
            Anything that is about to be shown.
        """
        hidden = [item.text for item in self._secrets] + ([self._token.text] if self._token else [])
        return any(secret in text for secret in hidden)

    def __repr__(self) -> str:
        return f"<Credential {self.kind} from {self.source}>"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a credential cannot be pickled")


def _is_sound(secret: str) -> bool:
    # What HTTP libraries refuse in a header they quote in full in their errors.
    return bool(secret) and secret.isprintable() and not any(map(str.isspace, secret))


class _Hidden:
    """A text that shows nothing of itself in reprs and tracebacks with local variables."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "<hidden>"


class HostAuth(httpx.Auth):
    """Adds the credential to requests of one origin and to no other.

    Parameters
    ----------
    base_url
        Address of the service; scheme, host and port must match.
    credential
        What to send.
    clock
        Unix time in seconds.
    """

    def __init__(self, base_url: str, credential: Credential, clock: Callable[[], float]) -> None:
        self._origin = _origin(httpx.URL(base_url))
        self._credential = credential
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Set the header when the request goes to the service itself."""
        if _origin(request.url) == self._origin:
            request.headers["Authorization"] = self._credential.authorization(self._clock())
        yield request

    def __repr__(self) -> str:
        return f"<HostAuth {self._origin[1]}>"


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, port


def find_credential(settings: Settings, provider: str) -> Credential | None:
    """Return the credential of a provider, by the order of ``spec/official-api.md`` §3.4.

    Parameters
    ----------
    settings
        Settings as loaded.
    provider
        ``official``, ``acedata``, ``aimlapi``; the sandbox brings its own.

    Returns
    -------
    Credential or None
        None when there is none.

    Raises
    ------
    SettingsError
        If half of a key pair is missing.
    """
    try:
        return _find(settings, provider)
    except SettingsError as error:
        problem = error.with_traceback(None)
    # Raised anew: the frames in between hold what cannot be used, and that may be a key with a typing error.
    raise problem


def _find(settings: Settings, provider: str) -> Credential | None:
    if provider == "acedata":
        return _first_key((settings.acedata_api_token, "ACEDATACLOUD_API_TOKEN"), split=False)
    if provider == "aimlapi":
        return _first_key(
            (settings.aimlapi_api_key, "AIMLAPI_API_KEY"), (settings.aimlapi_key, "AIMLAPI_KEY"), split=False
        )
    if provider != "official":
        return None
    return (
        _first_key((settings.explicit_api_key, "argument"))
        or _pair(
            settings.explicit_access_key,
            settings.explicit_secret_key,
            "argument",
            ("access_key", "secret_key"),
        )
        or _first_key(
            (settings.kling_api_key, "KLING_API_KEY"), (settings.klingai_api_key, "KLINGAI_API_KEY")
        )
        or _variables_pair(settings.kling_access_key, settings.kling_secret_key, "KLING")
        or _variables_pair(settings.klingai_access_key, settings.klingai_secret_key, "KLINGAI")
    )


def _first_key(*candidates: tuple[SecretStr | None, str], split: bool = True) -> Credential | None:
    for value, source in candidates:
        if value is not None:
            text = value.get_secret_value()
            return (
                Credential.api_key(text, source) if split else Credential("api-key", source, (text.strip(),))
            )
    return None


def _variables_pair(ak: SecretStr | None, sk: SecretStr | None, prefix: str) -> Credential | None:
    names = (f"{prefix}_ACCESS_KEY", f"{prefix}_SECRET_KEY")
    return _pair(ak, sk, " + ".join(names), names)


def _pair(
    ak: SecretStr | None, sk: SecretStr | None, source: str, names: tuple[str, str]
) -> Credential | None:
    if ak is None and sk is None:
        return None
    if ak is None or sk is None:
        missing, present = (names[0], names[1]) if ak is None else (names[1], names[0])
        raise SettingsError(
            f"{present} is set but {missing} is not.",
            "AccessKey and SecretKey work only together.",
            f"Set {missing} too, or use an API key (KLING_API_KEY).",
        )
    return Credential.access_key(ak.get_secret_value(), sk.get_secret_value(), source)
