"""Credentials: API key or AccessKey/SecretKey, signed, cached and never shown.

Wire rules: ``spec/official-api.md`` §3. A credential lives in a host-scoped ``httpx.Auth``, because
a client-level header would travel to any absolute URL.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Generator
from typing import TYPE_CHECKING, Literal

import httpx

from kling_nb.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN_LIFE_S = 1800
"""``exp`` is this many seconds after signing."""
NOT_BEFORE_S = 5
"""``nbf`` is this many seconds before signing."""
RENEW_S = 120
"""A token is re-signed this many seconds before it ends."""
SHORTEST_VEILED = 8
VEIL = b"***"

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

    __slots__ = ("_expires", "_lock", "_mark", "_secrets", "_token", "kind", "source")

    def __init__(self, kind: Kind, source: str, secrets: tuple[str, ...]) -> None:
        problem = next(filter(None, map(_unsound, secrets)), "")
        if not problem and kind == "api-key" and not secrets[0].isascii():
            problem = _STRANGE
        if problem:
            raise SettingsError(
                f"The credential from {source} cannot be used.",
                problem,
                "Copy it again from the console, without quotes and blanks.",
            )
        self.kind = kind
        self.source = source
        self._secrets = tuple(_Hidden(text) for text in secrets)
        self._token: _Hidden | None = None
        self._expires = 0.0
        self._mark: tuple[str, str] | None = None
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
        return any(secret in text for secret in self._texts())

    def veiled(self, data: bytes) -> bytes:
        """Return an answer without the secrets that it repeats: "Invalid key: …" must not end up in a log.

        Parameters
        ----------
        data
            What a service sent. Secrets of less than eight characters stay: they may be part of any word.
        """
        for secret in self._texts():
            if len(secret) >= SHORTEST_VEILED:
                data = data.replace(secret.encode(), VEIL)
        return data

    def _texts(self) -> list[str]:
        return [item.text for item in self._secrets] + ([self._token.text] if self._token else [])

    def fingerprint(self, salt: str) -> str:
        """Return what tells this credential from others and reveals nothing about it.

        Parameters
        ----------
        salt
            Random text; only fingerprints of one salt can be compared.
        """
        if self._mark is None or self._mark[0] != salt:
            digest = hashlib.scrypt(
                self._secrets[0].text.encode(), salt=salt.encode(), n=4096, r=8, p=1, dklen=12
            )
            self._mark = (salt, digest.hex())
        return self._mark[1]

    def __repr__(self) -> str:
        return f"<Credential {self.kind} from {self.source}>"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a credential cannot be pickled")


_STRANGE = "It is empty or contains spaces, line breaks or other characters that no key has."
_QUOTES = "'\"`“”‘’«»"


def _unsound(secret: str) -> str:
    """Return why a text is no key, without quoting it; empty for one that may be."""
    # What HTTP libraries refuse in a header they quote in full in their errors.
    if secret.lower().startswith("bearer "):
        return "It begins with the word Bearer, which is added when it is sent."
    if not secret or not secret.isprintable() or any(map(str.isspace, secret)):
        return _STRANGE
    return "It begins or ends with a quotation mark." if {secret[0], secret[-1]} & set(_QUOTES) else ""


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
