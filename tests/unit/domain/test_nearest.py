"""Suggestions for slips."""

from __future__ import annotations

import pytest

from kling_nb.domain.aliases import unknown_name_fix
from kling_nb.domain.nearest import closest


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("modle", "model"),
        ("durration", "duration"),
        ("NEGATIVE_PROMT", "negative_prompt"),
        ("cfgscale", "cfg_scale"),
        ("imge", "image"),
        ("camera-controll", "camera_control"),
    ],
)
def test_a_slip_finds_the_name_that_was_meant(typed: str, meant: str) -> None:
    assert unknown_name_fix(typed) == f"did you mean {meant!r}?"


def test_nothing_near_suggests_nothing() -> None:
    assert closest("qqqqqq", ["model", "mode"]) is None
