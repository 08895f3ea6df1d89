"""Create calls of the new API (spec/official-api.md §8.1, §8.2)."""

from __future__ import annotations

import httpx
import pytest
from legacy_wire import IMAGE, picture, raw64, refusal
from new_wire import FRAME, TAIL, WAVES, accepted, ended, image_body, post, said, tasks

I2V, T2V = "/image-to-video/", "/text-to-video/"
ELEMENT = {"type": "element", "element_id": "1", "id": "hero"}
VOICE = {"type": "voice", "voice_id": "1", "id": "speaker"}
DATA_URI = f"data:image/png;base64,{IMAGE}"
BASE64 = "File is not in a valid base64 format"
BLANK = "prompt: must not be blank"

# Transcribed from spec/capabilities.md §4, apart from the data the server uses.
LONG, SHORT = range(3, 16), (5, 10)
OFFERED = {
    "kling-3.0-turbo": (("720p", "1080p"), LONG),
    "kling-3.0": (("720p", "1080p", "4k"), LONG),
    "kling-2.6": (("720p", "1080p"), SHORT),
    "kling-2.5-turbo": (("720p", "1080p"), SHORT),
}
ASK = {
    "first": (),
    "last": (TAIL,),
    "last, audio": (TAIL,),
    "audio": (),
    "voice": (VOICE,),
    "voice, audio": (VOICE,),
    "element": (ELEMENT,),
}


def expected_text(model, resolution, seconds, ask):
    """The refusal of an image-to-video create, None where the combination is offered."""
    resolutions, lengths = OFFERED[model]
    if resolution not in resolutions:
        return f"settings.resolution value '{resolution}' is invalid"
    if seconds not in lengths:
        return f"settings.duration value '{seconds}' is invalid"
    audio = "audio" in ask and model in ("kling-3.0", "kling-2.6")
    if "voice" in ask and not audio and model != "kling-3.0-turbo":
        return "sound must be on with voice_list"
    if "last" in ask and model == "kling-3.0-turbo":
        return "Image tail is not supported by the current model"
    if "element" in ask and model != "kling-3.0":
        return "element is not supported by the current model"
    if "voice" in ask and model != "kling-2.6":
        return "voice is not supported by the current model"
    tail = f"model/mode/duration({model}/{resolution}/{seconds}) is not supported with image_tail"
    if "last" in ask and model in ("kling-2.6", "kling-2.5-turbo") and resolution != "1080p":
        return tail
    if "last" in ask and audio and model == "kling-2.6":
        return tail
    if audio and model == "kling-2.6" and resolution != "1080p":
        return f"model/mode({model}/{resolution}) is not supported with sound on"
    return None


@pytest.mark.parametrize("model", OFFERED)
def test_every_cell(sandbox, model):
    sandbox.config(quota=1000, total_quantity=1_000_000, workers=50)
    count = 0
    for resolution in ("720p", "1080p", "4k"):
        for seconds in (2, 3, 5, 7, 10, 15, 16):
            for ask, items in ASK.items():
                audio = "native" if "audio" in ask else "off"
                settings = {"resolution": resolution, "duration": seconds, "audio": audio}
                answer = post(sandbox, I2V + model, image_body(*items, settings=settings))
                wanted = expected_text(model, resolution, seconds, ask)
                if wanted is None:
                    assert answer.status_code == 200, (resolution, seconds, ask, answer.text)
                    count += 1
                else:
                    assert refusal(answer) == (400, 1201, wanted), (resolution, seconds, ask)
            text = {"prompt": "waves", "settings": {"resolution": resolution, "duration": seconds}}
            answer = post(sandbox, T2V + model, text)
            wanted = expected_text(model, resolution, seconds, "first")
            assert (answer.status_code == 200) == (wanted is None)
            assert wanted is None or refusal(answer)[2] == wanted
            count += wanted is None
    assert len(sandbox.tasks()) == count > 0


