"""One painted object followed through a clip, always held against its look in the first frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.matching import correlation, evened, lookalike
from kling_nb.motion.points import corner_points, fit_similarity, follow
from kling_nb.motion.template import Fit, Pose, Template

Array = NDArray[Any]

GOOD = 0.92
"""Correlation with the first frame from which on nothing better is looked for."""

ENOUGH = 0.8
"""Correlation at which a template still counts as seen in a frame."""

LOOKALIKE = 0.88
"""Correlation with another place from which on points, each by itself, are not trusted."""

# What can be followed at all: contrast in gray levels, correlation with another place.
_LEAST_PIXELS, _LEAST_CONTRAST, _SAME = 40, 2.0, 0.97
# Unlikeness to the first frame, as a share of that of the most similar other place; how far that is away.
_CLEARLY = 0.6
_AWAY = 0.02
_LEAST_VISIBLE, _TURNING_VISIBLE = 0.25, 0.6
# Points: pixels around the object, of a patch, and of a bend as a share of the object's radius.
_SOME_POINTS, _LEAST_AGREEING, _LEAST_SHARE = 60, 8, 0.5
_MARGIN, _WINDOW, _BENDS = 12, 13, 0.06
# Searches: how far, as shares of the diagonal; at what size; how good, and how much better than the next.
_SEARCH_FIRST, _SEARCH_MOST = 0.06, 0.15
_SEARCH_SIDE, _SEARCH_LEAST, _SEARCH_AHEAD = 24, 0.6, 0.04
_MOST_SEARCHES = 24
# Drop of correlation below the usual one that makes another look worth while.
_WORSE = 0.04
# A turn or scale is fitted below _PLAIN, believed when it leaves so much less, and tried first when far.
_PLAIN, _TURNED_REST, _FAR_TURN, _FASTEST_TURN = 0.985, 0.75, 0.1, 0.15
# Seconds an unseen object goes on; frames until it is looked for in every fourth only.
_GOES_ON = 0.5
_PATIENCE, _NOW_AND_THEN = 5, 4
# Correlation that a lost object needs, and below which a fit is given up.
_AGAIN, _HOPELESS = 0.88, 0.45
# Correlation that is enough where the last frame confirms it, to within this share of the diagonal.
_FAINT, _TOGETHER = 0.6, 0.005

Way = Literal["template", "points", ""]


@dataclass(frozen=True, slots=True)
class Sighting:
    """An object in one frame.

    Parameters
    ----------
    time_s
        Seconds after the first frame.
    pose
        Where it is, in pixels of the tracked level.
    way
        How it was seen; empty when it was not.
    zncc
        Correlation with the first frame.
    share
        Share of its points that agree; 1 where the template alone decided.
    precision
        Pixels of the level by which the place may be wrong.
    """

    time_s: float
    pose: Pose
    way: Way
    zncc: float
    share: float
    precision: float


class Track:
    """Follows one object.

    Parameters
    ----------
    picture
        (h, w) uint8: the first frame at the level at which the object is followed.
    where
        (h, w) bool: the object's pixels.
    middle
        (2,) pixels (x, y) of its middle.
    hidden
        (h, w) bool: what a label covers in every frame; None for nothing.
    asked
        (dx, dy) pixels by which it should have moved at the end; None when nothing was asked.

    Attributes
    ----------
    refusal
        Why it cannot be followed at all; empty when it can be tried.
    doubt
        Why its way is not decided although it was followed; empty when it is.
    sightings
        What was seen, frame by frame.
    contrast
        Of its look in the first frame, in gray levels.
    diagonal
        Of the level in pixels.
    """

    def __init__(
        self,
        picture: Array,
        where: Array,
        middle: Array,
        hidden: Array | None = None,
        asked: Array | None = None,
    ) -> None:
        self.refusal = self.doubt = ""
        self.sightings: list[Sighting] = []
        self._searches = 0
        self._usual, self._turned = 1.0, False
        self._last: Array | None = None
        self._lost = 0
        self._pose, self._speed, self._time = Pose(), (0.0, 0.0), 0.0
        if int(where.sum()) < _LEAST_PIXELS:
            self.refusal = "it is too small in the video"
            return
        self._middle = np.asarray(middle, dtype=np.float64)
        self._hidden, self._asked = hidden, asked
        self._template = Template(picture, where, middle, hidden=hidden)
        rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
        self._box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        self._first, self._where = picture, where
        self.lookalike = 0.0
        self.contrast, self.diagonal = self._template.contrast, math.hypot(*picture.shape)
        if self.contrast < _LEAST_CONTRAST:
            self.refusal = "it has hardly any detail to hold on to"
            return
        self.lookalike = lookalike(picture, where, 0.02 * math.hypot(*picture.shape))
        if self.lookalike > _SAME:
            self.refusal = "its surroundings look the same, so its place cannot be told"
            return
        # It must look clearly more like itself than its surroundings do.
        self._enough = max(ENOUGH, 1 - _CLEARLY * (1 - self.lookalike))
        self._points: Array | None = None
        self.sightings.append(Sighting(0.0, Pose(), "template", 1.0, 1.0, 0.0))

    def see(self, picture: Array, time_s: float, *, last: bool = False) -> None:
        """Look for the object in the next frame; long lost, it is looked for in some frames only."""
        if self.refusal:
            return
        if self._lost > _PATIENCE and self._lost % _NOW_AND_THEN and not last:
            self._lost += 1
            self.sightings.append(Sighting(time_s, self._pose, "", -1.0, 0.0, math.inf))
            return
        found = self._find(picture, time_s, last=last)
        self.sightings.append(found)
        if not found.way:
            self._lost += 1
            return
        span = max(1e-3, time_s - self._time)
        self._speed = ((found.pose.dx - self._pose.dx) / span, (found.pose.dy - self._pose.dy) / span)
        self._pose, self._time, self._lost = found.pose, time_s, 0
        self._last = picture
        self._turned = found.pose.a != 1 or found.pose.b != 0
        self._usual += 0.3 * (found.zncc - self._usual)

    def _find(self, picture: Array, time_s: float, *, last: bool) -> Sighting:
        guess = self._predicted(time_s)
        fit = self._fitted(picture, guess)
        # As good as usual: no better place is looked for.
        near = fit
        if self._lost or fit.zncc < max(self._enough, min(GOOD, self._usual - _WORSE)):
            fit = max([fit, *self._other(picture, guess)], key=_by_zncc)
        enough = max(self._enough, _AGAIN) if self._lost else self._enough
        if self._plausible(fit) and (fit.zncc >= enough or self._same_as_last(picture, fit, guess)):
            jumped = bool(self._lost) or fit is not near
            if (last or jumped) and self._undecided(picture, fit, last=last):
                return Sighting(time_s, guess, "", fit.zncc, 0.0, math.inf)
            return Sighting(time_s, fit.pose, "template", fit.zncc, 1.0, fit.precision)
        agreed = None if self._lost or self.lookalike > LOOKALIKE else self._by_points(picture, guess)
        if agreed is None:
            return Sighting(time_s, guess, "", fit.zncc, 0.0, math.inf)
        pose, share = agreed
        again = self._fitted(picture, pose)
        if again.zncc >= self._enough and self._plausible(again):
            return Sighting(time_s, again.pose, "template", again.zncc, 1.0, again.precision)
        return Sighting(time_s, pose, "points", again.zncc, share, 0.5)

    def _same_as_last(self, picture: Array, fit: Fit, guess: Pose) -> bool:
        """Whether a faint likeness to the first frame is at the place to which the last look leads.

        An object that changes its look bit by bit is so still held against the first frame.
        """
        if self._lost or self._last is None or fit.zncc < _FAINT or self.lookalike > LOOKALIKE:
            return False
        before, origin = self._upright(self._last, self._pose, 0)
        left, top, right, bottom = self._box
        corner = np.array(origin, dtype=np.float64)
        inside = self._where[top:bottom, left:right]
        look = Template(before, inside, self._middle - corner, origin, self._hidden)
        again = look.fit(picture, guess)
        apart = math.hypot(again.pose.dx - fit.pose.dx, again.pose.dy - fit.pose.dy)
        return again.zncc >= GOOD and apart <= _TOGETHER * math.hypot(*picture.shape)

    def _undecided(self, picture: Array, fit: Fit, *, last: bool) -> bool:
        """Whether another place is as likely.

        Where the first frame looks much the same at that place, nothing need have come there. At the end, it
        may also be where it was, or where it was asked to be.
        """
        if self._as_likely(fit, Pose(), self._first, fit.pose):
            return True
        places = [("where it was", Pose())] if last else []
        if last and self._asked is not None:
            asked = Pose(float(self._asked[0]), float(self._asked[1]))
            places.append(("where it was asked to be", asked))
        for place, pose in places:
            if self._as_likely(fit, fit.pose, picture, pose):
                self.doubt = f"at the end it may be {place}, or where it was followed to: both look like it"
        return bool(self.doubt)

    def _as_likely(self, fit: Fit, here: Pose, picture: Array, there: Pose) -> bool:
        """Whether another place, apart from this one, explains a picture about as well as a fit does."""
        least = _AWAY * math.hypot(*self._first.shape)
        if math.hypot(there.dx - here.dx, there.dy - here.dy) < least:
            return False
        other = self._template.fit(picture, there, turning=False)
        apart = math.hypot(other.pose.dx - here.dx, other.pose.dy - here.dy) >= least
        return apart and other.visible >= _LEAST_VISIBLE and 1 - fit.zncc > _CLEARLY * (1 - other.zncc)

    def _other(self, picture: Array, guess: Pose) -> list[Fit]:
        """Return the better fit of where it was and of the most similar place around, if it is any good."""
        places = [self._pose]
        if self._searches < _MOST_SEARCHES:
            self._searches += 1
            place = self._searched(picture, guess)
            places += [] if place is None else [place]
        plain = [self._template.fit(picture, place, turning=False) for place in places]
        best = max(plain, key=_by_zncc)
        return [self._fitted(picture, best.pose)] if best.zncc > _HOPELESS else []

    def _predicted(self, time_s: float) -> Pose:
        # Behind something an object is taken to go on as before, but not for long.
        span = min(time_s - self._time, _GOES_ON)
        return Pose(
            self._pose.dx + self._speed[0] * span,
            self._pose.dy + self._speed[1] * span,
            self._pose.a,
            self._pose.b,
        )

    def _fitted(self, picture: Array, guess: Pose) -> Fit:
        """Fit a shift; a turn and a scale only where they explain the picture clearly better."""
        if abs(guess.b) > _FAR_TURN or abs(guess.a - 1) > _FAR_TURN:
            turned = self._template.fit(picture, guess)
            if turned.zncc >= GOOD:
                return turned
        plain = self._template.fit(picture, Pose(guess.dx, guess.dy), turning=False)
        unlike = plain.zncc < _HOPELESS and not self._turned
        if plain.zncc >= _PLAIN or unlike or self._visible_share(picture, guess) < _TURNING_VISIBLE:
            return plain
        start = plain.pose if plain.zncc >= ENOUGH and not self._turned else guess
        turned = self._template.fit(picture, start, turning=True)
        return turned if 1 - turned.zncc < _TURNED_REST * (1 - plain.zncc) else plain

    def _visible_share(self, picture: Array, pose: Pose) -> float:
        """Share of the bounding box inside the picture."""
        left, top, right, bottom = self._box
        width, height = right - left, bottom - top
        across = min(right + pose.dx, picture.shape[1]) - max(left + pose.dx, 0)
        down = min(bottom + pose.dy, picture.shape[0]) - max(top + pose.dy, 0)
        return float(max(0.0, across) * max(0.0, down) / (width * height))

    def _plausible(self, fit: Fit) -> bool:
        limit = 0.01 * math.hypot(*self._first.shape)
        sharp = fit.visible >= _LEAST_VISIBLE and fit.precision < limit
        return sharp and self._continuous(fit.pose)

    def _continuous(self, pose: Pose) -> bool:
        """Whether it turned and grew no faster than things do."""
        change = math.hypot(pose.a - self._pose.a, pose.b - self._pose.b)
        return 0.5 < pose.scale < 2 and change <= _FASTEST_TURN

    def _upright(self, picture: Array, pose: Pose, margin: int) -> tuple[Array, tuple[int, int]]:
        """Return the object's surroundings as they would be without its motion, and their origin."""
        left, top = self._box[0] - margin, self._box[1] - margin
        size = (self._box[2] + margin - left, self._box[3] + margin - top)
        matrix = pose.matrix(self._middle) @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(picture, matrix[:2], size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(seen), (left, top)

    def _by_points(self, picture: Array, guess: Pose) -> tuple[Pose, float] | None:
        """Follow points of the first frame to this one, whose motion so far was taken out."""
        before, origin = self._upright(self._first, Pose(), _MARGIN)
        corner = np.array(origin, dtype=np.float32)
        if self._points is None:
            inside = np.zeros(before.shape, np.bool_)
            left, top, right, bottom = self._box
            inside[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = self._where[top:bottom, left:right]
            self._points = corner_points(before, inside, most=_SOME_POINTS, apart=3)
        if len(self._points) < _LEAST_AGREEING:
            return None
        now, _ = self._upright(picture, guess, _MARGIN)
        places, sure = follow(
            evened(before), evened(now), self._points, window=_WINDOW, levels=2, tolerance=0.7
        )
        if int(sure.sum()) < _LEAST_AGREEING:
            return None
        start, end = self._points[sure] + corner, places[sure] + corner
        agreed = fit_similarity(
            start - self._middle, end - self._middle, tolerance=1.0, least=_LEAST_AGREEING
        )
        if agreed is None:
            return None
        share = float(agreed.inliers.sum()) / len(self._points)
        rest = Pose(
            float(agreed.matrix[0, 2]),
            float(agreed.matrix[1, 2]),
            float(agreed.matrix[0, 0]),
            float(agreed.matrix[1, 0]),
        )
        pose = guess.after(rest)
        return (pose, share) if share >= _LEAST_SHARE and self._continuous(pose) else None

    def _searched(self, picture: Array, guess: Pose) -> Pose | None:
        """Look around for an object; None when no place or more than one looks like it."""
        diagonal = math.hypot(*self._first.shape)
        reach = round(min(_SEARCH_MOST, _SEARCH_FIRST * (1 + 0.25 * self._lost)) * diagonal)
        left, top, right, bottom = self._box
        now, _ = self._upright(picture, guess, reach)
        look = self._first[top:bottom, left:right]
        factor = min(1.0, _SEARCH_SIDE / max(look.shape))
        values = correlation(now, look, self._where[top:bottom, left:right], factor)
        if values is None:
            return None
        _, best, _, (x, y) = cv2.minMaxLoc(values)
        if best < _SEARCH_LEAST:
            return None
        lobe = max(2, round(0.02 * diagonal * factor))
        values[max(0, y - lobe) : y + lobe + 1, max(0, x - lobe) : x + lobe + 1] = -1
        if values.max() > best - _SEARCH_AHEAD:
            return None
        return guess.after(Pose(x / factor - reach, y / factor - reach))


def _by_zncc(fit: Fit) -> float:
    return fit.zncc
