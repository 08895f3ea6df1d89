"""Rules about masks and paths (``spec/official-api.md`` §5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Final

import numpy as np

from kling_nb.domain.brush import MAX_DYNAMIC_MASKS, DynamicMask, Mask, same_ratio
from kling_nb.domain.coordinates import rnd
from kling_nb.domain.lint.facts import Problems, error, warning
from kling_nb.domain.problems import Problem
from kling_nb.domain.request import VideoRequest
from kling_nb.domain.sweep import swept
from kling_nb.domain.trajectory import MAX_POINTS, MIN_POINTS

_HIDDEN_SHARE: Final = 0.25
"""Of a region's size that may lie behind the static mask on its way: soft edges and small slips."""


def _groups(request: VideoRequest) -> Iterator[tuple[str, str, DynamicMask]]:
    """Yield field, words for people, and group."""
    for index, group in enumerate(request.dynamic_masks):
        words = f"mask {index + 1}" + (f" ({group.label})" if group.label else "")
        yield f"dynamic_masks[{index}]", words, group


def counts(request: VideoRequest) -> Problems:
    """L06: at most six groups, two to 77 distinct points each."""
    number = len(request.dynamic_masks)
    if number > MAX_DYNAMIC_MASKS:
        fix = f"keep at most {MAX_DYNAMIC_MASKS}"
        yield error("L06", "dynamic_masks", f"{number} moving masks", fix, forceable=False)
    for field, words, group in _groups(request):
        sent = len(group.trajectory.wire_points(y_origin=request.y_origin))
        if not MIN_POINTS <= sent <= MAX_POINTS:
            message = f"the path of {words} has {sent} distinct point(s)"
            fix = f"draw {MIN_POINTS} to {MAX_POINTS} points"
            yield error("L06", f"{field}.trajectories", message, fix, forceable=False)


def path_notes(request: VideoRequest) -> Problems:
    """L07, L10, L13, L14: what reading and cleaning the paths brought up."""
    for field, words, group in _groups(request):
        for note in group.trajectory.notes:
            yield replace(note, field=f"{field}.{note.field}", message=f"{words}: {note.message}")


def empty_or_full(request: VideoRequest) -> Problems:
    """L08: a mask that selects nothing or everything."""
    for field, words, group in _groups(request):
        state = _extreme(group.mask)
        if state:
            fix = "draw the moving object" if state == "nothing" else f"{_FULL_FIX} or draw the object only"
            yield error("L08", f"{field}.mask", f"{words} selects {state}", fix)
    if request.static_mask is not None:
        state = _extreme(request.static_mask)
        if state:
            fix = "draw what shall stay still" if state == "nothing" else _FULL_FIX
            yield warning("L08", "static_mask", f"the static mask selects {state}", fix)


_FULL_FIX: Final = "invert the mask (white = selected; a picture with an alpha channel is read by its alpha)"


def _extreme(mask: Mask) -> str:
    if mask.runs is None:
        return ""
    return "nothing" if mask.runs.is_empty else "everything" if mask.runs.is_full else ""


def start_inside(request: VideoRequest) -> Problems:
    """L09: a path should start on what it moves."""
    for field, words, group in _groups(request):
        mask = group.mask
        path = group.trajectory
        if mask.runs is None or mask.size != path.size or mask.runs.is_empty or not len(path.pixels):
            continue
        column, row = np.clip(rnd(path.pixels[0]), 0, np.array(path.size) - 1).tolist()
        if not mask.runs.contains(column, row):
            message = f"the path of {words} starts at ({column}, {row}), outside its mask"
            yield warning("L09", f"{field}.trajectories", message, "move the first point into the mask")


def overlaps(request: VideoRequest) -> Problems:
    """L11: which of two overlapping masks wins is undocumented."""
    named = [(words, group.mask) for _, words, group in _groups(request)]
    if request.static_mask is not None:
        named.append(("the static mask", request.static_mask))
    for (one, first), (other, second) in combinations(named, 2):
        if first.runs is None or second.runs is None or first.size != second.size:
            continue
        shared = (first.runs & second.runs).count
        if shared:
            message = f"{one} and {other} overlap in {shared} px; which one wins is undocumented"
            yield warning("L11", "dynamic_masks", message, "erase the overlap in one of them")


def blocked(request: VideoRequest) -> Problems:
    """L11: a region that moves into what stays still disappears behind it, as far as anybody knows."""
    still = request.static_mask
    if still is None or still.runs is None:
        return
    for field, words, group in _groups(request):
        runs = group.mask.runs
        if runs is None or runs.is_empty or not group.mask.size == still.size == group.trajectory.size:
            continue
        hidden = (swept(runs, group.trajectory.pixels) & still.runs & ~runs).count / runs.count
        if hidden > _HIDDEN_SHARE:
            message = f"the path of {words} leads into the static mask, which is drawn over what moves"
            fix = "erase the static mask along the path, or freeze the rest anew"
            yield warning("L11", f"{field}.trajectories", message, fix)


def sizes(request: VideoRequest) -> Problems:
    """L12: masks must have the picture's ratio, paths its pixels."""
    size = None if request.image is None else request.image.size
    if size is None:
        return
    picture = f"the picture {size[0]}x{size[1]}"
    masks = [(f"{field}.mask", words, group.mask) for field, words, group in _groups(request)]
    if request.static_mask is not None:
        masks.append(("static_mask", "the static mask", request.static_mask))
    for field, words, mask in masks:
        if mask.size is not None and not same_ratio(mask.size, size):
            message = f"{words} is {mask.size[0]}x{mask.size[1]}, {picture}: the ratios differ"
            yield error("L12", field, message, "redraw or crop the mask to the picture", forceable=False)
    for field, words, group in _groups(request):
        drawn = group.trajectory.size
        if drawn != size:
            message = f"the path of {words} was drawn on {drawn[0]}x{drawn[1]}, {picture}"
            fix = f"draw it on the picture that is sent, size=({size[0]}, {size[1]})"
            yield error("L12", f"{field}.trajectories", message, fix, forceable=False)


_RULES: Final = (counts, path_notes, empty_or_full, start_inside, overlaps, blocked, sizes)


def findings(request: VideoRequest) -> list[Problem]:
    """Return what L06 to L14 say about the masks and paths of a request, wherever it goes."""
    return [problem for rule in _RULES for problem in rule(request)]
