"""Which form a run has: a text-to-video task is not found where image-to-video tasks are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from kling_nb.domain.door import Form

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord


def form_of(record: RunRecord) -> Form:
    """Return the form of a run; a row from before forms were told apart is image-to-video."""
    return next((form for form in get_args(Form) if form == record.form), "image2video")
