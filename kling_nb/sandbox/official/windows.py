"""Windows of time read page by page: ``POST /tasks`` and ``POST /account/billing/package``.

Sources: ``spec/official-api.md`` §8.3 and §14. A cursor remembers its window and where the page
ended; what it holds is nobody's business but the server's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from kling_nb.sandbox.official.body import Body
from kling_nb.sandbox.official.messages import invalid, malformed, size_between

LARGEST_PAGE = 500
USUAL_PAGE = 100
LARGEST_TIME = 10**14

Entry = TypeVar("Entry")
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """What one call asks for: times in unix milliseconds, both included, and entries older than ``before``.

    An entry's place is a time and an id.
    """

    start: int
    end: int
    limit: int
    before: Place | None = None

    def page(
        self, newest_first: Iterable[Entry], place: Callable[[Entry], Place]
    ) -> tuple[list[Entry], str, bool]:
        """Return the tasks of this page, the cursor of the next (``""`` at the end), and if there is one."""
        page: list[Entry] = []
        for entry in newest_first:
            at = place(entry)
            if not self.start <= at[0] <= self.end or (self.before is not None and at >= self.before):
                continue
            if len(page) == self.limit:
                return page, self._cursor(place(page[-1])), True
            page.append(entry)
        return page, "", False

    def _cursor(self, last: Place) -> str:
        text = json.dumps([self.start, self.end, *last], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode()


def read_window(body: Body, usual: tuple[int, int] | None) -> Window:
    """Read times, cursor and page size; a cursor that is not empty overrides the times.

    Parameters
    ----------
    body
        The request.
    usual
        Start and end when no times are given; ``None`` makes them required.

    Raises
    ------
    RefusedError
        M05 for the first field that fails.
    """
    limit = body.value("limit")
    if limit is None:
        limit = USUAL_PAGE
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LARGEST_PAGE:
        raise invalid("limit", limit)
    cursor = body.text("cursor")
    if cursor is not None:
        body.value("start_time"), body.value("end_time")
        start, end, before = _opened(cursor)
        return Window(start, end, limit, before)
    times = [_time(body, name, usual and usual[i]) for i, name in enumerate(("start_time", "end_time"))]
    return Window(times[0], times[1], limit)


def _time(body: Body, name: str, usual: int | None) -> int:
    value = body.value(name)
    if value in (None, ""):
        if usual is None:
            raise invalid(name, "")
        return usual
    text = str(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | str)
        or not text.isascii()
        or not text.isdigit()
    ):
        raise invalid(name, value)
    if int(text) > LARGEST_TIME:
        raise invalid(name, value)
    return int(text)


def _opened(cursor: str) -> tuple[int, int, Place]:
    try:
        numbers = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        start, end, at, number = map(int, numbers)
        return start, end, (at, number)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise invalid("cursor", cursor) from None


def read_filters(body: Body, allowed: Mapping[str, tuple[str, ...] | None]) -> dict[str, list[str]]:
    """Read ``filters``: values asked for, by key.

    Parameters
    ----------
    body
        The request.
    allowed
        The keys there are, each with its possible values or ``None`` for any.

    Raises
    ------
    RefusedError
        M05 with the place of what is wrong.
    """
    asked: dict[str, list[str]] = {}
    entries = body.structure("filters", list) or []
    if len(entries) > len(allowed):
        raise size_between("filters", 0, len(allowed))
    for index, entry in enumerate(entries):
        label = f"filters[{index}]"
        if not isinstance(entry, dict):
            raise malformed(label)
        key, values = entry.get("key", ""), entry.get("values", [])
        if not isinstance(key, str) or key not in allowed:
            raise invalid(f"{label}.key", key)
        if not isinstance(values, list):
            raise malformed(f"{label}.values")
        possible = allowed[key]
        for place, value in enumerate(values):
            if not isinstance(value, str) or (possible is not None and value not in possible):
                raise invalid(f"{label}.values[{place}]", value)
        asked[key] = values
    return asked


def passes(asked: dict[str, list[str]], facts: dict[str, Any]) -> bool:
    """Whether ``facts`` meet every filter; a filter without values asks for nothing."""
    return all(not values or facts[key] in values for key, values in asked.items())
