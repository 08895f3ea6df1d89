"""What ``--set`` says, and what it leaves to be filled combination by combination."""

from __future__ import annotations

from typing import Any

import pytest

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
