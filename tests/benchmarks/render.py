"""How fast the renderer is, against the bare encoder in the same run.

    python tests/benchmarks/render.py [--rounds 5] [--size 1280x720] [--frames 121] [--quick]

For each kind of clip the same frames are first rendered into memory, then (interleaved, best of several
rounds) encoded alone and rendered and encoded together.  Printed: end to end ÷ raw encoder speed, total
CPU ÷ encode-only CPU, and the peak memory of a fresh process that renders the clip once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from kling_nb.media import image_bytes
from kling_nb.media.encoder import VideoWriter
from kling_nb.render import CameraMove, MaskMotion, RenderPlan, render_planes, render_video

GOALS = {"layered": 0.60, "elastic": 0.50, "camera": 0.50, "morph": 0.50, "default": 0.50}
CPU_GOAL = 2.5
MEMORY_GOALS = {720: 300, 1080: 512}
PREVIEW_GOAL = 3.0
EDITS = 3


def plans(width: int, height: int, frames: int) -> dict[str, RenderPlan]:
    """One plan per way of rendering, over a photograph bundled with scikit-image."""
    photo = fitted(data.rocket(), width, height)
    scale = width / 640
    rocket = np.zeros((height, width), np.uint8)
    outline = [(322, 91), (334, 114), (336, 330), (308, 330), (311, 114)]
    cv2.fillPoly(rocket, [(np.array(outline) * scale).astype(np.int32)], 1)
    spot = np.zeros((height, width), np.uint8)
    cv2.circle(spot, (width // 2, height // 2), height // 6, 1, -1)
    lift = np.array([[322, 200], [326, 120]]) * scale
    nudge = np.array([[width / 2, height / 2], [width / 2 + 0.03 * width, height / 2]])
    base = RenderPlan(photo, width, height, 24, frames)
    turned = cv2.warpAffine(
        photo,
        cv2.getRotationMatrix2D((width / 2, height / 2), 3, 1.1),
        (width, height),
        borderMode=cv2.BORDER_REFLECT,
    )
    face = fitted(data.chelsea(), width, height)
    return {
        "layered": replace(base, motions=(MaskMotion(rocket > 0, lift),)),
        "elastic": replace(base, image=face, motions=(MaskMotion(spot > 0, nudge),)),
        "camera": replace(base, camera=CameraMove(pan=6)),
        "morph": replace(base, tail=turned),
        "default": base,
    }


def fitted(photo: np.ndarray, width: int, height: int) -> np.ndarray:
    factor = max(width / photo.shape[1], height / photo.shape[0])
    size = (max(width, round(photo.shape[1] * factor)), max(height, round(photo.shape[0] * factor)))
    big = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC)
    top, left = (big.shape[0] - height) // 2, (big.shape[1] - width) // 2
    return np.ascontiguousarray(big[top : top + height, left : left + width])


def encode_only(frames: list[np.ndarray], plan: RenderPlan, target: Path) -> None:
    with VideoWriter(target, plan.width, plan.height, plan.fps, comment=plan.comment) as writer:
        for frame in frames:
            writer.write(frame)


def timed(work: object) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()  # type: ignore[operator]
    return time.perf_counter() - wall, time.process_time() - cpu


def peak_memory(kind: str, size: str, frames: int) -> float:
    """Peak resident MB of a fresh process that renders one clip (Linux)."""
    code = (
        "import sys,tempfile;from pathlib import Path;"
        f"sys.path.insert(0,{str(Path(__file__).parent)!r});import render as bench;"
        "from kling_nb.render import render_video;"
        f"w,h=map(int,{size!r}.split('x'));plan=bench.plans(w,h,{frames})[{kind!r}];"
        "d=tempfile.TemporaryDirectory();render_video(plan,Path(d.name)/'a.mp4');"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1]) / 1024


def measure(kind: str, plan: RenderPlan, rounds: int, folder: Path) -> tuple[float, float, float, float]:
    frames = list(render_planes(plan))
    alone, together = [], []
    for _ in range(rounds):
        alone.append(timed(lambda: encode_only(frames, plan, folder / f"{kind}-raw.mp4")))
        together.append(timed(lambda: render_video(plan, folder / f"{kind}.mp4")))
    raw_wall, raw_cpu = (min(values) for values in zip(*alone, strict=True))
    full_wall, full_cpu = (min(values) for values in zip(*together, strict=True))
    return raw_wall, full_wall, raw_wall / full_wall, full_cpu / raw_cpu


def measure_preview(plan: RenderPlan, rounds: int, folder: Path) -> tuple[float, float, float, float]:
    """Wall and CPU seconds of a preview of something new, and of one after its path's end was moved."""
    # Loaded here, so that the memory of a mere render is measured without it.
    from kling_nb.session import MotionBrush, Session, previews

    photo = folder / "photo.jpg"
    photo.write_bytes(image_bytes(plan.image, "JPEG"))
    session = Session("sandbox", home=folder / "home")
    (motion,) = plan.motions

    def look(number: int) -> tuple[float, float]:
        path = motion.path + np.array([[0, 0]] * (len(motion.path) - 1) + [[number, 0]])
        brush = MotionBrush(photo).dynamic(motion.mask, path)
        return timed(lambda: session.preview(brush=brush, prompt="up"))

    look(-1)
    first, edited = [], []
    for number in range(rounds):
        previews.forget()
        first.append(look(number * (EDITS + 1)))
        edited += [look(number * (EDITS + 1) + edit) for edit in range(1, EDITS + 1)]
    session.close()
    return *(min(v) for v in zip(*first, strict=True)), *(min(v) for v in zip(*edited, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--frames", type=int, default=121)
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.size, options.frames = 1, "320x180", 13
    width, height = (int(side) for side in options.size.split("x"))
    limit = MEMORY_GOALS.get(height)
    print(f"{options.frames} frames {width}×{height}, superfast, best of {options.rounds}, interleaved")
    heads = ("kind", "encoder s", "total s", "speed ÷ encoder", "goal", "CPU ÷ encoder", "goal", "peak MB")
    print("".join(f"{head:>16}" for head in heads))
    with tempfile.TemporaryDirectory() as folder:
        for kind, plan in plans(width, height, options.frames).items():
            raw, full, ratio, cpu = measure(kind, plan, options.rounds, Path(folder))
            memory = 0.0 if options.quick else peak_memory(kind, options.size, options.frames)
            row = (kind, f"{raw:.3f}", f"{full:.3f}", f"{ratio:.2f}", GOALS[kind], f"{cpu:.2f}", CPU_GOAL)
            peak = f"{memory:.0f}" if limit is None else f"{memory:.0f} of {limit}"
            print("".join(f"{cell:>16}" for cell in (*row, peak)), flush=True)
        print("\npreview of a photograph of that size, and again after the end of a path was moved")
        heads = ("kind", "first s", "edited s", "first ÷ edited", "CPU ratio", "goal")
        print("".join(f"{head:>16}" for head in heads))
        for kind in ("layered", "elastic"):
            place = Path(folder) / kind
            place.mkdir()
            drawn = plans(width, height, options.frames)[kind]
            wall, cpu, wall_again, cpu_again = measure_preview(drawn, options.rounds, place)
            ratios = (f"{wall / wall_again:.2f}", f"{cpu / cpu_again:.2f}")
            row = (f"preview {kind}", f"{wall:.3f}", f"{wall_again:.3f}", *ratios, PREVIEW_GOAL)
            print("".join(f"{cell:>16}" for cell in row), flush=True)


if __name__ == "__main__":
    main()
