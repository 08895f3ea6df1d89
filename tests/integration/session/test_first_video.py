"""The main job over real HTTP: from a picture to a video on disk and a row in the log."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quick_sessions import finish, until

from kling_nb import media
from kling_nb.domain.task import RunStatus
from kling_nb.errors import KlingError, MediaError, RequestRefused, RunNotFound, WaitTimeout
from kling_nb.session import Run, Session
from kling_nb.session.following import Follower
from kling_nb.session.leases import Leases
from kling_nb.transport.loop import background


def test_a_refused_request_leaves_no_trace(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    with pytest.raises(RequestRefused) as refused:
        session.submit(picture, "a boat", model="kling-v2-5-turbo", mode="std", image_tail=picture, cfg=7)
    assert {"L01", "L22"} <= {problem.id for problem in refused.value.problems}
    assert sandbox.tasks() == []
    assert session.log.records() == []


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("no-such-file.jpg", "no-such-file.jpg"),
        (b"this is no picture", "picture"),
        (Path(), "folder"),
    ],
    ids=["missing", "broken", "folder"],
)
def test_a_picture_that_cannot_be_read_is_told_in_three_lines(
    session: Session, image: Any, words: str
) -> None:
    with pytest.raises(MediaError) as error:
        session.submit(image, "a boat")
    assert len(error.value.lines()) <= 3
    assert session.log.records() == []


def test_video_row_poster_and_sidecar(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    run = session.submit(picture, "a boat drifts left", name="boat", tags=["sea"], note="first")
    assert run.wait(60) is run
    assert run.status is RunStatus.SUCCEEDED
    assert run.service_status == "succeed"
    assert run.error is None
    assert run.video is not None
    assert media.probe(run.video).frames > 0
    assert run.poster is not None
    assert run.poster.suffix == ".jpg"
    assert run.cost.estimate == run.cost.actual == Decimal("1.5")
    assert run.params["model_name"] == "kling-v2-5-turbo"
    assert [task["id"] for task in sandbox.tasks()] == [run.task_id]
    record = session.log.get(run.id)
    moments = [
        record.created_at,
        record.sending_at,
        record.submitted_at,
        record.finished_at,
        record.downloaded_at,
    ]
    assert all(moment is not None and moment.tzinfo == UTC for moment in moments)
    assert record.created_at <= record.sending_at  # type: ignore[operator]  # shown above
    assert (record.name, record.tags, record.note) == ("boat", ["sea"], "first")
    assert record.video_sha256 is not None
    assert record.answers["create"]["task_id"] == record.answers["final"]["task_id"] == run.task_id
    assert record.owner is None, "the lease is given back"
    about = json.loads(run.sidecar.read_text())  # type: ignore[union-attr]  # the sidecar is there
    assert about["request"]["image"] == record.request["image"]  # type: ignore[index]  # holds a request
    assert set(about["request"]["image"]) >= {"sha256", "bytes"}
    assert about["task"]["task_id"] == run.task_id
    assert about["cost"]["actual_units"] == "1.5"
    assert about["video"]["video_sha256"] == record.video_sha256


def test_the_row_is_on_disk_before_the_request_leaves(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kling_nb.transport.client import ServiceClient

    seen = []
    original = ServiceClient._attempt

    async def attempt(self: Any, wire: Any, call: Any, *args: Any) -> Any:
        if call.method == "POST":
            row = session.log.records()[0]
            seen.append((row.status, row.sending_at is not None, row.task_id, row.external_task_id))
        elif "task_id" not in seen:
            # The first query: by then the id of the task must be on disk.
            seen.append(("query", session.log.records()[0].task_id))
            seen.append("task_id")
        return await original(self, wire, call, *args)

    monkeypatch.setattr(ServiceClient, "_attempt", attempt)
    run = finish(session.submit(picture, "a boat"))
    assert seen[0] == (RunStatus.CREATED, True, None, run.external_task_id)
    assert seen[1] == ("query", run.task_id)


def test_the_input_is_kept_so_that_a_killed_run_can_be_sent(session: Session, picture: np.ndarray) -> None:
    run = session.submit(picture, "a boat")
    assert run.image is not None
    assert media.load_image(run.image).sha256 == run.record.image_sha256
    finish(run)


def test_running_the_cell_again_spends_nothing(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    first = finish(session.submit(picture, "a boat"))
    second = session.submit(picture, "a boat")
    assert second.id == first.id
    assert second.reused
    assert f"reused {first.id}, no charge" in second.notices
    assert second.done
    assert len(sandbox.charges()) == 1


def test_running_the_cell_again_while_it_runs_spends_nothing(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    sandbox.config(min_processing=600)
    first = session.submit(picture, "a boat")
    second = session.submit(picture, "a boat")
    assert second is first
    sandbox.finish_all()
    finish(second)
    assert len(sandbox.charges()) == 1


def test_again_and_repeat_make_further_runs(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    first = finish(session.submit(picture, "a boat"))
    again = finish(session.submit(picture, "a boat", again=True))
    third = finish(session.submit(picture, "a boat", repeat=3))
    assert len({first.id, again.id, third.id}) == 3
    assert session.submit(picture, "a boat", repeat=3).id == third.id
    assert len(sandbox.charges()) == 3
    assert session.log.get(again.id).again


def test_a_failed_run_is_not_reused(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    failed = finish(session.submit(picture, "[[sandbox:async:risk]] a boat"))
    assert failed.status is RunStatus.FAILED
    assert not session.submit(picture, "[[sandbox:async:risk]] a boat").reused


def test_a_lost_file_is_fetched_again_without_charge(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    run = finish(session.submit(picture, "a boat"))
    assert run.video is not None
    run.video.unlink()
    assert run.video is None
    again = finish(session.submit(picture, "a boat"))
    assert again.id == run.id
    assert again.video is not None
    assert len(sandbox.charges()) == 1


async def test_await_on_a_running_loop(session: Session, picture: np.ndarray) -> None:
    run = session.submit(picture, "a boat")
    assert await run is run
    assert run.video is not None


def test_waiting_ends_at_the_timeout_and_the_task_goes_on(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    with pytest.raises(WaitTimeout) as ended:
        run.wait(0.05)
    assert len(ended.value.lines()) == 3
    assert run.following
    sandbox.finish_all()
    assert run.wait(60).status is RunStatus.SUCCEEDED


def test_timeout_given_with_the_request_limits_the_wait(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    run = session.submit(picture, "[[sandbox:slow:600]] a boat", timeout=0.05)
    with pytest.raises(WaitTimeout):
        run.wait()
    sandbox.finish_all()
    run.wait(60)


def test_interrupt_stops_only_the_waiting(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    slices = []

    def interrupted(timeout: float) -> bool:
        slices.append(timeout)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run._settled, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.wait()
    assert slices[0] <= 0.1
    assert run.following
    sandbox.finish_all()
    assert run.wait(60).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("reads", "look"),
    [
        ("get", lambda session, run: session.run(run.id)),
        ("unfinished", lambda session, _: session.unfinished()),
    ],
)
def test_a_row_that_was_read_before_the_end_does_not_undo_it(
    session: Session,
    sandbox: Any,
    picture: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    reads: str,
    look: Any,
) -> None:
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: run.status is RunStatus.PROCESSING)
    read, looks = getattr(session.log, reads), []

    def late(*given: Any) -> Any:
        rows = read(*given)
        looks.append(rows)
        if len(looks) == 1:
            sandbox.finish_all()
            finish(run)
        return rows

    monkeypatch.setattr(session.log, reads, late)
    look(session, run)
    assert looks
    assert (run.status, run.complete, run.following) == (RunStatus.SUCCEEDED, True, False)


def test_stop_following_keeps_the_task(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: run.task_id)
    run.stop_following()
    assert run._settled.wait(60)
    assert not run.following
    assert run.error is None
    assert not run.status.is_final
    assert session.log.get(run.id).owner is None
    sandbox.finish_all()
    run.wait(60)
    assert run.status is RunStatus.SUCCEEDED
    assert len(sandbox.charges()) == 1


def test_followed_again_before_the_stop_is_through(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run All: the cell that stops and the one that goes on are milliseconds apart; the last word counts."""
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: run.task_id)
    release, releasing, go_on = Leases.release, threading.Event(), threading.Event()

    async def slow(self: Leases, some: Run) -> None:
        releasing.set()
        await asyncio.to_thread(go_on.wait, 60)
        await release(self, some)

    monkeypatch.setattr(Leases, "release", slow)
    run.stop_following()
    assert releasing.wait(60)
    run.follow()
    waiting = ThreadPoolExecutor(1)
    ended = waiting.submit(run.wait, 60)
    go_on.set()
    until(lambda: session.log.get(run.id).owner is not None)
    assert run.following
    assert not ended.done()
    sandbox.finish_all()
    assert ended.result().status is RunStatus.SUCCEEDED
    waiting.shutdown()
    assert len(sandbox.charges()) == 1


