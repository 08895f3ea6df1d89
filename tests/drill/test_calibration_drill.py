"""The whole calibration: every photograph, size, quality, codec and speed; a table of what was read back.

``pytest -m drill -s tests/drill/test_calibration_drill.py`` prints the table, also of what is beyond the
tolerances of the design: those of a thrifty encoder, which takes small faults out of the clip itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calibration import PHOTOGRAPHS, Bench, Case, distorted, photograph
from drawn_clips import Drawn, Sprite, behind, bricks, checkerboard, sky, sprite, write
from random_regions import random_regions

from kling_nb.media.encoder import VideoWriter
from kling_nb.render import Distort, MaskMotion, RenderPlan, preview_size, render_planes
from kling_nb.score.asked import Asked, AskedObject
from kling_nb.score.measure import measure

pytestmark = [pytest.mark.drill, pytest.mark.timeout(3000)]

OWN = ("fine", "hasty")
"""Qualities of the sandbox; tolerances hold for these."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    return Bench(tmp_path_factory.mktemp("calibration"))


def cases(**wrong: Any) -> list[Case]:
    """Every photograph with its three regions, in the sandbox's qualities and a rough one."""
    return [
        Case(name, distorted(**wrong), quality)
        for name, quality in itertools.product(PHOTOGRAPHS, (*OWN, "rough"))
    ]


def other_kinds() -> list[Case]:
    """Sizes, speeds and codecs."""
    return [
        Case(name).but(**change)
        for name in PHOTOGRAPHS
        for change in (
            {"long_side": 960},
            {"long_side": 1280, "frames": 13},
            {"frames": 97},
            {"frames": 9},
            {"codec": "av1"},
            {"codec": "av1", "quality": "rough"},
        )
    ]


class Table:
    """Lines of the report: what was read back, and which cases are beyond the tolerance."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.rows: list[tuple[str, bool, bool, str]] = []

    def add(self, case: Case, held: bool, text: str) -> None:
        kind = f"{case.photograph} {case.quality} {case.codec} {case.long_side} px {case.frames} frames"
        self.rows.append((kind, held, case.quality in OWN, text))

    def close(self, *, at_most: int = 0) -> None:
        """Print, and fail when tolerances of the sandbox's own qualities are broken."""
        own = [row for row in self.rows if row[2]]
        other = [row for row in self.rows if not row[2]]
        print(f"\n== {self.title}")
        for name, rows in (("own", own), ("rough", other)):
            if rows:
                held = sum(row[1] for row in rows)
                print(f"   {name:5} qualities: {held} of {len(rows)} within the tolerance")
        for kind, held, _, text in self.rows:
            if not held:
                print(f"   beyond: {kind}: {text}")
        broken = [f"{kind}: {text}" for kind, held, _, text in own if not held]
        assert len(broken) <= at_most, broken


def spread(values: list[float]) -> str:
    if not values:
        return "none"
    return f"median {np.median(values):.3f}, 95 % {np.quantile(values, 0.95):.3f}, worst {max(values):.3f}"


def test_none(bench: Bench) -> None:
    table = Table("none: mean path error <= 0.1 %, end <= 0.2 %, gain 1 +- 0.02, no leak")
    means, ends, gains, leaks, total = [], [], [], [], 0
    lost, flagged = [], []
    for case in (*cases(), *other_kinds()):
        scores = bench.scores(case)
        own = case.quality in OWN
        leaks.append(scores.leak or 0.0)
        if scores.flags and own:
            flagged.append(f"{case}: {', '.join(scores.flags)}")
        table.add(case, "leak" not in scores.flags, f"leak {scores.leak}")
        for each in scores.objects:
            total += own
            if each.why:
                lost += [f"{case}: {each.label}: {each.why}"] * own
                continue
            mean, end, gain = (each.values[name] for name in ("path_error", "end_error", "gain"))
            if own:
                means.append(mean)
                ends.append(end)
                gains.append(abs(gain - 1))
            held = mean <= 0.1 and end <= 0.2 and abs(gain - 1) <= 0.02
            table.add(case, held, f"{each.label}: mean {mean:.3f} %, end {end:.3f} %, gain {gain:.3f}")
    print(f"\nmean path error: {spread(means)} %; end: {spread(ends)} %; |gain - 1|: {spread(gains)}")
    print(f"leak: {spread(leaks)} levels")
    print(f"{len(lost)} of {total} regions not followed:", *lost, sep="\n   ")
    print(f"{len(flagged)} clean clips flagged:", *flagged, sep="\n   ")
    table.close()
    assert len(lost) <= 0.05 * total
    assert len(flagged) <= 0.05 * total


