"""Whatever is sent to a gateway, it answers in its own words and never with a failure of its own."""

from __future__ import annotations

import re
from functools import partial

import pytest
from gateway_wire import TASKS, V1, AceData, Aiml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from legacy_wire import IMAGE

examples = partial(
    settings, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "5", "simple", "true", "first_frame", "https://127.0.0.1:9/a.png", "http://", IMAGE]
    )
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "config", "zoom", "mask", "trajectories", "x", "y", "prompt", "image_url"]
            )
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
ACEDATA_FIELDS = re.findall(
    r"\w+",
    """action async model mode prompt negative_prompt start_image_url end_image_url duration aspect_ratio
    cfg_scale camera_control generate_audio image_list video_list element_list voice_list multi_shot shot_type
    multi_prompt video_id callback_url static_mask""",
)
AIML_FIELDS = re.findall(
    r"\w+",
    """model image_url prompt duration negative_prompt cfg_scale tail_image_url static_mask dynamic_masks
    camera_control generate_audio multi_prompt shot_type elements provider aspect_ratio
    advanced_camera_control""",
)
AIML_MODELS = st.sampled_from([V1, "klingai/video-v3-pro-image-to-video", "klingai/v2-master-text-to-video"])
FINE = {200, 400, 401, 403, 404, 429}


@pytest.fixture
def quiet(sandbox):
    sandbox.config(
        quota=100_000, total_quantity=1_000_000, workers=8, queued=0, min_processing=0, blocking_cap=1
    )
    yield sandbox
    broken = [task["notes"] for task in sandbox.tasks() if task["message"] == "internal error"]
    assert broken == []


@examples(max_examples=250)
@given(fields=st.dictionaries(st.sampled_from(ACEDATA_FIELDS), odd, min_size=1, max_size=3))
def test_acedata_create(quiet, fields):
    answer = AceDataOnce(quiet).create(**{"callback_url": "http://127.0.0.1:9/"} | fields)
    # In blocking mode a failed task is the service's own 500, with the task's text.
    assert answer.status_code in FINE | {500, 504}
    assert answer.status_code != 500 or answer.json()["error"]["message"] != "internal error"
    answer.json()


@examples(max_examples=60)
@given(
    body=st.dictionaries(
        st.sampled_from(["id", "ids", "action"]), odd | st.just("retrieve_batch"), max_size=3
    )
)
def test_acedata_poll(quiet, body):
    answer = AceDataOnce(quiet).request("POST", TASKS, json=body)
    assert answer.status_code in (200, 400)


@examples(max_examples=250)
@given(model=AIML_MODELS, fields=st.dictionaries(st.sampled_from(AIML_FIELDS), odd, min_size=1, max_size=3))
def test_aiml_create(quiet, model, fields):
    answer = Aiml(quiet).create(**{"model": model} | fields)
    assert answer.status_code in FINE
    assert answer.json()


@examples(max_examples=60)
@given(wanted=st.text(max_size=40))
def test_aiml_poll(quiet, wanted):
    assert Aiml(quiet).poll(wanted).status_code in (400, 404)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", "1" * 5000])
@pytest.mark.parametrize("field", ["duration", "cfg_scale", "unknown"])
def test_numbers_that_no_answer_could_repeat(quiet, number, field):
    for gateway in (AceDataOnce(quiet), Aiml(quiet)):
        text = f'{{"model": "{gateway.usual()["model"]}", "{field}": {number}}}'
        answer = gateway.request("POST", gateway.create_path, content=text)
        assert answer.status_code == 400


class AceDataOnce(AceData):
    """Without an upload for every call: the picture cannot be fetched, which only fails the task."""

    def __init__(self, sandbox):
        super(AceData, self).__init__(sandbox, sandbox.acedata_token)
        self.image = "http://127.0.0.1:9/picture.png"
