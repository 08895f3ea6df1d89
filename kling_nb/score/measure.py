"""Everything that is measured of a clip, in one pass over its frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.domain.scores import MEASURES, SCORE_VERSION, ObjectScores, Scores
from kling_nb.errors import KlingError
from kling_nb.score.asked import Asked
from kling_nb.score.camera import CameraMeter, CameraTrack
from kling_nb.score.cameramove import CameraScores, compared
from kling_nb.score.clip import Clip, Facts, Look, MeasuringStopped, file_sha256
from kling_nb.score.curves import curves_of
from kling_nb.score.determinism import one_thread
from kling_nb.score.ends import EndScores, end_likeness, likeness
from kling_nb.score.flags import FROZEN_GAIN, Circumstances, flags_of
from kling_nb.score.homography import decomposed
from kling_nb.score.objects import ObjectTracker
from kling_nb.score.sharpness import Sharpness, SharpnessMeter
from kling_nb.score.start import covered_by, overlays, register
from kling_nb.score.static import Leak, StaticMeter
from kling_nb.score.steadiness import Steadiness, SteadinessMeter
from kling_nb.score.words import main_motion

Array = NDArray[Any]


PATH_NAMES = tuple(
    measure.name
    for measure in MEASURES
    if measure.about in ("path", "own path") and measure.name != "tracked"
)
_MOST_SWEPT = 0.5
_SWEPT_STEPS = 5


def measure(
    path: str | Path, asked: Asked, *, sha256: str | None = None, stop: Callable[[], bool] | None = None
) -> Scores:
    """Measure a clip against what was asked of it.

    The same file and the same request give the same numbers every time: OpenCV is kept to one thread
    meanwhile, and nothing is drawn by chance.

    Parameters
    ----------
    path
        The video file.
    asked
        What was asked.
    sha256
        Of the file, if it is known.
    stop
        Asked before each frame; True ends the measurement.

    Returns
    -------
    Scores
        For a clip that cannot be read every value is None and ``why`` says the reason for each.

    Raises
    ------
    MeasuringStopped
        ``stop`` returned True.
    """
    with one_thread():
        try:
            return _Measurement(Clip(path, sha256=sha256, stop=stop), asked).run()
        except MeasuringStopped:
            raise
        except KlingError as error:
            why = " ".join(part for part in (error.why or error.what, error.advice) if part)
        except (cv2.error, ArithmeticError, LookupError, MemoryError, OSError, ValueError) as error:
            # Somebody else's file: a session is not to end because of it.
            why = f"The clip could not be measured ({type(error).__name__}: {str(error)[:120]})."
    return nothing(path, asked, why, sha256)


def nothing(path: str | Path, asked: Asked, why: str, sha256: str | None = None) -> Scores:
    """Scores of a clip of which nothing can be measured, and the reason."""
    if sha256 is None:
        try:
            sha256 = file_sha256(path)
        except OSError:
            sha256 = ""
    names = [each.name for each in MEASURES]
    return Scores(SCORE_VERSION, sha256, asked.digest, dict.fromkeys(names), why=dict.fromkeys(names, why))


class _Measurement:
    """All meters at one clip."""

    def __init__(self, clip: Clip, asked: Asked) -> None:
        self._clip, self._asked = clip, asked
        self._values: dict[str, float | None] = {each.name: None for each in MEASURES}
        self._confidence: dict[str, float] = {}
        self._why: dict[str, str] = {}
        self._notes: list[str] = list(asked.notes) if hasattr(asked, "notes") else []

    def run(self) -> Scores:
        """Read the clip and put the numbers together."""
        times: list[float] = []
        indices: list[int] = []
        for look in self._clip:
            if look.index == 0:
                self._begin(look)
            self._steadiness.see(look)
            if not look.tracked:
                continue
            times.append(look.time_s)
            indices.append(look.index)
            matrix = self._camera.see(look)
            self._sharpness.see(look, matrix)
            if self._static is not None:
                self._static.see(look, matrix)
            if self._objects is not None:
                self._objects.see(look)
            if look.last:
                self._end(look)
        return self._put_together(times, indices)

    def _begin(self, first: Look) -> None:
        facts, asked = self._clip.facts, self._asked
        self._place = register(asked, first, facts)
        self._labels: tuple[tuple[int, int, int, int], ...] = ()
        if self._place is not None and not self._place.why and asked.start is not None:
            gray = facts.gray(asked.start)
            self._labels = overlays(self._place, gray, first)
            self._ends("first", likeness(gray, self._place, first, self._labels))
        covered = covered_by(self._labels, first.luma.shape)
        told = self._place is not None and not self._place.why and asked.start is not None
        self._camera = CameraMeter(facts, self._excluded(first), self._anchored(), labels_known=told)
        self._steadiness = SteadinessMeter(facts)
        self._sharpness = SharpnessMeter(facts, covered)
        self._static: StaticMeter | None = None
        self._objects: ObjectTracker | None = None
        if self._place is None or self._place.why:
            return
        if asked.static is not None and asked.static.any():
            self._static = StaticMeter(self._place.mask(asked.static), facts, covered)
        if asked.objects:
            self._objects = ObjectTracker(asked, self._place, self._labels)

    def _excluded(self, first: Look) -> Array:
        """Return where no point may tell of the camera: labels, and painted objects on their way."""
        out = np.zeros(first.luma.shape, np.uint8)
        if self._place is not None and not self._place.why:
            for each in self._asked.objects:
                swept = _swept(self._place.mask(each.mask), self._place.points(each.path))
                out |= swept
        if out.mean() > _MOST_SWEPT and self._place is not None:
            out[:] = 0
            for each in self._asked.objects:
                out |= self._place.mask(each.mask)
        out = np.asarray(cv2.dilate(out, np.ones((9, 9), np.uint8)))
        for x, y, width, height in self._labels:
            out[y : y + height, x : x + width] = 1
        return out

    def _anchored(self) -> Array | None:
        """Return what was asked to keep still, in pixels of luma."""
        place, still = self._place, self._asked.static
        return None if place is None or place.why or still is None else place.mask(still)

    def _end(self, last: Look) -> None:
        if self._asked.tail is not None:
            found = end_likeness(self._asked, self._place, last, self._clip.facts, self._labels)
            self._ends("end", found)

    def _ends(self, which: str, found: EndScores) -> None:
        self._put(f"{which}_psnr", found.psnr, 1.0)
        self._put(f"{which}_ssim", found.ssim, 1.0)
        self._put(
            f"{which}_match", found.match, found.confidence, "the picture has too few details to look for"
        )

    def _put_together(self, times: list[float], indices: list[int]) -> Scores:
        facts = self._clip.facts
        camera = self._camera.result()
        steady = self._steadiness.result()
        sharp = self._sharpness.result()
        leak = None if self._static is None else self._static.result()
        judged = self._of_camera(camera, facts)
        self._of_steadiness(steady, sharp)
        self._of_static(leak)
        self._of_words(steady, camera, facts)
        objects = self._of_objects(camera, indices)
        self._of_registration()
        flags = flags_of(self._values, self._circumstances(judged, steady, facts))
        series = {
            "camera_shift": _camera_curve(camera, facts),
            "flicker": steady.light,
            "motion": steady.motions,
            "sharpness": sharp.curve,
            "leak": [] if leak is None else leak.curve,
        }
        return Scores(
            SCORE_VERSION,
            facts.sha256,
            self._asked.digest,
            self._values,
            self._confidence,
            self._why,
            flags,
            objects,
            facts.size,
            facts.fps,
            facts.frames,
            facts.duration_s,
            curves_of(times, series, objects, facts.diagonal),
            () if leak is None else leak.map,
            (*self._notes, *facts.notes),
        )

    def _put(self, name: str, value: float | None, confidence: float, why: str = "") -> None:
        if value is None or not math.isfinite(value):
            if why:
                self._why[name] = why
            return
        self._values[name] = float(value)
        self._confidence[name] = round(float(min(1.0, max(0.0, confidence))), 3)

    def _drop(self, name: str, why: str) -> None:
        self._values.pop(name, None)
        self._confidence.pop(name, None)
        self._why[name] = why

    def _of_camera(self, camera: CameraTrack, facts: Facts) -> CameraScores | None:
        names = ("camera_shift", "camera_shift_px", "camera_scale", "camera_roll", "camera_drift")
        asked = self._asked.camera
        if camera.why:
            self._why.update(dict.fromkeys(names, camera.why))
            if asked:
                self._why["camera_direction"] = camera.why
            return None
        motion = decomposed(camera.matrices[-1], facts.luma_size)
        shift = math.hypot(motion.dx / facts.scale[0], motion.dy / facts.scale[1])
        judged = compared(camera, asked, facts.luma_size)
        values = (100 * shift / facts.diagonal, shift, motion.scale, motion.roll, judged.drift)
        for name, value in zip(names, values, strict=True):
            self._put(name, value, camera.confidence)
        if self._asked.camera_in_words and not asked:
            self._drop("camera_drift", "the prompt asks for a camera move, and how far it does not say")
        if asked:
            self._put("camera_direction", judged.direction, camera.confidence, judged.why)
        return judged

    def _of_steadiness(self, steady: Steadiness, sharp: Sharpness) -> None:
        sight = min(1.0, 0.25 + 1.5 * steady.texture)
        self._put("motion", steady.motion, sight)
        self._put("flicker", steady.flicker, 1.0, "the clip has fewer than three frames")
        self._put("warp_error", steady.warp_error, sight)
        self._put("sharpness_decay", sharp.decay, sharp.confidence, sharp.why)

    def _of_static(self, leak: Leak | None) -> None:
        if leak is None:
            return
        for name, value in (("leak", leak.leak), ("leak_ssim", leak.likeness)):
            self._put(name, value, min(1.0, 0.4 + 10 * leak.share), leak.why)

    def _of_words(self, steady: Steadiness, camera: CameraTrack, facts: Facts) -> None:
        if self._asked.heading is not None:
            found = main_motion(
                self._asked.heading,
                steady.paces,
                camera,
                facts.luma_size,
                camera_asked=bool(self._asked.camera),
            )
            self._put("words_direction", found.cosine, found.confidence, found.why)

    def _of_objects(self, camera: CameraTrack, indices: list[int]) -> tuple[ObjectScores, ...]:
        if self._objects is None:
            return ()
        objects = self._objects.result([camera.at(index) for index in indices] if camera.known else None)
        followed = [each for each in objects if each.measurable]
        self._put("tracked", len(followed) / len(objects), 1.0)
        for name in PATH_NAMES:
            values = [(each.values.get(name), each.confidence) for each in followed]
            known = [(value, sure) for value, sure in values if value is not None]
            if known:
                value, sure = (sum(part) / len(known) for part in zip(*known, strict=True))
                self._put(name, value, sure * (camera.confidence if name.startswith("own_") else 1.0))
            else:
                self._why[name] = _why_no_path(name, objects, camera)
        return objects

    def _of_registration(self) -> None:
        place = self._place
        if place is None:
            return
        if not place.why:
            for name in (*PATH_NAMES, "leak", "leak_ssim"):
                if name in self._confidence:
                    self._confidence[name] = round(
                        self._confidence[name] * min(1.0, 0.3 + place.confidence), 3
                    )
            return
        names = ["first_psnr", "first_ssim", "first_match"]
        names += [*PATH_NAMES, "tracked"] if self._asked.objects else []
        names += ["leak", "leak_ssim"] if self._asked.static is not None else []
        self._why.update(dict.fromkeys(names, place.why))

    def _circumstances(self, judged: CameraScores | None, steady: Steadiness, facts: Facts) -> Circumstances:
        asked = self._asked
        painted = bool(asked.objects) or asked.static is not None
        return Circumstances(
            len(asked.objects),
            facts.duration_s,
            bool(asked.camera),
            None if judged is None else judged.moved,
            painted and (asked.tail is None or asked.way == "endframe") and not asked.camera_in_words,
            steady.changed,
            bool(self._place is not None and self._place.why),
            self._confidence.get("camera_shift", 0.0),
            self._confidence.get("sharpness_decay", 0.0),
        )


def _swept(mask: Array, path: Array) -> Array:
    """Return everything that a mask covers while it follows a path; (H, W) uint8."""
    out_at_start = mask.astype(np.uint8)
    out = out_at_start.copy()
    size = (mask.shape[1], mask.shape[0])
    points = np.asarray(path, dtype=np.float64).reshape(-1, 2)
    for before, after in pairwise(points):
        for share in np.linspace(0, 1, _SWEPT_STEPS)[1:]:
            dx, dy = before + (after - before) * share - points[0]
            matrix = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
            out |= np.asarray(cv2.warpAffine(out_at_start, matrix, size, flags=cv2.INTER_NEAREST))
    return np.asarray(out)


def _camera_curve(camera: CameraTrack, facts: Facts) -> list[tuple[float, float]]:
    curve = []
    for time_s, matrix in zip(camera.times, camera.matrices, strict=True):
        if camera.known and np.isfinite(matrix).all():
            motion = decomposed(matrix, facts.luma_size)
            shift = math.hypot(motion.dx / facts.scale[0], motion.dy / facts.scale[1])
            curve.append((float(time_s), 100 * shift / facts.diagonal))
    return curve


def _why_no_path(name: str, objects: tuple[ObjectScores, ...], camera: CameraTrack) -> str:
    reasons = [f"{each.label}: {each.why}" for each in objects if each.why]
    if len(reasons) == len(objects):
        return "no painted object could be followed; " + "; ".join(reasons)
    if name.startswith("own_") and camera.why:
        return camera.why
    if name.endswith("direction"):
        return "what was painted hardly moved"
    if any(abs(each.values.get("gain") or 0.0) >= FROZEN_GAIN for each in objects):
        return "what was painted moved, but not as asked at any delay"
    return "too little moved to say"
