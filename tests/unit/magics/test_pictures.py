"""IMAGE and --brush: file, URL or variable, and the advice when it is none of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kling_nb.domain.brush import MotionBrush
from kling_nb.errors import UsageError
from kling_nb.magics.pictures import find_brush, find_picture
from kling_nb.magics.tokens import Token


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boat.jpg").touch()
    (tmp_path / "my boat.jpg").touch()
    (tmp_path / "frame").touch()
    return tmp_path


ARRAY = np.zeros((4, 4, 3), np.uint8)
PILLOW = Image.new("RGB", (4, 4))


@pytest.mark.parametrize(
    "value", [ARRAY, PILLOW, b"bytes", "boat.jpg", Path("boat.jpg"), MotionBrush((4, 4))]
)
def test_variables_that_are_pictures(value: object) -> None:
    assert find_picture(Token("frame"), {"frame": value}) is value


def test_a_word_in_quotes_is_a_path_even_when_a_variable_has_its_name() -> None:
    assert find_picture(Token("frame", quoted=True), {"frame": ARRAY}) == "frame"
    assert find_picture(Token("my boat.jpg", quoted=True), {}) == "my boat.jpg"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a.png", "https://example.com/a b.png", "data:image/png;base64,AA"]
)
def test_addresses_pass_unread(url: str) -> None:
    assert find_picture(Token(url), {}) == url


@pytest.mark.parametrize(
    ("token", "variables", "what", "advice"),
    [
        (Token("boot.jpg"), {}, "IMAGE 'boot.jpg' was not found.", "Did you mean boat.jpg?"),
        (Token("bota"), {"boat": ARRAY}, "IMAGE 'bota' was not found.", "Did you mean boat?"),
        (Token("xyz"), {}, "IMAGE 'xyz' was not found.", "Give a path, a URL"),
        (
            Token("number"),
            {"number": 3},
            "The variable number cannot be used as IMAGE.",
            "Give a path, a URL",
        ),
    ],
)
def test_not_found(token: Token, variables: dict[str, object], what: str, advice: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_picture(token, variables)
    assert caught.value.what == what
    assert caught.value.advice.startswith(advice)


def test_the_type_of_an_unfitting_variable_is_named() -> None:
    with pytest.raises(UsageError, match="Its type is int"):
        find_picture(Token("number"), {"number": 3})


def test_brush_by_variable() -> None:
    brush = MotionBrush((4, 4))
    assert find_brush("swing", {"swing": brush}) is brush
    with pytest.raises(UsageError, match=r"Did you mean swing\?"):
        find_brush("swong", {"swing": brush})
    with pytest.raises(UsageError, match="Its type is list"):
        find_brush("points", {"points": []})
    with pytest.raises(UsageError, match=r"kn\.MotionBrush"):
        find_brush("pad", {})
