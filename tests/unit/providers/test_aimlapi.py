"""AI/ML API: ids, local pictures in both forms, sound said aloud, errors (``spec/gateways.md`` §3)."""

from __future__ import annotations

import base64
import dataclasses
import json
from decimal import Decimal

import numpy as np
import pytest

from kling_nb import providers
from kling_nb.domain.brush import MotionBrush
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.capabilities import canonical_model
from kling_nb.domain.images import ImageRef
from kling_nb.domain.lint import lint
from kling_nb.domain.request import Shot, VideoRequest
from kling_nb.domain.task import Cash, RunStatus
from kling_nb.domain.wire import Answer
from kling_nb.errors import (
    ApiError,
    AuthError,
    InputError,
    MoneyError,
    ParameterError,
    RateError,
    ServiceError,
    TaskNotFound,
)
from kling_nb.providers import aimlapi_ids
from kling_nb.providers.base import redacted_body
from kling_nb.settings import Settings

A = ImageRef(url="https://example.com/a.jpg")
JPEG = ImageRef(data=b"\xff\xd8picture", sha256="0" * 64, width=600, height=600, format="JPEG")
AWKWARD = "50f3e8ae-3d88-482f-95ea-7faa4799f60f:kling-video/v1.6/pro/effects"
DOOR = providers.get("aimlapi")


def request(**fields):
    return VideoRequest(**{"model_name": "kling-v1", "mode": "std", "image": A, **fields})


def body(door=DOOR, **fields):
    return dict(door.create(request(**fields), "never-sent").body)


def answer(value, status=200, **headers):
    return Answer(status, headers, value if isinstance(value, bytes) else json.dumps(value).encode())


def findings(**fields):
    asked = request(**fields)
    return [*lint(asked, door=DOOR.door, extra=DOOR.findings(asked), estimate=DOOR.estimate)]


def rules(**fields):
    return {(p.id, p.severity.value, p.field) for p in findings(**fields)}


def painted():
    mask = np.zeros((600, 600), dtype=bool)
    mask[100:200, 100:200] = True
    return MotionBrush((600, 600)).dynamic(mask, [(110, 110), (300, 300)]).static(~mask)


def drawn():
    brush = painted()
    return {"image": JPEG, "static_mask": brush.static_mask, "dynamic_masks": brush.dynamic_masks}


class TestIds:
    @pytest.mark.parametrize("row", aimlapi_ids.ids(), ids=lambda row: row.id)
    def test_every_id_is_reached_by_model_and_tier(self, row):
        fields = {"image": A} if row.form == "image2video" else {"image": None}
        sent = body(model_name=row.model, mode=row.mode, prompt="p", duration=row.seconds[0], **fields)
        assert sent["model"] == row.id
        assert sent["duration"] in (3, 5) and isinstance(sent["duration"], int)

    @pytest.mark.parametrize(
        "row", [r for r in aimlapi_ids.ids() if r.form == "image2video"], ids=lambda row: row.id
    )
    def test_ids_are_accepted_as_models(self, row):
        assert canonical_model(row.id) == (row.model, row.mode)

    @pytest.mark.parametrize(
        ("model", "mode", "nearest"),
        [
            ("kling-v2-5-turbo", "std", "klingai/v2.5-turbo/pro/image-to-video"),
            ("kling-v2-6", "std", "klingai/video-v2-6-pro-image-to-video"),
            ("kling-v3", "4k", "klingai/video-v3-pro-image-to-video"),
        ],
    )
    def test_a_pair_without_an_id_names_the_nearest(self, model, mode, nearest):
        with pytest.raises(InputError, match=f"no id for {model} {mode}") as caught:
            body(model_name=model, mode=mode)
        assert caught.value.advice.startswith(f"Nearest: {nearest}")
        (problem,) = [p for p in findings(model_name=model, mode=mode) if "nearest:" in p.fix]
        assert problem.id == "L01" and problem.blocks and not problem.forceable and nearest in problem.fix

    def test_unknown_model_and_extension_have_no_id(self):
        with pytest.raises(InputError, match="no id for kling-v9"):
            body(model_name="kling-v9")
        with pytest.raises(InputError):
            body(video_id="9")
        assert ("L01", "E", "video_id") in rules(video_id="9", image=None)