@pytest.mark.parametrize("gain", [0.2, 0.5, 0.8, 1.2, 1.5])
def test_gain(bench: Bench, gain: float) -> None:
    table = Table(f"gain {gain} +- 0.05")
    for case in cases(gain=gain):
        for each in bench.scores(case).objects:
            read = each.values.get("gain")
            # At more than was asked some regions run into the label.
            held = each.why != "" if read is None else abs(read - gain) <= 0.05
            table.add(case, held, f"{each.label}: {read} {each.why}")
    table.close()


def test_reverse(bench: Bench) -> None:
    table = Table("reverse: direction < -0.9")
    for case in cases(reverse=True):
        scores = bench.scores(case)
        read = [each.values["direction"] for each in scores.objects if not each.why]
        table.add(
            case, bool(read) and max(read) < -0.9 and "reversed" in scores.flags, f"{read} {scores.flags}"
        )
    table.close()


@pytest.mark.parametrize("leak", [8, 16])
def test_leak(bench: Bench, leak: float) -> None:
    table = Table(f"leak {leak}: flagged")
    for case in cases(leak=leak):
        scores = bench.scores(case)
        table.add(case, "leak" in scores.flags, f"{scores.leak:.1f} levels, likeness {scores.leak_ssim:.3f}")
    table.close()


DARK = "hubble_deep_field.jpg"
"""Its mean is 20 of 255: two hundredths of it are less than one level, and so not in the file;
of five hundredths hasty coding leaves none either."""


@pytest.mark.parametrize("swing", [0.02, 0.05])
def test_flicker(bench: Bench, swing: float) -> None:
    table = Table(f"flicker {swing}: at least 10 times the clean clip's")
    for case in cases(flicker=swing):
        if case.photograph == DARK and (swing < 0.05 or case.quality != "fine"):
            continue
        scores, clean = bench.scores(case), bench.scores(case.but(distort="{}"))
        held = scores.flicker > 0 and scores.flicker >= 10 * clean.flicker
        if case.quality in OWN and case.photograph != DARK:
            held = held and "flickering" in scores.flags and "flickering" not in clean.flags
        table.add(case, held, f"{clean.flicker:.3f} -> {scores.flicker:.3f} levels {scores.flags}")
    table.close()


def test_freeze(bench: Bench) -> None:
    table = Table("freeze: gain < 0.05, no direction, flagged")
    for case in cases(freeze=True):
        scores = bench.scores(case)
        followed = [each for each in scores.objects if not each.why]
        held = "frozen" in scores.flags and all(
            abs(each.values["gain"]) < 0.05 and each.values["direction"] is None for each in followed
        )
        table.add(case, held, f"{scores.gain} {scores.direction} {scores.flags}")
    table.close()


@pytest.mark.parametrize("sigma", [2, 4])
def test_blur(bench: Bench, sigma: float) -> None:
    table = Table(f"blur {sigma} px: flagged")
    for case in cases(blur=sigma):
        scores, clean = bench.scores(case), bench.scores(case.but(distort="{}"))
        text = f"{clean.sharpness_decay:.0f} -> {scores.sharpness_decay:.0f} % {scores.flags}"
        table.add(case, "blurred" in scores.flags and "blurred" not in clean.flags, text)
    table.close()


@pytest.mark.parametrize("scale", [0.9, 1.12, 1.25])
def test_zoom_and_blur(bench: Bench, scale: float) -> None:
    """What a zoom costs by being drawn is no blur, and blur is seen through it."""
    table = Table(f"zoom {scale}: not flagged as blurred, and flagged with blur 2 px")
    for case in cases(camera={"scale": scale}):
        zoomed = case.but(moving=("small",))
        clean = bench.scores(zoomed)
        scores = bench.scores(zoomed.but(distort=distorted(camera={"scale": scale}, blur=2)))
        text = f"{clean.sharpness_decay:.0f} -> {scores.sharpness_decay:.0f} % {scores.flags}"
        table.add(case, "blurred" in scores.flags and "blurred" not in clean.flags, text)
    table.close()


