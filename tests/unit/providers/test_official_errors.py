"""Every code and text of the specification becomes the right member of the error tree."""

from __future__ import annotations

import json

import pytest

from kling_nb import errors, providers
from kling_nb.domain.wire import Answer
from kling_nb.providers.acedata_errors import KINDS
from kling_nb.providers.messages import catalogue, codes, explain
from kling_nb.providers.official_errors import raise_for


def answer(status=400, body=None, raw=None, **headers):
    data = raw if raw is not None else json.dumps(body).encode()
    return Answer(status, {name.lower(): value for name, value in headers.items()}, data)


def raised(*args, **kwargs):
    with pytest.raises(errors.ApiError) as caught:
        raise_for(answer(*args, **kwargs))
    return caught.value


CODES = [
    (401, 1000, errors.AuthError),
    (401, 1001, errors.AuthError),
    (401, 1002, errors.AuthError),
    (401, 1003, errors.ClockSkewError),
    (401, 1004, errors.ClockSkewError),
    (429, 1100, errors.AccountError),
    (429, 1101, errors.MoneyError),
    (429, 1102, errors.MoneyError),
    (403, 1103, errors.AuthError),
    (400, 1200, errors.ParameterError),
    (400, 1201, errors.ParameterError),
    (404, 1202, errors.ParameterError),
    (404, 1203, errors.ParameterError),
    (400, 1300, errors.ContentError),
    (400, 1301, errors.ContentError),
    (429, 1302, errors.RateError),
    (429, 1303, errors.ConcurrencyError),
    (429, 1304, errors.AccountError),
    (500, 5000, errors.ServiceError),
    (503, 5001, errors.ServiceError),
    (504, 5002, errors.ServiceError),
]


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_code_decides_whatever_the_status(status, code, kind):
    body = {"code": code, "message": "words of the service", "request_id": "CjJzzGfBfqcAAAAAAKdVMQ"}
    for seen in (status, 400, 429, 500, 200):
        error = raised(seen, body)
        assert type(error) is kind
        assert (error.code, error.http_status, error.request_id) == (code, seen, "CjJzzGfBfqcAAAAAAKdVMQ")
        assert error.service_message == "words of the service"
        assert "words of the service" in str(error)
        assert str(code) in str(error)
        assert 2 <= len(error.lines()) <= 3


@pytest.mark.parametrize("code", [code for _, code, _ in CODES])
def test_every_code_has_cause_and_fix(code):
    for key in (code, str(code)):
        assert explain(key).cause
        assert explain(key).fix


def test_money_is_told_apart_from_rate():
    money = raised(429, {"code": 1102, "message": "Account balance not enough"})
    rate = raised(429, {"code": 1302, "message": "The API request is too fast"})
    assert not isinstance(money, errors.RateError)
    assert not isinstance(rate, errors.AccountError)
    assert isinstance(rate, errors.RateError)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Task not found by id/external id: job-1", errors.TaskNotFound),
        ("External_task_id job-1 already exists", errors.DuplicateTask),
        ("The model 'kling-v1' has been discontinued and is no longer available.", errors.ModelRetired),
        ("mode value 'standard' is invalid", errors.ParameterError),
        ("prompt: The Task not found there", errors.ParameterError),
    ],
)
def test_1201_is_told_apart_by_its_text(text, kind):
    assert type(raised(400, {"code": 1201, "message": text})) is kind


@pytest.mark.parametrize("code", [1200, 1201, 1203, 9999])
def test_retired_is_recognised_whatever_the_code(code):
    text = "The model 'kling-v1' has been discontinued and is no longer available."
    assert type(raised(400, {"code": code, "message": text})) is errors.ModelRetired


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.ParameterError),
        (401, errors.AuthError),
        (403, errors.AuthError),
        (404, errors.ParameterError),
        (413, errors.ParameterError),
        (429, errors.RateError),
        (500, errors.ServiceError),
        (502, errors.ServiceError),
        (503, errors.ServiceError),
        (504, errors.ServiceError),
        (408, errors.ServiceError),
        (200, errors.ServiceError),
        (302, errors.ServiceError),
        (303, errors.ServiceError),
    ],
)
@pytest.mark.parametrize(
    "raw", [b"<html><body>Bad Gateway</body></html>", b"", b'{"code":0,"da', b"\xff\xfe", b"[1]"]
)
def test_answers_that_are_no_envelope(status, kind, raw):
    error = raised(status, raw=raw)
    assert type(error) is kind
    assert error.http_status == status
    assert error.code is None
    assert error.advice


