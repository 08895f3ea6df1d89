"""Answers as recorded and as they should not be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from kling_nb import errors, providers
from kling_nb.domain.task import RunStatus
from kling_nb.domain.wire import Answer

ID = "829611643369439283"
OFFICIAL = providers.get("official")
VIDEO = {"id": "829611701234567890", "url": "https://host/8.mp4?Expires=1", "duration": "5.041"}
DONE = {
    "task_id": ID,
    "task_status": "succeed",
    "task_status_msg": "",
    "task_info": {"external_task_id": "job-1"},
    "watermark_info": {"enabled": False},
    "task_result": {"videos": [VIDEO]},
    "final_unit_deduction": "2.5",
    "created_at": 1765823347996,
    "updated_at": 1765823500112,
}


def answer(data, status=200):
    return Answer(
        status, {}, json.dumps({"code": 0, "message": "SUCCEED", "request_id": "x", "data": data}).encode()
    )


def task(**changes):
    return OFFICIAL.decode_task(answer({**DONE, **changes}))


def test_finished_task():
    done = task()
    assert (done.task_id, done.status, done.service_status) == (ID, RunStatus.SUCCEEDED, "succeed")
    assert (done.video_id, done.duration) == ("829611701234567890", "5.041")
    assert done.video_url == "https://host/8.mp4?Expires=1"
    assert done.units == Decimal("2.5")
    assert done.external_task_id == "job-1"
    assert done.created_at == datetime(2025, 12, 15, 18, 29, 7, 996000, tzinfo=UTC)
    assert done.raw == DONE


@pytest.mark.parametrize("word", ["succeed", "succeeded", "SUCCEED"])
def test_both_words_of_success(word):
    assert task(task_status=word).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("info", [None, {}, "", [], "job"])
def test_task_info_may_be_anything(info):
    assert task(task_info=info).external_task_id is None


def test_task_info_may_be_missing():
    created = {"task_id": ID, "task_status": "submitted", "created_at": 1, "updated_at": 1}
    assert OFFICIAL.decode_task(answer(created)).external_task_id is None


@pytest.mark.parametrize("word", ["queued", "", "almost"])
def test_unknown_words_keep_waiting_and_say_so(word):
    seen = task(task_status=word)
    assert (seen.status, seen.service_status, seen.unknown_word) == (RunStatus.PROCESSING, word, True)


@pytest.mark.parametrize("word", ["submitted", "processing", "failed"])
def test_known_words(word):
    seen = task(task_status=word)
    assert (seen.status.value, seen.unknown_word) == (word, False)


def test_ids_stay_exact_even_as_numbers():
    assert task(task_id=829611643369439283).task_id == ID


@pytest.mark.parametrize(
    "result", [None, {}, "", {"videos": None}, {"videos": []}, {"videos": [None]}, {"videos": {}}]
)
def test_results_that_are_none(result):
    assert task(task_result=result).video_url is None


@pytest.mark.parametrize("units", [None, "", "free", True, [], "NaN", "Infinity"])
def test_deductions_that_are_none(units):
    assert task(final_unit_deduction=units).units is None


@pytest.mark.parametrize(("units", "value"), [("0", "0"), (2, "2"), (2.5, "2.5"), (" 3.50 ", "3.50")])
def test_deductions(units, value):
    assert task(final_unit_deduction=units).units == Decimal(value)


@pytest.mark.parametrize("time", [None, "", "yesterday", 1e30, -1e30, True])
def test_times_that_are_none(time):
    assert task(updated_at=time).updated_at is None


@pytest.mark.parametrize(
    "data", [None, {}, "", [], "x", {"task_id": ""}, {"task_id": None}, {"task_status": "succeed"}]
)
def test_answer_that_names_no_task_may_hide_one(data):
    with pytest.raises(errors.ServiceError):
        OFFICIAL.decode_task(answer(data))


class TestFailure:
    def test_reason_comes_from_the_task_and_not_from_the_envelope(self):
        failed = task(task_status="failed", task_status_msg="Failure to pass the risk control system",
                      task_result={}, final_unit_deduction="0")  # fmt: skip
        error = OFFICIAL.failure(failed)
        assert isinstance(error, errors.TaskFailed)
        assert "Failure to pass the risk control system" in error.why
        assert "Deducted: 0 units" in error.why
        assert "prompt" in error.advice
        assert error.service_message == "Failure to pass the risk control system"

    def test_failure_without_words(self):
        error = OFFICIAL.failure(task(task_status="failed", task_status_msg=None, final_unit_deduction=None))
        assert "no reason" in error.why
        assert error.advice


class TestList:
    def test_bare_array(self):
        tasks = OFFICIAL.decode_list(answer([DONE, {**DONE, "task_id": "5", "task_status": "processing"}]))
        assert [item.task_id for item in tasks] == [ID, "5"]

    @pytest.mark.parametrize("data", [None, [], "", {}])
    def test_none(self, data):
        assert OFFICIAL.decode_list(answer(data)) == []

    def test_one_bad_entry_does_not_hide_the_others(self):
        assert [item.task_id for item in OFFICIAL.decode_list(answer([None, {}, DONE, "x"]))] == [ID]

    def test_half_of_it(self):
        half = Answer(200, {}, answer([DONE] * 20).body[:700])
        with pytest.raises(errors.ServiceError):
            OFFICIAL.decode_list(half)


class TestAccount:
    def test_packs(self):
        pack = {
            "resource_pack_name": "Sandbox-Video-1000Units", "resource_pack_id": "509", "status": "online",
            "resource_pack_type": "decreasing_total", "total_quantity": 1000.0, "remaining_quantity": 997.5,
            "purchase_time": 1, "effective_time": 1, "invalid_time": 1767225600000,
        }  # fmt: skip
        inner = {"code": 0, "msg": "success", "resource_pack_subscribe_infos": [pack]}
        (seen,) = OFFICIAL.decode_account(answer(inner))
        assert (seen.name, seen.status, seen.remaining) == ("Sandbox-Video-1000Units", "online", 997.5)
        assert seen.expires_ms == 1767225600000

    @pytest.mark.parametrize("data", [None, {}, {"code": 0, "resource_pack_subscribe_infos": None}])
    def test_no_packs(self, data):
        assert OFFICIAL.decode_account(answer(data)) == []

    def test_error_inside_the_envelope(self):
        with pytest.raises(errors.ServiceError, match="denied"):
            OFFICIAL.decode_account(answer({"code": 5, "msg": "denied"}))
