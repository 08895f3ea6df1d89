"""Every door to Kling side by side: what opens it, what it makes, whether its prices are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kling_nb import providers
from kling_nb.domain.door import FORM_WORDS
from kling_nb.domain.request import VideoRequest
from kling_nb.errors import KlingError
from kling_nb.session.doors import credential_of, door_of

if TYPE_CHECKING:
    from kling_nb.domain.door import Door, Form
    from kling_nb.session.looking import LookingSession


@dataclass(frozen=True, slots=True)
class DoorRow:
    """One provider, for people.

    Parameters
    ----------
    name, service
        Name in settings, and whose service it is.
    chosen
        Whether the next run goes there.
    key
        Where its credential was found, never the value; ``none``.
    makes
        Forms in words.
    brush
        ``yes``, ``no``, or ``not now``.
    price
        Of its default clip, or why it is not known.
    advice
        What opens it; empty when it is open.
    """

    name: str
    service: str
    chosen: bool
    key: str
    makes: str
    brush: str
    price: str
    advice: str


def door_rows(session: LookingSession) -> list[DoorRow]:
    """Return every provider; nothing is asked, no value of a key is read out.

    Parameters
    ----------
    session
        Whose settings are looked at.
    """
    chosen = session.choose_provider().provider
    return [_row(session, name, chosen=name == chosen) for name in providers.names()]


def obstacles(session: LookingSession, form: Form) -> dict[str, str]:
    """Return why providers cannot be taken now, in a few words; those that can are absent.

    Parameters
    ----------
    session
        Whose settings are looked at.
    form
        What shall be made.
    """
    found = {}
    for name in providers.names():
        door = door_of(name)
        if form not in door.forms:
            found[name] = f"makes no {FORM_WORDS[form]}"
        elif not providers.is_local(name) and (advice := _key(session, door)[1]):
            found[name] = f"no key: %kling login {door.name}" if advice.startswith("%kling login") else advice
    return found


def brush_word(door: Door) -> str:
    """Return whether masks and paths are taken: ``not now`` where every model that did is retired."""
    if door.brush and door.retires and door.brush_note:
        return "not now"
    return "yes" if door.brush else "no"


def _row(session: LookingSession, name: str, *, chosen: bool) -> DoorRow:
    door = door_of(name)
    local = providers.is_local(name)
    source, advice = ("needs none", "") if local else _key(session, door)
    return DoorRow(
        name,
        f"local stand-in for {providers.door_of(name)}" if local else door.title,
        chosen,
        source,
        ", ".join(FORM_WORDS[form] for form in door.forms),
        brush_word(door),
        "free" if local else _price(name, door),
        advice,
    )


def _key(session: LookingSession, door: Door) -> tuple[str, str]:
    """Return where a door's credential was found, and what to do without one."""
    try:
        credential = credential_of(session.settings, door)
    except KlingError as error:
        return error.what, error.advice
    if credential is not None:
        return credential.source, ""
    variables = " or ".join(
        [*door.key_variables[:1], *(" + ".join(pair) for pair in door.pair_variables[:1])]
    )
    return "none", f"%kling login {door.name}, or set {variables}"


def _price(name: str, door: Door) -> str:
    """Return what a default clip costs, or how a person states it."""
    model, mode, seconds = door.default("image2video")
    cost = providers.get(name).estimate(VideoRequest(model_name=model, mode=mode, duration=seconds))
    if not cost.known:
        return "unknown (%kling help budget)"
    return str(cost)