MOVES: tuple[dict[str, float], ...] = (
    {"dx": 24.0, "dy": -10.0},
    {"scale": 1.08},
    {"scale": 0.92},
    {"roll": 5.0},
    {"dx": -12.0, "dy": 6.0, "scale": 1.05, "roll": -3.0},
)

SMOOTH = {"retina.jpg"}
"""No textured picture: hardly anything in it is sharp. What is read of it is printed, not judged."""


@pytest.mark.parametrize("move", MOVES, ids="-".join)
def test_camera(bench: Bench, move: dict[str, float]) -> None:
    table = Table(f"camera {move}: 1 px, 0.3 %, 0.1 degrees on textured pictures")
    way = math.hypot(move.get("dx", 0), move.get("dy", 0))
    for case in cases(camera=move):
        scores = bench.scores(case.but(moving=("small",)))
        if scores.camera_shift_px is None:
            table.add(case, case.photograph in SMOOTH, scores.why.get("camera_shift", ""))
            continue
        errors = (
            abs(scores.camera_shift_px - way),
            100 * abs(scores.camera_scale - move.get("scale", 1)),
            abs(scores.camera_roll - move.get("roll", 0)),
        )
        held = errors[0] <= 1 and errors[1] <= 0.3 and errors[2] <= 0.1
        text = f"off by {errors[0]:.2f} px, {errors[1]:.2f} %, {errors[2]:.3f} degrees"
        if case.photograph in SMOOTH:
            print(f"\n{case.photograph} {case.quality} {move}: {text}")
        table.add(case, held or case.photograph in SMOOTH, text)
    table.close()


@pytest.mark.parametrize("axis", ["horizontal", "vertical", "pan", "tilt", "roll", "zoom"])
def test_camera_against_the_request(bench: Bench, axis: str) -> None:
    table = Table(f"camera move {axis}: direction > 0.9")
    for name, value in itertools.product(PHOTOGRAPHS, (6, -6)):
        case = Case(name, camera=f'{{"type": "simple", "config": {{"{axis}": {value}}}}}')
        scores = bench.scores(case)
        read = scores.camera_direction
        held = name in SMOOTH if read is None else read > 0.9 and "camera" not in scores.flags
        table.add(case, held, f"{value}: {read} {scores.flags} {scores.why.get('camera_direction', '')}")
    table.close()


def test_false_confidence_of_random_cameras(bench: Bench) -> None:
    """Moves of any kind with up to three objects that pull the picture along: right, or not certain."""
    random = np.random.default_rng(11)
    count, refused, wrong = 120, 0, []
    moving = (("small",), ("medium", "small"), ("large", "medium", "small"), ("large",))
    for number in range(count):
        size = 0.2 if number % 5 == 0 else 1.0
        move = {
            "dx": size * float(random.uniform(-20, 20)),
            "dy": size * float(random.uniform(-12, 12)),
            "scale": 1 + size * float(random.uniform(-0.07, 0.09)),
            "roll": size * float(random.uniform(-5, 5)),
        }
        case = Case(
            PHOTOGRAPHS[number % 9],
            distorted(camera=move),
            OWN[number % 2],
            frames=21,
            moving=moving[number % 4],
        )
        scores = bench.scores(case)
        if scores.camera_shift_px is None:
            refused += 1
            continue
        errors = (
            abs(scores.camera_shift_px - math.hypot(move["dx"], move["dy"])),
            100 * abs(scores.camera_scale - move["scale"]),
            abs(scores.camera_roll - move["roll"]),
        )
        sure = scores.confidence["camera_shift"] >= 0.5
        if sure and (errors[0] > 1 or errors[1] > 0.3 or errors[2] > 0.1):
            wrong.append(f"{case.photograph} {case.quality} {move}: {errors}")
    print(f"\n== random cameras: {count} cases, {refused} refused, confident and wrong: {wrong}")
    assert len(wrong) <= 0.02 * count
    assert refused <= 0.15 * count


