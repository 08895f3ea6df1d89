"""A brush for every model: as masks and paths, as an end frame, or in words; which way, and why.

No model that the official hosts still serve takes masks (``spec/capabilities.md`` §5). The drawing still
helps there: objects moved to the end of their paths make an end frame, and the paths can be said in words.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from kling_nb.domain import capabilities
from kling_nb.domain.capabilities import Feature, Grid
from kling_nb.domain.lint import brush as rules
from kling_nb.domain.nearest import closest
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.words import Names, describe, join_prompt
from kling_nb.session.brushes import brush_of

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.domain.images import ImageRef
    from kling_nb.domain.request import VideoRequest
    from kling_nb.providers.base import Provider

    EndFrame = Callable[[VideoRequest], ImageRef | None]

Way = Literal["native", "endframe", "words"]

WAYS: Final[tuple[Way, ...]] = get_args(Way)
"""In the order in which ``auto`` tries them."""

AUTO: Final = "auto"

WAY, WAY_REASON, WAY_ASKED = "brush_way", "brush_way_reason", "brush_way_asked"
OWN_PROMPT, NAMES = "own_prompt", "brush_names"
"""Keys in ``options`` of a run."""

_RULE: Final = "L26"
_BRUSH_FIELDS: Final = ("dynamic_masks", "static_mask", "image_tail", "sound")
"""Fields that findings about the brush and its end frame are filed under."""

_STILL: Final = 0.01
"""Share of the diagonal by which an object must end elsewhere for an end frame to show it."""

_UNKNOWN: Final = Grid(())
"""A door without a table: the service alone knows."""

_LEAST_SIDE: Final = 16
"""Pixels of a side below which nothing can be rendered."""

_DRAWING_RULES: Final = ("L08", "L09", "L11", "L12", "L14")
"""Rules about a drawing that hold whatever becomes of it; the others are about masks and points as sent."""

_RIVALS: Final = ("image_tail", "camera_control")
"""Fields that cannot stand beside masks (L02)."""

_LABELS: Final[dict[Way, str]] = {
    "native": "the brush is sent as masks and paths",
    "endframe": "the brush is sent as an end frame",
    "words": "the brush is put into words",
}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a way cannot be gone.

    Parameters
    ----------
    text
        For people, without a full stop.
    forceable
        Whether only the service would refuse it: then it can be sent all the same.
    """

    text: str
    forceable: bool = False


@dataclass(frozen=True, slots=True)
class BrushWay:
    """A brush made fit for the model.

    Parameters
    ----------
    request
        As it is sent.
    drawn
        The same request with the brush in it.
    way
        ``native``, ``endframe`` or ``words``.
    asked
        What the person asked for; ``auto`` when nothing.
    reason
        One sentence: which way and why.
    names
        What the person calls the moving objects.
    problems
        What is wrong with the way, if anything.
    obstacles
        Why each of the other ways cannot be gone, by its name; those that can are not in it.
    """

    request: VideoRequest
    drawn: VideoRequest
    way: Way
    asked: str
    reason: str
    names: Names = None
    problems: tuple[Problem, ...] = ()
    obstacles: Mapping[str, str] = field(default_factory=dict)

    def identity(self, provider: str) -> str:
        """Return the digest that two requests share when they ask the same, the same way.

        An end frame counts by the drawing it was made from, not by its pixels: a better renderer does not
        make it another request.
        """
        if self.way == "native":
            return self.request.identity(provider)
        meant = self.drawn if self.way == "endframe" else self.request
        text = json.dumps([self.way, meant.identity(provider)])
        return hashlib.sha256(text.encode()).hexdigest()

    def findings(self) -> list[Problem]:
        """Return what there is to say about the way, and about the drawing where it is not sent itself."""
        said = [Problem(_RULE, Severity.INFO, "way", self.reason)] if self.reason else []
        if self.way == "native":
            return [*self.problems, *said]
        drawing = [problem for problem in rules.findings(self.drawn) if problem.id in _DRAWING_RULES]
        return [*self.problems, *said, *drawing]

    def overrules(self, problem: Problem) -> bool:
        """Whether a finding only repeats that a way is impossible, or misses the brush (L40)."""
        if problem.id == "L40":
            return True
        refused = any(own.blocks for own in self.problems)
        return refused and problem.id in ("L01", "L02", "L26") and problem.field in _BRUSH_FIELDS

    def options(self) -> dict[str, Any]:
        """Return what the log keeps beside the request."""
        kept: dict[str, Any] = {WAY: self.way, WAY_REASON: self.reason, WAY_ASKED: self.asked}
        if self.way == "words":
            kept[OWN_PROMPT] = self.drawn.prompt
            if self.names is not None:
                kept[NAMES] = dict(self.names) if isinstance(self.names, Mapping) else list(self.names)
        return kept