class TestPictures:
    def test_data_uri_is_the_default(self):
        sent = body(**drawn())
        assert sent["image_url"] == "data:image/jpeg;base64," + base64.b64encode(JPEG.data).decode()
        masks = [sent["static_mask"], sent["dynamic_masks"][0]["mask"]]
        assert all(mask.startswith("data:image/png;base64,iVBOR") for mask in masks)

    def test_one_setting_makes_them_raw(self):
        raw = body(dataclasses.replace(DOOR, images="base64"), **drawn())
        uris = body(**drawn())
        assert raw["image_url"] == uris["image_url"].partition(",")[2]
        assert raw["dynamic_masks"][0]["mask"] == uris["dynamic_masks"][0]["mask"].partition(",")[2]

    def test_the_setting_reaches_the_door_and_its_rehearsal(self):
        for name in ("aimlapi", "sandbox-aimlapi"):
            assert providers.get(name, Settings()).images == "data-uri"
            assert providers.get(name, Settings(KLING_NB_AIMLAPI_IMAGES="base64")).images == "base64"

    def test_addresses_pass_through(self):
        assert body(image_tail=ImageRef(url="http://x/b.png"))["tail_image_url"] == "http://x/b.png"

    @pytest.mark.parametrize("form", ["data-uri", "base64"])
    def test_nothing_of_them_is_shown_or_logged(self, form):
        call = dataclasses.replace(DOOR, images=form).create(request(**drawn(), image_tail=JPEG), "")
        shown = json.dumps(redacted_body(call))
        assert base64.b64encode(JPEG.data).decode() not in shown and "iVBOR" not in shown
        assert shown.count("sha256:") == 4


class TestBody:
    @pytest.mark.parametrize(
        ("model", "mode", "sound", "wanted"),
        [
            ("kling-v2-6", "pro", None, False),
            ("kling-v2-6", "pro", "off", False),
            ("kling-v2-6", "pro", "on", True),
            ("kling-v3", "std", None, False),
            ("kling-v3-omni", "pro", None, False),
            ("kling-v1", "std", None, None),
            ("kling-3.0-turbo", "std", None, None),
            ("kling-3.0-turbo", "std", "on", None),
            ("kling-video-o1", None, None, None),
        ],
    )
    def test_sound_is_said_where_the_field_exists(self, model, mode, sound, wanted):
        assert body(model_name=model, mode=mode, sound=sound, prompt="p").get("generate_audio") is wanted

    @pytest.mark.parametrize(("value", "sent"), [(4.0, 4), (-10, -10), (2.5, 3), (-2.5, -2), (0.3, 0)])
    def test_camera_of_text_to_video_is_whole(self, value, sent):
        camera = CameraControl.parse({"zoom": value})
        wire = body(image=None, prompt="p", camera_control=camera)["advanced_camera_control"]
        assert wire == {"movement_type": "zoom", "movement_value": sent}
        assert isinstance(wire["movement_value"], int)
        told = rules(image=None, prompt="p", camera_control=camera)
        assert (("L15", "W", "camera_control") in told) is (value != sent)

    def test_polling_is_a_query_that_the_transport_encodes(self):
        call = DOOR.query(AWKWARD)
        assert (call.method, call.path, dict(call.query)) == (
            "GET", "/v2/video/generations", {"generation_id": AWKWARD},
        )  # fmt: skip

    @pytest.mark.parametrize("call", [DOOR.lookup, DOOR.list_tasks, DOOR.query])
    def test_what_it_does_not_have(self, call):
        with pytest.raises(InputError):
            call("")

    def test_nothing_leaves_that_has_no_place(self):
        sent = body(callback_url="https://example.com", watermark=True, voice_list=("1",), aspect_ratio="1:1")
        assert set(sent) == {"model", "image_url", "duration"}


