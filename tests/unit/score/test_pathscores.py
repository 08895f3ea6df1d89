"""Numbers of a measured way whose relation to the asked one is known exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.score.expected import asked_displacement
from kling_nb.score.pathscores import path_scores

STRAIGHT = np.array([[100.0, 100], [220, 180]])
CORNER = np.array([[100.0, 100], [220, 100], [220, 180]])
LOOP = np.array([[100.0, 100], [200, 100], [200, 200], [100, 200], [100, 100]])
SHARES = np.linspace(0, 1, 61)


def scores(path: np.ndarray, measured: np.ndarray, **values: Any) -> dict[str, float | None]:
    settings = {"duration": 5.0, "diagonal": 1000.0, "ends": True, **values}
    return path_scores(path, "arc", SHARES, measured, **settings)


@pytest.mark.parametrize("path", [STRAIGHT, CORNER, LOOP], ids=["straight", "corner", "loop"])
@pytest.mark.parametrize("gain", [0.2, 0.5, 1.0, 1.5])
def test_gain_is_the_share_of_the_way(path: np.ndarray, gain: float) -> None:
    found = scores(path, gain * asked_displacement(path, SHARES))
    assert found["gain"] == pytest.approx(gain)
    assert found["direction"] == pytest.approx(1)
    assert found["lag"] == pytest.approx(0, abs=0.02)
    assert found["end_error_px"] == pytest.approx((abs(1 - gain) * np.hypot(*(path[-1] - path[0]))), abs=1e-9)
    assert (found["path_error_px"] == pytest.approx(0, abs=1e-9)) == (gain == 1)


@pytest.mark.parametrize("path", [STRAIGHT, CORNER, LOOP], ids=["straight", "corner", "loop"])
def test_the_opposite_way_is_negative(path: np.ndarray) -> None:
    found = scores(path, -asked_displacement(path, SHARES))
    assert found["gain"] == pytest.approx(-1)
    assert found["direction"] == pytest.approx(-1)


def test_across_the_asked_way_nothing_asked_has_happened() -> None:
    found = scores(STRAIGHT, asked_displacement(STRAIGHT, SHARES) @ np.array([[0.0, 1], [-1, 0]]))
    assert found["gain"] == pytest.approx(0, abs=1e-9)
    assert found["direction"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("path", [STRAIGHT, LOOP], ids=["straight", "loop"])
def test_noise_of_a_still_object_has_no_direction(path: np.ndarray) -> None:
    found = scores(path, np.random.default_rng(1).normal(0, 0.3, (len(SHARES), 2)))
    assert found["direction"] is None
    assert found["lag"] is None
    assert abs(found["gain"] or 0) < 0.05


def test_a_path_that_asks_to_stay_has_errors_only() -> None:
    stay = np.array([[50.0, 50], [50, 50]])
    found = scores(stay, np.linspace([0, 0], [6, 8], len(SHARES)))
    assert found["end_error_px"] == pytest.approx(10)
    assert found["end_error"] == pytest.approx(1)
    assert (found["gain"], found["direction"], found["lag"]) == (None, None, None)


@pytest.mark.parametrize("path", [STRAIGHT, CORNER, LOOP], ids=["straight", "corner", "loop"])
@pytest.mark.parametrize("seconds", [0.2, 0.7, 1.2])
def test_a_delay_is_read_back(path: np.ndarray, seconds: float) -> None:
    found = scores(path, 0.8 * asked_displacement(path, SHARES - seconds / 5))
    assert found["lag"] == pytest.approx(seconds, abs=0.05)


def test_what_is_done_in_half_the_time_came_early() -> None:
    early = scores(STRAIGHT, asked_displacement(STRAIGHT, np.minimum(1, 2 * SHARES)))
    assert early["lag"] is not None
    # At every share of the way it was ahead by half the time asked for it: a quarter of the clip on average.
    assert early["lag"] == pytest.approx(-1.25, abs=0.3)


def test_a_way_that_no_delay_explains_has_no_lag() -> None:
    wild = np.cumsum(np.random.default_rng(4).normal(0, 12, (len(SHARES), 2)), axis=0)
    assert scores(STRAIGHT, wild)["lag"] is None


def test_an_end_that_was_not_seen_has_no_error() -> None:
    found = path_scores(
        STRAIGHT, "arc", SHARES[:40], asked_displacement(STRAIGHT, SHARES[:40]), duration=5, diagonal=1000,
        ends=False,
    )  # fmt: skip
    assert (found["end_error"], found["end_error_px"]) == (None, None)
    assert found["path_error"] == pytest.approx(0)


@given(st.floats(-2, 2), st.floats(-30, 30), st.floats(-30, 30), st.sampled_from([STRAIGHT, CORNER, LOOP]))
def test_direction_is_a_cosine_and_a_turned_scene_scores_the_same(
    gain: float, dx: float, dy: float, path: np.ndarray
) -> None:
    measured = gain * asked_displacement(path, SHARES) + SHARES[:, None] * [dx, dy]
    found = scores(path, measured)
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    turned = scores(path @ turn, measured @ turn)
    assert found["direction"] is None or -1 - 1e-9 <= found["direction"] <= 1 + 1e-9
    for name in ("path_error", "end_error", "gain", "direction"):
        assert turned[name] == pytest.approx(found[name], abs=1e-6), name
