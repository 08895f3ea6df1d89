"""Tokens refused because of their time: signed anew once, then told with the difference of the clocks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from kling_nb.errors import ClockSkewError

if TYPE_CHECKING:
    from kling_nb.transport.client import ServiceClient

T = TypeVar("T")

AGREES_S = 4.0
"""Clocks this close agree: less than the five seconds a token is valid before it is signed, and the service's
``Date`` counts whole seconds."""


async def with_fresh_token(client: ServiceClient, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask, and ask once more with a new token when the first was refused because of its time.

    Parameters
    ----------
    client
        Whose credential is signed anew.
    ask
        A safe question, answer read; it may be asked twice.

    Raises
    ------
    ClockSkewError
        The new token was refused too, or there is nothing to sign; says how far the clocks are apart.
    """
    try:
        return await ask()
    except ClockSkewError as error:
        first = error
    if client.credential is None or not client.credential.resign():
        raise first
    try:
        return await ask()
    except ClockSkewError:
        raise with_measured_skew(first, client.clock_skew) from None


def with_measured_skew(error: ClockSkewError, skew_s: float | None) -> ClockSkewError:
    """Return the error with this machine's clock compared to the service's.

    Parameters
    ----------
    error
        Error as decoded.
    skew_s
        This clock minus the service's ``Date``, in seconds; None when unknown.
    """
    if skew_s is None:
        return error
    advice = error.advice
    if abs(skew_s) < AGREES_S:
        measured = "This machine's clock agrees with the service's."
        advice = "Try again in a minute; if it stays, check the key with `%kling doctor`."
    else:
        side = "ahead of" if skew_s > 0 else "behind"
        measured = f"This machine's clock is {abs(skew_s):.0f} s {side} the service's."
    return ClockSkewError(
        error.what,
        f"{error.why} {measured}",
        advice,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        service_message=error.service_message,
    )
