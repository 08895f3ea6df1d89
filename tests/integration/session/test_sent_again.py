"""Sending again what was lost: only where the first attempt can be seen, and never past a budget."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from quick_sessions import finish

from kling_nb import errors
from kling_nb.domain.task import RunStatus
from kling_nb.session import Run, Session, sending
from kling_nb.session.steps import FIRST_SENT

CREATE = "/v1/videos/image2video"


def at_official(make_session: Any, sandbox: Any, **key: str) -> Session:
    return make_session(provider="official", api_base=sandbox.url, **key)


def lost(session: Session, sandbox: Any, picture: np.ndarray) -> Run:
    """Return a run whose create got lost on its way, and which cannot be looked up at that moment."""
    sandbox.fault("drop-before", "POST", CREATE)
    sandbox.fault("code:1002", "GET", f"{CREATE}/*")
    run = finish(session.submit(picture, "a boat"))
    assert run.status is RunStatus.UNCERTAIN
    assert sandbox.tasks() == []
    session.close()
    return run


def test_what_was_sent_with_another_key_is_not_sent_again(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    """Another account does not know the task and would be charged for it a second time."""
    pair = {"access_key": sandbox.access_key, "secret_key": sandbox.secret_key}
    run = lost(at_official(make_session, sandbox, **pair), sandbox, picture)
    other = at_official(make_session, sandbox, api_key=sandbox.api_key)
    (again,) = other.resume()
    assert isinstance(finish(again).error, errors.SubmitUncertain)
    assert "with another key" in again.error.what
    assert sandbox.tasks() == []
    other.close()
    (again,) = at_official(make_session, sandbox, **pair).resume()
    assert (finish(again).status, again.id) == (RunStatus.SUCCEEDED, run.id)
    assert len(sandbox.charges()) == 1


def test_what_is_there_is_followed_with_any_key_of_the_account(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    pair = {"access_key": sandbox.access_key, "secret_key": sandbox.secret_key}
    first = at_official(make_session, sandbox, **pair)
    sandbox.fault("drop-after", "POST", CREATE)
    sandbox.fault("code:1002", "GET", f"{CREATE}/*")
    assert finish(first.submit(picture, "a boat")).status is RunStatus.UNCERTAIN
    first.close()
    (again,) = at_official(make_session, sandbox, api_key=sandbox.api_key).resume()
    assert finish(again).status is RunStatus.SUCCEEDED
    assert len(sandbox.charges()) == 1


@pytest.mark.parametrize("scope", ["run", "day"])
def test_a_lost_run_is_not_sent_again_past_a_budget_made_meanwhile(
    make_session: Any, sandbox: Any, picture: np.ndarray, scope: str
) -> None:
    lost(make_session(), sandbox, picture)
    session = make_session()
    session.budget(scope, 1)
    (again,) = session.resume()
    assert isinstance(finish(again).error, errors.SubmitUncertain), "the first attempt may have arrived"
    assert f"{scope} budget of 1 unit" in again.error.why
    assert sandbox.tasks() == []
    session.budget(scope, 2)
    finish(session.resume(again)[0])
    assert again.status is RunStatus.SUCCEEDED, "it holds its own place and is not counted twice"


def test_what_is_sent_again_today_counts_today(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    run = lost(make_session(), sandbox, picture)
    session = make_session()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    session.log.update(run.id, sending_at=yesterday, created_at=yesterday)
    session.budget("day", 2)
    finish(session.submit(picture, "a ship"))
    finish(session.resume(run.id)[0])
    assert len(sandbox.charges()) == 1, "both together are more than the day allows"
    session.budget("day", 3)
    assert finish(session.resume(run.id)[0]).status is RunStatus.SUCCEEDED
    with pytest.raises(errors.BudgetError, match="Spent 3 units"):
        session.submit(picture, "a raft")


def test_the_first_attempt_decides_how_long_it_may_be_sent_again(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    """Attempts in between must not push the end of that time on: tasks are purged after 30 days."""
    run = lost(make_session(), sandbox, picture)
    session = make_session()
    days_ago = datetime.now(UTC) - timedelta(days=6)
    session.log.update(run.id, sending_at=days_ago, created_at=days_ago)
    sandbox.fault("drop-before", "POST", CREATE)
    sandbox.fault("delay:0", "GET", f"{CREATE}/*", times=3)
    sandbox.fault("code:1002", "GET", f"{CREATE}/*")
    finish(session.resume(run.id)[0])
    row = session.log.get(run.id)
    assert row.status is RunStatus.UNCERTAIN
    assert row.sending_at is not None
    assert row.sending_at > days_ago + timedelta(days=5), "it was sent again"
    begun = {**row.options, FIRST_SENT: (days_ago - timedelta(days=2)).isoformat()}
    session.log.update(run.id, options=begun)
    finish(session.resume(run.id)[0])
    assert sandbox.tasks() == []


@pytest.mark.parametrize("fault", ["http:502", "drop-after"])
def test_a_lost_answer_under_an_id_of_ones_own_adopts_no_older_task(
    make_session: Any, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The id is another task's, which this log knows nothing of: its clip is not what was asked for."""
    monkeypatch.setattr(sending, "CLOCKS_AGREE", timedelta(milliseconds=200))
    session = make_session()
    elsewhere = make_session(home=session.home / "elsewhere")
    finish(elsewhere.submit(picture, "a ship", external_task_id="boat-1"))
    time.sleep(0.3)
    sandbox.fault(fault, "POST", CREATE)
    run = finish(session.submit(picture, "a boat", external_task_id="boat-1"))
    assert (run.status, run.task_id) == (RunStatus.UNCERTAIN, None)
    assert "another task has" in str(run.error)
    assert finish(session.resume(run)[0]).task_id is None
    assert len(sandbox.charges()) == 1
