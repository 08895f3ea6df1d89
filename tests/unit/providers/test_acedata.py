"""AceData: what it refuses, the completion rule row by row, its scale and rules (``spec/gateways.md`` §2)."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest

from kling_nb import providers
from kling_nb.domain.brush import MotionBrush
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.images import ImageRef
from kling_nb.domain.lint import lint
from kling_nb.domain.request import ReferenceImage, ReferenceVideo, VideoRequest
from kling_nb.domain.task import RunStatus
from kling_nb.domain.wire import Answer
from kling_nb.errors import (
    ApiError,
    AuthError,
    InputError,
    ModelRetired,
    RateError,
    ServiceError,
    TaskNotFound,
)

ID = "20068983-0cc9-4c6a-aeb6-9c6a3c668be0"
URL = "https://platform2.cdn.acedata.cloud/kling/20068983.mp4"
A = ImageRef(url="https://example.com/a.jpg")
B = ImageRef(url="https://example.com/b.jpg")
LOCAL = ImageRef(data=b"\xff\xd8", sha256="0" * 64, width=600, height=600, format="JPEG")
DOOR = providers.get("acedata")


def request(**fields):
    return VideoRequest(**{"model_name": "kling-v2-6", "mode": "pro", "prompt": "the boat drifts", **fields})


def body(**fields):
    return dict(DOOR.create(request(**fields), "never-sent").body)


def answer(value, status=200):
    return Answer(status, {}, value if isinstance(value, bytes) else json.dumps(value).encode())


def record(response=..., **fields):
    base = {"id": ID, "type": "videos", "created_at": 1740969535.333, **fields}
    return base if response is ... else {**base, "response": response}


def read(value):
    return DOOR.decode_task(answer(value))


def rules(**fields):
    asked = request(**fields)
    return {
        (p.id, p.severity.value, p.field) for p in lint(asked, door=DOOR.door, extra=DOOR.findings(asked))
    }


class TestRefused:
    @pytest.mark.parametrize("field", ["image", "image_tail"])
    def test_local_picture_never_leaves_and_the_way_out_is_named(self, field):
        with pytest.raises(InputError, match="no local pictures") as caught:
            body(**{"image": A, field: LOCAL})
        assert "uploader" in caught.value.advice and "http" in caught.value.advice
        assert ("L31", "E", field) in rules(**{"image": A, field: LOCAL})

    def test_brush_is_explained_apart_from_motion_control(self):
        mask = np.zeros((600, 600), dtype=bool)
        mask[100:200, 100:200] = True
        brush = MotionBrush((600, 600)).dynamic(mask, [(110, 110), (300, 300)])
        asked = request(image=A, dynamic_masks=brush.dynamic_masks)
        (problem,) = [p for p in lint(asked, door=DOOR.door) if p.id == "L26"]
        assert problem.blocks and "motion control" in problem.message and "/kling/motion" in problem.message
        assert not {"dynamic_masks", "static_mask"} & set(DOOR.create(asked, "").body)

    def test_negative_prompt_above_200_characters(self):
        assert ("L19", "E", "negative_prompt") in rules(image=A, negative_prompt="x" * 201)
        assert ("L19", "E", "negative_prompt") not in rules(image=A, negative_prompt="x" * 200)

    def test_end_frame_alone(self):
        assert ("L04", "E", "image_tail") in rules(image_tail=B)

    @pytest.mark.parametrize("model", ["kling-v3-omni", "kling-video-o1", "kling-3.0-turbo"])
    def test_guidance_where_there_is_none(self, model):
        assert ("L21", "E", "cfg_scale") in rules(model_name=model, image=A, cfg_scale=0.5)

    def test_silence_of_the_model_that_always_sounds(self):
        assert ("L01", "E", "sound") in rules(model_name="kling-3.0-turbo", image=A, sound="off")
        assert ("L27", "W", "sound") in rules(model_name="kling-3.0-turbo", image=A)
        assert "generate_audio" not in body(model_name="kling-3.0-turbo", image=A, sound="off")

    def test_sound_where_it_is_an_error(self):
        assert ("L01", "E", "sound") in rules(mode="std", image=A, sound="on")

    def test_models_it_does_not_have(self):
        for model in ("kling-v1-5", "kling-v2-1"):
            assert ("L01", "E", "model_name") in rules(model_name=model, image=A)

    def test_fields_without_a_place(self):
        found = rules(image=A, watermark=True, upstream="kling", elements=({"a": 1},))
        assert {("L01", "E", name) for name in ("watermark", "upstream", "elements")} <= found
        assert not {"watermark_info", "provider", "elements"} & set(
            body(image=A, watermark=True, upstream="kling", elements=({"a": 1},))
        )

    def test_ratio_it_does_not_know(self):
        assert ("L23", "E", "aspect_ratio") in rules(image=A, aspect_ratio="4:3")

    def test_more_ids_than_recommended(self):
        with pytest.raises(InputError, match="51 tasks"):
            DOOR.query_many([ID] * 51)

    @pytest.mark.parametrize("call", [DOOR.lookup, DOOR.list_tasks])
    def test_what_it_does_not_have(self, call):
        with pytest.raises(InputError):
            call(1)

    def test_empty_id(self):
        with pytest.raises(InputError):
            DOOR.query(" ")


class TestBody:
    def test_always_asynchronous_and_never_with_a_time_limit(self):
        for fields in ({"image": A}, {}, {"video_id": "9", "model_name": "kling-v1"}):
            sent = body(**fields)
            assert sent["async"] is True and sent["action"] in ("image2video", "text2video", "extend")
            assert {"model", "mode"} <= set(sent) and "timeout" not in sent

    def test_mode_is_sent_for_the_masters_too(self):
        assert body(model_name="kling-v2-master", mode=None, image=A)["mode"] == "std"

    @pytest.mark.parametrize(
        ("size", "wanted"),
        [((1920, 1080), "16:9"), ((1080, 1920), "9:16"), ((1000, 1000), "1:1"), ((1024, 768), "1:1"),
         ((1300, 1000), "1:1"), ((1400, 1000), "16:9")],
    )  # fmt: skip
    def test_ratio_follows_the_picture(self, size, wanted):
        known = ImageRef(url=A.url, width=size[0], height=size[1])
        assert body(image=known)["aspect_ratio"] == wanted
        assert body(image=known, aspect_ratio="9:16")["aspect_ratio"] == "9:16"

    def test_ratio_of_an_unseen_picture_is_told_and_left_to_the_service(self):
        assert "aspect_ratio" not in body(image=A)
        assert ("L23", "I", "aspect_ratio") in rules(image=A)

    @pytest.mark.parametrize(
        ("fields", "wanted"),
        [
            ({"sound": "on"}, True),
            ({"sound": "off"}, False),
            ({}, None),
            ({"sound": "off", "mode": "std"}, None),
            ({"sound": "on", "model_name": "kling-3.0-turbo"}, True),
        ],
    )
    def test_sound(self, fields, wanted):
        assert body(image=A, **fields).get("generate_audio") is wanted

    @pytest.mark.parametrize(("official", "wire"), [(5, 0.5), (-10, -1), (2.5, 0.25), (0.3, 0.03)])
    def test_camera_is_a_tenth(self, official, wire):
        sent = body(camera_control=CameraControl.parse({"zoom": official}))["camera_control"]
        assert sent["config"]["zoom"] == wire

    @pytest.mark.parametrize(("wire", "official"), [(0.5, 5), (-0.25, -2.5)])
    def test_camera_back(self, wire, official):
        given = {"type": "simple", "config": {"zoom": wire}}
        assert CameraControl.parse(given, 1).to_wire()["config"]["zoom"] == official

    def test_preset_has_no_config(self):
        sent = body(camera_control=CameraControl.parse("forward_up"))["camera_control"]
        assert sent == {"type": "forward_up"}

    def test_polling_is_a_post_that_may_be_repeated(self):
        one, many = DOOR.query(ID), DOOR.query_many([ID, "b"])
        assert (one.method, one.path, one.safe, dict(one.body)) == (
            "POST", "/kling/tasks", True, {"id": ID, "action": "retrieve"},
        )  # fmt: skip
        assert dict(many.body) == {"ids": [ID, "b"], "action": "retrieve_batch"} and many.safe


WITH_URL = {"video_url": URL}
S, P, OK, F = RunStatus.SUBMITTED, RunStatus.PROCESSING, RunStatus.SUCCEEDED, RunStatus.FAILED
CODED = {"success": False, "error": {"code": "api_error", "message": "no"}}


@pytest.mark.parametrize(
    ("response", "finished", "status"),
    [
        (..., False, S),
        (None, False, S),
        (None, True, S),
        *(({"state": word}, False, F) for word in ("failed", "failure", "Error", "CANCELLED", "canceled")),
        ({"status": "rejected"}, False, F),
        ({"state": "failed", "success": True, **WITH_URL}, True, F),
        ({"success": True, **WITH_URL}, False, OK),
        *(({"state": w, **WITH_URL}, False, OK) for w in ("succeed", "success", "Complete", "finished")),
        *(({"status": w, **WITH_URL}, False, OK) for w in ("succeeded", "completed")),
        ({"state": "processing", **WITH_URL}, False, P),
        (WITH_URL, True, P),
        ({"success": True, "video_url": ""}, False, P),
        ({"success": "true", **WITH_URL}, False, P),
        (CODED, False, F),
        ({"success": False, "error": {"message": "no code"}}, False, P),
        ({"success": False, "error": "text"}, False, P),
        ({"success": False, "error": "text"}, True, F),
        ({"success": False}, True, F),
        ({**CODED, **WITH_URL}, False, F),
        ({}, True, F),
        ({"state": "completed"}, True, F),
        ({"success": True}, True, F),
        *(({"state": w}, False, P) for w in ("completed", "submitted", "processing", "pending", "queued")),
        ({}, False, P),
        ("text", False, P),
        ([], False, P),
    ],
)
def test_completion_rule(response, finished, status):
    fields = {"finished_at": 1740969852.463} if finished else {}
    assert read(record(response, **fields)).status is status


class TestAnswers:
    def test_unknown_id(self):
        with pytest.raises(TaskNotFound):
            read({})

    def test_a_word_nobody_knows_is_told(self):
        task = read(record({"state": "dreaming"}))
        assert task.unknown_word and task.status is P and task.service_status == "dreaming"
        assert not read(record({"state": "completed"})).unknown_word

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            ({"error": {"code": "a", "message": "first"}, "message": "third", "detail": "fourth"}, "first"),
            ({"error": "second", "message": "third", "detail": "fourth"}, "second"),
            ({"message": "third", "detail": "fourth"}, "third"),
            ({"detail": "fourth"}, "fourth"),
            ({}, "finished without a video"),
        ],
    )
    def test_order_of_the_failure_text(self, answer, words):
        task = read(record({"success": False, **answer}, finished_at=1.0))
        assert task.message == words
        assert words in DOOR.failure(task).why

    def test_the_record_names_the_task_and_nothing_inside_it_does(self):
        inner = {"success": True, "task_id": "another", "video_id": "7", **WITH_URL}
        task = read(record(inner, _id="x", job_id="y", task_id="z"))
        assert (task.task_id, task.video_id) == (ID, "7")

    def test_batch_skips_what_is_no_record(self):
        items = [record(None), {}, None, {"task_id": "no record"}, record(None, id="second")]
        found = DOOR.decode_list(answer({"items": items, "count": 5}))
        assert [task.task_id for task in found] == [ID, "second"]

    @pytest.mark.parametrize("seconds", ["5.041", 5.041])
    def test_length_is_text(self, seconds):
        assert read(record({"success": True, "duration": seconds, **WITH_URL})).duration == "5.041"

    def test_delivery_of_a_callback_reads_as_a_task(self):
        task = read({"success": True, "task_id": ID, "trace_id": "t", "state": "succeed", **WITH_URL})
        assert (task.task_id, task.status, task.video_url) == (ID, OK, URL)
        assert read({"task_id": ID, **CODED}).status is F

    @pytest.mark.parametrize(
        "lost",
        [
            answer({"success": True}),
            answer({"trace_id": "t"}),
            answer([]),
            answer("text"),
            answer(b"<html>"),
            answer(b""),
            answer({"error": {"code": "bad_request", "message": "m"}}, 502),
            answer({"error": {"code": "used_up"}}, 500),
            answer(b"<html>", 504),
            answer({"error": {"code": "api_error", "message": "m"}}, 400),
            answer({"error": {"code": "new_code", "message": "m"}}),
            answer(b"", 408),
            answer(b"", 302),
        ],
    )
    def test_whatever_may_have_left_a_task_is_no_refusal(self, lost):
        with pytest.raises(ServiceError):
            DOOR.decode_task(lost)

    @pytest.mark.parametrize(
        ("sent", "kind"),
        [
            (answer({"error": {"message": "no code"}}, 401), AuthError),
            (answer({"error": "text"}, 429), RateError),
            (answer(b"", 429), RateError),
            (answer({"success": False, "error": {"code": "too_many_requests"}}), RateError),
        ],
    )
    def test_other_forms_of_refusals(self, sent, kind):
        with pytest.raises(kind):
            DOOR.decode_task(sent)

    def test_retired_model_is_recognised_through_the_gateway(self):
        words = "The model 'kling-v1' has been discontinued and is no longer available."
        with pytest.raises(ModelRetired):
            DOOR.decode_task(answer({"error": {"code": "bad_request", "message": words}}, 400))

    def test_kling_texts_keep_their_explanation(self):
        words = "model/mode/duration(kling-v2-5-turbo/std/10) is not supported with image_tail"
        with pytest.raises(ApiError) as caught:
            DOOR.decode_task(answer({"error": {"code": "bad_request", "message": words}}, 400))
        assert "end frame" in caught.value.advice

    def test_check_passes_on_the_empty_record_only(self):
        DOOR.decode_check(answer({}))
        with pytest.raises(AuthError):
            DOOR.decode_check(answer({"error": {"code": "invalid_token"}}, 401))
        with pytest.raises(ServiceError):
            DOOR.decode_check(answer(record(None)))


class TestRules:
    def test_camera_with_a_start_frame(self):
        found = rules(model_name="kling-v1", image=A, camera_control=CameraControl.parse({"zoom": 3}))
        assert {("L36", "W", "camera_control"), ("L01", "E", "camera_control")} <= found

    def test_the_two_pages_about_end_frames(self):
        assert ("L01", "W", "duration") in rules(image=A, image_tail=B, duration=10, sound="off")
        assert ("L01", "W", "duration") not in rules(image=A, image_tail=B, duration=5, sound="off")

    def test_pictures_elements_and_frames_are_counted_together(self):
        pictures = tuple(ReferenceImage(image_url=f"https://example.com/{n}.jpg") for n in range(4))
        many = {"model_name": "kling-v3-omni", "image": A, "image_list": pictures, "sound": "off"}
        assert ("L28", "E", "image_list") not in rules(**many, element_list=(1, 2))
        assert ("L28", "E", "image_list") in rules(**many, element_list=(1, 2, 3))
        video = (ReferenceVideo(video_url="https://example.com/v.mp4", refer_type="feature"),)
        assert ("L28", "E", "image_list") in rules(**many, video_list=video)

    def test_voices_that_the_prompt_does_not_call(self):
        voiced = {"image": A, "sound": "on", "voice_list": ("1", "2")}
        assert ("L28", "W", "voice_list") in rules(**voiced, prompt="<<<voice_1>>> speaks")
        assert ("L28", "W", "voice_list") not in rules(**voiced, prompt="<<<voice_1>>> and <<<voice_2>>>")

    def test_extension(self):
        assert ("L01", "W", "model_name") in rules(model_name="kling-v2-5-turbo", video_id="9")
        assert ("L01", "E", "model_name") in rules(model_name="kling-v3", video_id="9")
        assert ("L01", "E", "cfg_scale") in rules(model_name="kling-v1", video_id="9", cfg_scale=0.5)
        assert ("L20", "E", "prompt") in rules(model_name="kling-v1-6", video_id="9", prompt="")


@pytest.mark.parametrize(
    ("fields", "amount", "usd"),
    [
        ({"model_name": "kling-video-o1", "mode": "std", "image": A}, "4.005", None),
        ({"model_name": "kling-video-o1", "mode": "pro", "image": A}, "5.340", None),
        (
            {"model_name": "kling-video-o1", "mode": "pro", "image": A,
             "video_list": (ReferenceVideo(video_url="https://example.com/v.mp4"),)},
            "8.010", None,
        ),
        ({"image": A, "sound": "on", "voice_list": ("1",)}, "8.40", None),
        ({"model_name": "kling-v1-6", "mode": "pro", "image": A, "duration": 10}, None, "0.80"),
        ({"model_name": "kling-v1-6", "mode": "std", "image": A}, None, "0.20"),
        ({"model_name": "kling-v2-master", "mode": None, "image": A}, None, "0.50"),
        ({"model_name": "kling-v1-6", "video_id": "9"}, None, "0.30"),
        ({"image": A}, None, None),
        ({"model_name": "kling-v3", "image": A}, None, None),
        ({"model_name": "kling-v2-5-turbo", "image": A}, None, None),
    ],
)  # fmt: skip
def test_known_prices_and_no_guesses(fields, amount, usd):
    cost = DOOR.estimate(request(**fields))
    assert cost.amount == (Decimal(amount) if amount else None)
    assert cost.usd == (Decimal(usd) if usd else None)
    assert cost.units is None and cost.known is bool(amount or usd)