def settings(**values):
    return image_body(settings=values)


def options(**values):
    return image_body(options=values)


def story(text, **rest):
    return image_body(contents=[said(text), FRAME], settings={"duration": 5} | rest)


LEGACY = {"model_name": "kling-v3", "image": IMAGE, "prompt": "waves", "duration": "5"}
REFUSED = [
    ("kling-3.0", {}, "contents cannot be empty"),
    ("kling-3.0", LEGACY, "contents cannot be empty"),
    ("kling-3.0", {"contents": []}, "contents cannot be empty"),
    ("kling-3.0", {"contents": {}}, "contents value is invalid"),
    ("kling-3.0", {"contents": ["waves"]}, "contents[0] value is invalid"),
    ("kling-3.0", {"contents": [{"text": "waves"}]}, "contents[0].type value '' is invalid"),
    ("kling-3.0", image_body({"type": "video"}), "contents[2].type value 'video' is invalid"),
    ("kling-3.0", image_body(FRAME), "contents value is invalid"),
    ("kling-3.0", image_body(WAVES), "contents value is invalid"),
    ("kling-3.0", {"contents": [said(7), FRAME]}, "contents[0].text value '7' is invalid"),
    ("kling-3.0", {"contents": [WAVES]}, "first_frame cannot be empty"),
    ("kling-3.0", {"contents": [WAVES, TAIL]}, "first_frame cannot be empty"),
    ("kling-3.0", {"contents": [WAVES, {"type": "first_frame"}]}, "contents[1].url value '' is invalid"),
    ("kling-3.0", {"contents": [WAVES, FRAME | {"url": "file:///etc/passwd"}]}, BASE64),
    ("kling-3.0", {"contents": [WAVES, FRAME | {"url": "data:image/png;base64,"}]}, BASE64),
    ("kling-3.0", {"contents": [WAVES, FRAME | {"url": "data:image/png,AAAA"}]}, BASE64),
    ("kling-3.0", {"contents": [FRAME]}, BLANK),
    ("kling-3.0", {"contents": [said("  "), FRAME]}, BLANK),
    ("kling-3.0", {"contents": [said("x" * 3073), FRAME]}, "prompt: size must be between 0 and 3072"),
    ("kling-2.6", {"contents": [said("x" * 2501), FRAME]}, "prompt: size must be between 0 and 2500"),
    ("kling-3.0-turbo", {"contents": [said("x" * 2501), FRAME]}, "prompt: size must be between 0 and 2500"),
    ("kling-3.0", settings(resolution="9000p"), "settings.resolution value '9000p' is invalid"),
    ("kling-3.0", settings(resolution="pro"), "settings.resolution value 'pro' is invalid"),
    ("kling-3.0", settings(duration="5"), "settings.duration value '5' is invalid"),
    ("kling-3.0", settings(duration=5.0), "settings.duration value '5.0' is invalid"),
    ("kling-3.0", settings(duration=True), "settings.duration value 'true' is invalid"),
    ("kling-3.0", settings(audio="on"), "settings.audio value 'on' is invalid"),
    ("kling-3.0", settings(audio="original"), "settings.audio value 'original' is invalid"),
    ("kling-3.0", settings(multi_shot="maybe"), "settings.multi_shot value 'maybe' is invalid"),
    ("kling-3.0", image_body(settings=[1]), "settings value is invalid"),
    ("kling-3.0", image_body(options="x"), "options value is invalid"),
    ("kling-3.0", options(callback_url="ftp://x"), "options.callback_url value 'ftp://x' is invalid"),
    ("kling-3.0", options(external_task_id=5), "options.external_task_id value '5' is invalid"),
    (
        "kling-3.0",
        options(watermark_info={"enabled": "yes"}),
        "options.watermark_info.enabled value 'yes' is invalid",
    ),
    ("kling-3.0", image_body({"type": "element"}), "contents[2].element_id value '' is invalid"),
    ("kling-3.0", image_body(ELEMENT, ELEMENT), "contents[3].id value 'hero' is invalid"),
    (
        "kling-3.0",
        image_body(*({"type": "element", "element_id": str(n)} for n in range(4))),
        "element: size must be between 0 and 3",
    ),
    (
        "kling-2.6",
        image_body(
            *({"type": "voice", "voice_id": str(n)} for n in range(3)),
            settings={"audio": "native", "resolution": "1080p"},
        ),
        "voice: size must be between 0 and 2",
    ),
    ("kling-3.0", story("shot 1, 2, a; shot 2, 2, b"), "prompt value is invalid"),
    ("kling-3.0", story("shot 1, 5, a; then a tree"), "prompt value is invalid"),
    ("kling-3.0", story("shot 7, 5, a"), "prompt value is invalid"),
    ("kling-3.0", story("shot 1, 0, a; shot 2, 5, b"), "prompt value is invalid"),
    ("kling-3.0", story("shot 1, 5, " + "x" * 513), "prompt value is invalid"),
    ("kling-3.0-turbo", story("shot 1, 3, a"), "prompt value is invalid"),
]


