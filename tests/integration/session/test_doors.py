"""Every door, rehearsed on the local server: the same code as with a key, other dialects on the wire."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from quick_sessions import finish, until

from kling_nb.domain.task import RunStatus
from kling_nb.errors import (
    BudgetError,
    InputError,
    KlingError,
    MediaError,
    RequestRefused,
    SubmitUncertain,
    TaskNotFound,
)
from kling_nb.runlog import RunRecord
from kling_nb.session import MotionBrush, Session
from kling_nb.session.service import Service

DOORS = ("sandbox", "sandbox-official-new", "sandbox-acedata", "sandbox-aimlapi")


@pytest.fixture(params=DOORS)
def door(request: Any, make_session: Any) -> Session:
    """A session at each door."""
    return make_session(provider=request.param)


def test_a_picture_becomes_a_video(door: Session, picture: np.ndarray) -> None:
    run = finish(door.submit(picture, "a boat drifts left"))
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert run.video is not None
    assert run.record.form == "image2video"


def test_words_become_a_video(door: Session) -> None:
    run = finish(door.submit(prompt="a boat drifts left"))
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert run.video is not None
    assert run.record.form == "text2video"


@pytest.mark.parametrize("provider", ["sandbox", "sandbox-acedata"])
def test_a_clip_goes_on(make_session: Any, picture: np.ndarray, provider: str) -> None:
    session = make_session(provider=provider)
    first = finish(session.submit(picture, "a boat", model="kling-v1-6", mode="std"))
    assert first.error is None
    longer = finish(session.extend(first, "it turns around"))
    assert longer.status is RunStatus.SUCCEEDED, longer.error
    assert (longer.record.form, longer.record.parent_run) == ("extend", first.id)
    assert longer.record.model_name == "kling-v1-6"
    assert (longer.record.video_duration or 0) > 9
    again = session.extend(first.id, "it turns around")
    assert again.id == longer.id, "identical: no second charge"


def test_a_task_id_is_no_video_id(session: Session, picture: np.ndarray) -> None:
    first = finish(session.submit(picture, "a boat", model="kling-v1-6"))
    with pytest.raises(InputError) as caught:
        session.extend(first.task_id or "", "on")
    assert f'kn.extend("{first.id}"' in caught.value.advice
    assert (first.record.video_id or "") in caught.value.why


@pytest.mark.parametrize(
    ("columns", "model", "words"),
    [
        ({"finished_at": datetime.now(UTC) - timedelta(days=31)}, "kling-v1-6", "31 days"),
        ({"video_duration": 177.5}, "kling-v1-6", "180 s"),
        ({"note": "another model"}, "kling-v2-6", "kling-v1-6"),
    ],
)
def test_what_cannot_go_on_is_told_before_anything_is_sent(
    session: Session, picture: np.ndarray, columns: dict[str, Any], model: str, words: str
) -> None:
    first = finish(session.submit(picture, "a boat", model=model))
    session.log.update(first.id, **columns)
    with pytest.raises(RequestRefused) as caught:
        session.extend(session.run(first.id), "on")
    assert words in str(caught.value)
    with pytest.raises(InputError, match="no video yet"):
        session.log.update(first.id, status=RunStatus.PROCESSING)
        session.extend(session.run(first.id))


def test_who_rehearses_does_not_pay_for_an_extension_unasked(
    session: Session, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings name the sandbox; the clip was made at a real door, whose key is there."""
    monkeypatch.setenv("KLING_API_KEY", sandbox.api_key)
    monkeypatch.setenv("KLING_API_BASE", sandbox.url)
    made = {
        "provider": "official",
        "status": RunStatus.SUCCEEDED,
        "video_id": "1",
        "model_name": "kling-v1-6",
    }
    row = session.log.insert(RunRecord(**made, finished_at=datetime.now(UTC)))
    for force in (False, True):
        with pytest.raises(RequestRefused, match="the settings name the sandbox") as caught:
            session.extend(row.id, "on", force=force)
        assert 'provider="official"' in str(caught.value)
    assert sandbox.tasks() == []


def test_a_door_that_names_no_videos_says_so(make_session: Any, picture: np.ndarray) -> None:
    session = make_session(provider="sandbox-aimlapi")
    first = finish(session.submit(picture, "a boat"))
    with pytest.raises(InputError, match="cannot be made longer"):
        session.extend(first, "on")


def test_the_python_of_every_form_makes_the_same_run_again(session: Session, picture: np.ndarray) -> None:
    first = finish(session.submit(picture, "a boat", model="kling-v1-6"))
    words = finish(session.submit(prompt="a harbour at night", aspect_ratio="1:1"))
    longer = finish(session.extend(first, "it turns", cfg_scale=0.4))
    assert "kn.submit(\n    prompt='a harbour at night',\n" in words.to_python()
    assert f"kn.extend(\n    '{first.id}',\n    'it turns',\n    cfg_scale=0.4,\n" in longer.to_python()
    for run in (words, longer):
        code = run.to_python().replace("import kling_nb as kn\n", "")
        scope: dict[str, Any] = {"kn": session}
        exec(code, scope)
        assert scope["run"].id == run.id, "the same request: reused, not made again"


@pytest.mark.parametrize(("params", "words"), [({}, "begins without a picture"), ({"video_id": "8"}, "last")])
def test_without_a_picture_there_is_nothing_to_preview(
    session: Session, params: dict[str, Any], words: str
) -> None:
    with pytest.raises(MediaError, match=words):
        session.preview(prompt="a harbour", **params)


