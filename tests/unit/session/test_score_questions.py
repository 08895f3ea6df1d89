"""What the clip of a run is measured against: everything that was asked, as far as it is still there."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kling_nb.domain.brush import Mask
from kling_nb.runlog import RunRecord
from kling_nb.score.workers import as_json, from_json, measure_job
from kling_nb.session import MotionBrush, Session
from kling_nb.session.asking import asked_of, job_of, job_of_request, question_of
from kling_nb.session.records import Label, keep_inputs, record_of

NATIVE = {"provider": "official", "model_name": "kling-v1-6", "mode": "pro", "way": "native", "force": True}
SIZE = (400, 320)


def box(x: int, y: int) -> np.ndarray:
    bits = np.zeros(SIZE[::-1], bool)
    bits[y : y + 40, x : x + 60] = True
    return bits


def drawn(picture: np.ndarray) -> MotionBrush:
    brush = MotionBrush(picture).dynamic(box(20, 30), [(50, 50), (150, 60), (200, 120)], label="boat")
    return brush.dynamic(box(200, 200), [(230, 220), (150, 220)]).static(box(300, 20))


def row(session: Session, *args: Any, **params: Any) -> RunRecord:
    """The row that a submit writes, with its inputs kept; nothing is sent."""
    prepared = session.build(*args, **params)
    files = keep_inputs(prepared.request, session.inputs) | keep_inputs(prepared.drawn, session.inputs)
    return record_of(prepared, Label(), base_url="", owner="test", lease_s=1, mask_files=files)


def native(session: Session, picture: np.ndarray, prompt: str = "a boat", **params: Any) -> RunRecord:
    fields = {name: value for name, value in NATIVE.items() if name != "force"}
    return row(session, picture, prompt, brush=drawn(picture), **{**fields, **params})


def test_masks_paths_and_pictures_come_back(session: Session, picture: np.ndarray) -> None:
    asked = asked_of(native(session, picture), session.inputs)
    assert asked.size == SIZE and asked.way == "native" and asked.timing == "arc" and asked.notes == ()
    assert asked.start is not None and np.array_equal(asked.start, picture) and asked.tail is None
    assert [each.label for each in asked.objects] == ["boat", "mask 2"]
    assert np.array_equal(asked.objects[1].mask, box(200, 200))
    assert asked.objects[0].path == pytest.approx(np.array([(50, 50), (150, 60), (200, 120)]), abs=0.6)
    assert asked.static is not None and np.array_equal(asked.static, box(300, 20))


def test_an_end_frame_is_what_was_sent_and_the_paths_are_still_asked(
    session: Session, picture: np.ndarray
) -> None:
    record = row(session, picture, "a boat", brush=drawn(picture), way="endframe", model_name="kling-v2-6")
    asked = asked_of(record, session.inputs)
    assert asked.way == "endframe" and len(asked.objects) == 2 and asked.static is not None
    assert asked.tail is not None and not np.array_equal(asked.tail, asked.start)


def test_words_leave_masks_and_paths_wanted(session: Session, picture: np.ndarray) -> None:
    asked = asked_of(
        row(session, picture, "a boat", brush=drawn(picture), way="words", model_name="kling-v2-6"),
        session.inputs,
    )
    assert asked.way == "words" and len(asked.objects) == 2 and asked.tail is None


def test_camera_and_direction_of_the_prompt(session: Session, picture: np.ndarray) -> None:
    record = row(
        session, picture, "the boat drifts to the left", camera_control="zoom:3", model_name="kling-v1"
    )
    asked = asked_of(record, session.inputs)
    assert asked.camera is not None and asked.camera["config"]["zoom"] == 3
    assert asked.heading == pytest.approx((-1, 0)) and asked.way is None and asked.objects == ()


def test_a_clip_from_words_begins_with_nothing(session: Session) -> None:
    record = row(session, None, "a boat on the sea")
    question, files = question_of(record, session.inputs)
    assert (question.start, question.size, question.brush, files) == (None, None, None, {})


def test_points_that_were_spaced_in_time_are_asked_in_time(session: Session, picture: np.ndarray) -> None:
    record = native(session, picture)
    record = replace(record, options={**record.options, "timing": "density"})
    assert question_of(record, session.inputs)[0].timing == "index"


def test_what_is_gone_is_left_out_and_said(session: Session, picture: np.ndarray) -> None:
    record = native(session, picture)
    whole, files = question_of(record, session.inputs)
    assert record.brush is not None
    boat = whole.masks[record.brush["dynamic_masks"][0]["mask"]["sha256"]]
    files[boat].unlink()
    asked = asked_of(record, session.inputs)
    assert [each.label for each in asked.objects] == ["mask 2"]
    assert asked.static is not None and asked.start is not None
    assert any("boat" in note and "gone" in note for note in asked.notes)
    assert asked.digest != whole.digest, "scores of a part are no scores of the whole"


def test_a_changed_input_is_said_and_not_used(session: Session, picture: np.ndarray) -> None:
    record = native(session, picture)
    question, files = question_of(record, session.inputs)
    assert question.start is not None
    files[question.start].write_bytes(b"no picture")
    asked = asked_of(record, session.inputs)
    assert asked.start is None and len(asked.objects) == 2
    assert any("start picture" in note for note in asked.notes)


def test_masks_that_are_addresses_cannot_be_measured(session: Session, picture: np.ndarray) -> None:
    record = native(session, picture)
    assert isinstance(record.brush, dict)
    url = {"label": "", "sha256": "0" * 64, "url": "https://example.com/mask.png"}
    record = replace(record, brush={**record.brush, "static_mask": url})
    asked = asked_of(record, session.inputs)
    assert asked.static is None and any("address" in note for note in asked.notes)


@pytest.mark.parametrize("brush", [{}, {"size": 3, "dynamic_masks": 7}, {"dynamic_masks": [{"mask": None}]}])
def test_a_brush_that_is_none_does_not_stop_the_rest(
    session: Session, picture: np.ndarray, brush: dict[str, Any]
) -> None:
    """A log that others can write to may hold anything."""
    asked = asked_of(replace(native(session, picture), brush=brush), session.inputs)
    assert asked.objects == () and asked.start is not None


def test_large_pictures_are_reduced_and_coordinates_stay(session: Session) -> None:
    large = np.tile(np.arange(2000, dtype=np.uint16).astype(np.uint8), (1000, 1))
    large = np.stack([large] * 3, axis=2)
    bits = np.zeros((1000, 2000), bool)
    bits[100:200, 100:300] = True
    brush = MotionBrush(large).dynamic(bits, [(200, 150), (1900, 900)])
    asked = asked_of(row(session, large, "x", brush=brush, way="words"), session.inputs)
    assert asked.start is not None and asked.start.shape == (640, 1280, 3)
    assert asked.size == (2000, 1000) and asked.objects[0].mask.shape == (1000, 2000)
    assert asked.objects[0].path[-1] == pytest.approx((1900, 900), abs=1)


def test_the_same_question_has_the_same_digest(session: Session, picture: np.ndarray) -> None:
    def digest(record: RunRecord) -> str:
        return question_of(record, session.inputs)[0].digest

    first = digest(native(session, picture, cfg_scale=0.4))
    assert digest(native(session, picture, cfg_scale=0.6)) == first, "what cannot be seen is not asked"
    others = [
        digest(native(session, picture, "the boat drifts to the left")),
        digest(row(session, picture, "a boat")),
        digest(row(session, 255 - picture, "a boat")),
        digest(row(session, picture, "a boat", brush=drawn(picture), way="words", model_name="kling-v2-6")),
    ]
    assert len({first, *others}) == 5


def test_a_clip_outside_the_log_is_asked_the_same(session: Session, picture: np.ndarray) -> None:
    request = session.build(picture, "a boat", brush=drawn(picture), draft=True).drawn
    job = job_of_request(request, Path("clip.mp4"), "0" * 64)

    def read(digest: str) -> bytes:
        return job.sent[digest]

    ours, theirs = job.question.asked(read), asked_of(native(session, picture), session.inputs)
    assert ours.notes == () and ours.size == theirs.size and ours.way == "native"
    assert [each.label for each in ours.objects] == [each.label for each in theirs.objects]
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(ours.objects, theirs.objects, strict=True))
    assert np.array_equal(ours.start, theirs.start) and np.array_equal(ours.static, theirs.static)


def test_no_key_is_in_what_workers_get(session: Session, picture: np.ndarray, tmp_path: Path) -> None:
    key = "api-key-kling-of-a-test"
    assert session.settings.explicit_api_key is not None
    assert session.settings.explicit_api_key.get_secret_value() == key
    record = native(session, picture, "words of my own, to nobody else")
    data = pickle.dumps(job_of(record, session.inputs, tmp_path / "clip.mp4", "0" * 64))
    assert key.encode() not in data and b"words of my own" not in data
    assert len(data) < 20_000, "pixels travel by reference"


def test_outcomes_survive_json(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"no video")
    record = RunRecord(id="r-x")
    assert record.brush is None
    missing = measure_job(job_of(record, object(), clip, "0" * 64))  # type: ignore[arg-type]  # nothing is read
    assert missing.absent == ("0" * 64,) and from_json(as_json(missing)) == missing
    told = measure_job(replace(job_of(record, object(), clip, "0" * 64), last=True))  # type: ignore[arg-type]
    assert (
        told.scores is not None and told.scores.why and any("changed" in note for note in told.scores.notes)
    )
    assert from_json(as_json(told)) == told


def test_a_mask_without_pixels_does_not_stop_a_clip_outside_the_log(
    session: Session, picture: np.ndarray
) -> None:
    brush = MotionBrush(picture).dynamic(Mask(url="https://example.com/mask.png"), [(1, 1), (50, 50)])
    request = session.build(picture, "a boat", brush=brush, draft=True).drawn
    assert job_of_request(request, Path("clip.mp4"), "0" * 64).question.asked(lambda _: b"").objects == ()
