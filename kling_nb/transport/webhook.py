"""The signature of callbacks: Standard Webhooks (``spec/official-api.md`` §9).

Anybody can post to a callback address. What a signature proves is that exactly these bytes were sent by
somebody who holds the secret, at about the time they claim.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Final

from kling_nb.errors import WebhookError

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
PREFIX: Final = "whsec_"
TOLERANCE_S: Final = 300.0
_VERSION: Final = "v1,"
_MAX_SECONDS_DIGITS: Final = 15

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
"""Headers of a delivery: a mapping, or pairs as web frameworks list them."""


class SigningKey:
    """The key of the callbacks; it signs and shows nothing of itself.

    Parameters
    ----------
    key
        The bytes that the secret stands for.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def from_secret(cls, secret: str) -> SigningKey | None:
        """Return the key of a secret: ``whsec_`` and Base64, or the Base64 alone; None if it is neither.

        No error is raised here: its traceback would carry the secret along.
        """
        try:
            key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            return None
        return cls(key) if key else None

    def sign(self, text: bytes) -> bytes:
        """Return the signature of a text, in Base64."""
        return base64.b64encode(hmac.digest(self._key, text, hashlib.sha256))

    def __repr__(self) -> str:
        return "<SigningKey>"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a signing key cannot be pickled")


def check_signature(
    headers: Headers, body: bytes, key: SigningKey, *, now: float, tolerance_s: float = TOLERANCE_S
) -> str:
    """Return the id of a delivery that is proven to come from the service.

    Parameters
    ----------
    headers
        Headers as received; names in any case, other headers are ignored.
    body
        The raw body, byte for byte.
    key
        What the secret stands for.
    now
        Unix time in seconds.
    tolerance_s
        How far the delivery's time may lie from `now`, in seconds.

    Returns
    -------
    str
        ``webhook-id``.

    Raises
    ------
    WebhookError
        If a header is missing or unreadable, no signature matches, or the time is too far off.
    """
    given = _wanted(headers)
    message_id, stamp = given[ID], given[TIMESTAMP]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_SECONDS_DIGITS):
        raise refused("its time cannot be read", "webhook-timestamp holds no whole number of seconds.")
    expected = key.sign(f"{message_id}.{stamp}.".encode("utf-8", "surrogatepass") + body)
    # Every one is compared, in constant time: several stand there while a secret is exchanged.
    matches = [hmac.compare_digest(expected, one) for one in _signatures(given[SIGNATURE])]
    if not any(matches):
        raise refused(
            "no signature matches",
            "The body is not byte for byte the one that was signed, the secret is another one, or somebody "
            "else sent it.",
        )
    off = now - int(stamp)
    if not abs(off) <= tolerance_s:
        raise refused(
            "its time is too far off",
            f"It was signed {abs(off):.0f} s {'ago' if off > 0 else 'in the future'}; "
            f"{tolerance_s:g} s are allowed. It may be an old delivery sent again, or a clock is wrong.",
        )
    return message_id


def refused(what: str, why: str) -> WebhookError:
    """Return the error for a delivery that proves nothing."""
    return WebhookError(
        f"The callback is refused: {what}.",
        why,
        "Answer it with HTTP 400 and go on; polling tells the truth.",
    )


def _wanted(headers: Headers) -> dict[str, str]:
    # Not every framework's headers are a Mapping: those of http.server are a message with items().
    pairs = headers.items() if hasattr(headers, "items") else headers
    found: dict[str, str] = {}
    for name, value in pairs:
        key = _header_text(name).strip().lower()
        if key in (ID, TIMESTAMP, SIGNATURE):
            if key in found:
                raise refused("a header stands there twice", f"{key} was given more than once.")
            found[key] = _header_text(value).strip()
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not found.get(name)]
    if missing:
        raise refused(
            "it is not signed",
            f"Missing: {', '.join(missing)}. The service signs only where a secret is set in the console.",
        )
    return found


def _header_text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _signatures(value: str) -> list[bytes]:
    return [
        one.removeprefix(_VERSION).encode("utf-8", "surrogatepass")
        for one in value.split()
        if one.startswith(_VERSION)
    ]
