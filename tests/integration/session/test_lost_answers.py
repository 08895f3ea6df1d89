"""Doors that know no id of ours: a lost answer is told, nothing is repeated, the task is bound by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from quick_sessions import finish, until

from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError, MoneyError, SubmitUncertain, TaskNotFound
from kling_nb.runlog import RunRecord
from kling_nb.session import Run, Session

DOORS = ("sandbox-acedata", "sandbox-aimlapi")
CREATE = {"sandbox-acedata": "/kling/videos", "sandbox-aimlapi": "/v2/video/generations"}


@pytest.fixture(params=DOORS)
def door(request: Any, make_session: Any) -> Session:
    """A session at each such door."""
    return make_session(provider=request.param)


def lose(session: Session, sandbox: Any, spec: str = "drop-after") -> Run:
    """Submit and lose the answer."""
    sandbox.fault(spec, "POST", CREATE[session.choose_provider().provider])
    return finish(session.submit(prompt="a harbour at night"))


@pytest.mark.parametrize(
    ("spec", "tasks"),
    [
        ("drop-after", 1),
        ("truncate", 1),
        ("code-after:5002", 1),
        ("http:502", 0),
        ("http:504", 0),
        ("code:5000", 0),
    ],
)
def test_an_unclear_answer_makes_the_run_uncertain_and_is_never_repeated(
    door: Session, sandbox: Any, spec: str, tasks: int
) -> None:
    run = lose(door, sandbox, spec)
    assert run.status is RunStatus.UNCERTAIN
    assert isinstance(run.error, SubmitUncertain)
    assert len(sandbox.tasks()) == tasks
    finish(door.resume(run.id)[0])
    again = finish(door.submit(prompt="a harbour at night"))
    assert (again.id, again.status) == (run.id, RunStatus.UNCERTAIN)
    assert "nothing is sent again" in " ".join(again.notices)
    assert len(sandbox.tasks()) == tasks, "neither resume nor the cell sends it again"
    assert run.external_task_id is None


def test_a_person_s_own_id_stays_in_the_log(door: Session) -> None:
    run = finish(door.submit(prompt="a lake", external_task_id="my-lake"))
    assert run.external_task_id == "my-lake"
    assert "my-lake" not in str(run.record.wire)
    assert door.attach("my-lake").id == run.id


def test_what_is_told_leads_to_the_task(door: Session, sandbox: Any) -> None:
    run = lose(door, sandbox)
    assert run.error is not None
    text = str(run.error)
    title = run.record.provider.removeprefix("sandbox-") if run.record.provider else ""
    assert title[:3].lower() in run.error.what.lower().replace("/", "")
    assert f"{run.record.sending_at:%Y-%m-%d %H:%M:%S}" in run.error.why
    assert run.record.model_name and run.record.model_name in run.error.why
    assert f"%kling attach <task id> --run {run.id}" in run.error.advice
    # The vendor's console knows nothing of a rehearsal.
    assert "at /sandbox/tasks of the local sandbox" in run.error.advice
    assert "https://" not in run.error.advice
    assert "--again" in text
    later = Session(settings=door.settings, home=door.home)
    try:
        assert str(later.run(run.id).error) == text, "the same words after a restart"
    finally:
        later.close()


def test_what_is_to_be_done_is_told_without_a_credential_too(
    make_session: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key may be gone when the notebook is opened again; the advice needs none."""
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", sandbox.acedata_token)
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", sandbox.url)
    first = make_session(provider="acedata")
    sandbox.fault("drop-after", "POST", CREATE["sandbox-acedata"])
    run = finish(first.submit(prompt="a harbour at night"))
    told = str(run.error)
    assert "https://platform.acedata.cloud" in told
    first.close()
    monkeypatch.delenv("ACEDATACLOUD_API_TOKEN")
    (again,) = make_session(provider="acedata").resume()
    assert str(finish(again).error) == told
    assert again.status is RunStatus.UNCERTAIN


def test_a_person_binds_the_task_to_its_run(door: Session, sandbox: Any) -> None:
    run = lose(door, sandbox)
    (task,) = sandbox.tasks()
    bound = door.attach(task["public_id"], run=run)
    assert bound is run
    assert finish(run).status is RunStatus.SUCCEEDED
    assert run.video is not None
    assert run.error is None
    before = run.record
    assert door.attach(task["public_id"], run=run.id) is run, "said twice, nothing happens"
    assert run.record == before
    assert any(task["public_id"] in notice and "by hand" in notice for notice in run.notices)
    assert len(sandbox.charges()) == 1


@pytest.mark.parametrize("some_id", ["", "  ", None, True, 1.5, ["t"]])
def test_an_id_that_is_none_is_told(door: Session, some_id: Any) -> None:
    with pytest.raises(InputError, match="No task id was given"):
        door.attach(some_id)


def test_a_run_that_waits_behind_lost_ones_says_so(make_session: Any, sandbox: Any) -> None:
    """Nobody knows whether the service is busy with them, so their slots are kept for a while."""
    session = make_session(provider="sandbox-acedata", quota=2)
    for number in range(2):
        sandbox.fault("drop-after", "POST", CREATE["sandbox-acedata"])
        assert finish(session.submit(prompt=f"harbour {number}")).status is RunStatus.UNCERTAIN
    run = session.submit(prompt="a boat")
    until(lambda: "answers were lost" in run.message)
    assert "2 of 2 in use" in run.message
    assert "2 of them are kept for runs whose answers were lost" in run.message
    assert len(sandbox.tasks()) == 2
    run.stop_following()


