"""Why there is no clip of a run, for those who want to look at it or to measure it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from kling_nb.domain.door import Form
from kling_nb.domain.task import RunStatus

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord


def why_no_clip(record: RunRecord) -> tuple[str, str]:
    """Return why there is no clip of a run on this machine, and what to do.

    Parameters
    ----------
    record
        The row.
    """
    known = f"kn.run({record.id!r})"
    if record.form is not None and record.form not in get_args(Form):
        return f"It is no video ({record.form}).", "Give a run that makes a clip."
    match RunStatus(record.status):
        case RunStatus.FAILED:
            return "It failed: there will be no clip.", f"{known}.error says why."
        case RunStatus.UNCERTAIN:
            return (
                "Whether there is one is not known: the answer was lost.",
                f"{known}.error says what to do.",
            )
        case RunStatus.SUCCEEDED:
            return (
                "It was never downloaded, or its file was removed.",
                f"%kling resume {record.id} fetches a clip that the service still has.",
            )
    return f"It is not finished ({record.status}).", f"{known}.wait() waits for it; then ask again."
