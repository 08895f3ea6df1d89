"""The new API: what leaves for it, what comes back, and what it is not asked for."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import golden
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb import errors, providers
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.images import ImageRef
from kling_nb.domain.lint import lint
from kling_nb.domain.request import Shot, VideoRequest
from kling_nb.domain.task import Cash, RunStatus
from kling_nb.domain.wire import Answer
from kling_nb.session.doors import no_credential

NEW = providers.get("official-new")
URL = ImageRef(url="https://example.com/a.png")
ID = "893605946402811985"
MODELS = {
    "kling-v2-5-turbo": "kling-2.5-turbo",
    "kling-v2-6": "kling-2.6",
    "kling-v3": "kling-3.0",
    "kling-3.0-turbo": "kling-3.0-turbo",
}
KEY_NEEDED = (
    "Authentication error. The current API does not support AK/SK; please go to the console "
    "(https://kling.ai/dev/api-key) to create API key."
)
DONE = golden.rows("official_new/answers")[1]["answer"]["data"][0]


def request(**fields):
    plain = {"model_name": "kling-v3", "mode": "pro", "image": URL, "prompt": "the boat drifts left"}
    return VideoRequest(**{**plain, **fields})


def call(**fields):
    return NEW.create(request(**fields), "job-1")


def settings_of(**fields):
    return call(**fields).body["settings"]


def contents_of(**fields):
    return call(**fields).body["contents"]


def answer(data, status=200, **envelope):
    body = {"code": 0, "message": "SUCCEED", "request_id": "x", "data": data, **envelope}
    return Answer(status, {}, json.dumps(body).encode())


class TestBody:
    @pytest.mark.parametrize(("legacy", "new"), MODELS.items())
    def test_model_is_the_last_part_of_the_path(self, legacy, new):
        assert call(model_name=legacy).path == f"/image-to-video/{new}"
        assert call(model_name=legacy, image=None).path == f"/text-to-video/{new}"
        assert "model" not in json.dumps(dict(call(model_name=legacy).body))

    def test_a_model_nobody_knows_stays_one_part_of_the_path(self):
        assert call(model_name="../tasks?x").path == "/image-to-video/..%2Ftasks%3Fx"

    @pytest.mark.parametrize(
        ("mode", "tier"), [("std", "720p"), (None, "720p"), ("pro", "1080p"), ("4k", "4k")]
    )
    def test_tier_and_length(self, mode, tier):
        settings = settings_of(mode=mode, duration=7)
        assert (settings["resolution"], settings["duration"]) == (tier, 7)
        assert type(settings["duration"]) is int

    @pytest.mark.parametrize("form", [{}, {"image": None}], ids=["from a picture", "from words"])
    @pytest.mark.parametrize(
        "asked", [{}, {"multi_shot": False}, {"multi_shot": True, "shot_type": "intelligence"}]
    )
    def test_several_shots_are_always_decided_on_the_model_that_would_make_them(self, form, asked):
        assert settings_of(**form, **asked)["multi_shot"] is asked.get("multi_shot", False)

    @pytest.mark.parametrize("model", ["kling-v2-5-turbo", "kling-v2-6", "kling-3.0-turbo"])
    def test_and_on_no_other(self, model):
        assert "multi_shot" not in settings_of(model_name=model)

    @pytest.mark.parametrize(
        ("model", "sound", "sent"),
        [
            ("kling-v3", None, "off"),
            ("kling-v3", "off", "off"),
            ("kling-v3", "on", "native"),
            ("kling-v2-6", None, "off"),
            ("kling-v2-6", "on", "native"),
            ("kling-v2-5-turbo", None, None),
            ("kling-v2-5-turbo", "off", None),
            ("kling-3.0-turbo", None, None),
            ("kling-3.0-turbo", "on", None),
            ("kling-3.0-turbo", "off", None),
        ],
    )
    def test_sound_is_said_where_it_is_a_switch(self, model, sound, sent):
        assert settings_of(model_name=model, sound=sound).get("audio") == sent

    def test_text_has_a_prompt_and_a_ratio_and_no_contents(self):
        body = dict(call(image=None, aspect_ratio="9:16").body)
        assert body["prompt"] == "the boat drifts left"
        assert body["settings"]["aspect_ratio"] == "9:16"
        assert "contents" not in body

    def test_a_picture_has_its_own_ratio(self):
        assert "aspect_ratio" not in settings_of(aspect_ratio="9:16")

    def test_frames_are_items_and_pictures_raw_base64(self):
        items = contents_of(image=golden.picture(), image_tail=URL)
        assert [item["type"] for item in items] == ["prompt", "first_frame", "last_frame"]
        assert not items[1]["url"].startswith("data:")
        assert golden.shown(items)[1] == {"type": "first_frame", "url": golden.PICTURE}
        assert items[2]["url"] == URL.url

    def test_no_empty_texts(self):
        body = dict(call(prompt="", callback_url="", watermark=None).body)
        assert [item["type"] for item in body["contents"]] == ["first_frame"]
        assert body["options"] == {"external_task_id": "job-1"}

    def test_options(self):
        body = call(callback_url="https://example.com/cb", watermark=True).body
        assert body["options"] == {
            "callback_url": "https://example.com/cb",
            "external_task_id": "job-1",
            "watermark_info": {"enabled": True},
        }

    def test_voices_and_elements_have_names_the_prompt_refers_to(self):
        words = 'She<<<voice_1>>>says "hi" to <<<element_2>>>, then @voice_2 answers'
        items = contents_of(prompt=words, voice_list=("8", "9"), element_list=(5, 6))
        assert items[0]["text"] == 'She @voice_1 says "hi" to @element_2, then @voice_2 answers'
        assert items[2:] == [
            {"type": "element", "element_id": "5", "id": "element_1"},
            {"type": "element", "element_id": "6", "id": "element_2"},
            {"type": "voice", "voice_id": "8", "id": "voice_1"},
            {"type": "voice", "voice_id": "9", "id": "voice_2"},
        ]

    def test_shots_are_written_into_the_prompt(self):
        shots = (
            Shot(index=1, prompt="a door opens", duration=3),
            Shot(index=2, prompt="a hallway", duration=5),
        )
        asked = {"multi_shot": True, "shot_type": "customize", "multi_prompt": shots, "duration": 8}
        grammar = "shot 1, 3, a door opens; shot 2, 5, a hallway;"
        assert contents_of(**asked)[0]["text"] == grammar
        assert call(image=None, **asked).body["prompt"] == grammar
        assert call(model_name="kling-3.0-turbo", **asked).body["contents"][0]["text"] == grammar

    @given(
        shots=st.lists(
            st.tuples(
                st.integers(1, 9),
                st.text(st.characters(codec="utf-8", exclude_characters=";<>@"), max_size=80),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_shots_can_be_read_back_from_the_prompt(self, shots):
        written = tuple(
            Shot(index=position, prompt=words, duration=seconds)
            for position, (seconds, words) in enumerate(shots, start=1)
        )
        text = call(image=None, multi_shot=True, shot_type="customize", multi_prompt=written).body["prompt"]
        *parts, rest = text.split(";")
        assert rest == ""
        read = [re.fullmatch(r" ?shot (\d), (\d), (.*)", part, re.DOTALL).groups() for part in parts]
        assert read == [(str(n), str(s), words) for n, (s, words) in enumerate(shots, start=1)]

    @given(
        fields=st.fixed_dictionaries(
            {
                "model_name": st.sampled_from(list(MODELS)),
                "mode": st.sampled_from(["std", "pro", "4k", None]),
                "duration": st.integers(3, 15),
                "sound": st.sampled_from(["on", "off", None]),
                "negative_prompt": st.sampled_from(["", "blur"]),
                "cfg_scale": st.sampled_from([None, 0.0, 0.7]),
                "camera_control": st.sampled_from([None, CameraControl.parse("forward_up")]),
                "image": st.sampled_from([None, URL]),
                "watermark": st.sampled_from([None, True, False]),
                "aspect_ratio": st.sampled_from([None, "1:1"]),
                "y_origin": st.sampled_from(["top", "bottom"]),
            }
        )
    )
    def test_nothing_but_the_fields_of_this_api_ever_leaves(self, fields):
        body = dict(call(**fields).body)
        head = "prompt" if fields["image"] is None else "contents"
        assert set(body) <= {head, "settings", "options"}
        assert set(body["settings"]) <= {"resolution", "duration", "audio", "multi_shot", "aspect_ratio"}
        assert set(body["options"]) <= {"callback_url", "external_task_id", "watermark_info"}
        assert None not in [*body["settings"].values(), *body["options"].values()]
        assert "negative" not in json.dumps(body)

    def test_a_clip_is_never_made_longer_here(self):
        with pytest.raises(errors.InputError, match="longer"):
            call(image=None, video_id="1")


class TestRefusals:
    """What the linter says with this door's tables and findings, without any other door in sight."""

    def problems(self, **fields):
        asked = request(**fields)
        found = lint(
            asked, door=NEW.door, provider=NEW.name, extra=NEW.findings(asked), estimate=NEW.estimate
        )
        return [problem for problem in found if problem.blocks]

    @pytest.mark.parametrize(
        "fields",
        [
            {"negative_prompt": "blur"},
            {"cfg_scale": 0.5},
            {"camera_control": CameraControl.parse("zoom=3")},
            {"video_id": "1", "image": None},
            {"static_mask": golden.request({"model_name": "m", "static_mask": True}).static_mask},
            {"image": None, "model_name": "kling-v2-6", "voice_list": ("v",), "sound": "on"},
            {"image": None, "element_list": (1,)},
            {"image": None, "image_tail": URL},
            {"model_name": "kling-v2-5-turbo", "mode": "std", "image_tail": URL},
            {"model_name": "kling-v2-6", "mode": "std", "image_tail": URL},
            {"model_name": "kling-v2-6", "image_tail": URL, "sound": "on"},
            {"model_name": "kling-v2-6", "mode": "std", "sound": "on"},
            {"model_name": "kling-v2-6", "mode": "std", "sound": "on", "voice_list": ("v",)},
            {"model_name": "kling-v2-6", "voice_list": ("v",)},
            {"model_name": "kling-v2-6", "element_list": (1,)},
            {"model_name": "kling-v2-6", "mode": "4k"},
            {"model_name": "kling-v2-6", "duration": 7},
            {"model_name": "kling-v2-5-turbo", "sound": "on"},
            {"model_name": "kling-3.0-turbo", "image_tail": URL},
            {"model_name": "kling-3.0-turbo", "mode": "4k"},
            {"duration": 16},
            {"model_name": "kling-v1"},
            {"model_name": "kling-v2-6", "prompt": "moves " * 450},
            {"prompt": "moves " * 600},
        ],
        ids=repr,
    )
    def test_refused_with_a_way_out(self, fields):
        found = self.problems(**fields)
        assert found
        assert all(problem.message and problem.fix for problem in found)

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"image_tail": URL, "sound": "on", "mode": "4k", "duration": 15},
            {"element_list": (1, 2, 3), "prompt": "@element_1 walks to @element_2 and @element_3"},
            {"model_name": "kling-v2-6", "voice_list": ("v",), "sound": "on", "prompt": "she @voice_1 sings"},
            {"model_name": "kling-v2-6", "image_tail": URL},
            {"model_name": "kling-v2-5-turbo", "image_tail": URL},
            {"model_name": "kling-3.0-turbo", "mode": "std", "duration": 3},
            {"image": None, "aspect_ratio": "9:16"},
            {"prompt": "moves " * 500},
        ],
        ids=repr,
    )
    def test_taken(self, fields):
        assert self.problems(**fields) == []

    def test_shots_that_would_break_the_grammar(self):
        shots = (Shot(index=1, prompt="a door; a hallway", duration=5),)
        found = self.problems(multi_shot=True, shot_type="customize", multi_prompt=shots, prompt="")
        assert [problem.id for problem in found] == ["L29"]

    def test_shots_that_make_too_long_a_prompt(self):
        shots = tuple(Shot(index=index, prompt="w" * 510, duration=2) for index in range(1, 7))
        asked = {
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": shots,
            "duration": 12,
            "prompt": "",
        }
        assert [problem.id for problem in self.problems(**asked)] == ["L19"]

    @pytest.mark.parametrize(
        ("fields", "rule"),
        [
            ({"model_name": "kling-3.0-turbo", "sound": "off"}, "L27"),
            ({"model_name": "kling-3.0-turbo", "multi_shot": True, "shot_type": "intelligence"}, "L29"),
            ({"element_list": (1,)}, "L28"),
            ({"prompt": "moves " * 450}, "L19"),
        ],
    )
    def test_what_happens_differently_is_told(self, fields, rule):
        assert [problem.id for problem in NEW.findings(request(**fields))] == [rule]
        assert self.problems(**fields) == []


