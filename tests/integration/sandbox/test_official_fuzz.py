"""Whatever is sent to an official path, it answers in its own words and never with a failure of its own."""

from __future__ import annotations

import re
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from legacy_wire import IMAGE, PATH
from new_wire import EXTEND, FRAME, RECOGNIZE, TEXT, WAVES, post

examples = partial(
    settings, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
KEYS = re.findall(
    r"\w+",
    """type text url id element_id voice_id enabled key values status index prompt duration config zoom mask
    trajectories x y""",
)
WORDS = ["", "5", "on", "simple", "true", "prompt", "first_frame", "element", "native", "http://", IMAGE]
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
LEGACY_FIELDS = re.findall(
    r"\w+",
    """model_name image image_tail multi_shot shot_type prompt multi_prompt negative_prompt element_list
    voice_list sound cfg_scale mode static_mask dynamic_masks camera_control duration watermark_info
    callback_url external_task_id aspect_ratio video_id""",
)
SETTINGS = ["multi_shot", "audio", "resolution", "duration", "aspect_ratio"]
OPTIONS = ["callback_url", "external_task_id", "watermark_info"]
WINDOW = ["start_time", "end_time", "cursor", "limit", "filters"]
NEW_MODELS = ("kling-3.0-turbo", "kling-3.0", "kling-2.6", "kling-2.5-turbo")
FINE = {200, 400, 429}


def some(names, most=3):
    return st.dictionaries(st.sampled_from(names), odd, max_size=most)


@pytest.fixture
def quiet(sandbox):
    sandbox.config(quota=100_000, total_quantity=1_000_000, workers=8, queued=0, min_processing=0)
    yield sandbox
    broken = [task["notes"] for task in sandbox.tasks() if task["message"] == "internal error"]
    assert broken == []


@examples(max_examples=100)
@given(path=st.sampled_from([PATH, TEXT, EXTEND, RECOGNIZE]), fields=some(LEGACY_FIELDS))
def test_legacy_creates(quiet, path, fields):
    usual = {"model_name": "kling-v3", "prompt": "waves", "image": IMAGE}
    assert post(quiet, path, usual | fields).status_code in FINE


@examples(max_examples=100)
@given(
    path=st.sampled_from(["/image-to-video/", "/text-to-video/"]),
    model=st.sampled_from(NEW_MODELS),
    items=st.lists(some(KEYS) | odd, max_size=2),
    rest=st.fixed_dictionaries({}, optional={"settings": some(SETTINGS), "options": some(OPTIONS) | odd}),
)
def test_new_creates(quiet, path, model, items, rest):
    body = {"prompt": "waves", "contents": [WAVES, FRAME, *items]} | rest
    assert post(quiet, path + model, body).status_code in FINE


@examples(max_examples=100)
@given(path=st.sampled_from(["/tasks", "/account/billing/package"]), body=some(WINDOW, 5))
def test_searches(quiet, path, body):
    assert post(quiet, path, body).status_code in (200, 400)


@examples(max_examples=40)
@given(query=st.dictionaries(st.sampled_from(["task_ids", "external_task_ids"]), st.text(max_size=30)))
def test_queries(quiet, query):
    assert quiet.http.get("/tasks", params=query).status_code in (200, 400)