# --- drawn without the renderer -----------------------------------------------------------------------------


def error_of(drawn: Drawn, folder: Path) -> tuple[float | None, str]:
    """Worst true error of the last frame and of the mean in percent of the diagonal; None when refused."""
    target = write(drawn.pictures(), folder / "a.mp4", drawn.fps)
    (each,) = measure(target, drawn.asked()).objects
    if each.why:
        return None, each.why
    times = np.array(each.times)
    away = np.hypot(*(np.array(each.measured) - drawn.places(0, times / times[-1])).T)
    return float(100 * away.mean() / math.hypot(drawn.width, drawn.height)), ""


BACKGROUNDS = ("chelsea.png", "grass.png", "coffee.png", "astronaut.png", "gravel.png", "camera.png")
SPRITES = ("coins.png", "astronaut.png", "rocket.jpg", "motorcycle_left.png", "grass.png")


def test_turning_and_growing(tmp_path: Path) -> None:
    """To 45 degrees and 1.3 times: within 1 % of the diagonal, or refused."""
    errors, refused, wrong = [], 0, []
    turns = [(turn, grow) for turn in (-45, 15, 30, 45) for grow in (0.8, 1.0, 1.3)]
    for (background, cut), (turn, grow) in itertools.product(
        itertools.product(BACKGROUNDS[:3], SPRITES), turns
    ):
        one = sprite(cut, (150, 200), 36, (230, 160), turn=turn, grow=grow)
        error, _ = error_of(Drawn(behind(background), (one,), frames=33), tmp_path)
        if error is None:
            refused += 1
            continue
        errors.append(error)
        if error > 1:
            wrong.append((background, cut, turn, grow, round(error, 2)))
    total = len(errors) + refused
    print(f"\n== turn to 45, scale to 1.3: {spread(errors)} %; {refused} of {total} refused; beyond: {wrong}")
    assert not wrong
    assert refused < 0.2 * total


def hard() -> Iterator[tuple[str, Drawn]]:
    """Objects that are hard or impossible to follow."""
    flats: dict[str, Callable[[int, int], Any]] = {"sky": sky, "checkerboard": checkerboard, "bricks": bricks}
    ways = ((64.0, -32.0), (80.0, 0.0), (0.0, 64.0), (37.0, 21.0))
    for (name, draw), gain, way, frames, radius in itertools.product(
        flats.items(), (1.0, 0.0, -0.5), ways, (5, 25), (18, 40)
    ):
        path = ((180.0, 180.0), (180.0 + way[0], 180.0 + way[1]))
        piece = Sprite(draw(480, 360), (180, 180), radius, path, gain)
        yield (
            f"{name} on itself, gain {gain}, {frames} frames, radius {radius}",
            Drawn(draw(720, 540), (piece,), frames=frames),
        )
        on = Drawn(behind("chelsea.png"), (piece,), frames=frames)
        yield f"{name} on a cat, gain {gain}, {frames} frames, radius {radius}", on
    for background, cut, width in itertools.product(BACKGROUNDS, SPRITES, (16, 60, 120)):
        one = sprite(cut, (100, 200), 34, (360, 180))
        post = (200, 0, 200 + width, 360)
        yield f"{cut} on {background} behind {width} px", Drawn(behind(background), (one,), occluder=post)
    for background, cut, noise in itertools.product(BACKGROUNDS, SPRITES, (12.0, 30.0)):
        one = sprite(cut, (150, 200), 12, (220, 160))
        yield f"{cut} on {background}, noise {noise}", Drawn(behind(background), (one,), noise=noise)
    for background, cut in itertools.product(BACKGROUNDS, SPRITES):
        gone = sprite(cut, (120, 200), 34, (-60, 200))
        yield f"{cut} on {background} leaves the frame", Drawn(behind(background), (gone,))
        leap = sprite(cut, (100, 120), 30, (380, 260))
        yield f"{cut} on {background} leaps", Drawn(behind(background), (leap,), frames=4)


