"""Callbacks of the official API for people who run a receiver of their own (``spec/official-api.md`` §9)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kling_nb.errors import ServiceError, WebhookError
from kling_nb.providers import official_decode, official_new_decode
from kling_nb.providers.jsonvalues import json_object
from kling_nb.transport.webhook import TOLERANCE_S, SigningKey, check_signature

if TYPE_CHECKING:
    from kling_nb.domain.task import Task
    from kling_nb.transport.webhook import Headers


def verify_webhook(
    headers: Headers,
    body: bytes | str,
    secret: str,
    *,
    now: float | None = None,
    tolerance_s: float = TOLERANCE_S,
) -> Task:
    """Return the task a signed callback reports, or refuse the callback.

    A delivery may come twice, late, out of order or never: compare `Task.task_id` and `Task.status` with
    what is known already, answer HTTP 200 quickly, and keep polling.

    Parameters
    ----------
    headers
        Headers of the HTTP request, as a mapping or as pairs; names in any case.
    body
        The raw body, byte for byte as received: ``await request.body()``, ``request.get_data()``. A text
        counts only if its UTF-8 bytes are exactly those that were signed: a parsed and rewritten body is
        refused.
    secret
        The secret from the console, ``whsec_...``.
    now
        Unix time in seconds; None takes the clock.
    tolerance_s
        How far the delivery's time may lie from `now`, in seconds.

    Returns
    -------
    Task
        The same neutral view that polling returns; legacy and new API are told apart by ``task_id``
        and ``id``.

    Raises
    ------
    WebhookError
        If the delivery is not proven to come from the service, or reports no task.

    Examples
    --------
    >>> task = kn.verify_webhook(request.headers, await request.body(), secret)  # doctest: +SKIP
    """
    key = SigningKey.from_secret(secret) if isinstance(secret, str) else None
    del secret  # tracebacks with local variables show what is left
    if key is None:
        raise WebhookError(
            "The secret of the callbacks cannot be used.",
            "It is not `whsec_` followed by Base64.",
            "Copy it again from the console.",
        )
    if not isinstance(body, str | bytes | bytearray | memoryview) or not isinstance(headers, Iterable):
        raise WebhookError(
            "The callback cannot be checked.",
            f"Headers and raw body are needed, not {type(headers).__name__} and {type(body).__name__}.",
            "Give request.headers and the body as it came, before any framework has parsed it.",
        )
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
    at = time.time() if now is None else now
    check_signature(headers, raw, key, now=at, tolerance_s=tolerance_s)
    data = json_object(raw)
    if data is None:
        raise _no_task("Its body is no JSON object.")
    try:
        return official_decode.task_from(data) if "task_id" in data else official_new_decode.task_from(data)
    except ServiceError as error:
        raise _no_task(error.why) from None


def _no_task(why: str) -> WebhookError:
    return WebhookError(
        "The callback is signed and reports no task.", why, "Answer it with HTTP 200 and go on polling."
    )
