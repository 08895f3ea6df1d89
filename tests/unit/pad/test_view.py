"""One transform between display, picture and wire, exact to half a pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_nb.widgets.pad.view import MAX_ZOOM, ViewTransform

SIDE = st.integers(1, 5000)
SHARE = st.floats(0, 1)


@st.composite
def views(draw: st.DrawFn) -> ViewTransform:
    """Any picture on any display, turned, zoomed and shifted."""
    view = ViewTransform(
        (draw(SIDE), draw(SIDE)),
        (draw(st.floats(50, 4000)), draw(st.floats(50, 4000))),
        orientation=draw(st.integers(1, 8)),
    )
    for _ in range(draw(st.integers(0, 4))):
        at = (draw(SHARE) * view.display[0], draw(SHARE) * view.display[1])
        view = view.zoomed(draw(st.floats(0.3, 4)), at)
        view = view.panned(draw(st.floats(-900, 900)), draw(st.floats(-900, 900)))
    return view


@settings(deadline=None, max_examples=200)
@given(views(), SHARE, SHARE, st.sampled_from(["bottom", "top"]))
def test_display_picture_wire_and_back_is_within_half_a_pixel(
    view: ViewTransform, across: float, down: float, y_origin: str
) -> None:
    width, height = view.size
    # Anywhere on the picture, its outermost border included.
    there = view.to_display([(across * width - 0.5, down * height - 0.5)])
    wire = view.to_wire(there, y_origin)  # type: ignore[arg-type]
    assert np.all(wire >= 0) and np.all(wire <= [width - 1, height - 1])
    back = view.from_wire(wire, y_origin)  # type: ignore[arg-type]
    assert np.abs(back - there).max() <= 0.5 * view.scale + 1e-6
    assert view.to_wire(back, y_origin).tolist() == wire.tolist()  # type: ignore[arg-type]


@settings(deadline=None, max_examples=100)
@given(views(), st.floats(-500, 5000), st.floats(-500, 5000))
def test_display_and_picture_are_inverse_everywhere(view: ViewTransform, x: float, y: float) -> None:
    back = view.to_display(view.to_picture([(x, y)]))[0]
    assert back == pytest.approx((x, y), abs=1e-6 * max(view.scale, 1) * 5000)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_shown_upright(orientation: int) -> None:
    view = ViewTransform((4, 2), (400, 400), orientation=orientation)
    corner = view.to_display([(-0.5, -0.5)])[0].tolist()
    # Where EXIF says that the stored top-left corner lies on the upright picture.
    wide = orientation < 5
    left, right, top, bottom = (0, 400, 100, 300) if wide else (100, 300, 0, 400)
    places = {
        1: (left, top), 2: (right, top), 3: (right, bottom), 4: (left, bottom),
        5: (left, top), 6: (right, top), 7: (right, bottom), 8: (left, bottom),
    }  # fmt: skip
    assert corner == list(places[orientation])
    assert view.shown_size == ((4, 2) if wide else (2, 4))
    along = view.to_display([(0.5, -0.5)])[0] - view.to_display([(-0.5, -0.5)])[0]
    assert (abs(along[0]) > 1) == wide, "stored rows are columns of a picture that lay on its side"


@pytest.mark.parametrize(
    ("size", "display", "point", "sent"),
    [
        ((720, 1280), (360, 640), (180, 320), (360, 639)),
        ((720, 1280), (360, 640), (0, 0), (0, 1279)),
        ((720, 1280), (360, 640), (359.9, 639.9), (719, 0)),
        ((720, 1280), (360, 640), (-6, 25), (0, 1229)),
    ],
)
def test_the_reference_points_of_the_conversion(
    size: tuple[int, int], display: tuple[int, int], point: tuple[float, float], sent: tuple[int, int]
) -> None:
    assert ViewTransform(size, display).to_wire([point])[0].tolist() == list(sent)


def test_the_readout_names_the_pixel_below_the_pointer() -> None:
    view = ViewTransform((100, 50), (1000, 500))
    assert view.readout((0, 0)) == (0, 0, 0, 49, True)
    assert view.readout((9.9, 9.9)) == (0, 0, 0, 49, True)
    assert view.readout((10.1, 0)) == (1, 0, 1, 49, True)
    assert view.readout((999.9, 499.9), "top") == (99, 49, 99, 49, True)
    assert view.readout((1001, 20))[-1] is False


@settings(deadline=None, max_examples=100)
@given(views(), SHARE, SHARE)
def test_zooming_keeps_the_place_below_the_pointer(view: ViewTransform, across: float, down: float) -> None:
    at = view.display[0] / 2, view.display[1] / 2
    closer = view.zoomed(1.5)
    before, after = view.to_picture([at])[0], closer.to_picture([at])[0]
    assert np.abs(before - after).max() < 1e-6 * max(view.size) or closer.zoom == view.zoom
    assert 1 <= closer.zoom <= MAX_ZOOM


@settings(deadline=None, max_examples=100)
@given(views())
def test_no_view_shows_emptiness_where_there_is_picture(view: ViewTransform) -> None:
    width, height = view.size
    corners = view.to_display([(-0.5, -0.5), (width - 0.5, height - 0.5)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    for axis in (0, 1):
        shown = view.display[axis]
        slack = 1e-6 * max(shown, high[axis] - low[axis])
        if high[axis] - low[axis] >= shown:
            assert low[axis] <= slack and high[axis] >= shown - slack
        else:
            assert low[axis] + high[axis] == pytest.approx(shown, abs=slack), "centred"


def test_the_whole_picture_fits_and_zoom_comes_back_to_it() -> None:
    view = ViewTransform((4096, 2048), (800, 600))
    assert view.scale == pytest.approx(800 / 4096)
    moved = view.zoomed(6, (10, 300)).panned(-50, 20)
    assert moved.fitted() == view
    assert moved.zoomed(0.01).to_display([(0, 0)]) == pytest.approx(view.to_display([(0, 0)]))
    assert view.offset == pytest.approx(tuple(view.to_display([(0, 0)])[0]))
