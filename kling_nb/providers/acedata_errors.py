"""Error answers of AceData as the one error tree (``spec/gateways.md`` §2.4).

The code decides where it is known, the HTTP status elsewhere; but whatever arrives with a 5xx may have left a
task behind and is never a plain refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import ApiError, AuthError, ContentError, MoneyError, ParameterError, RateError
from kling_nb.providers import gateway
from kling_nb.providers.acedata_decode import failure_text, task_id_of
from kling_nb.providers.jsonvalues import json_object, mapping, text

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.domain.wire import Answer

KINDS: Final[Mapping[str, gateway.Kind]] = {
    **dict.fromkeys(
        ("bad_request", "api_not_implemented"), (ParameterError, "The service refused the request.")
    ),
    **dict.fromkeys(
        ("no_token", "invalid_token", "token_expired", "token_mismatched"),
        (AuthError, "The service refused the credential."),
    ),
    "disabled": (AuthError, "The credential is switched off."),
    "used_up": (MoneyError, "The account has no money for this."),
    "forbidden": (ContentError, "The service refused the content."),
    "no_api": (ParameterError, "The service knows no such call."),
    "too_many_requests": (RateError, "Calls come too fast for the service."),
    "api_error": gateway.FAILED,
    "timeout": (gateway.FAILED[0], "The service did not answer in time."),
}
"""Code -> what it means."""


def object_of(answer: Answer, door: Door, advice: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the JSON object of a successful answer, raise for every other one.

    Parameters
    ----------
    answer
        What the service sent.
    door
        Named in the advice.
    advice
        What to do, by code.

    Raises
    ------
    ApiError
        A member of the error tree with the code, the trace id and the service's words.
    """
    found = json_object(answer.body)
    if found is None:
        raise gateway.error(gateway.kind_by_status(answer.status), answer, door)
    if answer.status < 300 and (task_id_of(found) or not _reports_error(found)):
        return found
    raise _error(found, answer, door, advice)


def _reports_error(found: Mapping[str, Any]) -> bool:
    return found.get("success") is False or bool(found.get("error")) or bool(text(found.get("code")))


def _error(found: Mapping[str, Any], answer: Answer, door: Door, advice: Mapping[str, str]) -> ApiError:
    code = text(mapping(found.get("error")).get("code")) or text(found.get("code"))
    message = failure_text(found)
    kind = gateway.refused_for_good(_kind(code.lower(), answer.status), message)
    return gateway.error(
        kind,
        answer,
        door,
        message=message,
        code=code or None,
        request_id=text(found.get("trace_id")),
        advice=advice.get(code.lower(), ""),
    )


def _kind(code: str, status: int) -> gateway.Kind:
    if status >= 500:
        return KINDS[code] if code in ("api_error", "timeout") else gateway.FAILED
    return KINDS.get(code) or gateway.kind_by_status(status)