def choose_way(
    request: VideoRequest,
    dialect: Provider,
    *,
    asked: str | None = None,
    free: Collection[str] = (),
    names: Names = None,
    draft: bool = False,
    uploader: bool = False,
) -> BrushWay | None:
    """Choose how the brush of a request reaches the model, and bring the request into that form.

    Parameters
    ----------
    request
        With the brush in it.
    dialect
        Where it goes; its door decides what models take and which are still served.
    asked
        ``auto`` (also None), ``native``, ``endframe`` or ``words``.
    free
        Those of ``model_name`` and ``mode`` that the person left open.
    names
        What the moving objects are called in words; see :func:`kling_nb.domain.words.describe`.
    draft
        For looking only, not for sending: the start frame stands for an end frame, which is slow to render.
    uploader
        Whether something puts an end frame made here at a public address, for doors that take addresses only.

    Returns
    -------
    BrushWay or None
        None without a brush.
    """
    if not request.has_brush:
        return None
    if uploader and not dialect.door.local_images:
        dialect = _with_uploads(dialect)
    chosen = _choose(request, dialect, asked, free, names, end_frame=_start_again if draft else _rendered)
    hurdles = {way: _in_the_way(way, request, dialect, free) for way in WAYS}
    return replace(chosen, names=names, obstacles={way: text for way, text in hurdles.items() if text})


def _with_uploads(dialect: Provider) -> Provider:
    """Return the dialect as if it took local pictures: they will have an address when they are sent."""
    plain: Any = dialect
    found: Provider = replace(plain, door=replace(dialect.door, local_images=True))
    return found


def _choose(
    request: VideoRequest,
    dialect: Provider,
    asked: str | None,
    free: Collection[str],
    names: Names,
    *,
    end_frame: EndFrame,
) -> BrushWay:
    asked = AUTO if asked is None else str(asked).strip().lower().replace("_", "").replace("-", "")
    if asked != AUTO and asked not in WAYS:
        return BrushWay(request, request, "native", asked, "", problems=(_unknown(asked),))
    tried: tuple[Way, ...] = WAYS if asked == AUTO else tuple(way for way in WAYS if way == asked)
    found = _first_possible(request, dialect, tried, free)
    if found is not None:
        way, drawn = found
        return _applied(
            way, drawn, asked, _why(way, drawn, request, asked, dialect.door), names, end_frame=end_frame
        )
    if asked == AUTO:
        # Nothing fits: the request stays as drawn, and the linter says why it cannot be sent.
        return BrushWay(request, request, "native", asked, "the brush is sent as it is: no way fits")
    return _refused(request, dialect, tried[0], free, names, end_frame=end_frame)


def _unknown(asked: str) -> Problem:
    close = closest(asked, (AUTO, *WAYS))
    guess = f"did you mean {close}? " if close else ""
    fix = f"{guess}known: {', '.join((AUTO, *WAYS))}"
    return Problem("L24", Severity.ERROR, "way", f"way={asked!r} is not known", fix, forceable=False)


# --- what is possible ---------------------------------------------------------------------------------------


def _first_possible(
    request: VideoRequest, dialect: Provider, ways: Collection[Way], free: Collection[str]
) -> tuple[Way, VideoRequest] | None:
    """Return the first way that fits with the models still served, else with any model."""
    for served_only in (True, False):
        for way in ways:
            for variant in _variants(request, dialect.door, way, free):
                gone = served_only and _is_retired(variant, dialect)
                if not gone and obstacle(way, variant, dialect.door) is None:
                    return way, variant
    return None


def _is_retired(request: VideoRequest, dialect: Provider) -> bool:
    return capabilities.status(request.model_name, dialect.name, dated=dialect.door.retires).retired


def _in_the_way(way: Way, request: VideoRequest, dialect: Provider, free: Collection[str]) -> str:
    """Return why a way cannot be gone, empty when it can."""
    rival = next((name for name in _RIVALS if getattr(request, name) is not None), None)
    if way == "native" and rival is not None:
        return f"masks and {rival} exclude each other"
    if _first_possible(request, dialect, (way,), free) is not None:
        return ""
    hurdle = obstacle(way, request, dialect.door)
    return "" if hurdle is None else hurdle.text


