"""Masks by official-api §5.5: alpha or luminance at 128, out as 8-bit RGB PNG of hard black and white."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kling_nb import media
from kling_nb.errors import MediaError


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_mask_at_a_url_is_refused() -> None:
    with pytest.raises(MediaError) as caught:
        media.load_mask("https://example.org/mask.png")
    assert len(caught.value.lines()) == 3


def test_a_broken_mask_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(png(np.zeros((9, 9), np.uint8))[:-20])
    with pytest.raises(MediaError, match="broken"):
        media.load_mask(path)


@pytest.mark.parametrize(("value", "selected"), [(0, False), (127, False), (128, True), (255, True)])
def test_luminance_threshold(value: int, selected: bool) -> None:
    assert media.load_mask(png(np.full((4, 6, 3), value, np.uint8))).tolist() == [[selected] * 6] * 4


@pytest.mark.parametrize(("alpha", "selected"), [(0, False), (127, False), (128, True), (255, True)])
def test_alpha_decides_where_there_is_alpha_whatever_the_colour(alpha: int, selected: bool) -> None:
    for colour in (0, 255):
        rgba = np.full((3, 5, 4), colour, np.uint8)
        rgba[:, :, 3] = alpha
        assert (media.load_mask(rgba) == selected).all()
        assert (media.load_mask(png(rgba)) == selected).all()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_arrays_of_zeros_and_ones_are_selections(dtype: type) -> None:
    truth = np.eye(7) > 0
    assert np.array_equal(media.load_mask(truth.astype(dtype)), truth)


def test_gray_levels_in_arrays() -> None:
    assert media.load_mask(np.array([[0, 127, 128, 255]], np.uint8)).tolist() == [[False, False, True, True]]


def test_an_empty_selection_stays_empty() -> None:
    assert not media.load_mask(np.zeros((5, 5), np.uint8)).any()
    assert not media.load_mask(np.zeros((5, 5), float)).any()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 10_000), st.sampled_from([0.02, 0.5, 0.98]))
def test_written_masks_are_rgb_png_of_exact_black_and_white(w: int, h: int, seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((h, w)) < share
    image = Image.open(io.BytesIO(media.mask_to_png(mask)))
    image.load()
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (w, h))
    assert np.array_equal(np.asarray(image), np.repeat(mask[:, :, None], 3, axis=2) * np.uint8(255))
    assert np.array_equal(media.load_mask(media.mask_to_png(mask)), mask)


def test_scaling_takes_the_nearest_pixel() -> None:
    mask = np.array([[True, False], [False, True]])
    big = media.load_mask(media.mask_to_png(mask, (6, 4)))
    assert big.shape == (4, 6)
    assert np.array_equal(big, np.kron(mask, np.ones((2, 3))) > 0)


def test_no_header_trace_of_alpha_and_eight_bits() -> None:
    data = media.mask_to_png(np.ones((3, 3), bool))
    assert data[24:26] == bytes([8, 2])


def test_a_usual_stroke_is_small() -> None:
    ys, xs = np.mgrid[0:720, 0:1280]
    stroke = np.hypot(xs - 600, (ys - 300) * 1.5) < 200
    assert len(media.mask_to_png(stroke)) < 30_000
