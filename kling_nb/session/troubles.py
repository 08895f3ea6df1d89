"""Errors of runs, written into the log and read back, and what each means for the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_nb import errors
from kling_nb.errors import KlingError

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord

WORDS = "error"
"""Key in the column ``answers`` under which what, why and advice are kept."""


def error_columns(error: KlingError, answers: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that hold an error.

    Parameters
    ----------
    error
        What ended or stopped the run.
    answers
        The row's ``answers`` so far; returned extended, not changed.
    """
    return {
        "error_kind": type(error).__name__,
        "error_code": None if error.code is None else str(error.code),
        "error_http": error.http_status,
        "error_message": error.service_message or error.what,
        "request_id": error.request_id,
        "answers": {**answers, WORDS: [error.what, error.why, error.advice]},
    }


def no_error_columns(answers: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a run whose trouble is over."""
    names = ("error_kind", "error_code", "error_http", "error_message", "request_id")
    return {**dict.fromkeys(names), "answers": {k: v for k, v in answers.items() if k != WORDS}}


def error_of(record: RunRecord) -> KlingError | None:
    """Rebuild the error of a run from its row; None without one."""
    if record.error_kind is None:
        return None
    kind = getattr(errors, record.error_kind, None)
    if not (isinstance(kind, type) and issubclass(kind, KlingError)):
        kind = KlingError
    words = [*(record.answers.get(WORDS) or [record.error_message or record.error_kind]), "", "", ""][:3]
    error: KlingError = KlingError.__new__(kind)
    # The classes differ in what their constructors want; the facts are the same for all.
    KlingError.__init__(
        error,
        *words,
        code=record.error_code,
        http_status=record.error_http,
        request_id=record.request_id,
        service_message=record.error_message,
        run_id=record.id,
    )
    for name, value in (("external_task_id", record.external_task_id or ""), ("problems", ())):
        if kind in (errors.SubmitUncertain, errors.RequestRefused):
            setattr(error, name, value)
    return error
