"""Statistics of a prompt lab: few repeats, ratings from 0 to 5, votes between two clips. numpy only.

Everything here takes numbers and returns numbers; runs, logs and tables belong to the session.
"""

from __future__ import annotations

from kling_nb.stats.costs import CostPerKept, cost_per_kept
from kling_nb.stats.difference import Difference, compare_means, compare_rates, mean_interval
from kling_nb.stats.needed import MOST, repeats_needed
from kling_nb.stats.rates import Rate, success_rate
from kling_nb.stats.spread import RATING_SPREAD, Spread, common_spread, spread_of
from kling_nb.stats.votes import Ranking, Standing, rank

__all__ = [
    "MOST",
    "RATING_SPREAD",
    "CostPerKept",
    "Difference",
    "Ranking",
    "Rate",
    "Spread",
    "Standing",
    "common_spread",
    "compare_means",
    "compare_rates",
    "cost_per_kept",
    "mean_interval",
    "rank",
    "repeats_needed",
    "spread_of",
    "success_rate",
]