class TestQueries:
    def test_one_and_many_and_by_our_id(self):
        assert (NEW.query(ID).path, NEW.query(ID).query) == ("/tasks", {"task_ids": ID})
        assert NEW.query_many(["1", "2"]).query == {"task_ids": "1,2"}
        assert NEW.lookup("job-1").query == {"external_task_ids": "job-1"}
        assert (NEW.query(ID).method, NEW.query(ID).safe) == ("GET", True)

    @pytest.mark.parametrize("ids", [[], [""], ["1", ""], ["1,2"], ["1"] * 21])
    def test_lists_the_service_would_refuse(self, ids):
        with pytest.raises(errors.InputError):
            NEW.query_many(ids)

    def test_twenty_ids_are_one_call(self):
        assert (NEW.watch, NEW.ids_per_call) == ("ids", 20)
        assert NEW.query_many(["1"] * NEW.ids_per_call).query["task_ids"].count(",") == 19

    def test_history(self):
        assert (NEW.list_tasks(1, 500).method, NEW.list_tasks(1, 500).safe) == ("POST", True)
        assert NEW.list_tasks(1, 500).body == {"limit": 500}
        for page, size in ((2, 30), (1, 0), (1, 501)):
            with pytest.raises(errors.InputError):
                NEW.list_tasks(page, size)
        page = {"result": [DONE, None, {}], "count": 1, "next_cursor": "", "has_more": False}
        assert [task.task_id for task in NEW.decode_list(answer(page))] == [ID]

    def test_check_costs_nothing_and_names_nobody(self):
        assert NEW.check("any uuid").query == {"task_ids": "0"}
        NEW.decode_check(answer([]))
        with pytest.raises(errors.ServiceError):
            NEW.decode_check(answer([DONE]))