@pytest.mark.parametrize(("model", "body", "text"), REFUSED)
def test_refusals(sandbox, model, body, text):
    assert refusal(post(sandbox, I2V + model, body)) == (400, 1201, text)
    assert sandbox.tasks() == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, BLANK),
        ({"prompt": ""}, BLANK),
        ({"contents": [WAVES]}, BLANK),
        ({"prompt": 7}, "prompt value '7' is invalid"),
        ({"prompt": "x" * 3073}, "prompt: size must be between 0 and 3072"),
        (
            {"prompt": "x", "settings": {"aspect_ratio": "4:3"}},
            "settings.aspect_ratio value '4:3' is invalid",
        ),
    ],
)
def test_text_refusals(sandbox, body, text):
    assert refusal(post(sandbox, T2V + "kling-3.0", body)) == (400, 1201, text)


@pytest.mark.parametrize(
    ("model", "body"),
    [
        ("kling-3.0", {"contents": [WAVES, FRAME | {"url": DATA_URI}]}),
        ("kling-3.0", {"contents": [WAVES, FRAME | {"url": "https://host.example/x.png"}]}),
        ("kling-3.0", {"contents": [FRAME, said("x" * 3072), TAIL]}),
        ("kling-3.0", story("Shot 1, 2, a boat; shot 2, 3, a tree;")),
        ("kling-3.0", story("shot 1, 2, no storyboard", multi_shot=False)),
        ("kling-2.6", story("shot 1, 2, no storyboard")),
        ("kling-2.5-turbo", {"contents": [FRAME]}),
        ("kling-3.0", options(callback_url="", external_task_id="", watermark_info={})),
    ],
)
def test_not_refused(sandbox, model, body):
    accepted(post(sandbox, I2V + model, body))


def test_defaults(sandbox):
    """3.0 tells its own stories unless told otherwise; 5 s, the small resolution, silent, wide."""
    task = accepted(post(sandbox, T2V + "kling-3.0", {"prompt": "waves"}))
    record = sandbox.task(task)
    assert record["notes"] == ["settings.multi_shot is true by default"]
    assert (record["model"], record["mode"], record["duration"], record["sound"]) == (
        "kling-v3",
        "std",
        5,
        False,
    )
    told = accepted(post(sandbox, T2V + "kling-3.0", {"prompt": "waves", "settings": {"multi_shot": False}}))
    assert sandbox.task(told)["notes"] == []


