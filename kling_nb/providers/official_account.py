"""Balance, packs and what each task cost (``spec/official-api.md`` §14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kling_nb.domain.wire import Call
from kling_nb.errors import InputError, ServiceError
from kling_nb.providers.base import Deduction, Deductions, Pack
from kling_nb.providers.jsonvalues import (
    decimal,
    identifier,
    mapping,
    milliseconds,
    number,
    objects,
    text,
    words,
)

PACKS = "/account/costs"
DEDUCTIONS = "/account/billing/package"
MAX_ENTRIES = 500


def packs_call(start_ms: int, end_ms: int) -> Call:
    """Return the call that asks for resource packs; free, at most one a second.

    Parameters
    ----------
    start_ms, end_ms
        Unix milliseconds.
    """
    return Call("GET", PACKS, query={"start_time": str(start_ms), "end_time": str(end_ms)})


def deductions_call(start_ms: int, end_ms: int, cursor: str = "", limit: int = MAX_ENTRIES) -> Call:
    """Return the call that asks what tasks took from the packs.

    Parameters
    ----------
    start_ms, end_ms
        Unix milliseconds; not sent with a cursor, which stands for them.
    cursor
        ``next_cursor`` of the page before, empty for the first.
    limit
        Entries a page, 1 to 500.
    """
    if not 1 <= limit <= MAX_ENTRIES:
        raise InputError(
            f"There is no page of {limit} entries.",
            f"The service takes 1 to {MAX_ENTRIES}.",
            "Ask for fewer.",
        )
    span = {"cursor": cursor} if cursor else {"start_time": start_ms, "end_time": end_ms}
    # It reads: asking again changes nothing, although it is a POST.
    return Call("POST", DEDUCTIONS, body={**span, "limit": limit}, safe=True)


def packs_from(data: object) -> list[Pack]:
    """Return the resource packs of ``GET /account/costs`` (``spec/official-api.md`` §14).

    Parameters
    ----------
    data
        Parsed JSON: an envelope inside the envelope.

    Raises
    ------
    ServiceError
        If the inner envelope reports an error.
    """
    inner = mapping(data)
    if inner.get("code") not in (None, 0, "0"):
        said = words(inner.get("msg"))
        raise ServiceError(
            "The balance could not be read.", said, "Look into the console.", service_message=said
        )
    return [_pack(entry) for entry in objects(inner.get("resource_pack_subscribe_infos"))]


def deductions_from(data: object) -> Deductions:
    """Return a page of deductions; entries that name no task are left out.

    Parameters
    ----------
    data
        Parsed JSON: ``{"result": {"detail": [...]}, "next_cursor", "has_more"}``.
    """
    page = mapping(data)
    rows = objects(mapping(page.get("result")).get("detail"))
    cursor = text(page.get("next_cursor"))
    entries = tuple(_deduction(row) for row in rows if identifier(row.get("task_id")))
    # More without a cursor could never be asked for: it would be the first page again, for ever.
    return Deductions(entries, cursor, more=page.get("has_more") is True and bool(cursor))


def _deduction(row: Mapping[str, Any]) -> Deduction:
    return Deduction(
        task_id=identifier(row.get("task_id")),
        units=decimal(row.get("deduction_amount")),
        model=text(row.get("model_name")),
        resolution=text(row.get("resolution")),
        duration=text(row.get("duration")),
        sound=text(row.get("video_sound")),
        product=text(row.get("product_function")),
        key_name=text(row.get("api_key_name")),
        at=milliseconds(row.get("deduction_time")),
    )


def _pack(entry: Mapping[str, Any]) -> Pack:
    expires = decimal(entry.get("invalid_time"))
    return Pack(
        name=text(entry.get("resource_pack_name")),
        id=text(entry.get("resource_pack_id")),
        type=text(entry.get("resource_pack_type")),
        status=text(entry.get("status")),
        total=number(entry.get("total_quantity")),
        remaining=number(entry.get("remaining_quantity")),
        expires_ms=None if expires is None else int(expires),
    )