def test_followed_again_while_the_stop_settles(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread wants to go on when nothing drives the run any more, but the end is not told yet."""
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: run.task_id)
    settle, settled, waits, over = run.settle, run._settled.wait, threading.Event(), threading.Event()

    def waiting(timeout: float) -> bool:
        waits.set()
        return settled(60)

    def late(error: KlingError | None = None) -> None:
        if not over.is_set():
            assert waits.wait(60)
            other = threading.Thread(target=run.follow)
            other.start()
            other.join()
        settle(error)
        over.set()

    monkeypatch.setattr(run._settled, "wait", waiting)
    monkeypatch.setattr(run, "settle", late)
    with ThreadPoolExecutor(1) as waiter:
        ended = waiter.submit(lambda: run.wait(60).status)
        run.stop_following()
        assert over.wait(60)
        until(lambda: run.following)
        sandbox.finish_all()
        assert ended.result() is RunStatus.SUCCEEDED
    assert len(sandbox.charges()) == 1


def test_connections_are_closed_whatever_hangs(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(session.submit(picture, "a boat"))
    client = session.service("sandbox").client
    monkeypatch.setattr("kling_nb.session.engine.CLOSE_S", 0.05)
    monkeypatch.setattr(Follower, "close", lambda _: asyncio.sleep(60))
    assert client._wire is not None
    session.close()
    until(lambda: client._wire is None)


def test_the_last_of_several_words_counts(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: run.task_id)
    for _ in range(5):
        run.stop_following()
        run.follow()
    run.stop_following()
    background().call(asyncio.sleep(0))  # all words have been heard
    assert run._settled.wait(60)
    assert not run.following
    assert session.log.get(run.id).owner is None
    for _ in range(5):
        run.follow()
        run.stop_following()
    run.follow()
    sandbox.finish_all()
    until(lambda: run.complete)
    assert run.status is RunStatus.SUCCEEDED


def test_stopped_in_the_same_breath(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    """Before the first step of its following: nothing hangs, nothing is sent, the same cell sends it."""
    runs = [session.submit(picture, f"a boat {number}") for number in range(5)]
    for run in runs:
        run.stop_following()
    for run in runs:
        assert run._settled.wait(60)
        assert not run.following
    unsent = [run for run in runs if run.record.sending_at is None]
    assert all(session.log.get(run.id).owner is None for run in unsent)
    again = session.submit(picture, "a boat 0")
    assert again is runs[0]
    assert finish(again).status is RunStatus.SUCCEEDED


def test_listeners_see_every_stage_and_the_last_one(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    sandbox.hold()  # Nothing is worked on before there are listeners.
    run = session.submit(picture, "a boat")
    seen: list[RunStatus] = []
    threads = set()
    last = threading.Event()

    def listener(changed: Any) -> None:
        threads.add(threading.current_thread().name)
        seen.append(changed.status)
        if changed.done and changed.video is not None:
            last.set()

    run.on_change(lambda _: 1 / 0)
    run.on_change(listener)
    sandbox.work()
    until(lambda: RunStatus.PROCESSING in seen)
    sandbox.deliver()
    run.wait(60)
    assert last.wait(60), "the end is always told, also when another listener fails"
    assert list(dict.fromkeys(seen))[-2:] == [RunStatus.PROCESSING, RunStatus.SUCCEEDED]
    assert threads == {"kling-events"}


def test_attach_by_task_id_external_id_and_run_id(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    run = finish(session.submit(picture, "a boat"))
    for some_id in (run.task_id, run.external_task_id, run.id):
        assert session.attach(some_id).id == run.id  # type: ignore[arg-type]  # all are set


def test_attach_to_a_task_the_log_does_not_know(
    make_session: Any, sandbox: Any, picture: np.ndarray, tmp_path: Path
) -> None:
    first = make_session()
    other = make_session(home=tmp_path / "elsewhere")
    run = finish(first.submit(picture, "a boat"))
    found = finish(other.attach(run.external_task_id))
    assert found.task_id == run.task_id
    assert found.video is not None
    assert other.attach(run.task_id).id == found.id
    assert len(sandbox.charges()) == 1


def test_attach_to_nothing(session: Session) -> None:
    from kling_nb.errors import TaskNotFound

    with pytest.raises(TaskNotFound):
        session.attach("829611643369439283")
    with pytest.raises(RunNotFound):
        session.attach("r-000000000000")


def test_to_python_makes_the_same_request(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kling_nb
    from kling_nb.session import set_default_session

    set_default_session(session)
    try:
        mask = np.zeros((320, 400), dtype=bool)
        mask[50:100, 50:100] = True
        brush = kling_nb.MotionBrush(picture).dynamic(mask, [(75, 75), (200, 75)]).static(mask[::-1])
        run = finish(session.submit(brush=brush, prompt='say "hi"', negative="blur"))
        names: dict[str, Any] = {}
        exec(compile(run.to_python(), "cell", "exec"), names)
        assert names["run"].id == run.id
        assert names["run"].reused
    finally:
        set_default_session(None)


def test_html_of_a_run_escapes_what_is_not_ours(session: Session, picture: np.ndarray) -> None:
    run = finish(session.submit(picture, "<script>alert(1)</script>"))
    assert "<script>" not in run._repr_html_()
    assert "&lt;script&gt;" in run._repr_html_()


def test_own_words_can_be_changed(session: Session, picture: np.ndarray) -> None:
    run = finish(session.submit(picture, "a boat"))
    run.annotate(rating=4, tags=["keeper"])
    frame = session.runs()
    assert frame.loc[0, "rating"] == 4
    assert session.log.get(run.id).tags == ["keeper"]
    with pytest.raises(TypeError, match="prompt"):
        run.annotate(prompt="changed")


def test_the_table_has_one_row_a_run(session: Session, picture: np.ndarray) -> None:
    runs = [finish(session.submit(picture, f"boat {n}")) for n in range(3)]
    frame = session.runs()
    assert list(frame["id"]) == [run.id for run in reversed(runs)]
    assert set(frame["task_id"]) == {run.task_id for run in runs}
    assert list(session.runs(limit=1)["id"]) == [runs[-1].id]


def test_the_expected_time_comes_from_runs_like_it(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kling_nb.session.core.HINT_S", 0.0)
    sandbox.hold()  # A run that has ended is history itself.
    first = session.submit(picture, "a boat")
    assert first.expected is None, "there is no history yet"
    sandbox.deliver()
    finish(first)
    sandbox.hold()
    assert session.submit(picture, "a ship").expected == pytest.approx(first.elapsed)
    assert session.submit(picture, "a ship", mode="pro").expected is None
