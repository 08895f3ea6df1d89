"""Intervals against known truths: they hold as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kling_nb.stats import (
    Spread,
    common_spread,
    compare_means,
    compare_rates,
    cost_per_kept,
    mean_interval,
    repeats_needed,
    spread_of,
    success_rate,
)
from kling_nb.stats.tdist import t_cdf, t_quantile

SHAPES = {
    "middling": (0.02, 0.08, 0.25, 0.35, 0.22, 0.08),
    "good": (0.0, 0.02, 0.08, 0.2, 0.4, 0.3),
    "nearly all perfect": (0.0, 0.02, 0.03, 0.05, 0.2, 0.7),
    "mostly useless": (0.5, 0.25, 0.13, 0.07, 0.03, 0.02),
    "all over the scale": (0.15, 0.17, 0.18, 0.18, 0.17, 0.15),
    "hit or miss": (0.35, 0.1, 0.05, 0.05, 0.15, 0.3),
    "much the same": (0.0, 0.0, 0.1, 0.75, 0.15, 0.0),
}
"""Chance of each rating from 0 to 5."""

SIZES = [(2, 2), (2, 3), (3, 3), (2, 6), (5, 5), (3, 10), (10, 10), (5, 30), (30, 30)]
SCALE = np.arange(6)


def mean_of(shape: str) -> float:
    return float(np.dot(SHAPES[shape], SCALE))


def sd_of(shape: str) -> float:
    return math.sqrt(float(np.dot(SHAPES[shape], (SCALE - mean_of(shape)) ** 2)))


def rated(shape: str, repeats: int, times: int, rng: np.random.Generator) -> list[Spread]:
    ratings = rng.choice(6, p=SHAPES[shape], size=(times, repeats))
    return [spread_of(row) for row in ratings]


def coverage(a: str, b: str, sizes: tuple[int, int], times: int, rng: np.random.Generator) -> float:
    truth = mean_of(b) - mean_of(a)
    groups = zip(rated(a, sizes[0], times, rng), rated(b, sizes[1], times, rng), strict=True)
    found = [compare_means(left, right, bounds=(0, 5)) for left, right in groups]
    return sum(each.low <= truth + 1e-9 and truth <= each.high + 1e-9 for each in found) / times


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_intervals_of_a_difference_cover_the_truth_as_often_as_they_say(sizes: tuple[int, int]) -> None:
    """2 000 comparisons over all pairs of shapes."""
    rng = np.random.default_rng(11)
    pairs = [(a, b) for a in SHAPES for b in SHAPES]
    held = [coverage(a, b, sizes, 41, rng) for a, b in pairs]
    assert len(pairs) * 41 > 2000
    assert 0.93 <= np.mean(held) <= 0.97


@pytest.mark.drill
@pytest.mark.parametrize("shape", [name for name in SHAPES if name not in ("hit or miss", "much the same")])
@pytest.mark.parametrize("sizes", [(10, 10), (30, 30)], ids=str)
def test_with_ten_repeats_they_hold_for_each_shape(shape: str, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(12)
    others = [coverage(shape, other, sizes, 300, rng) for other in SHAPES]
    assert 0.925 <= np.mean(others) <= 0.985


@pytest.mark.parametrize("repeats", [2, 3, 5, 10, 30])
def test_intervals_of_one_mean_cover_it_too(repeats: int) -> None:
    rng = np.random.default_rng(17)
    held = []
    for shape in SHAPES:
        for group in rated(shape, repeats, 300, rng):
            low, high = mean_interval(group, bounds=(0, 5))
            held.append(low <= mean_of(shape) <= high)
    assert 0.93 <= np.mean(held) <= 0.98


def test_two_repeats_that_happen_to_agree_prove_nothing() -> None:
    same = compare_means(spread_of([4, 4]), spread_of([5, 5]), bounds=(0, 5))
    assert not same.told_apart
    assert same.low < 0 < same.high


def test_one_clip_of_each_proves_nothing_however_far_apart() -> None:
    extreme = compare_means(spread_of([0]), spread_of([5]), bounds=(0, 5))
    assert not extreme.told_apart
    assert extreme.high == 5, "no rating goes further"


def test_nothing_rated_leaves_everything_open() -> None:
    unknown = compare_means(spread_of([]), spread_of([3, 4]), bounds=(0, 5))
    assert math.isnan(unknown.estimate)
    assert (unknown.low, unknown.high, unknown.told_apart) == (-5, 5, False)


def test_missing_ratings_do_not_count() -> None:
    assert spread_of([4.0, math.nan, 2.0]) == spread_of([4.0, 2.0]) == Spread(2, 3.0, math.sqrt(2))


@pytest.mark.parametrize(
    ("p", "df", "value"),
    [
        (0.975, 1, 12.7062),
        (0.975, 2.5, 3.5747),
        (0.975, 10, 2.2281),
        (0.975, 1e6, 1.95996),
        (0.05, 4, -2.1318),
    ],
)
def test_students_t_is_that_of_the_tables(p: float, df: float, value: float) -> None:
    assert t_quantile(p, df) == pytest.approx(value, abs=1e-4)
    assert t_cdf(value, df) == pytest.approx(p, abs=1e-5)


# --- how many more ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b"), [("middling", "good"), ("mostly useless", "middling"), ("good", "nearly all perfect"),
                 ("all over the scale", "good")],
)  # fmt: skip
def test_the_advised_number_of_repeats_tells_a_from_b(a: str, b: str) -> None:
    rng = np.random.default_rng(13)
    advised = repeats_needed(Spread(10**6, mean_of(a), sd_of(a)), Spread(10**6, mean_of(b), sd_of(b)))
    assert advised is not None
    times = 1000
    groups = zip(rated(a, advised, times, rng), rated(b, advised, times, rng), strict=True)
    apart = np.mean([compare_means(x, y, bounds=(0, 5)).told_apart for x, y in groups])
    assert apart >= 0.8
    assert apart < 0.93, "more are asked for than are needed"


@pytest.mark.parametrize(("a", "b"), [("middling", "good"), ("mostly useless", "middling")])
def test_advice_after_five_repeats_holds_too_although_the_difference_is_only_guessed(a: str, b: str) -> None:
    rng = np.random.default_rng(16)
    apart = []
    while len(apart) < 300:
        left, right = (rng.choice(6, p=SHAPES[shape], size=500) for shape in (a, b))
        first = [spread_of(ratings[:5]) for ratings in (left, right)]
        advised = repeats_needed(*first)
        if advised is None or compare_means(*first, bounds=(0, 5)).told_apart:
            continue
        more = [spread_of(ratings[: max(5, advised)]) for ratings in (left, right)]
        apart.append(compare_means(*more, bounds=(0, 5)).told_apart)
    assert np.mean(apart) >= 0.8


def test_groups_that_are_equal_are_never_told_apart() -> None:
    assert repeats_needed(spread_of([3, 4, 3]), spread_of([3, 4, 3])) is None
    assert repeats_needed(spread_of([]), spread_of([3, 4, 3])) is None


def test_a_larger_difference_needs_fewer_repeats() -> None:
    needed = [repeats_needed(Spread(5, 2.0, 1.0), Spread(5, 2.0 + by, 1.0)) for by in (0.25, 0.5, 1.0, 2.0)]
    assert all(number is not None for number in needed)
    assert needed == sorted(needed, key=lambda number: -(number or 0))
    assert len(set(needed)) == len(needed)


# --- shares and costs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (9, 10, 0.5958, 0.9821), (1, 1, 0.2065, 1.0)]
)
def test_success_rates_carry_wilsons_interval(k: int, n: int, low: float, high: float) -> None:
    rate = success_rate(k, n)
    assert (rate.low, rate.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_no_trials_say_nothing_and_impossible_counts_are_refused() -> None:
    nothing = success_rate(0, 0)
    assert (nothing.low, nothing.high, str(nothing)) == (0.0, 1.0, "none yet")
    with pytest.raises(ValueError, match="3 successes in 2 trials"):
        success_rate(3, 2)


@pytest.mark.parametrize("sizes", [(3, 3), (5, 20), (20, 20)], ids=str)
def test_differences_of_shares_cover_the_truth(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(14)
    held = []
    for _ in range(2000):
        a, b = rng.uniform(0.05, 0.95, 2)
        found = compare_rates(rng.binomial(sizes[0], a), sizes[0], rng.binomial(sizes[1], b), sizes[1])
        held.append(found.low <= b - a <= found.high)
    # With three trials there are sixteen outcomes in all, so no interval can be right on the dot.
    assert 0.93 <= np.mean(held) <= (0.98 if sizes == (3, 3) else 0.97)


def test_the_cost_of_a_kept_clip_covers_the_truth() -> None:
    rng = np.random.default_rng(15)
    for clips in (5, 20, 60):
        held = []
        for _ in range(2000):
            share, spread = rng.uniform(0.15, 0.85), rng.uniform(0.0, 0.3)
            costs = 3.5 * rng.lognormal(-(spread**2) / 2, spread, clips)
            found = cost_per_kept(costs, int(rng.binomial(clips, share)))
            held.append(found.low <= 3.5 / share <= found.high)
        assert 0.93 <= np.mean(held) <= 0.97, clips


def test_where_nothing_was_kept_a_kept_clip_costs_at_least_something() -> None:
    nothing = cost_per_kept([3.5, 3.5, 3.5], 0)
    assert (nothing.estimate, nothing.high) == (math.inf, math.inf)
    assert 3.5 < nothing.low < 10.5
    assert math.isnan(cost_per_kept([], 0).estimate)


def test_the_spread_to_expect_is_that_within_groups() -> None:
    assert common_spread([spread_of([10, 12]), spread_of([100, 102, 104])]) == pytest.approx(
        math.sqrt(10 / 3)
    )
    assert common_spread([spread_of([1]), spread_of([9])]) is None