def test_false_confidence_of_hard_objects(tmp_path: Path) -> None:
    """Confident and wrong, by more than 2 % of the diagonal: in at most 2 % of all cases."""
    total, refused, wrong = 0, 0, []
    skies = []
    for name, drawn in hard():
        total += 1
        error, why = error_of(drawn, tmp_path)
        refused += bool(why)
        if error is not None and error > 2:
            wrong.append(f"{name}: {error:.1f} %")
        if name.startswith("sky on itself"):
            skies.append(error)
    print(f"\n== hard objects: {total} cases, {refused} refused, {len(wrong)} confident and wrong: {wrong}")
    print(f"   clear sky on clear sky: {sum(each is None for each in skies)} of {len(skies)} refused")
    assert len(wrong) <= 0.02 * total
    assert all(each is None for each in skies)


def test_false_confidence_anywhere_on_photographs(tmp_path: Path) -> None:
    """Round regions on a grid over every photograph, whatever lies there: half of them have no texture."""
    total, refused, wrong, errors = 0, 0, [], []
    for name in PHOTOGRAPHS:
        picture = photograph(name)
        height, width = picture.shape[:2]
        diagonal = math.hypot(width, height)
        for radius, gain in itertools.product((0.03, 0.07), (1.0, 0.0)):
            spots = [(x, y) for x in (0.15, 0.32, 0.5, 0.68, 0.85) for y in (0.2, 0.45, 0.7)]
            for number in range(0, len(spots), 3):
                objects = []
                for x, y in spots[number : number + 3]:
                    middle = np.array([x * width, y * height])
                    toward = np.array([width / 2, height / 2]) - middle
                    length = float(np.hypot(*toward))
                    unit = toward / length if length > 1 else np.array([1.0, 0.0])
                    ys, xs = np.mgrid[:height, :width]
                    mask = np.hypot(xs - middle[0], ys - middle[1]) <= radius * diagonal
                    objects.append((mask, np.array([middle, middle + unit * 0.06 * diagonal])))
                size = preview_size(width, height, 480)
                plan = RenderPlan(
                    picture,
                    *size,
                    frames=21,
                    motions=tuple(MaskMotion(mask, path) for mask, path in objects),
                    distort=Distort(gain=gain),
                )
                target = tmp_path / "a.mp4"
                with VideoWriter(target, *size, 24) as writer:
                    for planes in render_planes(plan):
                        writer.write(planes)
                asked = Asked(
                    size=(width, height),
                    start=picture,
                    objects=tuple(AskedObject(str(n), mask, path) for n, (mask, path) in enumerate(objects)),
                    way="native",
                )
                for each, (_, path) in zip(measure(target, asked).objects, objects, strict=True):
                    total += 1
                    if each.why:
                        refused += 1
                        continue
                    done = np.array(each.measured[-1]) - np.array(each.measured[0])
                    truth = gain * (path[-1] - path[0]) * size[0] / width
                    error = 100 * float(np.hypot(*(done - truth))) / math.hypot(*size)
                    errors.append(error)
                    if error > 2:
                        wrong.append(f"{name} radius {radius} gain {gain} label {each.label}: {error:.1f} %")
    print(f"\n== anywhere on photographs: {total} regions, {refused} refused, {spread(errors)} %")
    print(f"   confident and wrong: {wrong}")
    assert len(wrong) <= 0.02 * total


@pytest.mark.parametrize("at_label", [False, True], ids=["anywhere", "at-the-label"])
def test_false_confidence_of_random_regions(tmp_path: Path, *, at_label: bool) -> None:
    """Sky, cloth, texture; on any way, at any size: refused, or read to within 2 % of the diagonal."""
    count = 90
    errors, wrong = [], []
    for region in random_regions(count, at_label=at_label):
        found, error = region.measured(tmp_path / "a.mp4")
        if error is None:
            continue
        errors.append(error)
        if error > 2:
            wrong.append(
                f"{region.photograph} gain {region.gain}: {error:.1f} %, sure {found.confidence:.2f}"
            )
    print(
        f"\n== random regions{' at the label' * at_label}: {len(errors)} of {count} read, {spread(errors)} %"
    )
    print(f"   confident and wrong: {wrong}")
    assert len(wrong) <= 0.02 * count
    assert len(errors) >= (0.4 if at_label else 0.65) * count