class TestAnswers:
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("queued", RunStatus.SUBMITTED),
            ("generating", RunStatus.PROCESSING),
            ("waiting", RunStatus.PROCESSING),
            ("active", RunStatus.PROCESSING),
            ("Completed", RunStatus.SUCCEEDED),
            ("succeeded", RunStatus.SUCCEEDED),
            ("success", RunStatus.SUCCEEDED),
            ("error", RunStatus.FAILED),
            ("failed", RunStatus.FAILED),
        ],
    )
    def test_words(self, word, status):
        task = DOOR.decode_task(answer({"id": "a", "status": word}))
        assert (task.status, task.service_status, task.unknown_word) == (status, word, False)

    @pytest.mark.parametrize("word", ["paused", "", None, 3])
    def test_words_nobody_knows_are_told(self, word):
        task = DOOR.decode_task(answer({"id": "a", "status": word}))
        assert task.status is RunStatus.PROCESSING and task.unknown_word

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            ({"name": "N", "message": "first", "detail": [{"msg": "second"}]}, "first"),
            ({"detail": [{"msg": "second"}, {"loc": []}, {"msg": "third"}]}, "second; third"),
            ({"detail": "text"}, "text"),
            ("text", "text"),
            ({"name": "N"}, ""),
            (None, ""),
            (["a"], ""),
        ],
    )
    def test_order_of_the_failure_text(self, error, words):
        task = DOOR.decode_task(answer({"id": "a", "status": "error", "error": error}))
        assert task.message == words
        assert (words or "no reason") in DOOR.failure(task).why

    def test_ledger_reference_is_kept(self):
        task = DOOR.decode_task(answer({"id": "a", "status": "queued"}, **{"x-inference-id": "ledger-7"}))
        assert task.raw == {"id": "a", "status": "queued", "x-inference-id": "ledger-7"}
        with pytest.raises(RateError) as caught:
            DOOR.decode_task(answer({"message": "Too Many Requests"}, 429, **{"x-inference-id": "ledger-8"}))
        assert caught.value.request_id == "ledger-8"

    def test_what_was_billed_is_kept_exactly(self):
        usage = b'{"id":"a","status":"completed","meta":{"usage":{"credits_used":315000,"usd_spent":0.35}}}'
        assert DOOR.decode_task(answer(usage)).cash == (
            Cash(Decimal(315000), "tokens"), Cash(Decimal("0.35"), "USD"),
        )  # fmt: skip

    @pytest.mark.parametrize(
        "lost",
        [
            answer({}),
            answer({"status": "queued"}),
            answer([]),
            answer(b"<html>"),
            answer(b""),
            answer({"id": "a", "status": "queued"}, 503),
            answer({"message": "You've run out of credits."}, 500),
            answer(b"<html>", 504),
            answer(b"", 524),
            answer(b"", 303),
        ],
    )
    def test_whatever_may_have_left_a_task_is_no_refusal(self, lost):
        with pytest.raises(ServiceError):
            DOOR.decode_task(lost)

    def test_hint_of_a_validation_error_is_found_wherever_it_is(self):
        hint = "Invalid enum value. Expected 'a' | 'b', received 'c'"
        for meta in ([{"message": hint}], {"issues": {"model": [hint]}}, hint):
            with pytest.raises(ParameterError) as caught:
                DOOR.decode_task(answer({"message": "Body validation error", "meta": meta}, 400))
            assert caught.value.service_message == f"Body validation error: {hint}"

    def test_permission_is_not_money(self):
        with pytest.raises(AuthError):
            DOOR.decode_task(answer({"message": "Forbidden"}, 403))

    def test_free_allowance_is_never_waited_for(self):
        text = "Free-tier limit: You've reached your free limit for the hour. Upgrade."
        with pytest.raises(MoneyError, match="free allowance") as caught:
            DOOR.decode_task(answer({"message": text}, 429))
        assert not isinstance(caught.value, RateError) and "hour is over" in caught.value.advice

    def test_unknown_generation_and_unknown_path_differ(self):
        with pytest.raises(TaskNotFound):
            DOOR.decode_task(answer({"message": "Generation not found"}, 404))
        with pytest.raises(ParameterError) as caught:
            DOOR.decode_task(answer({"message": "Cannot GET /v2/video"}, 404))
        assert not isinstance(caught.value, TaskNotFound) and "AIMLAPI_BASE_URL" in caught.value.advice


class TestBalance:
    def test_balance_proves_the_key_and_is_read(self):
        assert DOOR.check("any") == DOOR.account(0, 1)
        DOOR.decode_check(answer({"current_balance": 123.45, "currency": "USD"}))
        (pack,) = DOOR.decode_account(answer({"current_balance": 123.45, "currency": "USD"}))
        assert (pack.remaining, pack.currency) == (123.45, "USD")

    def test_refused_key_fails_the_check(self):
        with pytest.raises(AuthError):
            DOOR.decode_check(answer({"message": "no key"}, 401))
        assert DOOR.decode_account(answer({"current_balance": "much"})) == []