@pytest.mark.parametrize("status", [301, 307, 308])
def test_redirects_that_carried_nothing_out_are_plain_refusals(status):
    error = raised(status, raw=b"", location="https://elsewhere.example/x?token=1")
    assert type(error) is errors.ApiError
    assert "elsewhere.example" in str(error)
    assert "token" not in str(error)
    assert "KLING_API_BASE" in error.advice


def test_body_of_an_unknown_path():
    body = {
        "timestamp": "2026-01-01",
        "status": 404,
        "error": "Not Found",
        "message": "No static",
        "path": "/v2",
    }
    error = raised(404, body)
    assert type(error) is errors.ParameterError
    assert error.service_message == "No static"
    assert "KLING_API_BASE" in error.advice


@pytest.mark.parametrize(
    ("status", "kind"), [(200, errors.ServiceError), (400, errors.ParameterError), (500, errors.ServiceError)]
)
def test_unknown_codes_fall_back_to_the_status(status, kind):
    assert type(raised(status, {"code": 7777, "message": "new"})) is kind


def test_code_as_text_is_a_code():
    assert type(raised(429, {"code": "1303", "message": "busy"})) is errors.ConcurrencyError


@pytest.mark.parametrize("code", [None, True, [], "none"])
def test_code_that_is_none(code):
    assert type(raised(200, {"code": code, "message": "?"})) is errors.ServiceError


@pytest.mark.parametrize("message", [None, 5, {"a": 1}, ""])
def test_message_that_is_no_text(message):
    assert raised(400, {"code": 1201, "message": message}).service_message is None


def test_success_is_returned():
    assert raise_for(answer(200, {"code": 0, "message": "SUCCEED", "data": []}))["data"] == []


def test_code_zero_with_an_error_status_is_no_success():
    raised(500, {"code": 0, "message": "SUCCEED"})


WORDS = [
    ("M01", "Authorization is empty"),
    ("M02", "The token was expected to have 3 parts, but got 0"),
    ("M03", "Authentication error. The current API does not support AK/SK; please go to the console "
            "(https://kling.ai/dev/api-key) to create API key."),
    ("M04", "Authorization is invalid"),
    ("M04", "Authorization is not yet valid"),
    ("M04", "Authorization has expired"),
    ("M05", "model_name value 'kling-v3-0' is invalid"),
    ("M05", "mode value 'standard' is invalid"),
    ("M05", "duration value '99' is invalid"),
    ("M05", "settings.resolution value '9000p' is invalid"),
    ("M05", "model is not supported"),
    ("M06", "prompt: size must be between 0 and 2500"),
    ("M06", "negativePrompt: size must be between 0 and 2500"),
    ("M07", "cfgScale: must be less than or equal to 1"),
    ("M07", "cfgScale: must be greater than or equal to 0"),
    ("M08", "File is not in a valid base64 format"),
    ("M09", "Failed to resolve the request body"),
    ("M10", "Image tail is not supported by the current model"),
    ("M11", "model/mode/duration(kling-v1/std/10) is not supported with image_tail"),
    ("M12", "kling-v1-6 is not supported with motion brush"),
    ("M13", "Motion brush is not supported by the current model"),
    ("M14", "Camera control is not supported by the current model"),
    ("M14", "model/mode/duration(kling-v1/std/5) is not supported with camera_control"),
    ("M15", "camera_control is only supported in std mode with 5s duration and kling-v1"),
    ("M16", "model/mode(kling-v2-6/std) is not supported with sound on"),
    ("M17", "4k mode is not supported by the current model: kling-v2-6"),
    ("M18", "The model 'kling-v1' has been discontinued and is no longer available."),
    ("M19", "Duration only supports 5 or 10 seconds when no refer_image is provided"),
    ("M20", "image and image_tail can not be empty at the same time"),
    ("M21", "image_tail, dynamic_masks/static_mask and camera_control can not be used at the same time"),
    ("M22", "image is required with motion brush"),
    ("M23", "shot_type value '' is invalid"),
    ("M24", "multi_prompt value is invalid"),
    ("M25", "sound must be on with voice_list"),
    ("M26", "element_list and voice_list can not be used at the same time"),
    ("M27", "dynamicMasks: size must be between 0 and 6"),
    ("M27", "dynamicMasks[0].trajectories: size must be between 2 and 77"),
    ("M27", "dynamic_masks[0].trajectories[3].x value '1.5' is invalid"),
    ("M28", "camera_control value is invalid"),
    ("M28", "camera_control.type value 'spin' is invalid"),
    ("M29", "Element id not found: 5"),
    ("M29", "Voice id not found"),
    ("M30", "External_task_id job-1 already exists"),
    ("M31", "Task not found by id/external id: job-1"),
    ("M32", "Account balance not enough"),
    ("M33", "task_ids or external_task_ids is required"),
    ("M34", "task_ids and external_task_ids cannot exceed 20 in total"),
    ("M35", "contents cannot be empty"),
    ("M36", "parallel task over resource pack limit"),
    ("M37", "The API request is too fast, exceeding the platform's rate limit"),
    ("M38", "couldn't get the contents of the file"),
    ("M39", "voice_list is not supported by the current model"),
    ("M39", "multi_shot is not supported by the current model"),
    ("M06", "prompt: size must be between 0 and 3072"),
    ("M20", "first_frame cannot be empty"),
    ("M24", "prompt value is invalid"),
    ("M39", "element is not supported by the current model"),
    ("M40", "The requested method is invalid"),
    ("M40", "The requested resource does not exist"),
    ("M41", "prompt: must not be blank"),
    ("A01", "The resolution or aspect ratio of the input image is invalid. Please ensure it meets the"
            " required specifications."),
    ("A01", "Image pixel is invalid"),
    ("A02", "Failure to pass the risk control system"),
    ("A03", "The aspect ratio of the mask must be consistent with the input image"),
    ("A03", "The resolution of static_mask and dynamic_masks must be consistent"),
]  # fmt: skip