class TestDecoding:
    def test_empty_is_not_found_and_may_be_too_early(self):
        with pytest.raises(errors.TaskNotFound, match="not be visible yet"):
            NEW.decode_task(answer([]))
        assert NEW.decode_list(answer([])) == []

    @pytest.mark.parametrize(
        "data", [None, {}, "", [None], [{}], [{"id": ""}], {"status": "submitted"}, {"task_id": "1"}]
    )
    def test_an_answer_that_names_no_task_may_hide_one(self, data):
        with pytest.raises(errors.ServiceError):
            NEW.decode_task(answer(data))

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("submitted", RunStatus.SUBMITTED),
            ("processing", RunStatus.PROCESSING),
            ("succeeded", RunStatus.SUCCEEDED),
            ("succeed", RunStatus.SUCCEEDED),
            ("failed", RunStatus.FAILED),
        ],
    )
    def test_words(self, word, status):
        task = NEW.decode_task(answer([{**DONE, "status": word}]))
        assert (task.status, task.service_status, task.unknown_word) == (status, word, False)

    def test_unknown_words_keep_waiting(self):
        assert NEW.decode_task(answer([{**DONE, "status": "queued"}])).unknown_word

    def test_failure_carries_the_message(self):
        failed = {
            **DONE,
            "status": "failed",
            "message": "Failure to pass the risk control system",
            "outputs": [],
        }
        error = NEW.failure(NEW.decode_task(answer([failed])))
        assert "Failure to pass the risk control system" in error.why
        assert "prompt" in error.advice

    def test_the_video_is_found_among_other_outputs(self):
        outputs = [
            {"type": "audio", "mp3_url": "https://host/a.mp3"},
            {"type": "image", "url": "https://host/i.png", "group_id": "1"},
            {**DONE["outputs"][0], "watermark_url": "https://host/w.mp4"},
        ]
        task = NEW.decode_task(answer([{**DONE, "outputs": outputs}]))
        assert (task.video_url, task.watermark_url) == ("https://host/v.mp4?Expires=…", "https://host/w.mp4")
        assert NEW.decode_task(answer([{**DONE, "outputs": outputs[:2]}])).video_url is None

    def test_units_add_up_and_cash_is_kept(self):
        billing = [
            {"charge_type": "unit", "amount": "4", "package_type": "video"},
            {"charge_type": "unit", "amount": "0.5", "package_type": "audio"},
            {
                "charge_type": "cash",
                "cash_type": "balance",
                "amount": "0.70",
                "currency": "USD",
                "list_price": "0.84",
            },
            {"charge_type": "cash", "amount": "free"},
            {"charge_type": "points", "amount": "9"},
        ]
        task = NEW.decode_task(answer([{**DONE, "billing": billing}]))
        assert task.units == Decimal("4.5")
        assert task.cash == (Cash(Decimal("0.70"), "USD", Decimal("0.84"), "balance"),)

    @pytest.mark.parametrize("billing", [None, [], {}, "4", [{"charge_type": "cash", "amount": "1"}]])
    def test_no_units_are_not_zero_units(self, billing):
        assert NEW.decode_task(answer([{**DONE, "billing": billing}])).units is None


