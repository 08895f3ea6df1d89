"""What a clip that is kept costs, the discarded ones included."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kling_nb.stats.rates import Z, success_rate


@dataclass(frozen=True, slots=True)
class CostPerKept:
    """Cost of a kept clip.

    Parameters
    ----------
    estimate
        Total cost by number of kept clips; infinite when none was kept, NaN without clips.
    low, high
        95 % interval; ``high`` is infinite when none was kept.
    kept, clips
        Counts.
    """

    estimate: float
    low: float
    high: float
    kept: int
    clips: int


def cost_per_kept(costs: Sequence[float], kept: int) -> CostPerKept:
    """Return the cost of a kept clip with its interval.

    Mean cost by share of kept clips, their two intervals joined on the logarithmic scale (Zou & Donner 2008,
    Stat. Med. 27:1693).

    Parameters
    ----------
    costs
        What each decided clip has cost.
    kept
        How many of them were kept.
    """
    given = np.asarray(costs, dtype=float)
    clips = len(given)
    share = success_rate(kept, clips)
    mean = float(given.mean()) if clips else math.nan
    if not clips or mean == 0:
        return CostPerKept(mean, mean, mean, kept, clips)
    wobble = Z * float(given.std(ddof=1)) / mean / math.sqrt(clips) if clips > 1 else 0.0
    if not kept:
        return CostPerKept(math.inf, mean * math.exp(-wobble) / share.high, math.inf, 0, clips)
    estimate = mean / share.share
    below = math.hypot(math.log(share.high / share.share), wobble)
    above = math.hypot(math.log(share.share / share.low), wobble)
    return CostPerKept(estimate, estimate * math.exp(-below), estimate * math.exp(above), kept, clips)
