"""What cells mean: options, header lines, sections, templates, and what is refused with which advice."""

from __future__ import annotations

import json

import pytest

from kling_nb.errors import UsageError
from kling_nb.magics.call import RunCall, read_call
from kling_nb.magics.options import RUN_OPTIONS
from kling_nb.magics.tokens import Token


def read(line: str, cell: str | None = "a boat", **variables: object) -> RunCall:
    return read_call(line, cell, variables)


REFUSED = [
    ("boat.jpg --durration 5", "a", "Unknown option --durration", "--duration"),
    ("boat.jpg --modle kling-v1", "a", "Unknown option --modle", "--model"),
    ("boat.jpg --xyzzy", "a", "Unknown option --xyzzy", "--help"),
    ("boat.jpg --sett a=1,2", "a", "Unknown option --sett", "--set"),
    ("boat.jpg -d", "a", "-d needs a value", "seconds"),
    ("boat.jpg -m --wait", "a", "-m needs a value", "MODEL"),
    ("boat.jpg --wait=5", "a", "--wait takes no value", "--wait"),
    ("boat.jpg --cfg-scale high", "a", "--cfg-scale needs a number", "0 to 1"),
    ("boat.jpg -d 5 --duration 10", "a", "--duration is given twice", "Remove one"),
    ("boat.jpg -o 2fast", "a", "-o needs the name of a variable", "-o run"),
    ("boat.jpg --param sound", "a", "--param needs KEY=VALUE", "multi_shot=true"),
    ("boat.jpg --mode pro --param mode=std", "a", "mode is given twice", "Remove one"),
    ("boat.jpg --tail end.png --param end_image=x.png", "a", "image_tail is given twice", "Remove one"),
    ("my boat.jpg", "a", "Unexpected word 'boat.jpg'", '"my boat.jpg"'),
    ("boat.jpg", "modle: kling-v1\nmode: pro\n\na boat", "Unknown option 'modle'", "model"),
    ("boat.jpg", "modle: kling-v1\n\na boat", "Unknown option 'modle'", "model"),
    ("boat.jpg", "mode: pro\nduration: 5", "looks like options", "blank line"),
    ("boat.jpg", "image: other.jpg\n\na boat", "Two images", "Remove one"),
    ("boat.jpg -n blur", "a\n--- negative\nnoise", "Two negative prompts", "Remove one"),
    ("boat.jpg", "a\n--- negative\nx\n--- negative\ny", "two negative sections", "Keep one"),
    ("boat.jpg", "a\n--- negativ\nx", "no section '--- negativ'", "--- negative"),
    ("boat.jpg --param prompt=b", "a", "Two prompts", "Remove one"),
    ("boat.jpg", "a {{colour}} boat", "{{colour}}, which has no value", "colour = "),
    ("boat.jpg", "a {{ 1 + }} boat", "cannot be filled", "{{name}}"),
    ("boat.jpg -m kling-v1", "\n", "The cell has no prompt", "%kling boat.jpg -m kling-v1"),
    ("boat.jpg", "\n--- negative\nblur", "The cell has no prompt", "%kling boat.jpg"),
    ("boat.jpg", "wait: maybe\n\na boat", "wait is either true or false", "wait: true"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "cell", "what", "advice"), REFUSED)
def test_refused_with_three_lines(line: str, cell: str, what: str, advice: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(line, cell)
    assert what in caught.value.what
    assert advice in caught.value.advice
    assert len(caught.value.lines()) == 3
    assert all("\n" not in text for text in caught.value.lines())


@pytest.mark.parametrize(
    "line",
    ["--help", "boat.jpg --dry-run", "boat.jpg --preview", "boat.jpg --force", "boat.jpg --brush b",
     "boat.jpg --camera zoom=5", "boat.jpg --tail end.jpg", "boat.jpg --freeze m.png",
     'boat.jpg --param multi_prompt=[{"index":1}]'],
)  # fmt: skip
def test_no_prompt_is_needed_where_nothing_is_sent_or_the_motion_is_said_otherwise(line: str) -> None:
    assert read(line, "\n").prompts in ((), ("",))


def test_a_missing_variable_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UsageError) as caught:
        read("boat.jpg", "a {{colour}} {{ size }} boat", color="red", size=2)
    assert caught.value.what == "The text uses {{colour}}, which has no value."
    assert caught.value.advice == "Did you mean color?"