def _variants(request: VideoRequest, door: Door, way: Way, free: Collection[str]) -> Iterator[VideoRequest]:
    """Yield the request with the values that the person left open filled in, the likeliest first."""
    pairs = [(request.model_name, request.mode)]
    if "model_name" in free:
        usual = door.default("image2video")
        ordinary = (usual.model, usual.mode if "mode" in free else request.mode)
        pairs = [*pairs, ordinary] if way == "native" else [ordinary, *pairs]
    for model, mode in dict.fromkeys(pairs):
        cheap = [other for other in ("std", "pro") if other in _grid(door).modes(model)]
        for each in dict.fromkeys([mode, *(cheap if "mode" in free else [])]):
            yield request.model_copy(update={"model_name": model, "mode": each})


def obstacle(way: Way, request: VideoRequest, door: Door) -> Obstacle | None:
    """Return what stands in a way, None when it can be gone; whether the model is served is not asked.

    Parameters
    ----------
    way
        The way.
    request
        With the brush in it.
    door
        Where it would go.
    """
    return _OBSTACLES[way](request, door)


def _grid(door: Door) -> Grid:
    return door.grids.get("image2video", _UNKNOWN)


def _native(request: VideoRequest, door: Door) -> Obstacle | None:
    if not door.brush:
        return Obstacle(f"{door.title} has no fields for masks")
    if request.model_name in door.unproven_brush:
        return Obstacle(f"whether masks do anything on {request.model_name} is unverified", forceable=True)
    if _known(request, door) and not _grid(door).supports(*_cell(request), Feature.BRUSH):
        return Obstacle(f"{_name(request)} takes no masks", forceable=True)
    return None


def _endframe(request: VideoRequest, door: Door) -> Obstacle | None:
    for text, there in (
        (
            f"{door.title} takes pictures by address only, and an end frame is made here",
            not door.local_images,
        ),
        ("there is no start frame", request.image is None),
        ("the picture is an address, and an end frame is made of pixels", _is_address(request)),
        ("the picture is too small", _is_tiny(request)),
        ("image_tail is given already", request.image_tail is not None),
        ("camera control and an end frame exclude each other", request.camera_control is not None),
        ("nothing moves: there is only a static mask", not request.dynamic_masks),
        ("a mask is an address, and an end frame is made of pixels", _has_mask_address(request)),
        ("every path ends where it begins, which an end frame cannot show", not _moves(request)),
    ):
        if there:
            return Obstacle(text)
    known, grid, cell = _known(request, door), _grid(door), _cell(request)
    if known and not grid.supports(*cell, Feature.START_END):
        return Obstacle(f"{_name(request)} takes no end frame", forceable=True)
    silent = Feature.AUDIO not in request.features
    if known and not silent and not grid.supports(*cell, Feature.START_END, Feature.AUDIO):
        return Obstacle(f"{_name(request)} takes an end frame only without sound", forceable=True)
    return None


def _words(request: VideoRequest, _door: Door) -> Obstacle | None:
    if request.multi_shot and request.shot_type == "customize":
        return Obstacle('the prompt is not used with shot_type="customize"')
    still = request.static_mask
    if not request.dynamic_masks and still is not None and still.array is not None and not still.array.any():
        return Obstacle("the brush is empty")
    return None


_OBSTACLES: Final[dict[Way, Callable[[VideoRequest, Door], Obstacle | None]]] = {
    "native": _native,
    "endframe": _endframe,
    "words": _words,
}


def _known(request: VideoRequest, door: Door) -> bool:
    """Whether the table speaks of the model at all."""
    return request.model_name in _grid(door).models


def _cell(request: VideoRequest) -> tuple[str, str | None, int]:
    return request.model_name, request.mode, request.duration


def _name(request: VideoRequest) -> str:
    parts = (request.model_name, request.sent_mode, f"{request.duration} s")
    return " ".join(part for part in parts if part)


def _is_address(request: VideoRequest) -> bool:
    return request.image is not None and request.image.data is None


def _is_tiny(request: VideoRequest) -> bool:
    size = None if request.image is None else request.image.size
    return size is not None and min(size) < _LEAST_SIDE


