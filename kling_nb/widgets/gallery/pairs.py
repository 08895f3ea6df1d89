"""Which two clips are shown next in a blind comparison."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Mapping
from itertools import combinations, product

Pair = tuple[str, str]


def schedule(condition_of: Mapping[str, Hashable], votes: int, *, seed: int | None = None) -> list[Pair]:
    """Return pairs of clips of different conditions, every condition and clip about equally often.

    Parameters
    ----------
    condition_of
        Condition of every clip, by run id. Clips of one condition are never compared with each other.
    votes
        At most so many pairs; no two clips meet twice.
    seed
        The same seed gives the same pairs; None is by chance.

    Returns
    -------
    list of (str, str)
        Left and right; who stands where is by chance, because people prefer a side.
    """
    chance = random.Random(seed)  # noqa: S311 - order and sides, no secrets
    clips: dict[Hashable, list[str]] = {}
    for run_id, condition in condition_of.items():
        clips.setdefault(condition, []).append(run_id)
    open_pairs = {
        meeting: list(product(clips[meeting[0]], clips[meeting[1]])) for meeting in combinations(clips, 2)
    }
    met: Counter[Hashable] = Counter()
    seen: Counter[str] = Counter()
    made: list[Pair] = []
    while len(made) < votes and (left := [meeting for meeting, pairs in open_pairs.items() if pairs]):
        meeting = min(left, key=lambda each: (met[each], chance.random()))
        pair = min(open_pairs[meeting], key=lambda each: (seen[each[0]] + seen[each[1]], chance.random()))
        open_pairs[meeting].remove(pair)
        met[meeting] += 1
        seen.update(pair)
        made.append(pair if chance.random() < 0.5 else (pair[1], pair[0]))
    return made