def test_unknown_and_legacy_fields_are_ignored_and_recorded(sandbox):
    body = image_body(model_name="x", image=7, settings={"fps": 24, "aspect_ratio": "1:1"}, options={"n": 2})
    task = accepted(post(sandbox, I2V + "kling-2.5-turbo", body))
    ignored = ["settings.fps", "settings.aspect_ratio", "options.n", "model_name", "image"]
    assert sandbox.task(task)["ignored"] == ignored
    turbo = accepted(post(sandbox, I2V + "kling-3.0-turbo", settings(audio="off", multi_shot=False)))
    assert sandbox.task(turbo)["ignored"] == ["settings.audio", "settings.multi_shot"]
    assert sandbox.task(turbo)["sound"] is True


@pytest.mark.parametrize(
    ("path", "chosen", "units"),
    [
        ("image-to-video/kling-3.0-turbo", {"duration": 3}, "2.4"),
        ("text-to-video/kling-3.0-turbo", {"resolution": "1080p"}, "5"),
        ("image-to-video/kling-3.0", {"resolution": "4k", "duration": 3}, "9"),
        ("image-to-video/kling-3.0", {"resolution": "1080p", "duration": 15, "audio": "native"}, "18"),
        ("text-to-video/kling-2.6", {"resolution": "1080p", "duration": 10, "audio": "native"}, "10"),
        ("image-to-video/kling-2.5-turbo", {}, "1.5"),
    ],
)
def test_prices_are_those_of_the_legacy_twin(sandbox, path, chosen, units):
    body = {"prompt": "waves"} if path.startswith("text") else image_body()
    task = ended(sandbox, accepted(post(sandbox, f"/{path}", body | {"settings": chosen})))
    assert task["billing"][0]["amount"] == units


def test_a_specified_voice_costs_more(sandbox):
    body = image_body(VOICE, settings={"audio": "native", "resolution": "1080p"})
    assert ended(sandbox, accepted(post(sandbox, I2V + "kling-2.6", body)))["billing"][0]["amount"] == "6"


def test_one_external_id_is_one_task_whatever_the_path_and_switch(sandbox):
    sandbox.config(legacy_idempotency="ignore")
    first = accepted(
        post(sandbox, T2V + "kling-3.0", {"prompt": "x", "options": {"external_task_id": "job"}})
    )
    for path, body in ((T2V + "kling-2.6", {"prompt": "y"}), (I2V + "kling-3.0", image_body())):
        answer = post(sandbox, path, body | {"options": {"external_task_id": "job"}})
        assert refusal(answer) == (400, 1201, "External_task_id job already exists")
    assert [task["id"] for task in sandbox.tasks()] == [first]


@pytest.mark.parametrize("path", [I2V + "kling-9", T2V + "kling-v3", "/omni-video/kling-o1", I2V[:-1]])
def test_unknown_models(sandbox, path):
    answer = post(sandbox, path, image_body())
    assert refusal(answer) == (404, 1203, "The requested resource does not exist")


def test_creating_is_all_there_is(sandbox):
    answer = sandbox.http.get(I2V + "kling-3.0")
    assert refusal(answer) == (404, 1202, "The requested method is invalid")


def test_slots_are_shared_with_the_legacy_twin(sandbox):
    sandbox.config(quota=1)
    accepted(post(sandbox, T2V + "kling-2.6", {"prompt": "x [[sandbox:stuck]]"}))
    legacy = post(sandbox, "/v1/videos/text2video", {"model_name": "kling-v2-6", "prompt": "x"})
    assert refusal(legacy) == (429, 1303, "parallel task over resource pack limit")
    accepted(post(sandbox, T2V + "kling-2.5-turbo", {"prompt": "x"}))


def test_the_pack_has_to_cover_it(sandbox):
    sandbox.config(total_quantity=2)
    answer = post(sandbox, T2V + "kling-3.0", {"prompt": "x"})
    assert refusal(answer) == (429, 1102, "Account balance not enough")


