"""What ``--set`` says, and what it leaves to be filled combination by combination."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.utils.capture import capture_output

from kling_nb.errors import UsageError
from kling_nb.magics.call import read_call
from kling_nb.magics.sweeps import read_values

HELD = {"subjects": ["boat", "kite"], "boat": "a word", "pictures": ("one.png",)}


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("cfg_scale", "0.3,0.5, 1", (0.3, 0.5, 1)),
        ("duration", "5,10", (5, 10)),
        ("mode", "std,pro", ("std", "pro")),
        ("sound", "on", ("on",)),
        ("what", "boat,kite", ("boat", "kite")),
        ("what", '"a boat, red",kite', ("a boat, red", "kite")),
        ("what", "05,1.50", ("05", "1.50")),
        ("prompt", "it's, 5", ("it's", "5")),
        ("what", '["a", "b, c"]', ("a", "b, c")),
        ("what", "subjects", ("boat", "kite")),
        ("what", "boat", ("boat",)),
        ("element_list", "[[1, 2], [3]]", ([1, 2], [3])),
        ("external", "9007199254740993", ("9007199254740993",)),
    ],
)
def test_values(name: str, text: str, values: tuple[Any, ...]) -> None:
    assert read_values(name, text, HELD).values == values


@pytest.mark.parametrize("text", ["", ",", "[1, 2"])
def test_values_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError):
        read_values("what", text, {})


def dry(shell: Any, line: str, body: str) -> str:
    """Run a cell without sending anything and return what stands below it."""
    with capture_output() as said:
        shell.run_cell(f"%%kling {line} --dry-run\n{body}")
    return str(said.stdout)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--repeat 0", "repeat=0 cannot be used"),
        ("--repeat -1", "repeat=-1 cannot be used"),
        ("--repeat 1.5", "--repeat 1.5 is no whole number"),
        ("--repeat inf", "--repeat inf is no whole number"),
        ("--set mode=std,pro --sample 0", "sample=0 cannot be used"),
        ('--set mode=std,pro --until "nonsense >"', "until='nonsense >' cannot be read"),
    ],
)
def test_numbers_and_rules_that_cannot_be_used(shell: Any, line: str, told: str) -> None:
    shell.run_line_magic("load_ext", "kling_nb")
    with capture_output() as said:
        result = shell.run_cell(f"%%kling {line} --dry-run\nthe boat drifts left")
    assert not result.success
    lines = (said.stdout + said.stderr).strip().splitlines()
    assert told in lines[-3]
    assert len(lines[-3:]) == 3


def test_a_name_in_the_prompt_may_be_another_name_of_a_field(shell: Any) -> None:
    shell.run_line_magic("load_ext", "kling_nb")
    said = dry(shell, "--set model=kling-v1,kling-v2-6 --set duration=5,10", "made by {{model}}")
    assert "varies: model_name = kling-v1, kling-v2-6; duration = 5, 10" in said
    assert "= 4 runs" in said


def test_a_word_that_is_a_field_as_well_is_explained(shell: Any) -> None:
    shell.run_line_magic("load_ext", "kling_nb")
    said = dry(shell, "--set camera=pan,tilt", "the camera does a {{camera}}")
    assert "'pan' is not a camera" in said
    assert "call it otherwise: {{camera_words}}" in said


def test_an_unknown_picture_or_brush_is_named() -> None:
    with pytest.raises(UsageError, match=r"--set image 'nowhere\.png' was not found"):
        read_values("image", "nowhere.png", {})
    with pytest.raises(UsageError, match="there is no variable called calm"):
        read_values("brush", "calm", {})


def test_what_is_set_is_filled_later_and_the_rest_of_that_prompt_with_it() -> None:
    call = read_call("--set what=a,b --repeat 3", "the {{what}} of {{owner}}", {"owner": "Ada"})
    assert call.is_sweep
    assert call.prompts == ("the {{what}} of {{owner}}",)
    assert (call.vary, call.repeat) == ({"what": "a,b"}, 3)
    call = read_call('-n "no {{what}}" --set=what=a,b', "a {{what}}", {})
    assert call.fields["negative_prompt"] == "no {{what}}"


def test_set_may_stand_above_the_prompt() -> None:
    call = read_call("", "set: what=a,b\nrepeat: 2\n\nthe {{what}}", {})
    assert (call.vary, call.repeat, call.prompts) == ({"what": "a,b"}, 2, ("the {{what}}",))


def test_without_a_sweep_a_missing_name_is_told_at_once() -> None:
    with pytest.raises(UsageError, match=r"\{\{what\}\}"):
        read_call("", "the {{what}}", {})
    assert not read_call("", "one\n---\nother", {}).is_sweep


def test_a_cell_whose_prompts_are_set_needs_no_body() -> None:
    assert read_call("--set prompt=one,other", "", {}).vary == {"prompt": "one,other"}
    with pytest.raises(UsageError, match="no prompt"):
        read_call("--set mode=std,pro", "", {})
