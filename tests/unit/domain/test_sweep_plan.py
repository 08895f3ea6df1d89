"""Combinations of a sweep: all of them, once each, and balanced wherever one stops."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.domain.sweep_plan import MOST_CELLS, balanced, combine, split, vary
from kling_nb.domain.sweep_until import COUNTED, read_rule
from kling_nb.errors import UsageError

SIZES = st.lists(st.integers(1, 6), min_size=0, max_size=4)


@given(SIZES)
def test_every_combination_comes_once(sizes: list[int]) -> None:
    assert sorted(balanced(sizes)) == sorted(product(*(range(size) for size in sizes)))


@given(SIZES)
def test_wherever_it_stops_each_value_was_used_equally_often_give_or_take_one(sizes: list[int]) -> None:
    counts = [Counter(dict.fromkeys(range(size), 0)) for size in sizes]
    for levels in balanced(sizes):
        for count, level in zip(counts, levels, strict=True):
            count[level] += 1
            assert max(count.values()) - min(count.values()) <= 1


AXES = st.dictionaries(
    st.sampled_from(["cfg_scale", "mode", "what", "duration"]),
    st.lists(st.integers(0, 50), min_size=1, max_size=5, unique=True),
    max_size=4,
)


@given(AXES, st.integers(1, 400), st.integers(0, 99))
def test_a_sample_is_a_part_of_the_grid_and_the_seed_repeats_it(
    values: dict[str, list[int]], sample: int, seed: int
) -> None:
    axes, _ = split(values)
    grid = {json.dumps(cell.variables) for cell in combine(axes)}
    drawn = [json.dumps(cell.variables) for cell in combine(axes, sample=sample, seed=seed)]
    assert len(grid) == math.prod(map(len, values.values()))
    assert len(drawn) == len(set(drawn)) == min(sample, len(grid))
    assert set(drawn) <= grid
    assert drawn == [json.dumps(cell.variables) for cell in combine(axes, sample=sample, seed=seed)]


@given(st.integers(1, 5), st.integers(1, 4))
def test_zipped_axes_vary_together(length: int, other: int) -> None:
    axes, _ = split({"model": list(range(length)), "mode": list(range(length)), "what": list(range(other))})
    cells = combine(axes, ("model", "mode"))
    assert all(cell.values["model_name"] == cell.values["mode"] for cell in cells)
    assert len(cells) == length * other


def test_lists_vary_and_everything_else_stays() -> None:
    shots = [{"prompt": "a"}, {"prompt": "b"}]
    picture = np.zeros((4, 4, 3))
    axes, fixed = split(
        {
            "cfg": np.linspace(0, 1, 3),
            "mode": ("std", "pro"),
            "duration": range(5, 7),
            "prompt": "a boat",
            "image": picture,
            "multi_prompt": shots,
        }
    )
    assert [(axis.name, axis.values) for axis in axes] == [
        ("cfg_scale", (0.0, 0.5, 1.0)),
        ("mode", ("std", "pro")),
        ("duration", (5, 6)),
    ]
    assert fixed["prompt"] == "a boat"
    assert fixed["image"] is picture
    assert fixed["multi_prompt"] is shots


def test_vary_tries_lists_as_values_and_names_objects() -> None:
    axes, _ = split({"multi_prompt": vary([[{"prompt": "a"}], [{"prompt": "b"}]])})
    assert len(axes[0].values) == 2
    axes, _ = split({"brush": vary({"calm": object(), "wild": object()})})
    assert axes[0].labels == ("calm", "wild")


def test_labels_are_plain_json_and_tell_values_apart() -> None:
    pictures = [np.zeros((2, 2)), np.ones((2, 2)), Path("boat.jpg"), 0.5, "0.5", "a", "a"]
    axes, _ = split({"image": vary(pictures)})
    labels = json.loads(json.dumps(axes[0].labels))
    assert labels[:4] == ["image 1", "image 2", "boat.jpg", 0.5]
    assert len({repr(label) for label in labels}) == len(pictures)


REFUSED: list[tuple[dict[str, Any], Any, str]] = [
    ({"mode": []}, (), "mode has no value"),
    ({"model": ["a"], "model_name": ["b"]}, (), "model_name is given twice"),
    ({"mode": ["std"]}, ("mode", "model"), "zip names model_name, which does not vary"),
    ({"mode": ["std", "pro"], "cfg_scale": [1]}, ("mode", "cfg"), "cannot vary together"),
    ({"mode": ["a"], "what": ["b"]}, [("mode", "what"), ("mode", "what")], "zip names mode, what twice"),
    ({"a": list(range(200)), "b": list(range(200))}, (), "40000 combinations"),
]


@pytest.mark.parametrize(("params", "groups", "what"), REFUSED)
def test_what_cannot_be_combined_is_refused(params: dict[str, Any], groups: Any, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        combine(split(params)[0], groups)


def test_a_sample_of_a_huge_grid_is_drawn_without_making_the_grid() -> None:
    axes, _ = split({name: list(range(1000)) for name in "abcdefgh"})
    assert len(combine(axes, sample=MOST_CELLS, seed=1)) == MOST_CELLS


FACTS: dict[str, float | None] = dict.fromkeys(COUNTED, 0.0)


@pytest.mark.parametrize(
    ("text", "facts", "holds"),
    [
        ("kept >= 3", {"kept": 3}, True),
        ("kept > 3", {"kept": 3}, False),
        ("rating >= 4 or spent >= 20", {"spent": 20.5}, True),
        ("rating >= 4 and kept >= 1", {"rating": 5}, False),
        ("done>=2 and failed==1 or kept >= 9", {"done": 2, "failed": 1}, True),
        ("kept <= 3", {"kept": 3}, True),
        ("gain >= 0.9", {"gain": 0.95}, True),
        ("gain >= 0.9", {"gain": None}, False),
        ("leak < 4", {"leak": None}, False),
        ("path_error < 1 and kept >= 1", {"path_error": 0.5, "kept": 1}, True),
        ("path_error < 1 and kept >= 1", {"path_error": 0.5}, False),
        ("direction > -0.5", {"direction": 0.0}, True),
        ("lag <= 0.25 or leak < 2", {"lag": 0.5, "leak": 1.0}, True),
    ],
)
def test_stop_rules(text: str, facts: dict[str, float | None], holds: bool) -> None:
    assert read_rule(text)({**FACTS, **facts}) is holds


@pytest.mark.parametrize(
    "text", ["", "kept", "kept >= three", "kept =< 3", "import os", "kpet >= 3", "kept >= 3 or", "motion > 1"]
)
def test_stop_rules_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_rule(text)
    assert "until=" in caught.value.what
    assert caught.value.advice


def test_a_rule_tells_which_scores_it_asks_for() -> None:
    assert read_rule("kept >= 3 or spent > 20").scores == set()
    assert read_rule("gain >= 0.9 and kept >= 1 or path_error < 1").scores == {"gain", "path_error"}


@pytest.mark.parametrize(
    ("text", "told"),
    [("gian >= 0.9", "mean gain"), ("camera_shift < 1", "camera_direction"), ("kept >= x", "gain >= 0.9")],
)
def test_a_refused_rule_names_what_could_be_meant(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_rule(text)
    assert told in caught.value.advice


def test_a_refused_rule_says_whose_score_counts() -> None:
    with pytest.raises(UsageError) as caught:
        read_rule("quality > 3")
    assert "the best clip's scores: path_error" in caught.value.why
    assert "clips that stand still do not count" in caught.value.why
