"""How fast drawn masks become what is sent, against Pillow's usual way in the same run.

    python tests/benchmarks/masks.py [--rounds 7] [--side 4096] [--quick]

A stroke of 500 points and radius 40 becomes a Base64 PNG (8-bit RGB, as the wire demands): with Pillow by
drawing a thick line with round joints and saving it with the usual settings, and with its quickest settings;
here from the stroke, and from an array of the finished pixels. The ways take turns; printed are the best
wall and CPU time of each, the ratios to Pillow's usual way, and the size of the file. Then what the pad does
while six masks are painted on a picture of that size.
"""

from __future__ import annotations

import argparse
import base64
import io
import time
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from kling_nb.domain import shapes
from kling_nb.media import mask_to_png, to_base64
from kling_nb.widgets.pad.model import PadModel

GOAL = 3.0
RADIUS = 40
POINTS = 500


def line(side: int) -> np.ndarray:
    """A curved stroke across the picture."""
    share = np.linspace(0, 1, POINTS)
    return np.stack([side * (0.1 + 0.8 * share), side * (0.5 + 0.36 * np.sin(9 * share))], axis=1)


def with_pillow(points: np.ndarray, side: int, **options: int) -> str:
    picture = Image.new("RGB", (side, side))
    pen = ImageDraw.Draw(picture)
    pen.line([tuple(point) for point in points.tolist()], (255, 255, 255), 2 * RADIUS, joint="curve")
    for x, y in (points[0], points[-1]):
        pen.ellipse((x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS), (255, 255, 255))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **options)
    return base64.b64encode(buffer.getvalue()).decode()


def from_stroke(points: np.ndarray, side: int) -> str:
    return to_base64(mask_to_png(shapes.stroke(points, RADIUS).runs((side, side))))


def best(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Best wall and CPU milliseconds of each, taken in turns."""
    found = {name: (float("inf"), float("inf")) for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            spent = 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)
            found[name] = min(found[name][0], spent[0]), min(found[name][1], spent[1])
    return found


def pixels(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))[..., 0] > 127


def compare_masks(side: int, rounds: int) -> float:
    """Print the table; return the ratio of wall times, Pillow's usual way over ours."""
    points = line(side)
    finished = shapes.stroke(points, RADIUS).bits((side, side))
    ways: dict[str, Callable[[], str]] = {
        "Pillow, usual": lambda: with_pillow(points, side),
        "Pillow, compress_level=1": lambda: with_pillow(points, side, compress_level=1),
        "from the stroke": lambda: from_stroke(points, side),
        "from an array": lambda: to_base64(mask_to_png(finished)),
    }
    theirs, ours = pixels(ways["Pillow, usual"]()), pixels(ways["from the stroke"]())
    overlap = np.count_nonzero(theirs & ours) / np.count_nonzero(theirs | ours)
    times = best(ways, rounds)  # type: ignore[arg-type]  # what they return is not used
    usual = times["Pillow, usual"]
    print(f"stroke of {POINTS} points, radius {RADIUS}, {side}×{side}, 8-bit RGB PNG in Base64")
    print(f"{'way':<26}{'wall ms':>9}{'CPU ms':>9}{'× wall':>8}{'× CPU':>8}{'kB':>8}")
    for name, (wall, cpu) in times.items():
        ratios = f"{usual[0] / wall:>8.1f}{usual[1] / max(cpu, 1e-3):>8.1f}"
        print(f"{name:<26}{wall:>9.1f}{cpu:>9.1f}{ratios}{len(ways[name]()) / 1000:>8.0f}")
    print(f"overlap with Pillow's region, which rounds to whole pixels: {overlap:.3f}")
    ratio = usual[0] / times["from the stroke"][0]
    print(f"ratio {ratio:.1f}, goal ≥ {GOAL:.0f}")
    return ratio


def drawn(side: int) -> PadModel:
    """Six masks of several strokes each, with paths."""
    pad = PadModel(size=(side, side))
    for number in range(6):
        if number:
            pad.add_layer()
        shift = np.array([0, (number - 2.5) * side / 20])
        for _ in range(5):
            pad.stroke("brush", line(side) + shift, radius=RADIUS)
        pad.stroke("path_freehand", line(side) + shift)
    pad.freeze_rest()
    return pad


def pad_at_work(side: int, rounds: int) -> None:
    """Print what one more stroke costs, and what the linter, the brush and the draft cost after it."""
    pad = drawn(side)
    _ = pad.findings

    def stroke() -> None:
        pad.stroke("brush", line(side), radius=RADIUS)
        pad.runs(pad.layer)

    work: dict[str, Callable[[], object]] = {
        "one more stroke": stroke,
        "lint after it": lambda: pad.findings,
        "brush": lambda: pad.brush,
        "draft as JSON values": pad.to_json,
        "undo": pad.undo,
    }
    print(f"\npad with 6 masks on {side}×{side}")
    for name, (wall, cpu) in best(work, rounds).items():
        print(f"{name:<26}{wall:>9.1f}{cpu:>9.1f}")


def main(arguments: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--quick", action="store_true", help="small and once, to see that it runs")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.side = 1, 512
    ratio = compare_masks(options.side, options.rounds)
    pad_at_work(options.side, options.rounds)
    return ratio


if __name__ == "__main__":
    main()
