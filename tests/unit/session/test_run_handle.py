"""The handle of a run: what it shows and what it keeps to itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kling_nb import errors
from kling_nb.domain.task import RunStatus
from kling_nb.errors import TaskFailed, WaitTimeout
from kling_nb.runlog import RunRecord
from kling_nb.session.code import python_of
from kling_nb.session.money import RunCost, drift_notice
from kling_nb.session.run import Run
from kling_nb.session.troubles import error_columns, error_of, no_error_columns


class Keeper:
    """A session that does nothing."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.followed: list[str] = []

    def reopen(self) -> None:
        """Nothing to set up."""

    def follow(self, run: Run) -> None:
        self.followed.append(run.id)
        run.begin()

    def stop(self, run: Run) -> None:
        run.settle()

    def fetch_missing(self, run: Run) -> None:
        """Nothing lies elsewhere."""

    def expected_seconds(self, _: RunRecord) -> float | None:
        return 42.0

    def code_of(self, record: RunRecord) -> str:
        return python_of(record)

    def brush_of(self, _: RunRecord) -> None:
        return None

    def annotate(self, run: Run, columns: dict[str, Any]) -> None:
        run.set_columns(**columns)


def run_of(tmp_path: Path, **columns: Any) -> Run:
    return Run(RunRecord(**columns), Keeper(tmp_path))


def test_a_failed_run_raises_its_reason(tmp_path: Path) -> None:
    failure = TaskFailed(
        "It failed.", 'The service says: "no".', "Change it.", service_message="no", code=1301
    )
    run = run_of(tmp_path, status=RunStatus.FAILED, **error_columns(failure, {}))
    with pytest.raises(TaskFailed) as raised:
        run.wait()
    assert raised.value.lines() == failure.lines()
    assert raised.value.run_id == run.id
    assert run.wait(raise_on_failure=False) is run


async def test_awaiting_a_failed_run_raises_too(tmp_path: Path) -> None:
    run = run_of(tmp_path, status=RunStatus.FAILED, **error_columns(TaskFailed("It failed."), {}))
    with pytest.raises(TaskFailed):
        await run