def _has_mask_address(request: VideoRequest) -> bool:
    masks = [group.mask for group in request.dynamic_masks]
    masks += [request.static_mask] if request.static_mask is not None else []
    return any(mask.array is None for mask in masks)


def _shifts(request: VideoRequest) -> list[float]:
    """How far from its start each path ends, as a share of the picture's diagonal."""
    return [
        float(np.hypot(*(group.trajectory.pixels[-1] - group.trajectory.pixels[0])))
        / math.hypot(*group.trajectory.size)
        for group in request.dynamic_masks
    ]


def _moves(request: VideoRequest) -> bool:
    return any(shift >= _STILL for shift in _shifts(request))


# --- doing it -----------------------------------------------------------------------------------------------


def _applied(
    way: Way, drawn: VideoRequest, asked: str, reason: str, names: Names, *, end_frame: EndFrame
) -> BrushWay:
    """Bring a request into the form of a way."""
    if way == "native":
        return BrushWay(drawn, drawn, way, asked, reason)
    bare = {"dynamic_masks": (), "static_mask": None}
    if way == "words":
        text = describe(brush_of(drawn), names, duration=drawn.duration)
        sent = drawn.model_copy(update={**bare, "prompt": join_prompt(drawn.prompt, text)})
        return BrushWay(sent, drawn, way, asked, reason)
    sent = drawn.model_copy(update={**bare, "image_tail": end_frame(drawn)})
    return BrushWay(sent, drawn, way, asked, reason, problems=tuple(_unshown(drawn)))


def _rendered(drawn: VideoRequest) -> ImageRef | None:
    from kling_nb.session.endframes import end_frame_of  # noqa: PLC0415 - renders; the other ways need none of it

    return end_frame_of(drawn)


def _start_again(drawn: VideoRequest) -> ImageRef | None:
    """Stand in for the end frame: a picture of the same size."""
    return drawn.image


def _unshown(drawn: VideoRequest) -> Iterator[Problem]:
    """Warn about paths that end where they begin: the end frame shows nothing of them."""
    for number, (group, shift) in enumerate(zip(drawn.dynamic_masks, _shifts(drawn), strict=True), 1):
        if shift < _STILL:
            what = f"mask {number}" + (f" ({group.label})" if group.label else "")
            message = f"the path of {what} ends where it begins: the end frame does not show its motion"
            yield Problem(_RULE, Severity.WARNING, "way", message, 'way="words" describes it')


def _why(way: Way, drawn: VideoRequest, request: VideoRequest, asked: str, door: Door) -> str:
    """Say which way it is and why."""
    name = _name(drawn)
    if asked != AUTO:
        reason = f"{_LABELS[way]}, as asked ({name})"
    elif way == "native":
        reason = f"{_LABELS[way]}: {name} takes them" if _known(drawn, door) else _LABELS[way]
    elif way == "endframe":
        reason = f"{_LABELS[way]}: {name} takes no masks, but an end frame"
    else:
        hurdle = obstacle("endframe", drawn, door)
        also = "" if hurdle is None or hurdle.forceable else f" ({hurdle.text})"
        neither = "takes neither masks nor an end frame" if not also else "takes no masks"
        reason = f"{_LABELS[way]}: {name} {neither}{also}"
    if way == "endframe":
        reason += "; it shows where things end, not the way there"
    if drawn.mode != request.mode and drawn.model_name == request.model_name:
        reason += f"; mode {drawn.mode} because {request.mode} does not take it"
    return reason


def _refused(
    request: VideoRequest,
    dialect: Provider,
    way: Way,
    free: Collection[str],
    names: Names,
    *,
    end_frame: EndFrame,
) -> BrushWay:
    """Say that the way asked for is impossible, and which ones are not."""
    hurdle = obstacle(way, request, dialect.door)
    assert hurdle is not None
    others = [w for w in WAYS if w != way and not _in_the_way(w, request, dialect, free)]
    fix = f'possible here: {", ".join(others)}; way="auto" chooses' if others else "leave out the brush"
    message = f'way="{way}" is not possible: {hurdle.text}'
    problem = Problem(_RULE, Severity.ERROR, "way", message, fix, hurdle.forceable)
    made = BrushWay(request, request, "native", way, "")
    if hurdle.forceable:
        made = _applied(way, request, way, f"{_LABELS[way]}, forced", names, end_frame=end_frame)
    return replace(made, problems=(*made.problems, problem))
