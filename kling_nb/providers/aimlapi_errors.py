"""Error answers of the AI/ML API as the one error tree (``spec/gateways.md`` §3.4).

There are no codes: the HTTP status decides, and words tell money from permission and a used-up allowance
from haste.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import AuthError, MoneyError, ParameterError
from kling_nb.providers import gateway
from kling_nb.providers.aimlapi_decode import LEDGER_HEADER, failure_text
from kling_nb.providers.jsonvalues import json_object, text

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.domain.wire import Answer

_DEPTH: Final = 6
"""How deep the hint of a validation error is looked for; its place is not documented."""

_HINT: Final = "invalid enum value"
_MONEY: Final = ("out of credits", "top up your balance", "free-tier limit", "reached your free limit")
_WRONG_PATH: Final = ("Cannot GET ", "Cannot POST ")


def object_of(answer: Answer, door: Door) -> Mapping[str, Any]:
    """Return the JSON object of a successful answer, raise for every other one.

    Parameters
    ----------
    answer
        What the service sent.
    door
        Named in the advice.

    Raises
    ------
    ApiError
        A member of the error tree with the request id and the service's words.
    """
    found = json_object(answer.body)
    if answer.status < 300 and found is not None:
        return found
    message = _words(found or {})
    raise gateway.error(
        _kind(answer.status, message),
        answer,
        door,
        message=message,
        request_id=text((found or {}).get("requestId")) or answer.headers.get(LEDGER_HEADER, ""),
        advice=_advice(answer.status, message),
    )


def _kind(status: int, message: str) -> gateway.Kind:
    lowered = message.lower()
    if status in (402, 403, 429) and any(words in lowered for words in _MONEY):
        if status == 429:
            return MoneyError, "The free allowance of the account is used up."
        return MoneyError, "The account has no money for this."
    if status == 402:
        return MoneyError, "The account has no money for this."
    if status == 404 and not message.startswith(_WRONG_PATH):
        return gateway.NO_SUCH_TASK
    return gateway.refused_for_good(gateway.kind_by_status(status), message)


def _words(found: Mapping[str, Any]) -> str:
    """Return the message, and the hint that names the accepted values where there is one."""
    message = text(found.get("message")) or failure_text(found.get("error")) or failure_text(found)
    hint = next((word for word in _texts(found, _DEPTH) if _HINT in word.lower()), "")
    return f"{message}: {hint}" if message and hint and hint not in message else message or hint


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield text(value)
    elif depth and isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item, depth - 1)


def _advice(status: int, message: str) -> str:
    kind = _kind(status, message)[0]
    if kind is MoneyError:
        waits = " or wait until the hour is over," if status == 429 else ""
        return (
            f"Top up at https://aimlapi.com/app/billing/,{waits} or go on with `--provider sandbox`; "
            "nothing is retried."
        )
    if kind is AuthError:
        return "Check AIMLAPI_API_KEY with `%kling doctor`; make a new key at https://aimlapi.com/app/keys."
    if kind is ParameterError and status == 404:
        return "Check AIMLAPI_BASE_URL: is it the address of the AI/ML API?"
    return ""
