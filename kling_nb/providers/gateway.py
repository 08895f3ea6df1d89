"""What the two gateways have in common: errors as the one tree, failures, and calls they do not have.

Neither takes an id of ours (``spec/gateways.md`` §1), so the only thing that keeps a lost create from being
charged twice is the difference between "refused" and "may exist". Whatever is not a plain refusal is a
`ServiceError` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import (
    ApiError,
    AuthError,
    InputError,
    ModelRetired,
    ParameterError,
    RateError,
    ServiceError,
    TaskFailed,
    TaskNotFound,
)
from kling_nb.providers.messages import explain

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.domain.task import Task
    from kling_nb.domain.wire import Answer

Kind = tuple[type[ApiError], str]

NO_SUCH_TASK: Final[Kind] = (TaskNotFound, "The service knows no such task.")
FAILED: Final[Kind] = (ServiceError, "The service failed.")

_NOT_PROCESSED_REDIRECTS: Final = (301, 307, 308)
"""A redirect that leaves the request to be sent elsewhere; after 302 and 303 it may have been done."""

_TIMED_OUT: Final = 408
"""Sent by proxies too, which do not know how far the request got."""


def kind_by_status(status: int) -> Kind:
    """Return what an HTTP status means when the body does not say more.

    Parameters
    ----------
    status
        HTTP status.
    """
    if status == 429:
        return RateError, "Calls come too fast for the service."
    if status == 401:
        return AuthError, "The service refused the credential."
    if status == 403:
        return AuthError, "The service does not allow this call."
    if 400 <= status < 500 and status != _TIMED_OUT:
        return ParameterError, f"The service refused the request (HTTP {status})."
    if status in _NOT_PROCESSED_REDIRECTS:
        return ApiError, f"The service's address redirects elsewhere (HTTP {status})."
    return FAILED if status >= 400 else (ServiceError, "The service did not answer as documented.")


def refused_for_good(kind: Kind, message: str) -> Kind:
    """Return the kind of a refused request, told apart by the words that pass through from Kling.

    Parameters
    ----------
    kind
        Kind by code or status.
    message
        The service's words.
    """
    if kind[0] is ParameterError and "has been discontinued" in message.lower():
        return ModelRetired, "The service no longer offers this model."
    return kind


def error(
    kind: Kind,
    answer: Answer,
    door: Door,
    *,
    message: str = "",
    code: str | None = None,
    request_id: str = "",
    advice: str = "",
) -> ApiError:
    """Return the error for an answer that reports one.

    Parameters
    ----------
    kind
        Class and first sentence.
    answer
        What the service sent.
    door
        Whose variables and console the advice names.
    message
        The service's words; empty for an answer without JSON, whose beginning is quoted instead.
    code, request_id
        As the service names them.
    advice
        What to do, unless the catalogue of Kling's own texts knows the words of a refusal.
    """
    words = message or _head(answer)
    named = [f"code {code}"] if code else []
    named += [f"HTTP {answer.status}"] if answer.status >= 300 else []
    named += [f"request {request_id}"] if request_id else []
    said = f'The service says: "{words}"' if words else "The service gave no reason"
    why = f"{said} ({', '.join(named)})." if named else f"{said}."
    location = answer.headers.get("location", "").split("?")[0]
    if location and 300 <= answer.status < 400:
        why = f"HTTP {answer.status} to {location}; redirects are never followed."
    cls, what = kind
    known = explain(message) if message and issubclass(cls, ParameterError) else None
    return cls(
        what,
        why,
        f"{known.cause} {known.fix}" if known else advice or _advice(answer.status, door),
        code=code,
        http_status=answer.status,
        request_id=request_id or None,
        service_message=words or None,
    )


def _head(answer: Answer) -> str:
    return " ".join(answer.body[:120].decode("utf-8", "replace").split())


def _advice(status: int, door: Door) -> str:
    if status in (401, 403):
        return f"Check {door.key_variables[0]} and the account at {door.console_url}."
    if status in (301, 302, 303, 307, 308, 404, 405):
        return f"Check {door.base_variables[0]}: is it the address of the {door.title}?"
    if status == 413:
        return "The request is too large: use smaller pictures."
    if status == 429:
        return "Wait a little; kling_nb backs off on its own."
    if 400 <= status < 500:
        return "The words above name what is refused; `%kling models` lists what each model can do."
    return f"Try again later; {door.console_url} shows what the account has made."


def without_id(answer: Answer, door: Door) -> ServiceError:
    """Return the error for an answer that names no task, which may exist all the same."""
    return ServiceError(
        "The service's answer names no task.",
        f"It carries no id (HTTP {answer.status}).",
        f"Look at {door.console_url}; `%kling attach <task id>` follows a task that is there.",
        http_status=answer.status,
    )


def failure_of(task: Task, door: Door) -> TaskFailed:
    """Return the error for a task that the service ended with a failure.

    Parameters
    ----------
    task
        A failed task.
    door
        Named in the reason.
    """
    known = explain(task.message) if task.message else None
    why = f'The service says: "{task.message}".' if task.message else "The service gave no reason."
    advice = f"{known.cause} {known.fix}" if known else "Change the request and run the cell again."
    return TaskFailed(
        f"The {door.title} could not make the video.", why, advice, service_message=task.message
    )


def needs_id(task_id: str) -> str:
    """Return the id; refuse an empty one, which would ask for nothing in particular."""
    if not task_id.strip():
        raise InputError("No task id was given.", "An empty id asks for no task.", "Give an id.")
    return task_id


def no_lookup(door: Door) -> InputError:
    """Return the error for asking a gateway by an id of ours."""
    return InputError(
        f"The {door.title} knows no ids of ours.",
        "A task there is found by the service's own id only.",
        f"Take the id from {door.console_url}.",
    )


def no_history(door: Door) -> InputError:
    """Return the error for asking a gateway for its history."""
    return InputError(
        f"The {door.title} has no list of tasks.", "It answers by id only.", f"See {door.console_url}."
    )


def compact(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body without what is unset: neither null nor empty values leave."""
    return {key: value for key, value in body.items() if value is not None and value not in ("", [], {}, ())}
