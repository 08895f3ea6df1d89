"""How the fields of a request read where a run is shown."""

from __future__ import annotations

from typing import Any

import pytest

from kling_nb.session.views import readable

SIMPLE = {"horizontal": 0.0, "vertical": 0.0, "pan": 4.0, "tilt": 0.0, "roll": 0.0, "zoom": 0.0}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("camera_control", {"type": "simple", "config": SIMPLE}, "pan=4"),
        ("camera_control", {"type": "forward_up"}, "forward_up"),
        ("camera_control", {"type": "no camera"}, {"type": "no camera"}),
        ("camera_control", 7, 7),
        ("element_list", {"zoom": 5}, {"zoom": 5}),
        ("duration", 5, 5),
    ],
)
def test_a_camera_reads_as_it_is_written_in_a_cell(name: str, value: Any, text: Any) -> None:
    assert readable(name, value) == text
