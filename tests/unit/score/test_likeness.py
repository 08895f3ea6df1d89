"""Likeness of two pictures: the standard definitions, and what shifts and damage do to them."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from kling_nb.score.likeness import MOST_PSNR, found_details, psnr, ssim

CAMERA = np.asarray(data.camera(), np.uint8)


def spoiled(kind: str) -> np.ndarray:
    random = np.random.default_rng(1)
    if kind == "noise":
        return np.clip(CAMERA + random.normal(0, 12, CAMERA.shape), 0, 255).astype(np.uint8)
    if kind == "shift":
        return np.roll(CAMERA, 2, axis=1)
    if kind == "light":
        return np.clip(CAMERA * 0.8 + 20, 0, 255).astype(np.uint8)
    return np.asarray(data.camera()[::-1], np.uint8)


@pytest.mark.parametrize("kind", ["noise", "shift", "light", "upside down"])
def test_ssim_and_psnr_are_the_usual_ones(kind: str) -> None:
    other = spoiled(kind)
    usual = structural_similarity(
        CAMERA, other, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert ssim(CAMERA, other) == pytest.approx(usual, abs=1e-3)
    assert psnr(CAMERA, other) == pytest.approx(peak_signal_noise_ratio(CAMERA, other), abs=0.01)


def test_a_picture_is_like_itself() -> None:
    assert (ssim(CAMERA, CAMERA), psnr(CAMERA, CAMERA)) == (pytest.approx(1), MOST_PSNR)
    assert found_details(CAMERA, CAMERA)[0] == 1


def test_details_are_found_through_a_small_shift_that_ruins_ssim() -> None:
    shifted = np.roll(CAMERA, (3, -3), axis=(0, 1))
    assert ssim(CAMERA, shifted) < 0.6
    assert found_details(CAMERA, shifted)[0] > 0.95


def test_details_of_another_picture_are_not_found() -> None:
    found, count = found_details(CAMERA, spoiled("upside down"))
    assert found is not None
    assert found < 0.3
    assert count > 50


def test_a_flat_picture_has_no_details_to_look_for() -> None:
    flat = np.full((120, 160), 90, np.uint8)
    assert found_details(flat, flat) == (None, 0)
