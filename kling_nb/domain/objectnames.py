"""What the painted objects of a clip are called where they stand beside each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def object_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each object, no two the same as long as the labels allow it.

    Parameters
    ----------
    labels
        Names of the masks in order; an empty one becomes "object" with its number, and several that are the
        same are told apart by theirs.
    """
    often = Counter(labels)
    return tuple(
        f"object {number}" if not label else f"{label} ({number})" if often[label] > 1 else label
        for number, label in enumerate(labels, 1)
    )
