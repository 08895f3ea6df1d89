"""Recognition of regions in a still (spec/official-api.md §15, spec/sandbox.md §10)."""

from __future__ import annotations

import io
from decimal import Decimal

import numpy as np
import pytest
from legacy_wire import encoded, get, picture, raw64, refusal
from new_wire import RECOGNIZE, post
from PIL import Image

BAD_PICTURE = (
    "The resolution or aspect ratio of the input image is invalid. "
    "Please ensure it meets the required specifications."
)


def scene():
    """A textured green ground with a red box, and where the box is."""
    ground = np.random.default_rng(5).integers(-8, 9, (320, 480, 3)) + np.array([90, 140, 90])
    where = np.zeros((320, 480), np.bool_)
    where[100:240, 160:300] = True
    ground[where] = (210, 50, 40)
    return ground.astype(np.uint8), where


def images(sandbox, image, **headers):
    answer = post(sandbox, RECOGNIZE, {"image": image}, **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["task_result"]["images"]


def test_four_entries_and_a_mask_of_the_object(sandbox):
    pixels, where = scene()
    found = images(sandbox, encoded(pixels))
    assert [entry["type"] for entry in found] == ["object_seg", "head_seg", "face_seg", "cloth_seg"]
    assert [(entry["is_contain"], entry["url"] != "") for entry in found] == [(True, True)] + [
        (False, False)
    ] * 3
    answer = get(found[0]["url"])
    assert answer.headers["content-type"] == "image/png"
    mask = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))
    assert mask.shape == where.shape
    assert set(np.unique(mask)) == {0, 255}
    white = mask == 255
    assert (white & where).sum() / (white | where).sum() > 0.9


def test_a_picture_of_nothing_still_has_a_middle(sandbox):
    found = images(sandbox, raw64(picture(301, 407)))
    mask = np.asarray(Image.open(io.BytesIO(get(found[0]["url"]).content)).convert("L"))
    assert mask.shape == (407, 301)
    assert 0 < (mask == 255).mean() < 0.9


def test_it_costs_a_tenth_of_a_unit_and_is_no_task(sandbox):
    images(sandbox, raw64(picture()))
    assert sandbox.charges() == [Decimal("0.1")]
    costs = sandbox.http.get("/account/costs?start_time=1&end_time=2").json()["data"]
    assert costs["resource_pack_subscribe_infos"][0]["remaining_quantity"] == 999.9
    (kept,) = sandbox.tasks()
    assert sandbox.http.get("/tasks", params={"task_ids": kept["id"]}).json()["data"] == []
    assert sandbox.http.post("/tasks", json={}).json()["data"]["result"] == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "image value '' is invalid"),
        ({"image": ""}, "image value '' is invalid"),
        ({"image": 5}, "image value '5' is invalid"),
        ({"image": "data:image/png;base64,AAAA"}, "File is not in a valid base64 format"),
        ({"image": "AAAA"}, BAD_PICTURE),
        ({"image": raw64(picture(299, 400))}, BAD_PICTURE),
        ({"image": raw64(picture(1000, 300))}, BAD_PICTURE),
        ({"image": "https://host.example/x.png"}, "couldn't get the contents of the file"),
    ],
)
def test_refusals_at_once_and_free(sandbox, body, text):
    assert refusal(post(sandbox, RECOGNIZE, body)) == (400, 1201, text)
    assert sandbox.charges() == []


def test_money(sandbox):
    sandbox.config(total_quantity=0)
    answer = post(sandbox, RECOGNIZE, {"image": raw64(picture())})
    assert refusal(answer) == (429, 1102, "Account balance not enough")


def test_a_picture_by_address(sandbox):
    assert images(sandbox, sandbox.upload(picture()))[0]["is_contain"] is True


def test_faults(sandbox):
    image = raw64(picture())
    headers = {"X-Sandbox-Fault": "async:risk"}
    answer = post(sandbox, RECOGNIZE, {"image": image}, **headers)
    assert refusal(answer)[2] == "Failure to pass the risk control system"
    assert sandbox.charges() == []
    gone = images(sandbox, image, **{"X-Sandbox-Fault": "url-404"})[0]["url"]
    assert get(gone).status_code == 404


def test_the_mask_needs_its_signature(sandbox):
    url = images(sandbox, raw64(picture()))[0]["url"]
    assert get(url[:-1] + ("0" if url[-1] != "0" else "1")).status_code == 403


def test_posting_is_all_there_is(sandbox):
    assert refusal(sandbox.http.get(RECOGNIZE)) == (404, 1202, "The requested method is invalid")
    assert sandbox.http.get(f"{RECOGNIZE}/1").json()["error"] == "Not Found"
