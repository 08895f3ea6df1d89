"""Undo takes back exactly what was done, whatever was done."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_nb.domain import shapes
from kling_nb.errors import InputError
from kling_nb.widgets.pad.model import PadModel, PadState

SIZE = (64, 48)
SPOT = st.tuples(st.floats(-10, 80), st.floats(-10, 60))
LINE = st.lists(SPOT, min_size=1, max_size=6)
LAYER = st.sampled_from(["mask-1", "mask-2", "mask-3", "static"])
MASK = st.integers(0, 9).map(lambda seed: np.random.default_rng(seed).random((48, 64)) < 0.4)

Action = Callable[[PadModel], object]


def call(
    name: str, *arguments: st.SearchStrategy[object], **words: st.SearchStrategy[object]
) -> st.SearchStrategy[Action]:
    """A method of the model with drawn arguments."""
    return st.tuples(st.tuples(*arguments), st.fixed_dictionaries(words)).map(
        lambda given_: lambda pad: getattr(pad, name)(*given_[0], **given_[1])
    )


ACTIONS = st.one_of(
    call(
        "stroke",
        st.sampled_from(
            [
                "brush",
                "eraser",
                "rectangle",
                "ellipse",
                "lasso",
                "path_click",
                "path_freehand",
                "edit",
                "hand",
            ]
        ),
        LINE,
        layer=LAYER,
        take_away=st.booleans(),
        radius=st.floats(1, 20),
    ),
    call("paint", st.just(shapes.circle((20, 20), 9)), layer=LAYER, erase=st.booleans()),
    call("replace_mask", MASK, layer=LAYER),
    call("snap", LAYER),
    call("invert", LAYER),
    call("clear_mask", LAYER),
    call("freeze_rest"),
    call("set_path", LINE, layer=LAYER),
    call("add_point", SPOT, layer=LAYER),
    call("insert_point", st.integers(0, 4), SPOT, layer=LAYER),
    call("move_point", st.integers(0, 4), SPOT, layer=LAYER),
    call("delete_point", st.integers(0, 4), layer=LAYER),
    call("delete_point"),
    call("clear_path", LAYER),
    call("smooth", layer=LAYER),
    call("set_ease", st.sampled_from(["none", "in", "out", "in-out"]), layer=LAYER),
    call("preset", st.sampled_from(["line", "arc", "circle", "sway"]), layer=LAYER),
    call("copy_path", LAYER, layer=LAYER),
    call("add_layer", st.sampled_from(["", "boat"])),
    call("remove_layer", LAYER),
    call("rename", st.sampled_from(["", "bird", "  two  words "]), layer=LAYER),
    call("show", st.booleans(), layer=LAYER),
    call("choose", layer=LAYER),
    call("clear"),
)


def snapped(bits: np.ndarray) -> np.ndarray:
    return np.roll(bits, 2, axis=1)


@settings(deadline=None, max_examples=250)
@given(st.lists(ACTIONS, max_size=25))
def test_undo_and_redo_walk_through_the_same_drawings(actions: list[Action]) -> None:
    pad = PadModel(size=SIZE, snap=snapped)
    seen: list[PadState] = [pad.state]
    for action in actions:
        with contextlib.suppress(InputError):
            action(pad)
        if pad.state is not seen[-1]:
            seen.append(pad.state)
    for state in reversed(seen[:-1]):
        assert pad.undo()
        assert pad.state == state
    assert not pad.undo() and pad.undo_title == ""
    for state in seen[1:]:
        assert pad.redo()
        assert pad.state == state
    assert not pad.redo() and pad.redo_title == ""


@settings(deadline=None, max_examples=250)
@given(st.lists(ACTIONS, max_size=25))
def test_whatever_was_done_the_pad_is_whole(actions: list[Action]) -> None:
    """It names its problems, keeps a valid choice, and comes back from a draft as it was."""
    pad = PadModel(size=SIZE, snap=snapped)
    for action in actions:
        before = pad.state
        try:
            action(pad)
        except InputError as refused:
            assert len(refused.lines()) == 3
            assert pad.state is before, "what is refused changes nothing"
    assert pad.state.layer(pad.layer)
    assert pad.point is None or pad.point < len(pad.state.layer(pad.layer).path)
    if any(problem.blocks for problem in pad.problems):
        with pytest.raises(InputError):
            _ = pad.brush
    else:
        brush = pad.brush
        assert [group.mask.runs for group in brush.dynamic_masks] == [
            pad.runs(layer.id) for layer in pad.state.used
        ]
    other = PadModel(size=SIZE)
    other.restore(json.loads(json.dumps(pad.to_json())))
    assert other.state == pad.state
    for layer in (*pad.layers, pad.still):
        assert other.runs(layer.id) == pad.runs(layer.id)


def test_a_new_change_forgets_what_could_be_redone() -> None:
    pad = PadModel(size=SIZE)
    pad.stroke("brush", [(9, 9)], radius=3)
    pad.undo()
    assert pad.redo_title == "brush stroke"
    pad.set_path([(1, 1), (2, 2)])
    assert not pad.redo() and pad.undo_title == "path"


def test_what_changes_nothing_is_no_step() -> None:
    pad = PadModel(size=SIZE)
    assert not pad.clear()
    assert not pad.freeze_rest(False)
    assert not pad.stroke("eraser", [(9, 9)])
    assert not pad.stroke("hand", [(9, 9), (30, 9)])
    assert not pad.stroke("rectangle", [(9, 9), (9.2, 9.1)])
    assert not pad.stroke("path_freehand", [(9, 9)])
    assert not pad.delete_point() and not pad.smooth()
    assert pad.undo_title == ""
