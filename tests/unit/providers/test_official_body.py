"""What leaves for the official service: exactly the fields of the specification, in their wire form."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from kling_nb import providers
from kling_nb.domain.brush import DynamicMask, Mask, MotionBrush
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.images import ImageRef
from kling_nb.domain.request import Shot, VideoRequest
from kling_nb.errors import InputError
from kling_nb.providers.base import redacted_body

EXTERNAL = "8b1f0c1e-6f0e-4b6e-9a0c-0d6f3a5d2b11"
FIELDS = {
    "model_name",
    "image",
    "image_tail",
    "multi_shot",
    "shot_type",
    "prompt",
    "multi_prompt",
    "negative_prompt",
    "element_list",
    "voice_list",
    "sound",
    "cfg_scale",
    "mode",
    "static_mask",
    "dynamic_masks",
    "camera_control",
    "duration",
    "watermark_info",
    "callback_url",
    "external_task_id",
}
DATA = b"\xff\xd8picture bytes, not decoded here"


def picture(width=720, height=1280, data=DATA):
    return ImageRef(data=data, sha256="0" * 64, width=width, height=height, format="JPEG")


def body(**fields):
    fields = {
        "model_name": "kling-v2-5-turbo",
        "mode": "pro",
        "image": picture(),
        "prompt": "slow waves",
        **fields,
    }
    return dict(providers.get("official").create(VideoRequest(**fields), EXTERNAL).body)


def square(width=720, height=1280):
    mask = np.zeros((height, width), dtype=bool)
    mask[100:300, 50:200] = True
    return mask


def test_simple_request_has_these_fields_and_no_others():
    assert body() == {
        "model_name": "kling-v2-5-turbo",
        "image": base64.b64encode(DATA).decode(),
        "prompt": "slow waves",
        "mode": "pro",
        "duration": "5",
        "external_task_id": EXTERNAL,
    }


def test_create_is_a_post_that_is_never_safe():
    call = providers.get("official").create(VideoRequest(model_name="kling-v3", image=picture()), "job-1")
    assert (call.method, call.path, call.safe) == ("POST", "/v1/videos/image2video", False)
    assert call.query == {}


def test_base64_is_raw_and_urls_pass_through():
    sent = body(
        image=picture(data=bytes(range(256)) * 30), image_tail=ImageRef(url="https://example.com/b.jpg")
    )
    assert not sent["image"].startswith("data:")
    assert "\n" not in sent["image"]
    assert sent["image_tail"] == "https://example.com/b.jpg"


@pytest.mark.parametrize("seconds", [5, 10])
def test_duration_is_a_string(seconds):
    assert body(duration=seconds)["duration"] == str(seconds)


@pytest.mark.parametrize("model", ["kling-v2-master", "kling-v2-1-master"])
@pytest.mark.parametrize("mode", [None, "std", "pro"])
def test_masters_get_no_mode(model, mode):
    assert "mode" not in body(model_name=model, mode=mode)


def test_empty_and_unset_values_never_leave():
    sent = body(prompt="", negative_prompt="", callback_url="", shot_type="", image_tail=None, cfg_scale=None)
    assert set(sent) == {"model_name", "image", "mode", "duration", "external_task_id"}
    assert None not in sent.values()


def test_fields_of_other_services_never_leave():
    sent = body(aspect_ratio="16:9", y_origin="top")
    assert not {"aspect_ratio", "y_origin", "timeout", "model", "seed"} & set(sent)


def test_zero_is_a_value():
    assert body(cfg_scale=0.0)["cfg_scale"] == 0.0


def test_every_field_at_once_stays_inside_the_closed_schema():
    brush = MotionBrush((720, 1280)).dynamic(square(), [(100, 200), (300, 400)]).static(~square())
    sent = body(
        image_tail=picture(), multi_shot=True, shot_type="customize", negative_prompt="blur", sound="on",
        multi_prompt=(Shot(index=1, prompt="a", duration=5),), element_list=(1,), voice_list=("v",),
        cfg_scale=0.5,
        camera_control=CameraControl.parse({"zoom": 3}), watermark=True, callback_url="https://example.com/cb",
        static_mask=brush.static_mask, dynamic_masks=brush.dynamic_masks, aspect_ratio="1:1",
    )  # fmt: skip
    assert set(sent) == FIELDS


def test_storyboard_as_in_the_example():
    shots = (Shot(index=1, prompt="a door opens", duration=3), Shot(index=2, prompt="a hallway", duration=5))
    sent = body(
        model_name="kling-v3",
        duration=8,
        prompt="",
        multi_shot=True,
        shot_type="customize",
        multi_prompt=shots,
        sound="on",
    )
    assert sent["multi_shot"] is True
    assert sent["multi_prompt"] == [
        {"index": 1, "prompt": "a door opens", "duration": "3"},
        {"index": 2, "prompt": "a hallway", "duration": "5"},
    ]
    assert sent["duration"] == "8"
    assert "prompt" not in sent


def test_storyboard_fields_stay_here_without_multi_shot():
    sent = body(shot_type="customize", multi_prompt=(Shot(index=1, prompt="a", duration=5),))
    assert not {"multi_shot", "shot_type", "multi_prompt"} & set(sent)


def test_voices_elements_watermark():
    sent = body(voice_list=("891495440020668439",), element_list=(829611643369439283,), watermark=False)
    assert sent["voice_list"] == [{"voice_id": "891495440020668439"}]
    assert sent["element_list"] == [{"element_id": 829611643369439283}]
    assert sent["watermark_info"] == {"enabled": False}


class TestCamera:
    def test_simple_has_all_six_axes(self):
        sent = body(camera_control=CameraControl.parse({"zoom": -4}))["camera_control"]
        axes = {"horizontal": 0, "vertical": 0, "pan": 0, "tilt": 0, "roll": 0, "zoom": -4}
        assert sent == {"type": "simple", "config": axes}

    def test_preset_has_no_config(self):
        assert body(camera_control=CameraControl.parse("forward_up"))["camera_control"] == {
            "type": "forward_up"
        }


class TestBrush:
    def request(self, size=(720, 1280), image=None, **fields):
        brush = MotionBrush(size).dynamic(square(*size), [(100, 200), (300, 400)]).static(~square(*size))
        return body(
            image=image or picture(*size),
            static_mask=brush.static_mask,
            dynamic_masks=brush.dynamic_masks,
            **fields,
        )

    def decode(self, text):
        return Image.open(io.BytesIO(base64.b64decode(text, validate=True)))

    def test_masks_are_rgb_png_of_the_picture_size(self):
        sent = self.request()
        for text in (sent["static_mask"], sent["dynamic_masks"][0]["mask"]):
            png = self.decode(text)
            assert (png.format, png.mode, png.size) == ("PNG", "RGB", (720, 1280))
            assert set(np.unique(np.asarray(png))) == {0, 255}
        moving = np.asarray(self.decode(sent["dynamic_masks"][0]["mask"]))[..., 0] == 255
        assert (moving == square()).all()

    def test_trajectories_count_from_the_bottom(self):
        assert self.request()["dynamic_masks"][0]["trajectories"] == [
            {"x": 100, "y": 1079},
            {"x": 300, "y": 879},
        ]

    def test_escape_hatch_counts_from_the_top(self):
        sent = self.request(y_origin="top")
        assert sent["dynamic_masks"][0]["trajectories"] == [{"x": 100, "y": 200}, {"x": 300, "y": 400}]

    def test_coordinates_are_json_integers_without_time(self):
        text = json.dumps(self.request()["dynamic_masks"][0]["trajectories"])
        assert "." not in text
        assert '"t"' not in text

    def test_masks_of_another_size_are_brought_to_the_picture(self):
        half = MotionBrush((360, 640)).dynamic(square(360, 640), [(100, 200), (300, 400)])
        sent = body(image=picture(720, 1280), dynamic_masks=half.dynamic_masks)
        assert self.decode(sent["dynamic_masks"][0]["mask"]).size == (720, 1280)

    def test_picture_at_an_address_takes_the_size_of_the_drawing(self):
        sent = self.request(image=ImageRef(url="https://example.com/a.jpg"))
        assert sent["dynamic_masks"][0]["trajectories"][0] == {"x": 100, "y": 1079}

    def test_mask_at_an_address_passes_through(self):
        path = MotionBrush((720, 1280)).dynamic(square(), [(1, 2), (30, 40)]).dynamic_masks[0].trajectory
        groups = (DynamicMask(Mask(url="https://example.com/m.png"), path),)
        assert body(dynamic_masks=groups)["dynamic_masks"][0]["mask"] == "https://example.com/m.png"


def test_empty_picture_is_refused():
    with pytest.raises(InputError):
        body(image=ImageRef())


class TestQueries:
    official = providers.get("official")

    @pytest.mark.parametrize(
        ("task_id", "segment"),
        [
            ("829611643369439283", "829611643369439283"),
            ("job-1_a.b", "job-1_a.b"),
            ("a/b?c#d e", "a%2Fb%3Fc%23d%20e"),
            ("..", "%2E%2E"),
            ("ü", "%C3%BC"),
        ],
    )
    def test_id_is_one_path_segment(self, task_id, segment):
        call = self.official.query(task_id)
        assert (call.method, call.path, call.safe) == ("GET", f"/v1/videos/image2video/{segment}", True)

    def test_empty_id_would_ask_for_the_list(self):
        with pytest.raises(InputError):
            self.official.query("")

    def test_list_pages(self):
        call = self.official.list_tasks(2, 500)
        assert (call.path, call.query) == ("/v1/videos/image2video", {"pageNum": "2", "pageSize": "500"})

    @pytest.mark.parametrize(("page", "size"), [(0, 30), (1001, 30), (1, 0), (1, 501)])
    def test_pages_that_do_not_exist(self, page, size):
        with pytest.raises(InputError):
            self.official.list_tasks(page, size)

    def test_account(self):
        call = self.official.account(1, 2)
        assert (call.path, call.query) == ("/account/costs", {"start_time": "1", "end_time": "2"})


class TestRedaction:
    def test_media_become_size_and_digest(self):
        brush = MotionBrush((720, 1280)).dynamic(square(), [(100, 200), (300, 400)])
        request = VideoRequest(
            model_name="kling-v1", image=picture(), image_tail=ImageRef(url="https://example.com/t.jpg"),
            dynamic_masks=brush.dynamic_masks,
        )  # fmt: skip
        call = providers.get("official").create(request, "job-1")
        shown = redacted_body(call)
        assert shown["image"].startswith(f"<base64 {len(DATA)} bytes sha256:")
        assert shown["image_tail"] == "https://example.com/t.jpg"
        assert shown["dynamic_masks"][0]["mask"].startswith("<base64 ")
        assert shown["dynamic_masks"][0]["trajectories"] == call.body["dynamic_masks"][0]["trajectories"]
        assert len(json.dumps(shown)) < 1000

    def test_the_call_keeps_its_media_and_hides_them(self):
        call = providers.get("official").create(VideoRequest(model_name="kling-v3", image=picture()), "job-1")
        redacted_body(call)
        assert call.body["image"] == base64.b64encode(DATA).decode()
        assert call.body["image"] not in repr(call)

    def test_calls_without_body(self):
        assert redacted_body(providers.get("official").query("1")) == {}


def test_unknown_provider():
    from kling_nb.errors import SettingsError

    with pytest.raises(SettingsError):
        providers.get("klng")


class TestPolling:
    def test_official_interval_grows_to_fifteen_seconds(self):
        poll = providers.get("official").poll
        assert [poll.interval(age) for age in (0, 10, 29.9)] == [3.0] * 3
        # Simulated: 3 s, then times 1.3 a poll.
        age, previous = 30.0, 3.0
        for _ in range(4):
            assert poll.interval(age) == pytest.approx(previous * 1.3)
            previous = poll.interval(age)
            age += previous
        assert poll.interval(10_000) == 15.0

    def test_jitter_is_a_fifth(self):
        poll = providers.get("official").poll
        assert poll.delay(0, lambda: 0.0) == pytest.approx(2.4)
        assert poll.delay(0, lambda: 1.0) == pytest.approx(3.6)

    def test_sandbox_is_asked_every_fifth_of_a_second(self):
        sandbox = providers.get("sandbox")
        assert sandbox.name == "sandbox"
        assert {sandbox.poll.interval(age) for age in (0, 29, 31, 1000)} == {0.2}