class TestCredential:
    def test_key_pair_is_refused_before_sending(self):
        assert NEW.door.pair_variables == ()
        assert "needs an API key" in str(no_credential(NEW.door))
        assert "needs an API key" not in str(no_credential(providers.get("official").door))

    @pytest.mark.parametrize(
        "text",
        [
            "Authorization is invalid",
            KEY_NEEDED,
        ],
    )
    def test_whatever_was_wrong_the_key_is_what_helps(self, text):
        with pytest.raises(errors.AuthError) as caught:
            NEW.decode_task(answer(None, 401, code=1002, message=text))
        assert "KLING_API_KEY" in caught.value.advice
        assert text in caught.value.why


@pytest.mark.parametrize(
    ("model", "mode", "seconds", "sound", "units"),
    [
        ("kling-v2-5-turbo", "std", 5, None, "1.5"),
        ("kling-v3", "std", 7, "off", "4.2"),
        ("kling-v3", "pro", 15, "on", "18"),
        ("kling-3.0-turbo", "std", 3, None, "2.4"),
        ("kling-3.0-turbo", "pro", 3, "on", "3"),
    ],
)
def test_price_is_that_of_the_legacy_model_and_tier(model, mode, seconds, sound, units):
    asked = request(model_name=model, mode=mode, duration=seconds, sound=sound)
    assert NEW.estimate(asked).units == Decimal(units)
    assert providers.get("sandbox-official-new").estimate(asked).units == Decimal(units)


def test_legacy_api_points_to_this_one_for_its_model():
    official = providers.get("official")
    asked = request(model_name="kling-3.0-turbo")
    (problem,) = official.findings(asked)
    assert problem.blocks
    assert "official-new" in problem.fix
