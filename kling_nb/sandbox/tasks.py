"""Tasks as the store keeps them: one form for every dialect."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from kling_nb.sandbox.config import Distortion


class State(StrEnum):
    """Life cycle of ``spec/official-api.md`` §7.4; every dialect has its own words for it."""

    SUBMITTED = "submitted"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether the task has ended."""
        return self in (State.SUCCEEDED, State.FAILED)


class Charge(StrEnum):
    """What became of the units of a task (``spec/sandbox.md`` §6)."""

    RESERVED = "reserved"
    BOOKED = "booked"
    RELEASED = "released"


class MaskPath(BaseModel):
    """One dynamic mask and its path: wire pixels, origin bottom-left, exactly as received."""

    mask: str
    points: tuple[tuple[int, int], ...]


class Camera(BaseModel):
    """A camera move: the six axes of ``spec/official-api.md`` §6 or a preset without them."""

    type: str
    config: dict[str, float] = Field(default_factory=dict)


class Parent(BaseModel):
    """The video another one continues: its task, its id and the duration reported for it."""

    task_id: str
    video_id: str
    duration: str


class Job(BaseModel):
    """What has to be rendered. Media are raw Base64 or http(s) URLs; kept until the task ends.

    Without pictures it is text to video in ``aspect_ratio``; with ``source`` that video goes on. ``refused``
    holds the words of a service behind a gateway that takes the call and then fails the task.
    """

    model: str
    mode: str
    duration: int
    prompt: str = ""
    image: str | None = None
    image_tail: str | None = None
    static_mask: str | None = None
    dynamic_masks: tuple[MaskPath, ...] = ()
    camera: Camera | None = None
    aspect_ratio: str | None = None
    source: Parent | None = None
    sound: bool = False
    watermark: bool = False
    media_limit: int = 10_000_000
    tail_ratio: bool = False
    seed: int = 0
    distort: Distortion | None = None
    refused: str = ""


class Video(BaseModel):
    """A finished clip. ``duration`` is the string reported; files are named by ``id``."""

    id: str
    duration: str
    watermark_id: str | None = None


class Task(BaseModel):
    """One task. ``created`` and ``updated`` are unix milliseconds; ``units`` is the price.

    ``listed`` is false for what was answered at once: charged and kept, but no task to query. Gateways show
    ``public_id`` instead of the id, and one of them echoes the ``request``. ``refused`` tells that the
    service behind the gateway fails the task, ``odd`` that its answers take the form a switch asked for.
    ``prompt`` is what was asked for, without directives: in the debug record it tells whose task this is
    where no id of the caller's exists.
    """

    id: str
    public_id: str | None = None
    dialect: str
    endpoint: str
    external_id: str | None
    model: str
    mode: str
    duration: int
    prompt: str = ""
    sound: bool = False
    voice: bool = False
    state: State = State.SUBMITTED
    message: str = ""
    created: int
    updated: int
    units: Decimal
    charge: Charge = Charge.RESERVED
    video: Video | None = None
    parent: Parent | None = None
    listed: bool = True
    watermark: bool = False
    callback_url: str | None = None
    faults: tuple[str, ...] = ()
    flaps: int = 0
    visible_from: float = 0.0
    ignored: tuple[str, ...] = ()
    notes: list[str] = Field(default_factory=list)
    timings: dict[str, float] = Field(default_factory=dict)
    request: dict[str, Any] | None = None
    refused: bool = False
    odd: bool = False

    def fault(self, kind: str) -> str | None:
        """Return the argument of the fault ``kind`` on this task, ``""`` without one, ``None`` if absent."""
        for spec in self.faults:
            name, _, argument = spec.partition(":")
            if name == kind:
                return argument
        return None

    def note(self, text: str) -> None:
        """Add ``text`` to the debug record, once."""
        if text not in self.notes:
            self.notes.append(text)
