"""Legacy text-to-video, extension, recognition and billing: their own paths, their own fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb import errors, providers
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.images import ImageRef
from kling_nb.domain.request import VideoRequest
from kling_nb.domain.task import Cash
from kling_nb.domain.wire import Answer
from kling_nb.providers.base import Accounting

OFFICIAL = providers.get("official")
PATHS = {
    "image2video": "/v1/videos/image2video",
    "text2video": "/v1/videos/text2video",
    "extend": "/v1/videos/video-extend",
}
TEXT_FIELDS = {
    "model_name", "prompt", "negative_prompt", "mode", "duration", "aspect_ratio", "camera_control", "sound",
    "cfg_scale", "voice_list", "multi_shot", "shot_type", "multi_prompt", "watermark_info", "callback_url",
    "external_task_id",
}  # fmt: skip
EXTEND_FIELDS = {
    "video_id", "prompt", "negative_prompt", "cfg_scale",
    "watermark_info", "callback_url", "external_task_id",
}  # fmt: skip


def call(**fields):
    return OFFICIAL.create(
        VideoRequest(**{"model_name": "kling-v1-6", "prompt": "a boat", **fields}), "job-1"
    )


def answer(data):
    return Answer(200, {}, json.dumps({"code": 0, "message": "SUCCEED", "data": data}).encode())


class TestText:
    def test_path_and_fields(self):
        made = call(mode="pro", duration=10, aspect_ratio="9:16", negative_prompt="blur", cfg_scale=0.3)
        assert (made.method, made.path, made.safe) == ("POST", PATHS["text2video"], False)
        assert made.body == {
            "model_name": "kling-v1-6",
            "prompt": "a boat",
            "negative_prompt": "blur",
            "cfg_scale": 0.3,
            "mode": "pro",
            "aspect_ratio": "9:16",
            "duration": "10",
            "external_task_id": "job-1",
        }

    @pytest.mark.parametrize("preset", ["down_back", "forward_up", "right_turn_forward", "left_turn_forward"])
    def test_every_camera(self, preset):
        camera = CameraControl.parse(preset)
        body = call(model_name="kling-v1", mode="std", camera_control=camera).body
        assert body["camera_control"] == {"type": preset}
        simple = call(model_name="kling-v1", camera_control=CameraControl.parse("pan=-3")).body
        assert simple["camera_control"]["config"]["pan"] == -3

    def test_pictures_and_elements_have_no_place(self):
        assert not {"element_list", "image", "static_mask"} & set(call(element_list=(1,)).body)


class TestExtension:
    def test_path_and_fields(self):
        made = call(video_id="829611701234567890", negative_prompt="blur", cfg_scale=0.0, watermark=True)
        assert (made.method, made.path, made.safe) == ("POST", PATHS["extend"], False)
        assert made.body == {
            "video_id": "829611701234567890",
            "prompt": "a boat",
            "negative_prompt": "blur",
            "cfg_scale": 0.0,
            "watermark_info": {"enabled": True},
            "external_task_id": "job-1",
        }

    def test_the_first_model_takes_words_only(self):
        body = call(model_name="kling-v1", video_id="1", negative_prompt="blur", cfg_scale=0.5).body
        assert set(body) == {"video_id", "prompt", "external_task_id"}

    def test_the_earlier_video_is_named_in_the_answer(self):
        info = {
            "external_task_id": "job-1",
            "parent_video": {"id": "77", "url": "https://h/v.mp4", "duration": "5"},
        }
        task = OFFICIAL.decode_task(answer({"task_id": "1", "task_status": "submitted", "task_info": info}))
        assert task.parent_video_id == "77"


@given(
    fields=st.fixed_dictionaries(
        {
            "video_id": st.sampled_from([None, "1"]),
            "element_list": st.sampled_from([(), (1,)]),
            "sound": st.sampled_from([None, "on"]),
            "mode": st.sampled_from([None, "pro"]),
            "aspect_ratio": st.sampled_from([None, "1:1"]),
            "negative_prompt": st.sampled_from(["", "blur"]),
            "callback_url": st.sampled_from([None, "", "https://example.com/cb"]),
            "y_origin": st.sampled_from(["top", "bottom"]),
        }
    )
)
def test_closed_schema(fields):
    body = call(**fields).body
    assert set(body) <= (TEXT_FIELDS if fields["video_id"] is None else EXTEND_FIELDS)
    assert not {None, ""} & {value for value in body.values() if not isinstance(value, dict | list)}


@pytest.mark.parametrize(("form", "path"), PATHS.items())
def test_every_question_goes_to_the_path_of_its_form(form, path):
    assert OFFICIAL.query("1", form).path == f"{path}/1"
    assert OFFICIAL.lookup("job-1", form).path == f"{path}/job-1"
    assert OFFICIAL.list_tasks(1, 30, form).path == path


class TestRecognition:
    def test_call_is_not_repeated_on_its_own(self):
        made = OFFICIAL.recognize("https://example.com/a.png")
        assert (made.method, made.path, made.safe) == ("POST", "/v1/videos/image-recognize", False)
        assert made.body == {"image": "https://example.com/a.png"}
        assert providers.get("official-new").recognize("x").path == made.path

    def test_segments(self):
        rows = [
            {"type": "object_seg", "is_contain": True, "url": "https://host/o.png"},
            {"type": "face_seg", "is_contain": False, "url": ""},
            None,
            {"type": "head_seg", "is_contain": "false"},
        ]
        found = OFFICIAL.decode_recognize(answer({"task_result": {"images": rows}}))
        assert [(s.type, s.found, s.url) for s in found] == [
            ("object_seg", True, "https://host/o.png"),
            ("face_seg", False, ""),
            ("head_seg", False, ""),
        ]


ROW = {
    "task_id": "829611643369439283", "api_key_name": "lab", "product_function": "image to video",
    "model_name": "kling-v3", "resolution": "720p", "duration": "5", "video_sound": "off",
    "deduction_time": "1765823500112", "package_id": "509", "product_type": "video",
    "unit_before_deduction": "10", "deduction_amount": "3", "unit_after_deduction": "7",
}  # fmt: skip


class TestMoney:
    def test_first_page_by_time_and_the_next_by_cursor(self):
        first = OFFICIAL.deductions(1, 2)
        assert (first.method, first.path, first.safe) == ("POST", "/account/billing/package", True)
        assert first.body == {"start_time": 1, "end_time": 2, "limit": 500}
        assert OFFICIAL.deductions(1, 2, "c2").body == {"cursor": "c2", "limit": 500}

    def test_page(self):
        data = {"result": {"detail": [ROW, {}, None], "count": 1}, "next_cursor": "c2", "has_more": True}
        page = OFFICIAL.decode_deductions(answer(data))
        (entry,) = page.entries
        assert (entry.task_id, entry.units, entry.model) == ("829611643369439283", Decimal(3), "kling-v3")
        assert entry.at == datetime(2025, 12, 15, 18, 31, 40, 112000, tzinfo=UTC)
        assert (page.next_cursor, page.more) == ("c2", True)

    @pytest.mark.parametrize("cursor", [None, "", 0.5])
    def test_more_without_a_cursor_is_the_end(self, cursor):
        data = {"result": {"detail": []}, "next_cursor": cursor, "has_more": True}
        assert not OFFICIAL.decode_deductions(answer(data)).more

    def test_who_can_be_asked(self):
        assert isinstance(OFFICIAL, Accounting)
        assert isinstance(providers.get("official-new"), Accounting)

    def test_postpaid_accounts_pay_in_money(self):
        data = {
            "task_id": "1",
            "task_status": "succeed",
            "final_balance_deduction": {"quota": "0.7", "list_price": "0.8"},
        }
        task = OFFICIAL.decode_task(answer(data))
        assert (task.units, task.cash) == (None, (Cash(Decimal("0.7"), list_price=Decimal("0.8")),))

    def test_account_in_trouble_inside_the_envelope(self):
        with pytest.raises(errors.ServiceError):
            OFFICIAL.decode_account(answer({"code": 1100, "msg": "account exception"}))


def test_a_picture_makes_it_image_to_video():
    assert call(image=ImageRef(url="https://example.com/a.png")).path == PATHS["image2video"]