class TestCatalogue:
    @pytest.mark.parametrize(("key", "words"), WORDS)
    def test_words_are_recognised(self, key, words):
        found = explain(words)
        assert found.key == key
        assert found.cause
        assert found.fix

    def test_every_row_of_the_specification_is_there(self):
        keys = {entry.key for entry in catalogue()}
        wanted = {f"M{n:02}" for n in range(1, 42)} | {f"A{n:02}" for n in range(1, 5)}
        assert wanted <= keys
        assert {str(code) for _, code, _ in CODES} <= keys
        assert len(codes()) == len(CODES)

    def test_ids_are_accepted_in_any_case(self):
        assert explain("m36").key == explain("M36").key == "M36"

    @pytest.mark.parametrize("unknown", ["", "hello", "42", 4242, "M99"])
    def test_unknown(self, unknown):
        assert explain(unknown) is None

    def test_codes_come_first_and_gateways_last(self):
        keys = [entry.key for entry in catalogue()]
        assert keys[0] == "1000"
        assert keys.index("A04") < keys.index("G01") < keys.index("used_up")

    @pytest.mark.parametrize("word", [*KINDS, "USED_UP"])
    def test_every_code_of_acedata_is_explained(self, word):
        found = explain(word)
        assert found is not None and found.key == word.lower() and found.fix

    @pytest.mark.parametrize(
        ("words", "key"),
        [
            ("Body validation error", "G01"),
            (
                "This request requires a valid API key. You can create a new one",
                "G02",
            ),
            ("You've run out of credits. Please top up your balance", "G03"),
            ("Free-tier limit: You've reached your free limit for the hour. …", "G04"),
            ("The model is under maintenance, please contact us", "G05"),
            ("Generation not found", "G06"),
        ],
    )
    def test_words_of_the_aiml_api_are_explained(self, words, key):
        assert explain(words).key == key

    def test_advice_in_errors_comes_from_the_words_before_the_code(self):
        error = raised(
            400, {"code": 1201, "message": "4k mode is not supported by the current model: kling-v1"}
        )
        assert "kling-v3" in error.advice


def test_clock_errors_leave_the_hint_to_the_transport():
    error = raised(401, {"code": 1004, "message": "Authorization has expired"})
    assert "clock" in error.advice


class TestCheck:
    official = providers.get("official")

    def test_not_found_means_the_credential_works(self):
        words = {"code": 1201, "message": "Task not found by id/external id: 5"}
        self.official.decode_check(answer(400, words))

    def test_refused(self):
        with pytest.raises(errors.AuthError):
            self.official.decode_check(answer(401, {"code": 1002, "message": "Authorization is invalid"}))

    def test_something_else_answers(self):
        with pytest.raises(errors.ServiceError):
            self.official.decode_check(answer(200, {"code": 0, "message": "SUCCEED", "data": {}}))
