"""``POST /account/billing/package`` (spec/official-api.md §14)."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from legacy_wire import delivered, picture, raw64, refusal
from new_wire import RECOGNIZE, accepted, ended, image_body, post

PATH = "/account/billing/package"
ALL = {"start_time": 0, "end_time": 99_999_999_999_999}


def export(sandbox, **body):
    answer = sandbox.http.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "start_time value '' is invalid"),
        ({"start_time": 1}, "end_time value '' is invalid"),
        (ALL | {"limit": 501}, "limit value '501' is invalid"),
        ({"cursor": "?"}, "cursor value '?' is invalid"),
        (ALL | {"filters": [{"key": "status"}]}, "filters[0].key value 'status' is invalid"),
    ],
)
def test_refusals(sandbox, body, text):
    assert refusal(sandbox.http.post(PATH, json=body)) == (400, 1201, text)


def test_what_is_told_of_a_deduction(sandbox):
    audio = {"audio": "native", "resolution": "1080p", "duration": 10}
    task = accepted(post(sandbox, "/image-to-video/kling-2.6", image_body(settings=audio)))
    done = ended(sandbox, task)
    (detail,) = export(sandbox, **ALL)["result"]["detail"]
    package = detail.pop("package_id")
    assert detail == {
        "task_id": task,
        "api_key_name": "sandbox",
        "product_function": "image_to_video",
        "model_name": "kling-2.6",
        "resolution": "1080p",
        "duration": "10",
        "refer_video_input": False,
        "video_sound": "native",
        "voice_control": False,
        "deduction_time": str(done["update_time"]),
        "product_type": "video",
        "unit_before_deduction": "1000",
        "deduction_amount": "10",
        "unit_after_deduction": "990",
    }
    costs = sandbox.http.get("/account/costs?start_time=1&end_time=2").json()["data"]
    assert costs["resource_pack_subscribe_infos"][0]["resource_pack_id"] == package


def test_only_what_was_deducted(sandbox):
    delivered(sandbox, prompt="[[sandbox:async:risk]]")
    accepted(post(sandbox, "/text-to-video/kling-2.6", {"prompt": "[[sandbox:stuck]]"}))
    data = export(sandbox, **ALL)
    assert data == {"result": {"detail": [], "count": 0}, "next_cursor": "", "has_more": False}


def test_page_by_page_and_adding_up(sandbox):
    for model in ("kling-v1", "kling-v2-5-turbo", "kling-v2-master"):
        delivered(sandbox, model_name=model)
    assert post(sandbox, RECOGNIZE, {"image": raw64(picture())}).status_code == 200
    found, body = [], ALL | {"limit": 3}
    while True:
        data = export(sandbox, **body)
        assert data["result"]["count"] == len(data["result"]["detail"])
        found += data["result"]["detail"]
        if not data["has_more"]:
            break
        body = {"cursor": data["next_cursor"], "limit": 3}
    assert [detail["deduction_amount"] for detail in found] == ["0.1", "10", "1.5", "1"]
    for later, earlier in pairwise(found):
        assert later["unit_before_deduction"] == earlier["unit_after_deduction"]
        assert int(later["deduction_time"]) >= int(earlier["deduction_time"])
    total = sum(Decimal(detail["deduction_amount"]) for detail in found)
    assert Decimal(found[0]["unit_after_deduction"]) == 1000 - total


def test_windows_and_filters(sandbox):
    delivered(sandbox)
    (detail,) = export(sandbox, **ALL)["result"]["detail"]
    at = int(detail["deduction_time"])
    assert export(sandbox, start_time=str(at), end_time=str(at))["result"]["count"] == 1
    assert export(sandbox, start_time=at + 1, end_time=at + 9)["result"]["count"] == 0
    for key, value, count in [
        ("package_id", detail["package_id"], 1),
        ("package_name", "Sandbox-Video-1000Units-5Con-1Months", 1),
        ("product_type", "video", 1),
        ("product_type", "image", 0),
        ("api_key_name", "sandbox", 1),
        ("api_key_name", "other", 0),
    ]:
        filters = [{"key": key, "values": [value]}]
        assert export(sandbox, **ALL, filters=filters)["result"]["count"] == count, key


def test_cash_is_not_served(sandbox):
    answer = sandbox.http.post("/account/billing/balance", json=ALL)
    assert refusal(answer) == (404, 1203, "The requested resource does not exist")
