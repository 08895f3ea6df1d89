"""Error answers of the official API as the one error tree (``spec/official-api.md`` §10).

The service's ``code`` decides. The HTTP status counts only when there is no known code: 429 alone
may mean money, policy or rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from kling_nb.errors import (
    AccountError,
    ApiError,
    AuthError,
    ClockSkewError,
    ConcurrencyError,
    ContentError,
    DuplicateTask,
    ModelRetired,
    MoneyError,
    ParameterError,
    RateError,
    ServiceError,
    TaskNotFound,
)
from kling_nb.providers.jsonvalues import json_object, words
from kling_nb.providers.messages import codes, explain

if TYPE_CHECKING:
    from kling_nb.domain.wire import Answer

_BY_CODE: dict[int, tuple[type[ApiError], str]] = {
    **dict.fromkeys((1000, 1001, 1002), (AuthError, "The service refused the credential.")),
    **dict.fromkeys((1003, 1004), (ClockSkewError, "The service refused the token because of its time.")),
    1100: (AccountError, "The account cannot be used."),
    **dict.fromkeys((1101, 1102), (MoneyError, "The account has no money for this.")),
    1103: (AuthError, "The account may not use this API or model."),
    **dict.fromkeys((1200, 1201, 1202, 1203), (ParameterError, "The service refused the request.")),
    **dict.fromkeys((1300, 1301), (ContentError, "The service refused the content.")),
    1302: (RateError, "Calls come too fast for the service."),
    1303: (ConcurrencyError, "All slots of the account are busy."),
    1304: (AccountError, "The account does not allow calls from this address."),
    **dict.fromkeys((5000, 5001, 5002), (ServiceError, "The service failed.")),
}

_NOT_PROCESSED_REDIRECTS = (301, 307, 308)
"""A redirect that leaves the request to be sent elsewhere; after 302 and 303 it may have been done."""

_TIMED_OUT = 408
"""Sent by proxies, which do not know how far the request got: a create is looked up."""


def raise_for(answer: Answer, url: str = "") -> Mapping[str, Any]:
    """Return the envelope of a successful answer, raise for every other one.

    Parameters
    ----------
    answer
        What the service sent.
    url
        Address for the message, without query; optional.

    Returns
    -------
    Mapping
        The JSON envelope with ``code`` 0.

    Raises
    ------
    ApiError
        A member of the error tree with ``code``, ``request_id``, ``http_status`` and the service's
        words.
    """
    envelope = json_object(answer.body)
    if envelope is None:
        _raise_without_json(answer, url)
    code = _code(envelope)
    if code == 0 and answer.status < 300:
        return envelope
    message = _words(envelope)
    request_id = words(envelope.get("request_id"))
    context: dict[str, Any] = {
        "code": code,
        "http_status": answer.status,
        "request_id": request_id or None,
        "service_message": message or None,
    }
    kind, what = _kind(code, answer.status, message)
    raise kind(what, _why(message, context), _advice(code, answer.status, message), **context)


def _kind(code: int | None, status: int, message: str) -> tuple[type[ApiError], str]:
    lowered = message.lower()
    if "has been discontinued" in lowered:
        return ModelRetired, "The service no longer offers this model."
    if code == 1201 and message.startswith("Task not found"):
        return TaskNotFound, "The service knows no such task."
    if code == 1201 and "already exists" in lowered:
        return DuplicateTask, "A task with this external id exists already."
    if code is not None and code in _BY_CODE:
        return _BY_CODE[code]
    return _kind_by_status(status)


def _kind_by_status(status: int) -> tuple[type[ApiError], str]:
    if status == 429:
        return RateError, "Calls come too fast for the service."
    if status in (401, 403):
        return AuthError, "The service refused the credential."
    if 400 <= status < 500 and status != _TIMED_OUT:
        return ParameterError, f"The service refused the request (HTTP {status})."
    if status in _NOT_PROCESSED_REDIRECTS:
        return ApiError, f"The service's address redirects elsewhere (HTTP {status})."
    return ServiceError, "The service did not answer as documented."


def _raise_without_json(answer: Answer, url: str) -> NoReturn:
    kind, what = _kind_by_status(answer.status)
    head = words(answer.body[:120].decode("utf-8", "replace"))
    seen = f"HTTP {answer.status}, no JSON{f' from {url}' if url else ''}: {head or '(empty body)'}"
    location = words(answer.headers.get("location", "").split("?")[0])
    if location:
        seen = f"HTTP {answer.status} to {location}; redirects are never followed."
    raise kind(
        what, seen, _advice(None, answer.status, ""), http_status=answer.status, service_message=head or None
    )


def _why(message: str, context: Mapping[str, Any]) -> str:
    parts = [f"code {context['code']}" if context["code"] is not None else f"HTTP {context['http_status']}"]
    if context["request_id"]:
        parts.append(f"request {context['request_id']}")
    words = f'The service says: "{message}"' if message else "The service gave no reason"
    return f"{words} ({', '.join(parts)})."


def _advice(code: int | None, status: int, message: str) -> str:
    known = (explain(message) if message else None) or (codes().get(code) if code is not None else None)
    if known is not None:
        return f"{known.cause} {known.fix}"
    if status in (301, 302, 303, 307, 308, 404, 405):
        return "Check KLING_API_BASE: is it the address of the Kling API?"
    if status == 413:
        return "The request is too large: use smaller pictures."
    if status in (401, 403):
        return codes()[1002].fix
    if status == 429:
        return codes()[1302].fix
    return "Try again later; `%kling doctor` checks address, credential and clock."


def _code(envelope: Mapping[str, Any]) -> int | None:
    value = envelope.get("code")
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def _words(envelope: Mapping[str, Any]) -> str:
    for key in ("message", "msg", "error"):
        if said := words(envelope.get(key)):
            return said
    return ""