def test_waiting_looks_in_slices(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    run.begin()
    with pytest.raises(WaitTimeout, match="the task goes on"):
        run.wait(0.15)
    assert run.following


def test_a_wait_that_ends_says_what_holds_the_run_up(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    run.begin()
    run.set_message("https://kling.example cannot be reached. Trying again.")
    with pytest.raises(WaitTimeout, match=r"kling\.example cannot be reached"):
        run.wait(0.01)


def test_a_refused_request_has_cost_nothing(tmp_path: Path) -> None:
    row = {"status": RunStatus.FAILED, "estimate_units": Decimal("2.5"), "estimate_usd": Decimal("0.35")}
    assert str(run_of(tmp_path, **row).cost) == "0 units deducted ($0.00 list)"
    # A task that failed may have cost something: only the service knows.
    assert run_of(tmp_path, **row, task_id="7").cost.actual is None


def test_waiting_on_an_idle_run_follows_it(tmp_path: Path) -> None:
    run = run_of(tmp_path, status=RunStatus.PROCESSING, task_id="7")
    with pytest.raises(WaitTimeout):
        run.wait(0.05)
    assert run._keeper.followed == [run.id]  # type: ignore[attr-defined]  # the keeper of this test


def test_a_finished_run_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "v.mp4").write_bytes(b"video")
    run = run_of(tmp_path, status=RunStatus.SUCCEEDED, video_path="media/v.mp4")
    assert run.wait(1) is run
    assert run._keeper.followed == []  # type: ignore[attr-defined]


def test_a_run_is_followed_once(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    assert run.begin()
    assert not run.begin()


def test_a_stop_is_no_end_while_a_wish_to_go_on_is_on_its_way(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    run.begin()
    assert not run.begin()
    run.settle()
    assert not run.done
    assert run.hear(driven=False)
    assert run.following
    run.settle()
    assert run.done


def test_what_ended_meanwhile_has_ended_once_the_wish_is_heard(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    run.begin()
    run.begin()
    run.settle()
    run.set_columns(status=RunStatus.FAILED)
    assert not run.hear(driven=False)
    assert (run.done, run.following) == (True, False)


def test_a_problem_is_an_end_whatever_was_wished_before_it_was_known(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    run.begin()
    run.begin()
    run.settle(TaskFailed("It failed."))
    assert run.done
    assert not run.hear(driven=False)
    assert (run.done, run.following) == (True, False)


def test_elapsed_counts_from_the_submit_to_the_end(tmp_path: Path) -> None:
    assert run_of(tmp_path).elapsed is None
    now = datetime.now(UTC)
    done = run_of(tmp_path, submitted_at=now, finished_at=now + timedelta(seconds=50))
    assert done.elapsed == 50
    running = run_of(tmp_path, sending_at=now - timedelta(seconds=5), submitted_at=now - timedelta(days=9))
    assert 5 <= running.elapsed < 60, "the service's clock may be wrong"  # type: ignore[operator]  # it was sent


def test_a_video_that_is_not_there_is_none(tmp_path: Path) -> None:
    run = run_of(tmp_path, video_path="media/gone.mp4", poster_path="media/gone.jpg")
    assert (run.video, run.poster, run.sidecar) == (None, None, None)


def test_html_escapes_everything(tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>"
    run = run_of(
        tmp_path,
        prompt=evil,
        model_name=evil,
        notices=[evil],
        service_status=evil,
        provider=evil,
        task_id=evil,
        negative_prompt=evil,
        status=RunStatus.FAILED,
        **error_columns(TaskFailed(evil, evil, evil), {}),
    )
    run.set_message(evil)
    assert "<img" not in run._repr_html_()


@pytest.mark.parametrize(
    "error",
    [
        errors.TaskFailed("What", "Why", "Advice", service_message="words"),
        errors.MoneyError("What", "Why", "Advice", code=1102, http_status=429, request_id="r"),
        errors.SubmitUncertain("What", "Why", "Advice", external_task_id="ext"),
        errors.TaskGone("What"),
        errors.DownloadError("What", "Why", "Advice", http_status=403),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_from_the_log(error: errors.KlingError) -> None:
    record = RunRecord(external_task_id="ext", **error_columns(error, {"create": {}}))
    back = error_of(record)
    assert type(back) is type(error)
    assert back.lines() == error.lines()
    assert back.http_status == error.http_status
    if isinstance(back, errors.SubmitUncertain):
        assert back.external_task_id == "ext"
    assert no_error_columns(record.answers)["answers"] == {"create": {}}


def test_an_error_of_a_newer_version_is_still_an_error() -> None:
    back = error_of(RunRecord(error_kind="QuantumError", error_message="flip"))
    assert type(back) is errors.KlingError
    assert back.what == "flip"
    assert type(error_of(RunRecord(error_kind="Sequence", error_message="x"))) is errors.KlingError


@pytest.mark.parametrize(
    ("estimate", "actual", "told"),
    [
        ("1.5", "1.5", False),
        ("1.5", "1.514", False),
        ("1.5", "1.516", True),
        ("3.5", "2", True),
        ("1.5", "0", True),
    ],
)
def test_drift_above_one_percent_is_told(estimate: str, actual: str, told: bool) -> None:
    record = RunRecord(estimate_units=Decimal(estimate), price_as_of="2026-09")
    assert bool(drift_notice(record, Decimal(actual))) == told


def test_cost_shows_what_is_known() -> None:
    expected = RunCost(Decimal("3.50"), None, Decimal("0.49"), "unverified", "2026-09")
    assert str(expected) == "3.5 units expected ($0.49 list) · 2026-09, unverified"
    assert str(RunCost(Decimal("3.5"), Decimal("10"), Decimal("1.4"))) == "10 units deducted ($1.40 list)"
    assert str(RunCost(None, None, None)) == "cost unknown"


def test_code_names_files_and_takes_the_rest_from_the_run() -> None:
    record = RunRecord(
        image_source="photos/boat's.jpg",
        image_sha256="ab",
        image_tail_source="array",
        image_tail_sha256="cd",
        prompt='say "hi"\nnow',
        model_name="kling-v2-5-turbo",
        mode="pro",
        duration=10,
        cfg_scale=0.0,
        provider="official",
        repeat=2,
        forced=True,
    )
    code = python_of(record)
    compile(code, "cell", "exec")
    for line in (
        '"photos/boat\'s.jpg",',
        "'say \"hi\"\\nnow',",
        f'image_tail=kn.run("{record.id}").image_tail,',
        "duration=10,",
        "cfg_scale=0.0,",
        "repeat=2,",
        "force=True,",
    ):
        assert line in code