class TestRules:
    @pytest.mark.parametrize("model", ["kling-v1", "kling-v1-5"])
    def test_brush_on_the_models_that_had_it(self, model):
        told = rules(model_name=model, mode="pro", **drawn())
        assert ("L37", "W", "dynamic_masks") in told and ("L37", "E", "dynamic_masks") not in told

    @pytest.mark.parametrize(
        ("model", "mode"), [("kling-v1-6", "pro"), ("kling-v2-1", "std"), ("kling-v2-master", None)]
    )
    def test_brush_beyond_needs_force(self, model, mode):
        (problem,) = [p for p in findings(model_name=model, mode=mode, **drawn()) if p.id == "L37"]
        assert problem.blocks and problem.forceable and "unverified" in problem.message

    def test_brush_on_ids_without_masks(self):
        assert ("L01", "E", "dynamic_masks") in rules(
            model_name="kling-v2-5-turbo", mode="pro", prompt="p", **drawn()
        )

    def test_what_kling_behind_it_refuses_is_a_warning(self):
        tail = {"image_tail": A, "prompt": "p"}
        assert ("L01", "W", "image_tail") in rules(duration=10, **tail)
        assert ("L01", "W", "image_tail") not in rules(duration=5, **tail)
        assert ("L01", "W", "camera_control") in rules(camera_control=CameraControl.parse({"zoom": 3}))
        assert ("L01", "W", "prompt") in rules(model_name="kling-v1-5", image=None, prompt="p")

    def test_fields_of_other_ids(self):
        told = rules(
            model_name="kling-video-o1",
            mode=None,
            prompt="p",
            negative_prompt="n",
            cfg_scale=0.5,
            upstream="fal",
        )
        assert {("L24", "E", "negative_prompt"), ("L21", "E", "cfg_scale")} <= told
        assert ("L24", "E", "upstream") not in told
        assert ("L24", "E", "upstream") in rules(upstream="fal")

    @pytest.mark.parametrize(
        ("model", "mode"),
        [("kling-v1-6", "std"), ("kling-v2-5-turbo", "pro"), ("kling-v2-6", "pro"), ("kling-v3", "std"),
         ("kling-3.0-turbo", "pro"), ("kling-video-o1", None)],
    )  # fmt: skip
    def test_prompt_is_needed(self, model, mode):
        assert ("L20", "E", "prompt") in rules(model_name=model, mode=mode)

    def test_prompt_is_optional_elsewhere(self):
        assert ("L20", "E", "prompt") not in rules()
        shots = {"multi_shot": True, "shot_type": "customize", "duration": 5}
        shots["multi_prompt"] = (Shot(index=1, prompt="a", duration=5),)
        assert ("L20", "E", "prompt") not in rules(model_name="kling-v3", **shots)

    @pytest.mark.parametrize(("model", "limit"), [("kling-3.0-turbo", 3072), ("kling-v2-6", 2500)])
    def test_length_of_the_prompt(self, model, limit):
        fields = {"model_name": model, "mode": "pro"}
        assert ("L19", "E", "prompt") in rules(**fields, prompt="x" * (limit + 1))
        assert ("L19", "E", "prompt") not in rules(**fields, prompt="x" * limit)

    def test_shots_without_lengths_are_told(self):
        shots = tuple(Shot(index=n, prompt=w, duration=d) for n, w, d in ((1, "a", 3), (2, "b", 5)))
        story = {"multi_shot": True, "shot_type": "customize", "multi_prompt": shots, "duration": 8}
        assert ("L29", "W", "multi_prompt") in rules(model_name="kling-v3", **story)
        assert ("L29", "W", "multi_prompt") not in rules(model_name="kling-3.0-turbo", **story)

    def test_sound_left_to_the_gateway_is_told_with_its_price(self):
        fields = {"model_name": "kling-v2-6", "mode": "pro", "prompt": "p", "duration": 10}
        (told,) = [p for p in findings(**fields) if p.id == "L27"]
        assert told.severity.value == "W" and "(5 instead of 10 units by Kling's own list)" in told.message
        assert not [p for p in findings(**fields, sound="off") if p.id == "L27"]
        (always,) = [p for p in findings(**{**fields, "model_name": "kling-3.0-turbo"}) if p.id == "L27"]
        assert "always has sound" in always.message

    def test_no_callback(self):
        assert ("L01", "E", "callback_url") in rules(callback_url="https://example.com")


@pytest.mark.parametrize(
    ("model", "mode"), [("kling-v1", "std"), ("kling-v3", "pro"), ("kling-video-o1", None)]
)
def test_price_is_unknown_and_says_what_an_old_page_says(model, mode):
    cost = DOOR.estimate(request(model_name=model, mode=mode))
    assert not cost.known and cost.currency == "tokens" and "262500" in str(cost)


def test_every_error_is_of_the_tree():
    for status in (*range(300, 310), *range(400, 432), 451, *range(500, 512), 520, 524, 599):
        for said in (b"", b"{}", b"[]", b'{"id":"a","status":"queued"}', b'{"message":"m"}'):
            for door in (DOOR, providers.get("acedata")):
                with pytest.raises(ApiError):
                    door.decode_task(answer(said, status))
