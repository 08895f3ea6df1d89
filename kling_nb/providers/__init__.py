"""Dialects: requests to calls, answers to tasks. No network, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.errors import SettingsError

if TYPE_CHECKING:
    from kling_nb.providers.official import Official

AVAILABLE = ("official", "sandbox")
"""Providers with a dialect in this version."""


def get(name: str) -> Official:
    """Return a provider by name.

    Parameters
    ----------
    name
        One of `AVAILABLE`.

    Returns
    -------
    Official
        The dialect; the sandbox speaks the official one and is asked more often.

    Raises
    ------
    SettingsError
        If this version has no such dialect.
    """
    from kling_nb.providers.base import PollPolicy  # noqa: PLC0415 - listing names needs no dialect
    from kling_nb.providers.official import Official  # noqa: PLC0415 - as above

    if name == "official":
        return Official()
    if name == "sandbox":
        return Official(name="sandbox", poll=PollPolicy(first_s=0.2, max_s=0.2))
    raise SettingsError(
        f"There is no provider {name!r}.",
        f"This version speaks to: {', '.join(AVAILABLE)}.",
        "Choose one of them.",
    )
