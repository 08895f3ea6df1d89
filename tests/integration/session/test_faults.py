"""Every fault of the sandbox, one at a time, with the end that the table states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fault_table import ENDINGS, PERSISTENT, Ending, check, inject, prompt_of
from quick_sessions import QUICK, finish, until

from kling_nb import errors
from kling_nb.domain.task import RunStatus
from kling_nb.session import Session
from kling_nb.transport.connection import Timeouts


@pytest.mark.parametrize("ending", [*ENDINGS, *PERSISTENT], ids=lambda e: e.id)
def test_end_of_a_fault(
    official: Session, sandbox: Any, picture: np.ndarray, ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ending.spec.startswith("delay"):
        # Creates give up before the answer, which is thereby a lost one; nothing else is in a hurry.
        monkeypatch.setattr(Timeouts, "answer", lambda _, method, size: 0.5 if method == "POST" else 60.0)
    inject(sandbox, ending)
    run = official.submit(picture, prompt_of(ending))
    if ending.status is RunStatus.PROCESSING:
        until(lambda: run.status is RunStatus.PROCESSING)
        assert not run._settled.wait(0.3), "it is followed for as long as it takes"
    else:
        finish(run)
    check(run, ending, sandbox.tasks())
    row = official.log.get(run.id)
    assert row.status is run.status
    if ending.error not in (None, errors.NotSent):
        assert row.error_kind == ending.error.__name__


@pytest.mark.parametrize("spec", ["drop-after", "truncate", "code-after:5002"])
def test_no_second_task_where_the_service_forgets_external_ids(
    official: Session, sandbox: Any, picture: np.ndarray, spec: str
) -> None:
    """With ``legacy_idempotency=ignore`` a second create would be a second charge."""
    sandbox.config(legacy_idempotency="ignore")
    sandbox.fault(spec, "POST", "/v1/videos/image2video")
    run = finish(official.submit(picture, "a boat"))
    assert run.status is RunStatus.SUCCEEDED
    assert len(sandbox.charges()) == 1


def test_unknown_word_is_told_once(official: Session, sandbox: Any, picture: np.ndarray) -> None:
    sandbox.config(min_processing=600)
    run = official.submit(picture, "[[sandbox:status:pondering]] a boat")
    until(lambda: run.service_status == "pondering")  # kept beside our own word
    sandbox.finish_all()
    finish(run)
    assert sum("pondering" in notice for notice in run.notices) == 1


def test_a_wrong_duration_is_told(official: Session, sandbox: Any, picture: np.ndarray) -> None:
    run = finish(official.submit(picture, "[[sandbox:wrong-duration]] a boat"))
    assert any("the file lasts" in notice for notice in run.notices)


def test_longer_than_usual_is_told_once(
    official: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kling_nb.session.following.STUCK_S", 0.2)
    run = official.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: any("longer than usual" in notice for notice in run.notices))
    run.stop_following()
    assert run._settled.wait(60)
    sandbox.finish_all()
    finish(run)
    assert sum("longer than usual" in notice for notice in run.notices) == 1


def test_a_vanished_task_is_uncertain_with_the_reason(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    session = make_session(pace=replace(QUICK, follow=replace(QUICK.follow, visible_s=0.2)))
    run = session.submit(picture, "[[sandbox:stuck]] a boat")
    until(lambda: run.task_id)
    sandbox.reset()
    finish(run)
    assert run.status is RunStatus.UNCERTAIN
    assert isinstance(run.error, errors.TaskGone)
    assert "Task not found" in run.error.why


def test_an_expired_address_is_made_new(
    official: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finish(official.submit(picture, "[[sandbox:url-expired]] a boat"))
    assert isinstance(run.error, errors.DownloadError)
    assert run.error.http_status == 403
    assert "%kling resume" in run.error.advice
    assert [r.id for r in official.unfinished()] == [run.id]


def test_slow_answers_do_not_add_up_to_a_second_task(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    """Every query fails for a while after the lost answer: then the run is uncertain, and found later."""
    session = make_session()
    sandbox.fault("drop-after", "POST", "/v1/videos/image2video")
    sandbox.fault("http:503", "GET", "/v1/videos/image2video/*", times=5)
    run = finish(session.submit(picture, "a boat"))
    assert run.status is RunStatus.UNCERTAIN
    assert isinstance(run.error, errors.SubmitUncertain)
    assert run.error.external_task_id == run.external_task_id
    again = finish(session.submit(picture, "a boat"))
    assert again.id == run.id
    assert again.status is RunStatus.SUCCEEDED
    assert len(sandbox.charges()) == 1
