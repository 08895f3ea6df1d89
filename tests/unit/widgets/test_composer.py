"""The composer without a page: what is typed becomes a request, what is impossible says why."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from pictures_to_draw_on import two_balls
from PIL import Image

from kling_nb.session import Session
from kling_nb.widgets.composer import Composer
from kling_nb.widgets.pad.pad import MotionPad

SIZE = (480, 360)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(two_balls(SIZE)).save("balls.png")
    made = Session(provider="sandbox", home=tmp_path / "runs")
    yield made
    made.close()


@pytest.fixture
def form(session: Session) -> Composer:
    made = Composer("balls.png", "it rolls", session=session, model_name="kling-v1", mode="std")
    made.settle()
    return made


def tell(form: Composer, kind: str, **content: Any) -> dict[str, Any]:
    buffers = [memoryview(content.pop("data"))] if "data" in content else []
    form._on_message(form, {"kind": kind, **content}, buffers)
    form.settle()
    return form.state


def field(form: Composer, name: str) -> dict[str, Any]:
    return next(each for each in form.state["fields"] if each["name"] == name)


def draw(form: Composer) -> None:
    form.pad.model.stroke("brush", [(120, 180), (140, 180)], radius=30)
    form.pad.model.set_path([(125, 180), (200, 120)])
    form.settle()


def test_an_empty_form_cannot_be_sent(session: Session) -> None:
    form = Composer(session=session)
    form.settle()
    assert not form.state["can_submit"] and not form.state["can_preview"]
    assert form.state["problems"] or form.state["message"]


def test_what_the_form_says_is_what_would_be_submitted(form: Composer) -> None:
    draw(form)
    tell(form, "set", name="prompt", value="it rolls away")
    tell(form, "set", name="cfg_scale", value="0.7")
    request = form.request()
    assert request["prompt"] == "it rolls away"
    assert (request["model_name"], request["mode"], request["duration"]) == ("kling-v1", "std", 5)
    assert request["cfg_scale"] == 0.7
    assert request["brush"] == form.pad.brush
    assert "negative_prompt" not in request
    assert form.state["can_submit"]
    assert "$0.14" in form.state["cost"]


def test_an_unfinished_drawing_keeps_it_from_being_sent(form: Composer) -> None:
    assert form.state["can_submit"]
    form.pad.model.stroke("brush", [(120, 180)], radius=30)
    form.settle()
    assert not form.state["can_submit"]
    assert "path" in form.state["message"]


def test_another_model_repairs_what_it_cannot_do_and_says_so(form: Composer) -> None:
    tell(form, "set", name="model_name", value="kling-v3")
    tell(form, "set", name="mode", value="4k")
    state = tell(form, "set", name="model_name", value="kling-v2-6")
    assert field(form, "mode")["value"] == "std"
    assert "Mode is now std" in state["message"]


def test_the_way_of_the_brush_is_said_and_the_others_have_reasons(form: Composer) -> None:
    assert field(form, "way")["reason"] == "nothing is drawn"
    draw(form)
    assert "masks and paths" in form.state["way"]
    tell(form, "set", name="model_name", value="kling-v2-6")
    tell(form, "set", name="mode", value="pro")
    reasons = {option["value"]: option["reason"] for option in field(form, "way")["options"]}
    assert "takes no masks" in reasons["native"] and reasons["endframe"] == reasons["words"] == ""
    assert "end frame" in form.state["way"]
    assert "words" in tell(form, "set", name="way", value="words")["way"]
    assert [each for each in form.state["problems"] if "end frame" in each["text"]] == []


def test_an_upload_becomes_the_picture(form: Composer, session: Session) -> None:
    data = Path("balls.png").read_bytes()
    tell(form, "upload", name="../../evil.png", data=data)
    assert (session.home / "uploads" / "evil.png").read_bytes() == data
    assert form.request()["image"].data == data


@pytest.mark.parametrize("name", ["nowhere.png", "composer.py"])
def test_a_picture_that_cannot_be_read_is_said(form: Composer, name: str) -> None:
    Path("composer.py").write_text("no picture")
    state = tell(form, "set", name="image", value=name)
    assert state["message_level"] == "E" and name in state["message"]
    assert form.pad is not None, "the picture before it stays"
    tell(form, "set", name="image", value="")
    assert form.pad is None


def test_a_bug_in_a_handler_is_said(form: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Composer, "_submit", lambda self: 1 // 0)
    assert "ZeroDivisionError" in tell(form, "submit")["message"]


def test_a_picture_may_be_taken_away_while_it_is_checked(
    form: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(form)
    picture, brush = form.pad.image, form.pad.brush

    def taken_away(_pad: MotionPad) -> bool:
        form.pad = None
        return False

    monkeypatch.setattr(MotionPad, "is_empty", property(taken_away))
    request = form.request()
    assert (request["image"], request["brush"]) == (picture, brush)


def test_a_check_that_could_not_be_shown_is_not_the_last_one(
    form: Composer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    form._checker.join()
    show, wrong = Composer._show, [RuntimeError("the page has gone")]

    def fail_once(composer: Composer) -> None:
        if wrong and threading.current_thread() is not threading.main_thread():
            raise wrong.pop()
        show(composer)

    monkeypatch.setattr(Composer, "_show", fail_once)
    tell(form, "set", name="prompt", value="it rolls away")
    assert "the page has gone" in caplog.text
    tell(form, "set", name="duration", value="10")
    assert "$0.28" in form.state["cost"]


def test_without_a_picture_the_words_make_the_clip(session: Session) -> None:
    form = Composer(session=session, prompt="a lighthouse")
    form.settle()
    assert form.state["can_submit"] and not form.state["has_image"]
    assert field(form, "aspect_ratio")["reason"] == ""
    tell(form, "set", name="aspect_ratio", value="9:16")
    assert form.request()["aspect_ratio"] == "9:16" and "image" not in form.request()
    assert any("text-to-video" in each["text"] for each in form.state["problems"])
    state = tell(form, "set", name="image", value="balls.png")
    assert "follows its picture" in field(form, "aspect_ratio")["reason"]
    assert "aspect_ratio" not in form.request()
    assert state["has_image"] and state["can_submit"]


def test_a_picture_in_memory_is_no_path(session: Session) -> None:
    form = Composer(two_balls(SIZE), "it rolls", session=session)
    form.settle()
    assert form.state["image"] == ""
    assert form.state["image_hint"] == "array of 480 × 360 pixels, from the kernel"
    assert form.request()["image"].size == SIZE
    Image.fromarray(two_balls((400, 320))).save("array", "PNG")
    tell(form, "set", name="prompt", value="it rolls on")
    assert form.pad.image.size == SIZE, "no file is opened by the name of a type"
    tell(form, "set", name="image", value="")
    assert form.pad is None


def test_doors_that_are_closed_say_why(form: Composer) -> None:
    reasons = {option["value"]: option["reason"] for option in field(form, "provider")["options"]}
    assert reasons["sandbox"] == reasons["sandbox-acedata"] == ""
    assert reasons["acedata"].startswith("no key: %kling login acedata")


def test_another_door_brings_its_models_fields_and_limits(form: Composer) -> None:
    assert form.state["limits"] == {"prompt": 2500, "negative_prompt": 2500}
    state = tell(form, "set", name="provider", value="sandbox-acedata")
    assert form.request()["provider"] == "sandbox-acedata"
    assert state["limits"]["negative_prompt"] == 200
    tell(form, "set", name="model_name", value="kling-v2-6")
    tell(form, "set", name="provider", value="sandbox-aimlapi")
    tell(form, "set", name="model_name", value="kling-video-o1")
    state = tell(form, "set", name="provider", value="sandbox-official-new")
    assert "Model is now" in state["message"]
    assert field(form, "model_name")["value"] in {o["value"] for o in field(form, "model_name")["options"]}


def test_the_saved_notebook_shows_what_was_filled_in(form: Composer) -> None:
    bundle = form._repr_mimebundle_()[0]
    assert repr(form) == "<Composer balls.png · kling-v1 std 5 s · sandbox>"
    assert "data:image/jpeg;base64," in bundle["text/html"]
    for part in ("it rolls", "kling-v1", "sandbox"):
        assert part in bundle["text/html"]
    assert "widget-view" in "".join(bundle)


def test_every_press_of_submit_is_answered(form: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page greys its button and waits for a new state: the same refusal twice must be one, too."""
    monkeypatch.setattr(Composer, "_submit", lambda self: 1 // 0)
    states = [tell(form, "submit") for _ in range(2)]
    assert states[0] != states[1]
