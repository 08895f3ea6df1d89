"""Credentials of the official API, checked the way its server does (``spec/official-api.md`` §3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any, Literal

from kling_nb.sandbox.config import Credentials
from kling_nb.sandbox.official.messages import KEY_NEEDED, NOT_A_TOKEN, RefusedError

Generation = Literal["legacy", "new"]
JWT_PARTS = 3


def authorize(
    header: str | None, credentials: Credentials, now: float, generation: Generation = "legacy"
) -> None:
    """Accept an ``Authorization`` header or refuse it.

    Parameters
    ----------
    header
        The header's value, ``None`` when there is none.
    credentials
        The accepted ones.
    now
        Unix seconds against which ``nbf`` and ``exp`` are held.
    generation
        Legacy paths take tokens and API keys, new paths API keys only.

    Raises
    ------
    RefusedError
        401 with code 1001, 1002, 1003 or 1004 (M01-M04), checked in the order missing, invalid,
        not yet valid, expired.
    """
    if header is None or not header.strip() or header.strip() == "Bearer":
        raise RefusedError(1001)
    scheme, _, credential = header.partition(" ")
    if scheme == "Bearer" and hmac.compare_digest(credential.encode(), credentials.api_key.encode()):
        return
    if generation == "new":
        raise RefusedError(1002, KEY_NEEDED)
    if scheme != "Bearer" or credential != credential.strip():
        raise RefusedError(1002)
    if len(credential.split(".")) != JWT_PARTS:
        raise RefusedError(1002, NOT_A_TOKEN)
    _check_times(_verified_claims(credential, credentials), now)


def _verified_claims(token: str, credentials: Credentials) -> dict[str, Any]:
    head, payload, signature = token.split(".")
    expected = hmac.new(
        credentials.secret_key.encode(), f"{head}.{payload}".encode(), hashlib.sha256
    ).digest()
    header, claims = _json_part(head), _json_part(payload)
    signed = hmac.compare_digest(expected, _decode(signature))
    if not signed or header.get("alg") != "HS256" or claims.get("iss") != credentials.access_key:
        raise RefusedError(1002)
    return claims


def _check_times(claims: dict[str, Any], now: float) -> None:
    not_before, expires = _seconds(claims, "nbf"), _seconds(claims, "exp")
    if not_before > now:
        raise RefusedError(1003)
    if expires <= now:
        raise RefusedError(1004)


def _seconds(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError(1002)
    return value


def _decode(part: str) -> bytes:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise RefusedError(1002) from None
    # Unused bits of the last character would let two texts stand for one signature.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise RefusedError(1002)
    return raw


def _json_part(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_decode(part))
    except (ValueError, RecursionError):
        raise RefusedError(1002) from None
    if not isinstance(value, dict):
        raise RefusedError(1002)
    return value
