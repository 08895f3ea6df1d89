"""What is made from a run is what the run was: varied, again, and as a cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from quick_sessions import finish

from kling_nb.errors import MediaError, RequestRefused
from kling_nb.session import MotionBrush, Session


def brush_on(picture: np.ndarray) -> MotionBrush:
    mask = np.zeros(picture.shape[:2], bool)
    mask[100:200, 100:200] = True
    return MotionBrush(picture).dynamic(mask, [(150, 150), (300, 150)])


def requests_of(picture: np.ndarray) -> dict[str, dict[str, Any]]:
    return {
        "words alone": {"prompt": "a ship", "model": "kling-v2-6", "mode": "pro", "aspect_ratio": "9:16"},
        "picture": {"image": picture, "model": "kling-v1-5", "mode": "pro", "camera": "zoom=5"},
        "end frame": {"image": picture, "image_tail": picture[:, ::-1], "prompt": "a ship", "mode": "pro"},
        "brush": {"brush": brush_on(picture), "prompt": "a ship", "model": "kling-v1-5", "mode": "pro"},
        "brush as end frame": {"brush": brush_on(picture), "prompt": "a ship", "way": "endframe"},
        "brush as words": {"brush": brush_on(picture), "prompt": "a", "way": "words", "brush_names": ["it"]},
        "storyboard": {
            "image": picture,
            "model": "kling-v3",
            "multi_prompt": [
                {"index": 1, "prompt": "a", "duration": 2},
                {"index": 2, "prompt": "b", "duration": 3},
            ],
        },
    }  # fmt: skip


@pytest.mark.parametrize("what", requests_of(np.zeros((320, 400, 3), np.uint8)))
def test_a_run_made_again_is_the_same_request(session: Session, picture: np.ndarray, what: str) -> None:
    run = session.submit(**requests_of(picture)[what])
    same = run.vary()
    assert same.id == run.id
    assert same.reused
    other = run.vary(again=True, name="again")
    assert other.id != run.id
    assert other.record.identity == run.record.identity
    assert other.record.brush_way == run.record.brush_way
    for each in (run, other):
        finish(each)


def test_a_change_under_any_name_replaces_the_old_value(session: Session, picture: np.ndarray) -> None:
    run = session.submit(
        picture, "a ship", model="kling-v1", cfg=0.3, negative="blur", name="mine", tags=["t"]
    )
    varied = run.vary(cfg=0.7, negative_prompt=None)
    assert (varied.record.cfg_scale, varied.record.negative_prompt) == (0.7, None)
    assert (varied.prompt, varied.record.image_sha256) == (run.prompt, run.record.image_sha256)
    assert (varied.record.name, varied.record.tags) == (None, [])
    words = run.vary(prompt="a boat", image=None)
    assert words.record.form == "text2video"
    for each in (run, varied, words):
        finish(each)


def test_a_change_that_cannot_be_sends_nothing(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    run = finish(session.submit(picture, "a ship", model="kling-v1"))
    before = len(sandbox.tasks())
    with pytest.raises(RequestRefused):
        run.vary(cfg_scale=7)
    kept = session.inputs.path(run.record.image_sha256 or "")
    assert kept is not None
    kept.unlink()
    with pytest.raises(MediaError, match="gone"):
        run.vary(cfg_scale=0.7)
    assert len(sandbox.tasks()) == before


def test_a_clip_goes_on_from_its_handle(session: Session, picture: np.ndarray) -> None:
    run = finish(session.submit(picture, "a ship", model="kling-v1-6"))
    longer = finish(run.extend("it turns"))
    assert (longer.record.parent_run, longer.record.form, longer.prompt) == (run.id, "extend", "it turns")
    assert longer.vary().id == longer.id