def test_a_run_of_words_is_sent_after_a_restart(make_session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebuilt from its row alone, at the place of its form."""
    first = make_session()
    monkeypatch.setattr(first, "_follow", lambda *_, **__: None)
    waiting = first.submit(prompt="a harbour at night")
    first.log.update(waiting.id, owner=None, lease_until=None)
    (run,) = make_session().resume(waiting.id)
    assert finish(run).status is RunStatus.SUCCEEDED, run.error
    assert run.record.endpoint == "/v1/videos/text2video"


@pytest.mark.parametrize(
    ("provider", "other"), [("sandbox", "sandbox-official-new"), ("sandbox-official-new", "sandbox")]
)
def test_masks_of_a_picture_are_paid_for_once_and_fit_the_brush(
    make_session: Any, picture: np.ndarray, provider: str, other: str
) -> None:
    session, told = make_session(provider=provider), []
    found = session.masks(picture, told=told.append)
    assert list(found) == ["object"]
    assert set(found.missing) == {"head", "face", "cloth"}
    assert found["object"].shape == picture.shape[:2]
    assert 0 < found["object"].mean() < 1
    brush = MotionBrush(picture).dynamic(found["object"], [(120, 200), (260, 180)])
    assert len(brush.dynamic_masks) == 1
    row = session.log.get(found.run_id)
    assert (row.form, row.actual_units, row.status) == (
        "image-recognize",
        Decimal("0.1"),
        RunStatus.SUCCEEDED,
    )
    again = make_session(provider=provider).masks(picture, told=told.append)
    assert again.run_id == found.run_id
    assert np.array_equal(again["object"], found["object"])
    assert ["0.1 unit" in told[0], "no charge" in told[1]] == [True, True]
    assert make_session(provider=other).masks(picture).run_id == found.run_id, "one service, one call"
    assert session.unfinished() == []
    with pytest.raises(KeyError, match="the service found none; found: object"):
        found["face"]


@pytest.mark.parametrize("provider", ["sandbox-acedata", "sandbox-aimlapi"])
def test_a_door_without_masks_names_those_that_have_them(
    make_session: Any, picture: np.ndarray, provider: str
) -> None:
    session = make_session(provider=provider)
    with pytest.raises(InputError) as caught:
        session.masks(picture)
    assert "official" in caught.value.why
    assert "Snap" in caught.value.advice
    assert session.log.records() == []


def test_masks_whose_answer_was_lost_are_not_asked_for_again_by_themselves(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    sandbox.fault("drop-after", method="POST")
    with pytest.raises(SubmitUncertain, match="masks was lost"):
        session.masks(picture)
    with pytest.raises(SubmitUncertain, match=r"masks was lost"):
        session.masks(picture)
    assert [row.status for row in session.log.records()] == [RunStatus.UNCERTAIN]
    assert list(session.masks(picture, again=True)) == ["object"]


def test_masks_that_are_being_asked_for_are_not_asked_for_twice(
    make_session: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody is told that they were cut off."""
    answers, real = threading.Event(), Service.recognize

    async def late(self: Service, image: str) -> Any:
        await asyncio.to_thread(answers.wait, 60)
        return await real(self, image)

    monkeypatch.setattr(Service, "recognize", late)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(make_session().masks, picture)
        second = make_session()
        until(second.log.records)
        with pytest.raises(KlingError, match="right now") as caught:
            second.masks(picture)
        assert not isinstance(caught.value, SubmitUncertain)
        answers.set()
        known = first.result()
        assert second.masks(picture).run_id == known.run_id
    assert len(second.log.records()) == 1


def test_interrupted_masks_are_told_as_cut_off(
    session: Session, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Service, "recognize", interrupted)
    with pytest.raises(KeyboardInterrupt):
        session.masks(picture)
    with pytest.raises(SubmitUncertain, match="not known") as caught:
        session.masks(picture)
    assert "again=True" in caught.value.advice


def test_a_task_the_log_does_not_know_is_found_whatever_its_form(
    make_session: Any, picture: np.ndarray, tmp_path: Any
) -> None:
    """Each form is asked for at its own place; only one of them knows the task."""
    elsewhere = make_session(home=tmp_path / "elsewhere")
    first = finish(elsewhere.submit(picture, "a boat", model="kling-v1-6"))
    words = finish(elsewhere.submit(prompt="a harbour"))
    longer = finish(elsewhere.extend(first, "on"))
    session = make_session()
    for made in (first, words, longer):
        run = finish(session.attach(made.task_id or ""))
        assert run.video is not None, run.error
        assert (run.record.form, run.record.endpoint) == (made.record.form, made.record.endpoint)


@pytest.mark.parametrize("provider", ["sandbox-official-new", "sandbox-acedata", "sandbox-aimlapi"])
def test_a_task_of_each_door_can_be_attached(make_session: Any, tmp_path: Any, provider: str) -> None:
    made = finish(make_session(provider=provider, home=tmp_path / "elsewhere").submit(prompt="a harbour"))
    run = finish(make_session(provider=provider).attach(made.task_id or ""))
    assert run.video is not None, run.error
    assert run.id != made.id
    with pytest.raises(TaskNotFound):
        make_session(provider=provider).attach("5f0d9a8e-0000-4000-8000-000000000000")


def test_runs_of_several_forms_are_followed_at_once(session: Session, picture: np.ndarray) -> None:
    runs = [session.submit(picture, f"boat {n}") for n in range(4)]
    runs += [session.submit(prompt=f"harbour {n}") for n in range(4)]
    for run in runs:
        assert finish(run).status is RunStatus.SUCCEEDED, run.error


def test_masks_count_in_the_budgets(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    session = make_session(budget_day="0.15")
    session.masks(picture)
    with pytest.raises(BudgetError):
        session.masks(picture[:, ::-1])
    assert len(sandbox.charges()) == 1
