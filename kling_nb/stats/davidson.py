"""The model behind a ranking: Bradley–Terry with ties, conditions and clips, fitted by Newton's method.

A clip's strength is that of its condition plus a part of its own: Kling has no seed, so ten votes on one pair
of clips say much about the clips and little about the prompts. Ties follow Davidson (1970, J. Am. Stat.
Assoc. 65:317). Normal priors keep strengths finite when one side wins always, and join what was never
compared. All utilities are linear in the parameters, so the posterior has one peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CONDITION_SDS: Final = (0.5, 1.5)
"""How far conditions may lie apart; each is tried, and weighted by how well it explains the votes."""

CLIP_SDS: Final = (0.3, 1.0)
"""The same for clips of one condition."""

_TIE_MEAN: Final = float(np.log(0.5))
"""Equals tie one time in five, before any vote was seen …"""

_TIE_SD: Final = 1.0
"""… give or take."""

_ROUNDS: Final = 60


@dataclass(frozen=True, slots=True)
class Fit:
    """Posterior as a mixture of normal distributions, one for each pair of prior spreads.

    Parameters
    ----------
    weights
        (K,) of the mixture.
    modes
        (K, P): strengths of the conditions, parts of the clips, logarithm of the tie parameter.
    precisions
        (K, P, P).
    """

    weights: Floats
    modes: Floats
    precisions: Floats

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Draw parameters.

        Parameters
        ----------
        count
            How many.
        rng
            Source of randomness.

        Returns
        -------
        array (count, P)
        """
        shares = rng.multinomial(count, self.weights)
        parts = []
        for share, mode, precision in zip(shares, self.modes, self.precisions, strict=True):
            lower = np.linalg.cholesky(precision)
            normal = rng.standard_normal((len(mode), share))
            parts.append(mode + np.linalg.solve(lower.T, normal).T)
        return np.concatenate(parts)


def design(pairs: npt.NDArray[np.intp], condition_of: npt.NDArray[np.intp], conditions: int) -> Floats:
    """Return the utilities' coefficients.

    Parameters
    ----------
    pairs
        (M, 2) numbers of the compared clips.
    condition_of
        (C,) condition of each clip.
    conditions
        How many there are.

    Returns
    -------
    array (M, 3, conditions + C + 1)
        For "left wins", "right wins", "tie".
    """
    clips = len(condition_of)
    coefficients = np.zeros((len(pairs), 3, conditions + clips + 1))
    rows = np.arange(len(pairs))
    for side in (0, 1):
        clip = pairs[:, side]
        coefficients[rows, side, condition_of[clip]] = 1.0
        coefficients[rows, side, conditions + clip] = 1.0
    coefficients[:, 2] = (coefficients[:, 0] + coefficients[:, 1]) / 2
    coefficients[:, 2, -1] = 1.0
    return coefficients


def fit(coefficients: Floats, counts: Floats, conditions: int) -> Fit:
    """Find the posterior's peaks and their widths.

    Parameters
    ----------
    coefficients
        (M, 3, P) of :func:`design`.
    counts
        (M, 3) votes: left, right, tie.
    conditions
        How many of the parameters are strengths of conditions.
    """
    size = coefficients.shape[2]
    grid = [(wide, narrow) for wide in CONDITION_SDS for narrow in CLIP_SDS]
    weight = np.empty((len(grid), size))
    for row, (wide, narrow) in zip(weight, grid, strict=True):
        row[:conditions], row[conditions:-1], row[-1] = wide**-2, narrow**-2, _TIE_SD**-2
    centre = np.zeros(size)
    centre[-1] = _TIE_MEAN
    modes = np.tile(centre, (len(grid), 1))
    for _ in range(_ROUNDS):
        slope, curve = _derivatives(coefficients, counts, modes, weight, centre)
        step = np.linalg.solve(curve, slope[..., None])[..., 0]
        # One peak, but far from it Newton's step may overshoot.
        modes = modes + step / np.maximum(1.0, np.abs(step).max(axis=1, keepdims=True))
        if np.abs(step).max() < 1e-8:
            break
    _, curve = _derivatives(coefficients, counts, modes, weight, centre)
    evidence = _posterior(coefficients, counts, modes, weight, centre) - np.linalg.slogdet(curve)[1] / 2
    shares = np.exp(evidence - evidence.max())
    return Fit(shares / shares.sum(), modes, curve)


def _chances(coefficients: Floats, modes: Floats) -> Floats:
    utility = np.einsum("mop,kp->kmo", coefficients, modes)
    chances = np.exp(utility - utility.max(axis=2, keepdims=True))
    share: Floats = chances / chances.sum(axis=2, keepdims=True)
    return share


def _derivatives(
    coefficients: Floats, counts: Floats, modes: Floats, weight: Floats, centre: Floats
) -> tuple[Floats, Floats]:
    """Return the slope of the log posterior and minus its second derivative."""
    chances = _chances(coefficients, modes)
    votes = counts.sum(axis=1)
    slope = np.einsum("kmo,mop->kp", counts - votes[:, None] * chances, coefficients)
    mean = np.einsum("kmo,mop->kmp", chances, coefficients)
    flat = coefficients.reshape(-1, coefficients.shape[2])
    curve = np.empty((*modes.shape, modes.shape[1]))
    for k, (share, middle) in enumerate(zip(chances, mean, strict=True)):
        curve[k] = (flat.T * (votes[:, None] * share).ravel()) @ flat - (middle.T * votes) @ middle
    diagonal = np.arange(modes.shape[1])
    curve[:, diagonal, diagonal] += weight
    return slope - weight * (modes - centre), curve


def _posterior(coefficients: Floats, counts: Floats, modes: Floats, weight: Floats, centre: Floats) -> Floats:
    chances = _chances(coefficients, modes)
    told = (counts * np.log(np.maximum(chances, 1e-300))).sum(axis=(1, 2))
    prior = (np.log(weight) - weight * (modes - centre) ** 2).sum(axis=1) / 2
    total: Floats = told + prior
    return total