def test_only_the_task_of_a_run_can_be_bound_to_it(door: Session, sandbox: Any) -> None:
    other = finish(door.submit(prompt="a quiet lake"))
    run = lose(door, sandbox)
    with pytest.raises(InputError, match=f"belongs to run {other.id}"):
        door.attach(other.task_id or "", run=run.id)
    with pytest.raises(TaskNotFound):
        door.attach("5f0d9a8e-0000-4000-8000-000000000000", run=run.id)
    with pytest.raises(InputError, match="was sent to"):
        door.attach("any", run=run.id, provider="sandbox")
    with pytest.raises(InputError, match="has its task already"):
        door.attach("any", run=other)
    assert run.status is RunStatus.UNCERTAIN
    assert run.task_id is None


def test_a_task_with_another_prompt_needs_force(make_session: Any, sandbox: Any) -> None:
    session = make_session(provider="sandbox-acedata")
    stranger = finish(
        make_session(provider="sandbox-acedata", home=session.home / "other").submit(prompt="a lake")
    )
    run = lose(session, sandbox)
    with pytest.raises(InputError, match="another prompt"):
        session.attach(stranger.task_id or "", run=run)
    assert finish(session.attach(stranger.task_id or "", run=run, force=True)).task_id == stranger.task_id


def test_lost_runs_of_one_prompt_are_told_apart_by_what_else_was_asked(
    make_session: Any, sandbox: Any
) -> None:
    """A sweep over models: one prompt, several lost answers, and the console lists them all."""
    session = make_session(provider="sandbox-acedata")
    runs = {}
    for model in ("kling-v1-6", "kling-v2-6"):
        sandbox.fault("drop-after", "POST", CREATE["sandbox-acedata"])
        runs[model] = finish(session.submit(prompt="a lake", model=model))
    newest, oldest = (task["public_id"] for task in sandbox.tasks())
    with pytest.raises(InputError, match="another model"):
        session.attach(newest, run=runs["kling-v1-6"])
    for model, task in (("kling-v1-6", oldest), ("kling-v2-6", newest)):
        assert finish(session.attach(task, run=runs[model])).status is RunStatus.SUCCEEDED


def test_what_was_refused_has_no_task(door: Session, sandbox: Any) -> None:
    other = finish(door.submit(prompt="a quiet lake"))
    door.log.update(other.id, task_id=None)
    sandbox.fault("code:1301", "POST", CREATE[door.choose_provider().provider])
    run = finish(door.submit(prompt="a lake"))
    with pytest.raises(InputError, match="was refused"):
        door.attach(str(other.task_id), run=run)
    assert run.status is RunStatus.FAILED


def test_an_id_that_two_services_use_is_looked_for_where_it_is_said(make_session: Any, sandbox: Any) -> None:
    session = make_session()
    session.log.insert(RunRecord(provider="official", task_id="77", external_task_id="lake"))
    elsewhere = make_session(home=session.home / "elsewhere")
    task = finish(elsewhere.submit(prompt="a lake", external_task_id="lake")).task_id
    run = finish(session.attach("lake", provider="sandbox"))
    assert (run.provider, run.task_id) == ("sandbox", task)


def test_a_kernel_that_died_between_request_and_answer_leaves_an_uncertain_run(
    make_session: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_session(provider="sandbox-acedata")
    monkeypatch.setattr(first, "_follow", lambda *_, **__: None)
    run = first.submit(prompt="a harbour at night")
    sent = datetime.now(UTC) - timedelta(minutes=3)
    first.log.update(run.id, owner=None, lease_until=None, sending_at=sent)
    (again,) = make_session(provider="sandbox-acedata").resume()
    finish(again)
    assert again.status is RunStatus.UNCERTAIN
    assert again.error is not None
    assert f"{sent:%H:%M:%S}" in again.error.why
    assert "kernel ended" in again.error.why
    assert sandbox.tasks() == []


def test_no_byte_left_is_sent_again_and_no_money_is_told_at_once(door: Session, sandbox: Any) -> None:
    sandbox.fault("code:1303", "POST", CREATE[door.choose_provider().provider], times=2)
    assert finish(door.submit(prompt="a lake")).status is RunStatus.SUCCEEDED
    sandbox.fault("code:1102", "POST", CREATE[door.choose_provider().provider])
    poor = finish(door.submit(prompt="another lake"))
    assert poor.status is RunStatus.FAILED
    assert isinstance(poor.error, MoneyError)
    assert len(sandbox.charges()) == 1


def test_a_finished_clip_in_the_answer_to_the_create_is_taken(
    make_session: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that waits with its answer (spec/gateways.md §2.2): nothing is left to ask for."""
    from dataclasses import replace

    from kling_nb.providers.acedata import AceData

    plain, asked = AceData.create, []

    def waiting(self: AceData, request: Any, external_task_id: str) -> Any:
        call = plain(self, request, external_task_id)
        return replace(call, body={k: v for k, v in (call.body or {}).items() if k != "async"})

    monkeypatch.setattr(AceData, "create", waiting)
    monkeypatch.setattr(AceData, "query", lambda *_: asked.append(1))
    run = finish(make_session(provider="sandbox-acedata").submit(prompt="a lake"))
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert run.video is not None
    assert asked == []
