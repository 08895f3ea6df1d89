"""Brushes on models that take no masks, through a sandbox that has retired all others."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from quick_sessions import QUICK, finish, until

from kling_nb import media
from kling_nb.domain.task import RunStatus
from kling_nb.errors import RequestRefused
from kling_nb.session import MotionBrush, Run, Session

SIZE = (480, 360)
RADIUS = 34
PATHS = {
    "red ball": [(90.0, 90.0), (180.0, 100.0), (260.0, 150.0)],
    "blue ball": [(380.0, 110.0), (370.0, 230.0)],
}
STILL = (90.0, 270.0)


def disc(x: float, y: float, radius: float = RADIUS) -> np.ndarray:
    ys, xs = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    return np.asarray(np.hypot(xs - x, ys - y) <= radius)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """Three textured discs on calm ground; two of them have a path, the third stays."""
    rng = np.random.default_rng(3)
    shape = (SIZE[1], SIZE[0], 3)
    ground = cv2.GaussianBlur(rng.integers(60, 110, shape).astype(np.uint8), (0, 0), 12)
    for (x, y), tint in (
        (PATHS["red ball"][0], (255, 120, 100)),
        (PATHS["blue ball"][0], (110, 140, 255)),
        (STILL, (150, 240, 150)),
    ):
        rough = cv2.GaussianBlur(rng.normal(0, 1, shape[:2]).astype(np.float32), (0, 0), 3)
        light = 0.75 + 0.25 * np.clip(rough / rough.std() / 2, -1, 1)
        ground = np.where(disc(x, y)[..., None], light[..., None] * np.array(tint), ground)
    return cv2.GaussianBlur(ground.astype(np.uint8), (0, 0), 0.7)


@pytest.fixture
def brush(scene: np.ndarray) -> MotionBrush:
    drawn = MotionBrush(scene)
    for label, path in PATHS.items():
        drawn = drawn.dynamic(disc(*path[0]), path, label=label)
    return drawn.static(disc(*STILL, RADIUS + 6), label="green ball")


def received(sandbox: Any, run: Run) -> dict[str, Any]:
    """What the sandbox has to render, read from its own store while the task is under way."""
    until(lambda: run.task_id or run.error)
    assert run.task_id, run.error
    with closing(sqlite3.connect(sandbox.home / "sandbox.sqlite")) as store:
        (row,) = store.execute("SELECT job FROM jobs WHERE id = ?", (run.task_id,))
    return dict(json.loads(row[0]))


@pytest.fixture
def late(sandbox_render: Any) -> Any:
    """The sandbox of late 2026: only three models are served, none takes masks."""
    sandbox_render.config(retired="2026-09", min_processing=0.0)
    return sandbox_render


@pytest.fixture
def session(late: Any, tmp_path: Path) -> Any:
    with Session("sandbox", tmp_path / "runs", sandbox_home=late.home, pace=QUICK) as session:
        yield session


@pytest.fixture
def official(late: Any, tmp_path: Path) -> Any:
    """A session that believes to talk to the official API."""
    with Session(
        provider="official",
        api_base=late.url,
        access_key=late.access_key,
        secret_key=late.secret_key,
        home=tmp_path / "runs",
        pace=QUICK,
    ) as session:
        yield session


def found_at(scene: np.ndarray, frame: np.ndarray, place: tuple[float, float]) -> np.ndarray:
    """Where the object that was at ``place`` is in a frame of the video, in pixels of the picture."""
    small = cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA)
    x, y, r = round(place[0]), round(place[1]), RADIUS - 6
    score = cv2.matchTemplate(small, scene[y - r : y + r + 1, x - r : x + r + 1], cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(score)
    assert best > 0.8
    return np.array([column + r, row + r])


def last_frame(run: Run) -> np.ndarray:
    assert run.video is not None, run.error
    *_, last = media.frames(run.video)
    return last


def assert_ends_as_drawn(scene: np.ndarray, run: Run) -> None:
    last = last_frame(run)
    for path in PATHS.values():
        assert found_at(scene, last, path[0]) == pytest.approx(path[-1], abs=1.5)
    assert found_at(scene, last, STILL) == pytest.approx(STILL, abs=1.0)


@pytest.mark.parametrize(
    ("model", "mode", "duration"),
    [
        ("kling-v2-5-turbo", "pro", 5),
        ("kling-v2-6", "pro", 5),
        ("kling-v3", "std", 3),
        ("kling-v3", "pro", 3),
    ],
)
def test_served_models_end_where_the_paths_end(
    session: Session, late: Any, scene: np.ndarray, brush: MotionBrush, model: str, mode: str, duration: int
) -> None:
    late.config(min_processing=600)
    run = session.submit(brush=brush, prompt="balls roll", model=model, mode=mode, duration=duration)
    job = received(late, run)
    late.finish_all()
    assert not job["static_mask"]
    assert not job["dynamic_masks"]
    assert job["prompt"] == "balls roll"
    tail = media.decode_image(base64.b64decode(job["image_tail"]))
    for path in PATHS.values():
        assert found_at(scene, tail, path[0]) == pytest.approx(path[-1], abs=1.0)
    assert np.array_equal(tail[disc(*STILL)], scene[disc(*STILL)])
    finish(run, 120)
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert_ends_as_drawn(scene, run)
    assert f"the brush is sent as an end frame: {model} {mode} {duration} s" in run.notices[0]


def test_the_log_keeps_the_way_the_reason_and_the_brush(
    official: Session, late: Any, scene: np.ndarray, brush: MotionBrush
) -> None:
    """Nothing but a brush is given: model and mode that can are found, and said."""
    run = finish(official.submit(brush=brush, prompt="balls roll"), 120)
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert_ends_as_drawn(scene, run)
    record = official.log.get(run.id)
    assert (record.model_name, record.mode) == ("kling-v2-5-turbo", "pro")
    assert run.way == "endframe"
    assert run.params["brush_way"] == "endframe"
    assert official.runs().set_index("id").loc[run.id, "brush_way"] == "endframe"
    assert record.options["brush_way_asked"] == "auto"
    assert record.options["brush_way_reason"] in record.notices
    assert "mode pro because std" in record.notices[0]
    assert record.image_tail_sha256 is not None
    back = official.run(run.id).brush
    assert back is not None
    assert back.dynamic_masks == brush.dynamic_masks
    assert back.static_mask == brush.static_mask


def test_run_all_spends_once_and_the_code_makes_the_same_run(
    official: Session, late: Any, scene: np.ndarray, brush: MotionBrush
) -> None:
    run = finish(official.submit(scene, "balls roll", brush=brush, model="kling-v3", duration=3), 120)
    again = official.submit(scene, "balls roll", brush=brush, model="kling-v3", duration=3, way="endframe")
    assert again.id == run.id
    code = run.to_python()
    assert "way='endframe'" in code
    assert "image_tail" not in code

    class Module:
        """What the code imports as ``kn``."""

        submit, run = staticmethod(official.submit), staticmethod(official.run)

    names: dict[str, Any] = {"kn": Module}
    exec(code.replace("import kling_nb as kn", ""), names)
    assert names["run"].id == run.id
    assert len(late.tasks()) == 1


def test_words_are_what_is_sent_and_the_own_prompt_is_kept(
    official: Session, late: Any, brush: MotionBrush
) -> None:
    late.config(min_processing=600)
    run = official.submit(
        brush=brush, prompt="balls roll", way="words", mode="std", brush_names={"red ball": "big red ball"}
    )
    job = received(late, run)
    late.finish_all()
    assert not (job["static_mask"] or job["dynamic_masks"] or job["image_tail"])
    finish(run, 120)
    sent = job["prompt"]
    assert sent == run.prompt
    assert sent.startswith("balls roll. The big red ball moves ")
    assert "The blue ball moves" in sent
    assert "downward" in sent
    assert sent.endswith("The green ball stays perfectly still.")
    record = official.log.get(run.id)
    assert record.prompt == sent
    assert record.options["own_prompt"] == "balls roll"
    assert record.options["brush_way"] == "words"
    assert "'balls roll'" in run.to_python()
    assert "way='words'" in run.to_python()
    assert "big red ball" in run.to_python()


def test_an_impossible_way_leaves_no_trace(official: Session, late: Any, brush: MotionBrush) -> None:
    with pytest.raises(RequestRefused, match="possible here: endframe, words"):
        official.submit(brush=brush, prompt="balls roll", way="native")
    assert late.tasks() == []
    assert official.log.records() == []


def test_a_run_that_was_never_sent_is_sent_with_its_end_frame_later(
    official: Session, late: Any, scene: np.ndarray, brush: MotionBrush, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end frame lies in the input store: nothing is rendered or chosen anew after a crash."""
    with monkeypatch.context() as crash:
        crash.setattr(Session, "_follow", lambda *_, **__: None)
        run = official.submit(brush=brush, prompt="balls roll", model="kling-v3", duration=3)
    monkeypatch.setattr("kling_nb.session.endframes.end_frame", None)
    (resumed,) = official.resume(run.id)
    finish(resumed, 120)
    assert resumed.status is RunStatus.SUCCEEDED, resumed.error
    assert_ends_as_drawn(scene, resumed)
