"""The pad as its user knows it: tools, masks, paths, refusals, files."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kling_nb as kn
from kling_nb.domain import shapes
from kling_nb.domain.runs import Runs
from kling_nb.errors import InputError, RequestRefused
from kling_nb.widgets.pad.model import Hit, PadModel

SIZE = (640, 360)


@pytest.fixture
def pad() -> PadModel:
    return PadModel(size=SIZE, display=(640, 360))


def ids(pad: PadModel) -> set[tuple[str, str]]:
    """Rules and layers of the findings."""
    return {(finding.problem.id, finding.layer) for finding in pad.findings}


def painted(pad: PadModel) -> PadModel:
    """A pad with one mask and its path."""
    pad.stroke("rectangle", [(100, 100), (200, 160)])
    pad.stroke("path_freehand", [(150, 130), (300, 90), (500, 120)])
    return pad


# Refusals


def test_a_seventh_mask_is_refused_and_nothing_is_lost(pad: PadModel) -> None:
    for _ in range(5):
        pad.add_layer()
    painted(pad)
    before = pad.state
    with pytest.raises(InputError, match="6 masks already") as refused:
        pad.add_layer()
    assert len(refused.value.lines()) == 3
    assert pad.state is before and len(pad.layers) == 6


def test_a_path_for_what_stays_still_is_refused(pad: PadModel) -> None:
    pad.choose(layer="static")
    for points in ([(1, 1)], [(1, 1), (90, 9)]):
        with pytest.raises(InputError, match="no path"):
            pad.stroke("path_click" if len(points) == 1 else "path_freehand", points)


@pytest.mark.parametrize(
    "act",
    [
        lambda pad: pad.choose(tool="crayon"),
        lambda pad: pad.choose(layer="mask-9"),
        lambda pad: pad.stroke("crayon", [(1, 1)]),
        lambda pad: pad.stroke("brush", []),
        lambda pad: pad.stroke("brush", [(np.nan, 1)]),
        lambda pad: pad.stroke("brush", [(1, 1)], layer="mask-9"),
        lambda pad: pad.set_path([(np.inf, 1), (2, 2)]),
        lambda pad: pad.move_point(7, (1, 1)),
        lambda pad: pad.preset("zigzag"),
        lambda pad: pad.set_ease("bounce"),
        lambda pad: pad.snap(),
        lambda pad: pad.replace_mask(np.ones((9, 9), dtype=bool)),
        lambda pad: pad.restore({"format": "other"}),
        lambda pad: pad.restore(pad.to_json() | {"version": 99}),
        lambda pad: pad.restore(pad.to_json() | {"size": [9, 9]}),
        lambda pad: pad.restore(pad.to_json() | {"layers": [{}]}),
        lambda pad: pad.restore(pad.to_json() | {"layers": []}),
        lambda pad: pad.restore(pad.to_json() | {"still": None}),
        lambda pad: pad.load_brush(kn.MotionBrush(size=(99, 99)).static(np.ones((99, 99), dtype=bool))),
        lambda pad: pad.load_brush(kn.MotionBrush(size=SIZE).static("https://example.com/m.png")),
    ],
)
def test_what_cannot_be_done_says_so_in_three_lines_and_changes_nothing(pad: PadModel, act: Any) -> None:
    painted(pad)
    pad.clear_mask()
    before = pad.state
    with pytest.raises(InputError) as refused:
        act(pad)
    assert len(refused.value.lines()) == 3
    assert pad.state is before


def test_an_unfinished_drawing_is_named_and_not_sent(pad: PadModel) -> None:
    assert pad.findings == () and pad.brush.dynamic_masks == ()
    pad.stroke("brush", [(100, 100)], radius=30)
    assert ids(pad) == {("L06", "mask-1")}
    pad.stroke("path_click", [(100, 100)])
    assert ids(pad) == {("L06", "mask-1")}
    assert "1 distinct point" in pad.problems[0].message
    with pytest.raises(RequestRefused, match="L06"):
        _ = pad.brush
    pad.stroke("path_click", [(200, 100)])
    assert pad.findings == ()
    assert len(pad.brush.dynamic_masks) == 1


def test_what_the_linter_says_stands_beside_its_mask(pad: PadModel) -> None:
    painted(pad)
    pad.add_layer("bird")
    pad.set_path([(400, 50), (900, 60)])
    assert ids(pad) == {("L08", "mask-2"), ("L10", "mask-2")}
    assert "(bird)" in pad.problems[0].message
    pad.stroke("rectangle", [(150, 120), (260, 300)])
    assert ids(pad) == {("L09", "mask-2"), ("L10", "mask-2"), ("L11", "")}
    pad.stroke("brush", [(20, 20)], layer="static", radius=900)
    assert ("L08", "static") in ids(pad)
    pad.freeze_rest()
    assert ("L08", "static") not in ids(pad)


def test_a_loaded_brush_of_seven_masks_is_shown_and_named(pad: PadModel) -> None:
    brush = kn.MotionBrush(size=SIZE)
    for number in range(7):
        brush = brush.dynamic(shapes.circle((50 + 80 * number, 50), 20), [(50 + 80 * number, 50), (300, 300)])
    pad.load_brush(brush)
    assert len(pad.layers) == 7
    assert ("L06", "") in ids(pad)
    pad.remove_layer("mask-7")
    assert ("L06", "") not in ids(pad)


# Tools


def test_brush_and_eraser(pad: PadModel) -> None:
    pad.choose(tool="brush", radius=20)
    pad.stroke(pad.tool, [(100, 100), (200, 100)])
    assert pad.runs("mask-1").count == pytest.approx(100 * 40 + np.pi * 400, rel=0.03)
    pad.stroke("eraser", [(150, 100)], radius=10)
    assert not pad.runs("mask-1").contains(150, 100)
    assert pad.runs("mask-1").contains(150, 115)


def test_a_pen_paints_broader_where_it_presses(pad: PadModel) -> None:
    pad.stroke("brush", [(100, 100), (300, 100)], radius=20, pressures=[0.25, 1])
    column = [sum(pad.runs("mask-1").contains(x, y) for y in range(360)) for x in (110, 290)]
    assert column[0] < 16 < 36 < column[1]


@pytest.mark.parametrize(("tool", "share"), [("rectangle", 1.0), ("ellipse", np.pi / 4), ("lasso", 0.5)])
def test_areas_are_added_and_with_alt_taken_away(pad: PadModel, tool: str, share: float) -> None:
    corners = [(100, 100), (200, 100), (200, 180)] if tool == "lasso" else [(100, 100), (200, 180)]
    pad.stroke(tool, corners)
    assert pad.runs("mask-1").count == pytest.approx(8000 * share, rel=0.02)
    pad.stroke(tool, corners, take_away=True)
    # The border of an ellipse belongs to it both times.
    assert pad.runs("mask-1").is_empty


def test_paths_by_clicks_and_by_hand(pad: PadModel) -> None:
    for point in [(10, 10), (50, 60), (90, 10.257)]:
        pad.stroke("path_click", [point])
    assert pad.layers[0].path == ((10, 10), (50, 60), (90, 10.26))
    x = np.linspace(0, 600, 400)
    curve = np.stack([x, 180 + 100 * np.sin(x / 90)], axis=1)
    pad.stroke("path_freehand", curve)
    path = np.array(pad.layers[0].path)
    assert len(path) < 150, "points that tell nothing are left out"
    along = np.interp(x, path[:, 0], path[:, 1])
    assert np.abs(along - curve[:, 1]).max() < 1


def test_points_are_dragged_inserted_and_deleted(pad: PadModel) -> None:
    pad.set_path([(100, 100), (200, 100), (300, 100)])
    pad.stroke("edit", [(205, 108), (220, 150)])
    assert pad.layers[0].path[1] == (220, 150) and pad.point == 1
    pad.stroke("edit", [(160, 128)])
    assert pad.layers[0].path[1] == (160, 128) and len(pad.layers[0].path) == 4
    pad.delete_point()
    assert pad.layers[0].path == ((100, 100), (220, 150), (300, 100))
    pad.stroke("edit", [(300, 104)])
    assert pad.point == 2 and len(pad.layers[0].path) == 3, "a click on a point chooses it"
    pad.delete_point()
    pad.delete_point()
    pad.delete_point()
    assert pad.layers[0].path == ()


def test_hits_are_generous_on_any_zoom(pad: PadModel) -> None:
    pad.set_path([(100, 100), (300, 100)])
    assert pad.hit((108, 108)) == Hit("point", 0, "mask-1")
    assert pad.hit((200, 110)) == Hit("segment", 1, "mask-1")
    assert pad.hit((200, 130)).kind == "none"
    for _ in range(4):
        pad.zoom_in()
    assert pad.hit((108, 108)).kind == "none", "the reach is the hand's, in display pixels"


def test_a_click_on_a_mask_chooses_it(pad: PadModel) -> None:
    painted(pad)
    pad.add_layer()
    assert pad.layer == "mask-2"
    pad.stroke("edit", [(120, 110)])
    assert pad.layer == "mask-1"


def test_snapping_calls_what_it_was_given_and_is_undone() -> None:
    rough: list[np.ndarray] = []

    def snap(bits: np.ndarray) -> np.ndarray:
        rough.append(bits)
        better = np.zeros_like(bits)
        better[50:60, 50:60] = True
        return better

    pad = PadModel(size=SIZE, snap=snap)
    pad.stroke("brush", [(55, 55)], radius=20)
    before = pad.runs("mask-1")
    pad.snap()
    assert np.array_equal(rough[0], before.bits())
    assert pad.runs("mask-1").count == 100 and pad.undo_title == "snap to edges"
    pad.undo()
    assert pad.runs("mask-1") == before


def test_freezing_the_rest_follows_what_is_painted_later(pad: PadModel) -> None:
    painted(pad)
    pad.freeze_rest()
    pad.stroke("brush", [(400, 300)], radius=20)
    assert (pad.runs("static") & pad.runs("mask-1")).is_empty
    still = pad.brush.static_mask
    assert still is not None and still.runs == pad.runs("static")
    assert (~pad.runs("static")).contains(400, 300), "what was painted later is free too"
    end = pad.state.layer("mask-1").path[-1]
    assert not pad.runs("static").contains(*(round(value) for value in end)), "and so is the way"
    pad.stroke("brush", [(20, 20)], layer="static", radius=5)
    assert not pad.state.freeze_rest and pad.runs("static").count < 100


def test_a_path_is_copied_to_another_mask_where_that_is(pad: PadModel) -> None:
    painted(pad)
    pad.set_ease("in")
    other = pad.add_layer()
    pad.stroke("rectangle", [(100, 200), (200, 260)])
    pad.copy_path(other, layer="mask-1")
    assert np.array(pad.layers[1].path) == pytest.approx(np.array(pad.layers[0].path) + np.array([0, 100]))
    assert pad.layers[1].ease == "in"


@pytest.mark.parametrize("name", ["line", "arc", "circle", "sway"])
@pytest.mark.parametrize("x", [80, 600])
def test_ready_made_paths_begin_in_the_mask_and_stay_in_the_picture(pad: PadModel, name: str, x: int) -> None:
    pad.stroke("brush", [(x, 180)], radius=30)
    pad.preset(name)
    path = np.array(pad.layers[0].path)
    assert path[0] == pytest.approx((x, 180), abs=1)
    assert path.min() >= 0 and np.all(path <= [639, 359])
    assert pad.findings == ()


def test_smoothing_keeps_the_ends(pad: PadModel) -> None:
    pad.set_path([(n * 10, 100 + (n % 2) * 8) for n in range(40)])
    ends = pad.layers[0].path[0], pad.layers[0].path[-1]
    assert pad.smooth()
    path = pad.layers[0].path
    assert (path[0], path[-1]) == ends and len(path) < 40


# Layers


def test_colours_stay_with_their_masks(pad: PadModel) -> None:
    for _ in range(5):
        pad.add_layer()
    colors = {layer.id: layer.color for layer in pad.layers}
    assert len(set(colors.values())) == 6
    pad.remove_layer("mask-2")
    assert all(colors[layer.id] == layer.color for layer in pad.layers)
    assert pad.add_layer() == "mask-2"


def test_the_choice_survives_the_removal_of_its_mask(pad: PadModel) -> None:
    pad.add_layer()
    pad.remove_layer()
    assert pad.layer == "mask-1"
    pad.undo()
    assert [layer.id for layer in pad.layers] == ["mask-1", "mask-2"]
    pad.remove_layer("mask-1")
    pad.remove_layer("mask-2")
    assert [layer.is_blank for layer in pad.layers] == [True]


def test_hidden_masks_are_sent_all_the_same(pad: PadModel) -> None:
    painted(pad).show(False)
    assert not pad.layers[0].visible
    assert len(pad.brush.dynamic_masks) == 1


def test_names_are_those_of_the_user_or_of_the_colour(pad: PadModel) -> None:
    assert (pad.layers[0].name, pad.layers[0].label) == ("orange", "")
    painted(pad).rename("  red   boat ")
    assert pad.brush.dynamic_masks[0].label == "red boat"


# Brushes, drafts, events


def test_the_brush_is_what_was_drawn() -> None:
    picture = Image.new("RGB", SIZE, (9, 9, 9))
    pad = painted(PadModel(picture))
    assert pad.image is not None and pad.brush.image == pad.image
    group = pad.brush.dynamic_masks[0]
    assert group.mask.runs == shapes.rectangle(100, 100, 200, 160).runs(SIZE)
    assert group.trajectory.to_wire() == [{"x": 150, "y": 229}, {"x": 300, "y": 269}, {"x": 500, "y": 239}]


def test_ease_reaches_the_wire_as_density(pad: PadModel) -> None:
    painted(pad).set_ease("in")
    sent = pad.brush.dynamic_masks[0].trajectory.pixels
    steps = np.hypot(*np.diff(sent, axis=0).T)
    assert len(sent) == 30 and steps[0] < steps[-1] / 5
    assert ("L07", "mask-1") in ids(pad), "the hint is labelled"


def test_shown_code_rebuilds_the_brush_byte_for_byte(pad: PadModel) -> None:
    painted(pad)
    pad.rename("boat")
    pad.stroke("eraser", [(120, 120), (130, 133.333)], radius=7.7)
    pad.add_layer()
    pad.stroke("lasso", [(300, 200), (400, 220), (350, 300)])
    pad.replace_mask(pad.runs("mask-2").bits())
    pad.stroke("path_click", [(350, 250)])
    pad.stroke("path_click", [(380.126, 250)])
    pad.freeze_rest()
    names: dict[str, Any] = {}
    exec(pad.to_python(), names)
    assert names["brush"] == pad.brush
    assert names["brush"].to_json() == pad.brush.to_json()


def test_a_brush_loaded_and_sent_again_is_the_same(pad: PadModel) -> None:
    noise = np.random.default_rng(0).random((360, 640)) < 0.01
    brush = (
        kn.MotionBrush(size=SIZE)
        .dynamic(shapes.circle((50, 50), 20), [(50, 50), (300, 60), (600, 350)], label="ball")
        .dynamic(noise, [(5, 5), (100, 50)], units="wire")
        .static(shapes.stroke([(1, 300), (600, 305)], 9))
    )
    pad.load_brush(brush)
    again = pad.brush
    assert [g.mask for g in again.dynamic_masks] == [g.mask for g in brush.dynamic_masks]
    assert [g.trajectory.to_wire() for g in again.dynamic_masks] == [
        g.trajectory.to_wire() for g in brush.dynamic_masks
    ]
    assert again.static_mask == brush.static_mask
    pad.undo()
    assert pad.is_blank


def test_a_brush_of_another_picture_is_brought_over_when_told_how(pad: PadModel) -> None:
    brush = kn.MotionBrush(size=(300, 300)).dynamic(shapes.circle((150, 150), 40), [(150, 150), (200, 150)])
    with pytest.raises(RequestRefused, match="ratios differ"):
        pad.load_brush(brush)
    pad.load_brush(brush, fit="contain")
    x, y = pad.runs("mask-1").centroid or (0, 0)
    assert (x, y) == pytest.approx((320, 180), abs=1)


def test_a_draft_begins_the_history(pad: PadModel) -> None:
    painted(pad)
    other = PadModel(size=SIZE)
    other.restore(pad.to_json(), forget=True)
    assert other.state == pad.state and other.undo_title == ""


def test_listeners_are_told_what_changed(pad: PadModel) -> None:
    told: list[str] = []
    stop = pad.on_change(told.append)
    pad.stroke("brush", [(9, 9)])
    pad.choose(tool="eraser")
    pad.choose(tool="eraser")
    pad.zoom_in()
    pad.undo()
    assert told == ["drawing", "choice", "view", "drawing"]
    stop()
    stop()
    pad.redo()
    assert len(told) == 4


def test_a_failing_listener_loses_nothing(pad: PadModel) -> None:
    told: list[str] = []

    def fail(_change: str) -> None:
        raise ZeroDivisionError

    pad.on_change(fail)
    pad.on_change(told.append)
    with pytest.raises(ZeroDivisionError):
        pad.stroke("brush", [(9, 9)])
    assert told == ["drawing"]
    assert not pad.runs("mask-1").is_empty


def test_large_pictures_are_never_rasterised_while_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    pad = PadModel(size=(4096, 4096))

    def never(_self: Runs) -> None:
        raise AssertionError("pixels were made")

    monkeypatch.setattr(Runs, "bits", never)
    for number in range(6):
        if number:
            pad.add_layer()
        spot = np.array([400 + 600 * number, 2000])
        pad.stroke("brush", spot + np.array([(0, 0), (50, 300), (100, -700)]), radius=80)
        pad.stroke("eraser", spot + np.array([(20, 20), (60, 60)]), radius=30)
        pad.stroke("path_freehand", spot + np.array([(0, 0), (40, 700)]))
    pad.freeze_rest()
    assert {problem.id for problem in pad.problems} <= {"L09"}
    assert len(pad.brush.dynamic_masks) == 6


def test_the_model_loads_no_widget_library() -> None:
    code = (
        "import sys, kling_nb.widgets.pad.model; "
        "print([name for name in ('ipywidgets', 'ipycanvas', 'anywidget', 'IPython') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
