"""PNG files written from runs are what any other program would write and reads."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kling_nb.domain import shapes
from kling_nb.domain.runs import Runs
from kling_nb.media import load_mask, mask_to_png
from kling_nb.media.maskpng import MANY_RUNS, _deflate_runs, runs_to_png


def decoded(data: bytes) -> np.ndarray:
    """Read with Pillow, in strict mode: a wrong checksum would raise."""
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.mode) == ("PNG", "RGB")
    return np.asarray(picture)


@settings(deadline=None, max_examples=80)
@given(
    st.integers(1, 130), st.integers(1, 40), st.integers(0, 9999), st.sampled_from([0, 0.01, 0.3, 0.99, 1])
)
def test_the_stream_of_runs_is_the_filtered_picture(width: int, height: int, seed: int, share: float) -> None:
    bits = np.random.default_rng(seed).random((height, width)) < share
    rows = np.frombuffer(zlib.decompress(_deflate_runs(Runs.from_bits(bits))), dtype=np.uint8)
    rows = rows.reshape(height, 1 + 3 * width)
    assert np.all(rows[:, 0] == 2), "every row is filtered against the row above"
    pixels = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8)
    assert np.array_equal(pixels, np.repeat(bits.view(np.uint8) * np.uint8(255), 3, axis=1))


@pytest.mark.parametrize("width", [1, 85, 86, 87, 171, 172, 173, 1280])
def test_runs_around_the_longest_match(width: int) -> None:
    for shape in (shapes.everything(), shapes.rectangle(0, 1, width / 2, 3), shapes.Composite()):
        runs = shape.runs((width, 5))
        assert np.array_equal(decoded(runs_to_png(runs))[..., 0] > 0, runs.bits())


def test_noise_is_written_too() -> None:
    bits = np.random.default_rng(0).random((200, 300)) < 0.5
    assert len(Runs.from_bits(bits).edges) * MANY_RUNS > bits.size
    assert np.array_equal(load_mask(mask_to_png(bits)), bits)


def test_runs_and_pixels_give_the_same_file() -> None:
    runs = shapes.stroke([(10, 10), (200, 150), (300, 20)], 15).runs((320, 200))
    assert mask_to_png(runs) == mask_to_png(runs.bits())
    assert mask_to_png(runs, (640, 400)) == mask_to_png(runs.bits(), (640, 400))


def test_a_stroke_on_a_large_picture_is_a_small_file() -> None:
    runs = shapes.stroke([(500, 500), (3000, 3500), (3900, 400)], 40).runs((4096, 4096))
    data = runs_to_png(runs)
    assert len(data) < 150_000
    assert np.array_equal(decoded(data)[..., 1] > 0, runs.bits())
