"""A run as a cell: the magic reads from it exactly the request that the run was."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kling_nb.magics.call import read_call
from kling_nb.runlog import RunRecord
from kling_nb.session.cell import cell_of

SHA = "ab" * 32


def record(**columns):
    request = {"model_name": "kling-v1", "duration": 5, "mode": "pro", "prompt": "the boat drifts"}
    request |= columns.pop("request", {})
    values = {"provider": "sandbox", "form": "image2video", "image_source": "boat.jpg", "image_sha256": SHA}
    return RunRecord(**{**values, "request": request, **columns})


def written(made):
    return cell_of(made, lambda sha256: f"inputs/{sha256}.png", brush=made.id)


def read(cell):
    first, _, body = cell.partition("\n")
    name, _, line = first.partition(" ")
    assert name == "%%kling"
    extend = line.startswith("extend ")
    return read_call(line.removeprefix("extend "), body, {}, extend=extend)


def test_an_ordinary_run_reads_well():
    made = record(request={"cfg_scale": 0.5, "negative_prompt": "blur"})
    assert written(made) == (
        "%%kling boat.jpg\nmodel: kling-v1\nduration: 5\nmode: pro\ncfg_scale: 0.5\nprovider: sandbox\n"
        "\nthe boat drifts\n--- negative\nblur\n"
    )


TEXTS = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from("-:{}'\"\\ \n=[]")), min_size=1, max_size=40
).filter(str.strip)


@given(TEXTS, TEXTS)
@example("mode: pro", "a: b")
@example("a\n---\nb", "--- negative")
@example("{{name}} {{ '{{' }} {%x%}", "{{{{")
@example(" spaces ", "it's \"quoted\"\\'")
@example("'", "a\u2028b")
def test_every_prompt_comes_back(prompt, negative):
    call = read(written(record(request={"prompt": prompt, "negative_prompt": negative})))
    assert call.prompts == (prompt,)
    assert call.fields["negative_prompt"] == negative
    assert call.image.text == "boat.jpg"


VISIBLE = st.one_of(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="\\"),
    st.sampled_from("-:{}'\"=[]"),
)
INNER = st.text(st.one_of(VISIBLE, st.sampled_from(" \\")), max_size=38)
# A line of a cell has no way to write a backslash before a quotation mark or at the end.
PATHS = st.one_of(
    VISIBLE, st.tuples(VISIBLE, INNER, VISIBLE).map(lambda parts: re.sub(r'\\+(?=")', "", "".join(parts)))
)


@given(PATHS)
def test_every_path_comes_back_and_is_never_a_variable(source):
    call = read(written(record(image_source=source)))
    assert call.image.text == source
    assert call.image.quoted or not source.isidentifier()


@pytest.mark.parametrize(
    "fields",
    [
        {"camera_control": {"type": "simple", "config": {"zoom": 5.0}}},
        {"multi_prompt": [{"index": 1, "prompt": 'it\'s {{a}}\n"b"', "duration": 5}], "multi_shot": True},
        {"elements": [{"name": "'{{x}}'", "urls": ["https://e.example/a"]}]},
        {"element_list": [1, 2], "sound": "on", "watermark": True},
        {"callback_url": "https://e.example/?a={{b}}&c='d'", "aspect_ratio": "9:16"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_fields_come_back(fields):
    call = read(written(record(request=fields)))
    for name, value in fields.items():
        got = call.fields[name]
        assert (got == "zoom=5") if name == "camera_control" else (got == value)


def test_a_picture_without_a_path_is_named_by_its_copy():
    assert read(written(record(image_source="array"))).image.text == f"inputs/{SHA}.png"


def test_a_longer_clip_names_the_run_it_goes_on_from():
    made = record(
        form="extend", parent_run="r-2mta00000000", image_source=None, image_sha256=None,
        request={"video_id": "v1", "prompt": "it turns"},
    )  # fmt: skip
    call = read(written(made))
    assert (call.source.text, call.prompts) == ("r-2mta00000000", ("it turns",))
    assert "model_name" not in call.fields


def test_words_added_for_a_brush_are_not_said_twice():
    made = record(
        brush={"size": [4, 4]}, options={"brush_way": "words", "own_prompt": "mine", "brush_names": ["boat"]},
        request={"prompt": "mine the boat moves left"},
    )  # fmt: skip
    call = read(written(made))
    assert call.prompts == ("mine",)
    assert (call.brush, call.way, call.fields["brush_names"]) == (made.id, "words", ["boat"])


def test_an_end_frame_made_from_a_brush_is_not_given_as_a_picture():
    made = record(
        brush={"size": [4, 4]}, options={"brush_way": "endframe"}, image_tail_sha256=SHA,
        request={"image_tail": {"sha256": SHA}},
    )  # fmt: skip
    assert read(written(made)).pictures == {}