def test_options_of_every_group() -> None:
    call = read(
        "boat.jpg -m kling-v1.5 --mode=pro -d10 --cfg .3 -n blur --sound off --aspect-ratio 16:9 "
        '--tail "last frame.png" --brush pad --camera zoom=-5 --freeze mask.png --param multi_shot=true '
        "-p sandbox --again --force --wait --timeout 900 -o run --name it's --tag a --tag b "
        "--note 'two words'"
    )
    assert call.image == Token("boat.jpg")
    assert call.fields == {
        "model_name": "kling-v1.5", "mode": "pro", "duration": "10", "cfg_scale": 0.3,
        "negative_prompt": "blur", "sound": "off", "aspect_ratio": "16:9", "camera_control": "zoom=-5",
        "multi_shot": True,
    }  # fmt: skip
    assert call.pictures == {
        "image_tail": Token("last frame.png", quoted=True),
        "static_mask": Token("mask.png"),
    }
    assert (call.brush, call.provider, call.timeout, call.out) == ("pad", "sandbox", 900.0, "run")
    assert (call.name, call.tags, call.note) == ("it's", ("a", "b"), "two words")
    assert call.again
    assert call.force
    assert call.wait
    assert not call.dry_run


def test_header_lines_say_the_same_as_options() -> None:
    body = "model: kling-v2.6\nduration: 5s\ncfg-scale: 0.4\nmulti_shot: false\ntag: a\nwait: yes\n\nthe boat"
    call = read("boat.jpg --mode pro", body)
    assert call.prompts == ("the boat",)
    assert call.fields == {
        "model_name": "kling-v2.6", "mode": "pro", "duration": "5s", "cfg_scale": 0.4, "multi_shot": False,
    }  # fmt: skip
    assert call.tags == ("a",)
    assert call.wait


@pytest.mark.parametrize(
    "body",
    [
        "Scene: a harbour at dawn\n\nThe boat leaves.",
        "Note: this is a prompt without a blank line, about a boat: it drifts",
        "the boat drifts left",
        "http://example.com/x is painted on the sail\n\nwind",
        "12:30 the clock strikes\n\nwind",
    ],
)
def test_prompts_with_colons_stay_prompts(body: str) -> None:
    assert read("boat.jpg", body).prompts == (body,)


def test_a_blank_first_line_means_that_all_is_prompt() -> None:
    assert read("boat.jpg", "\nmode: pro\n\nthe boat").prompts == ("mode: pro\n\nthe boat",)


def test_prompts_survive_as_typed() -> None:
    body = 'It\'s a "boat" {with} {1+1} {% raw %} {# hash #} $HOME \\n %s `x`\n  indented line'
    assert read("boat.jpg", body).prompts == (body,)


def test_sections_separate_prompts_and_negative() -> None:
    call = read("boat.jpg", "first\n---\nsecond\nline\n---\n\n--- negative\nblur,\nnoise\n")
    assert call.prompts == ("first", "second\nline")
    assert call.fields["negative_prompt"] == "blur,\nnoise"


def test_templates_in_prompt_negative_options_and_image() -> None:
    call = read(
        "{{folder}}/boat.jpg --name {{ title }} --cfg {{strength}} --camera {{move}}",
        "a {{colour}} boat {{colour|upper}}\n--- negative\n{{bad}}",
        folder="/tmp/my pictures", title="two words", strength=0.7, move="zoom=2", colour="red", bad="--wait",
    )  # fmt: skip
    assert call.image == Token("/tmp/my pictures/boat.jpg", quoted=True)
    assert call.name == "two words"
    assert call.fields["cfg_scale"] == 0.7
    assert call.fields["camera_control"] == "zoom=2"
    assert call.prompts == ("a red boat RED",)
    assert call.fields["negative_prompt"] == "--wait"
    assert not call.wait


def test_a_template_cannot_reach_into_the_interpreter() -> None:
    with pytest.raises(UsageError, match="cannot be filled"):
        read("boat.jpg", "{{ x.__class__.__mro__[1].__subclasses__() }}", x=1)


def test_values_with_double_braces_are_not_filled_again() -> None:
    assert read("boat.jpg", "{{a}}", a="{{b}}").prompts == ("{{b}}",)


def test_line_magic_takes_the_rest_as_prompt() -> None:
    call = read("boat.jpg the boat's sail -d 5 moves", None)
    assert call.prompts == ("the boat's sail moves",)
    assert read("boat.jpg --param prompt='one two'", None).prompts == ("one two",)


def test_ids_beyond_two_to_the_53_stay_text() -> None:
    call = read('boat.jpg --param element_list=829611643369439283 --param voice_list=[{"voice_id": "1"}]')
    assert call.fields["element_list"] == "829611643369439283"
    assert call.fields["voice_list"] == [{"voice_id": "1"}]


def test_no_two_options_share_a_spelling() -> None:
    spellings = [spelling for option in RUN_OPTIONS for spelling in option.spellings]
    assert len(spellings) == len(set(spellings))


def test_json_of_param_is_json() -> None:
    shots = [{"index": 1, "prompt": "a b", "duration": "3"}]
    assert read(f"boat.jpg --param multi_prompt={json.dumps(shots)}").fields["multi_prompt"] == shots