def test_unowned_elements_and_voices(sandbox):
    sandbox.config(elements=["1"], voices=["7"])
    accepted(post(sandbox, I2V + "kling-3.0", image_body(ELEMENT)))
    answer = post(sandbox, I2V + "kling-3.0", image_body(ELEMENT | {"element_id": "2"}))
    assert refusal(answer) == (400, 1201, "Element id not found: 2")
    speaking = image_body(VOICE, settings={"audio": "native", "resolution": "1080p"})
    assert refusal(post(sandbox, I2V + "kling-2.6", speaking)) == (400, 1201, "Voice id not found")


BAD_PICTURE = (
    "The resolution or aspect ratio of the input image is invalid. "
    "Please ensure it meets the required specifications."
)


@pytest.mark.parametrize("size", [(299, 400), (1000, 300)])
@pytest.mark.parametrize("kind", ["first_frame", "last_frame"])
def test_both_frames_have_to_be_large_and_square_enough(sandbox, size, kind):
    frames = {"first_frame": FRAME, "last_frame": TAIL}
    frames[kind] = {"type": kind, "url": raw64(picture(*size))}
    task = accepted(post(sandbox, I2V + "kling-3.0", {"contents": [WAVES, *frames.values()]}))
    found = ended(sandbox, task)
    assert (found["status"], found["message"], found["outputs"], found["billing"]) == (
        "failed",
        BAD_PICTURE,
        [],
        [],
    )


@pytest.mark.parametrize("way", ["header", "directive", "queue"])
@pytest.mark.parametrize("form", [I2V, T2V])
def test_faults_three_ways(sandbox, form, way):
    def create(spec):
        path, prompt, headers = form + "kling-3.0", "waves", {}
        if way == "header":
            headers = {"X-Sandbox-Fault": spec}
        elif way == "directive":
            prompt = f"waves [[sandbox:{spec}]]"
        else:
            sandbox.fault(spec, "POST", path)
        body = {"prompt": prompt} if form == T2V else {"contents": [FRAME, said(prompt)]}
        return post(sandbox, path, body, **headers)

    assert refusal(create("code:1302"))[:2] == (429, 1302)
    assert sandbox.tasks() == []
    assert (
        ended(sandbox, accepted(create("async:risk")))["message"] == "Failure to pass the risk control system"
    )
    assert refusal(create("code-after:5002"))[1] == 5002
    assert len(sandbox.tasks()) == 2
    stuck = accepted(create("stuck"))
    assert tasks(sandbox, stuck)[0]["status"] in ("submitted", "processing")


def test_dropped_after_the_task_exists_once(sandbox):
    body = {"prompt": "waves [[sandbox:drop-after]]", "options": {"external_task_id": "job"}}
    with pytest.raises(httpx.RemoteProtocolError):
        post(sandbox, T2V + "kling-3.0", body)
    (found,) = tasks(sandbox, "job", name="external_task_ids")
    assert refusal(post(sandbox, T2V + "kling-3.0", body | {"prompt": "waves"}))[2].endswith("already exists")
    assert [task["id"] for task in sandbox.tasks()] == [found["id"]]
    assert len(sandbox.charges()) == 1


@pytest.mark.parametrize("spec", ["drop-before", "http:503", "code:5001"])
def test_nothing_is_made_by_a_call_that_fails_before(sandbox, spec):
    try:
        answer = post(sandbox, I2V + "kling-3.0", {"contents": [FRAME, said(f"x [[sandbox:{spec}]]")]})
        assert answer.status_code == 503
    except httpx.RemoteProtocolError:
        assert spec == "drop-before"
    assert sandbox.tasks() == []


def test_directives_are_no_words_of_the_clip_and_do_not_change_it(sandbox_render):
    bodies = [{"prompt": text, "settings": {"duration": 3}} for text in ("waves", "waves [[sandbox:slow:0]]")]
    urls = [
        ended(sandbox_render, accepted(post(sandbox_render, T2V + "kling-3.0-turbo", body)))["outputs"][0]
        for body in bodies
    ]
    first, second = (sandbox_render.http.get(found["url"]).content for found in urls)
    assert first == second
