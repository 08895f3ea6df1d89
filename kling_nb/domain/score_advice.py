"""What to try next, from the scores of one clip.

Every piece of advice names the number it comes from; a number with little confidence, or none, gives no
advice. The scores are calibrated on clips of the sandbox; how accurate they are on clips of Kling is not
known, and what helps there is a suggestion to try, no promise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kling_nb.domain.objectnames import object_names
from kling_nb.domain.scores import BY_NAME, ObjectScores, Scores

SURE: Final = 0.5
"""Least confidence of a number that advice is given from."""

_MOVED: Final = 0.05
_SHORT, _LONG = 0.8, 1.2
_LATE_S: Final = 0.4
_OFF_PERCENT: Final = 2.0
_LEAK_LEVELS, _LEAK_SSIM = 4.0, 0.93
_DRIFT_PERCENT: Final = 1.0
_UNLIKE_SSIM, _UNLIKE_MATCH = 0.6, 0.3
_ASTRAY: Final = 0.5
_STILL: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Case:
    """The scores with what was asked for."""

    scores: Scores
    way: str | None
    has_static: bool
    has_camera: bool
    asked_objects: int

    def sure(self, name: str) -> float | None:
        """Return a value that can be relied upon."""
        value = self.scores.values.get(name)
        return value if self.scores.confidence.get(name, 1.0) >= SURE else None

    def flagged(self, *flags: str) -> bool:
        return any(flag in self.scores.flags for flag in flags)


def advice_of(
    scores: Scores,
    *,
    way: str | None = None,
    has_static: bool = False,
    has_camera: bool = False,
    asked_objects: int = 0,
) -> tuple[str, ...]:
    """Say what to try next.

    Parameters
    ----------
    scores
        Of one clip.
    way
        How the brush was used: ``native``, ``endframe`` or ``words``; None without one.
    has_static, has_camera
        Whether the request has a static mask, a camera move.
    asked_objects
        Number of painted objects.

    Returns
    -------
    tuple of str
        One or two sentences each, what matters most first; empty when there is nothing to mend.
    """
    case = _Case(scores, way, has_static, has_camera, asked_objects)
    if scores.frames == 1:
        return ("The clip has one frame only: nothing moves in it. Render it again.",)
    frozen = tuple(_frozen(case))
    parts = (
        (*frozen, *_untracked(case), *_still(case), *_ends(case), *_picture(case))
        if frozen
        else (
            *_objects(case),
            *_untracked(case),
            *_still(case),
            *_words(case),
            *_ends(case),
            *_picture(case),
        )
    )
    return tuple(dict.fromkeys(parts))


# --- motion -------------------------------------------------------------------------------------------------


def _frozen(case: _Case) -> Iterator[str]:
    motion = case.sure("motion")
    # A small object hardly shows in the motion of the whole picture: where there are some, the flag counts.
    little = motion is not None and motion < _STILL and case.scores.frames > 1 and not case.asked_objects
    if not case.flagged("frozen") and not little:
        return
    number = "" if motion is None else f" {_shown('motion', motion)}"
    if case.asked_objects or case.has_camera:
        more = (
            "try a higher cfg_scale"
            if case.way == "native" or case.has_camera
            else "say the motion in the prompt's first words"
        )
        yield f"Motion{number}: the clip hardly moves although motion was asked for; {more} or another model."
    else:
        yield f"Motion{number}: the clip hardly moves; say in the prompt what moves, where to and how fast."


def _objects(case: _Case) -> Iterator[str]:
    """About every painted object that was followed, by its name where there are several."""
    objects = case.scores.objects
    if not objects and case.sure("gain") is not None:
        objects = (ObjectScores("", case.scores.values, 1.0),)
    names = object_names([each.label for each in objects])
    followed = [each for each in objects if each.measurable and each.confidence >= SURE]
    for each, name in zip(objects, names, strict=True):
        if each in followed:
            yield from _object(case, each, name if each.label or len(objects) > 1 else "the object")
    if not case.scores.objects:
        return
    if case.way == "words" and any(_went_astray(each) for each in followed):
        yield (
            "The brush was put into words and the objects did not follow it; draw it as an end frame instead "
            "(way endframe) on a model that takes one."
        )


def _went_astray(each: ObjectScores) -> bool:
    gain, direction = _own(each, "gain"), _own(each, "direction")
    return (gain is not None and abs(gain) < _ASTRAY) or (direction is not None and direction < _ASTRAY)


def _object(case: _Case, each: ObjectScores, name: str) -> Iterator[str]:
    gain, direction, lag = (_own(each, key) for key in ("gain", "direction", "lag"))
    end = _own(each, "end_error")
    by_words = case.way == "words"
    if direction is not None and direction <= -_ASTRAY:
        hint = (
            "perhaps the model counts y from the other side: try the path with the other y_origin"
            if case.way == "native" and _is_steep(each)
            else "name the direction in the prompt's first words"
            if by_words
            else "check that the path runs from where the object is to where it should go"
        )
        yield f"Direction {_shown('direction', direction)}: {name} went the opposite way; {hint}."
    elif direction is not None and direction < _ASTRAY:
        yield (
            f"Direction {_shown('direction', direction)}: {name} went another way than asked; "
            "a simpler path, with a prompt that says the same, may help."
        )
    elif gain is not None and abs(gain) < _MOVED:
        more = "" if by_words else "; say the motion in the prompt, too, or paint the whole object"
        yield f"Gain {_shown('gain', gain)}: {name} hardly moved{more}."
    elif gain is not None and gain < _SHORT:
        mend = _lengthen(gain, by_words)
        yield f"Gain {_shown('gain', gain)}: {name} went {_share(gain)}; {mend}."
    elif gain is not None and gain > _LONG:
        mend = "say a shorter way" if by_words else f"make the path {_times(1 / gain)} as long"
        yield f"Gain {_shown('gain', gain)}: {name} went {round(100 * gain)} % of the way; {mend}."
    elif end is not None and end > _OFF_PERCENT:
        yield (
            f"End error {_shown('end_error', end)} of the diagonal: {name} ended beside its path; "
            "a simpler path or an end frame pins the end down."
        )
    if lag is not None and abs(lag) >= _LATE_S and (gain is None or gain >= _ASTRAY):
        when = "late" if lag > 0 else "early"
        mend = (
            "a shorter path or a longer clip gives it time"
            if lag > 0
            else "more points at the path's start slow it down"
        )
        yield f"Lag {_shown('lag', lag)}: {name} moved {when}; {mend}."


def _own(each: ObjectScores, name: str) -> float | None:
    """Return an object's value with the camera's motion taken out, where the camera is known.

    Then a missing direction says that the object did not move by itself, wherever the camera carried it.
    """
    known = any(value is not None for key, value in each.values.items() if key.startswith("own_"))
    return each.values.get(f"own_{name}" if known else name)


def _is_steep(each: ObjectScores) -> bool:
    """Whether an asked path goes mainly up or down, or is not known."""
    if len(each.asked) < 2:
        return True
    (x0, y0), (x1, y1) = each.asked[0], each.asked[-1]
    return abs(y1 - y0) >= abs(x1 - x0)


def _lengthen(gain: float, by_words: bool) -> str:
    if by_words:
        return "say a longer way, or draw an end frame"
    return f"make the path {_times(1 / max(gain, 0.25))} as long, or ask for a longer clip"


def _share(gain: float) -> str:
    known = (
        (0.25, "a quarter of"),
        (1 / 3, "a third of"),
        (0.5, "half"),
        (2 / 3, "two thirds of"),
        (0.75, "three quarters of"),
    )
    for value, words in known:
        if abs(gain - value) <= 0.025:
            return f"{words} the way"
    return f"{round(100 * gain)} % of the way"


def _times(factor: float) -> str:
    return f"{factor:.1f} times"


def _untracked(case: _Case) -> Iterator[str]:
    called = object_names([each.label for each in case.scores.objects])
    named = [
        (each, name) for each, name in zip(case.scores.objects, called, strict=True) if not each.measurable
    ]
    lost = [each for each, _ in named]
    if not lost:
        return
    names = ", ".join(name for each, name in named if each.label) or (
        "the object"
        if len(case.scores.objects) == 1
        else f"{len(lost)} of {len(case.scores.objects)} objects"
    )
    yield (
        f"Not followed: {names} ({lost[0].why.rstrip('.')}). To measure it, paint a region with more texture "
        "and clear edges; the clip itself may be good."
    )


# --- what should not move -----------------------------------------------------------------------------------


def _still(case: _Case) -> Iterator[str]:
    # A fault that makes another one comes first.
    parts = (_camera, _leak) if _makes_leak(case) else (_leak, _camera)
    for part in parts:
        yield from part(case)


def _leak(case: _Case) -> Iterator[str]:
    leak, likeness = case.sure("leak"), case.sure("leak_ssim")
    if leak is None or not (
        case.flagged("leak") or (leak > _LEAK_LEVELS and likeness is not None and likeness < _LEAK_SSIM)
    ):
        return
    number = f"Leak {_shown('leak', leak)}"
    if cause := _makes_leak(case):
        # Whether anything leaked beside it cannot be told from one number.
        yield f"{number}: what should stay still changed, which {cause} makes by itself; mend that first."
        return
    mend = (
        "paint the static mask a little larger, or say in the prompt that it stays still"
        if case.has_static and case.way in {None, "native"}
        else "say in the prompt that everything else stays still, or use a model that takes a static mask"
    )
    yield f"{number}: what should stay still changed; {mend}."


def _makes_leak(case: _Case) -> str:
    """Return the other fault that changes the static part; empty without one."""
    drift, shift = case.sure("camera_drift"), case.sure("camera_shift")
    if case.flagged("camera") or any(way is not None and way >= _DRIFT_PERCENT for way in (drift, shift)):
        return "the camera's motion"
    return "the blur" if case.flagged("blurred") else ""


def _camera(case: _Case) -> Iterator[str]:
    direction, drift = case.sure("camera_direction"), case.sure("camera_drift")
    if case.has_camera and direction is not None and direction < _ASTRAY:
        mend = "try the opposite sign" if direction <= -_ASTRAY else "one axis at a time is followed best"
        shown = _shown("camera_direction", direction)
        yield f"Camera direction {shown}: the camera did not go as asked; {mend}."
    elif case.has_camera and direction is None and case.flagged("camera"):
        yield "Camera: it hardly moved although a move was asked for; ask for more, or say it in the prompt."
    elif drift is not None and (case.flagged("camera") or drift >= _DRIFT_PERCENT):
        if case.has_camera:
            yield (
                f"Camera drift {_shown('camera_drift', drift)} of the diagonal: the camera moved otherwise "
                "than asked; a smaller move may be kept more exactly."
            )
        elif case.asked_objects or case.has_static:
            painted = "" if case.has_static else ", or add a static mask to the background"
            yield (
                f"Camera drift {_shown('camera_drift', drift)} of the diagonal: the camera moved though "
                f"nobody asked; say “static camera, locked-off shot” in the prompt{painted}. "
                "Look at the own_… scores for the objects."
            )


def _words(case: _Case) -> Iterator[str]:
    cosine = case.sure("words_direction")
    if cosine is not None and cosine < _ASTRAY and not case.asked_objects:
        what = "the opposite way" if cosine <= -_ASTRAY else "another way"
        yield (
            f"Direction in words {_shown('words_direction', cosine)}: the picture moves {what} than the "
            "prompt says; put the direction first, or draw it with the motion brush."
        )


def _ends(case: _Case) -> Iterator[str]:
    nearer = "an end picture nearer to the start picture is reached more easily"
    moved = "move the objects less far, or ask for a longer clip"
    cropped = "perhaps it was cropped: send it in the video's aspect ratio"
    yield from _end(case, "first", "the first frame is not the start picture", cropped)
    yield from _end(
        case, "end", "the last frame is not the asked one", moved if case.way == "endframe" else nearer
    )


def _end(case: _Case, name: str, what: str, mend: str) -> Iterator[str]:
    ssim, match = case.sure(f"{name}_ssim"), case.sure(f"{name}_match")
    if ssim is None:
        return
    unlike = ssim < _UNLIKE_SSIM and (match is None or match < _UNLIKE_MATCH)
    if unlike or case.flagged(f"{name} frame"):
        number = f"{BY_NAME[f'{name}_ssim'].label} {_shown(f'{name}_ssim', ssim)}"
        yield f"{number[0].upper()}{number[1:]}: {what}; {mend}."


# --- the picture --------------------------------------------------------------------------------------------


def _picture(case: _Case) -> Iterator[str]:
    decay, flicker = case.sure("sharpness_decay"), case.sure("flicker")
    if case.flagged("blurred") and decay is not None:
        yield (
            f"Sharpness lost {_shown('sharpness_decay', decay)}: the clip gets blurred, so its flicker and "
            "warp error look better than they are; try mode pro, a slower motion or a shorter clip."
        )
    if case.flagged("flickering") and flicker is not None:
        yield (
            f"Flicker {_shown('flicker', flicker)}: the light is unsteady from frame to frame; "
            "say “steady light” in the prompt, or make the clip once more: the next one may be steady."
        )


def _shown(name: str, value: float) -> str:
    """Write a number as the tables show it."""
    measure = BY_NAME[name]
    unit = {"": "", "%": " %", "% of sharpness": " %"}.get(measure.unit, f" {measure.unit}")
    text = f"{value:.{measure.decimals}f}"
    # What is rounded to nought has no sign.
    return f"{text.removeprefix('-') if float(text) == 0 else text}{unit}"
