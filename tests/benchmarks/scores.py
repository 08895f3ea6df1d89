"""How fast a clip is measured, against merely reading it in the same run.

    python tests/benchmarks/scores.py [--rounds 5] [--size 1280x720] [--frames 121] [--clips 12] [--quick]

All scores are taken of a clip with six painted objects and a static mask: one that does what was asked, one
whose objects are soon lost (they are looked for until the end), and one without a brush. Measuring, decoding
with PyAV on one thread and reading with OpenCV take turns, best of several rounds; printed are CPU seconds
and their ratios, and how often each frame was decoded. Then many clips one by one and on two processes,
the same for merely decoding them, which is what this machine gives two processes at the moment, and the
speed-up by CPU seconds: what it would be if both cores were free.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import av
import cv2
import numpy as np
from render import fitted
from skimage import data

from kling_nb.media.encoder import VideoWriter
from kling_nb.render import CameraMove, MaskMotion, RenderPlan, render_planes
from kling_nb.score import clip as clips
from kling_nb.score.asked import Asked, AskedObject
from kling_nb.score.measure import measure

FPS = 24
REAL_TIME_GOAL = 2.5
PROCESSES_GOAL = 1.8
OBJECTS = 6
LOST_AFTER = 0.07


@dataclass(frozen=True)
class Work:
    """A clip and what was asked of it."""

    kind: str
    path: Path
    asked: Asked
    seconds: float


def works(width: int, height: int, frames: int, folder: Path) -> Iterator[Work]:
    """Write the clips."""
    picture = fitted(data.coffee(), width, height)
    moving, still = regions(width, height)
    objects = tuple(AskedObject(f"object {n}", *each) for n, each in enumerate(moving, 1))
    brush = Asked((width, height), picture, objects=objects, static=still, way="native")
    base = RenderPlan(picture, width, height, FPS, frames, camera=CameraMove(pan=4))
    motions = tuple(MaskMotion(*each) for each in moving)
    done = [*copies(RenderPlan(picture, width, height, FPS, frames, motions=motions, static_mask=still))]
    other = fitted(data.chelsea(), width, height)
    cut = max(2, round(LOST_AFTER * frames))
    elsewhere = [*copies(RenderPlan(other, width, height, FPS, frames, camera=CameraMove(pan=4)))][cut:]
    plain = Asked((width, height), picture, camera={"type": "simple", "config": {"pan": 4}})
    for kind, shown, asked in (
        ("six objects", done, brush),
        ("six lost", done[:cut] + elsewhere, brush),
        ("no brush", [*copies(base)], plain),
    ):
        path = folder / f"{kind.replace(' ', '-')}.mp4"
        with VideoWriter(path, width, height, FPS) as writer:
            for planes in shown:
                writer.write(planes)
        yield Work(kind, path, asked, frames / FPS)


def copies(plan: RenderPlan) -> Iterator[np.ndarray]:
    yield from (planes.copy() for planes in render_planes(plan))


def regions(width: int, height: int) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Six discs of different sizes with short paths, and a strip that stays."""
    ys, xs = np.mgrid[:height, :width]
    found = []
    for number in range(OBJECTS):
        x, y = (number % 3 + 0.5) * width / 3, (0.3 + 0.42 * (number // 3)) * height
        mask = np.hypot(xs - x, ys - y) <= (0.028 + 0.008 * number) * width
        turn = 2 * np.pi * number / OBJECTS
        way = 0.06 * width * np.array([np.cos(turn), np.sin(turn)])
        found.append((mask, np.array([[x, y], [x + way[0], y + way[1]]])))
    return found, ys < 0.07 * height


def decode(path: Path) -> None:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for _ in container.decode(stream):
            pass


def read(path: Path) -> None:
    capture = cv2.VideoCapture(str(path))
    while capture.read()[0]:
        pass
    capture.release()


def cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def decoded(work: Work) -> float:
    """How often each frame was decoded: frames that came out of the decoder, in all openings of the file."""
    counts, frames = [], 0
    real_open, real_light = clips.opened, clips.light_of

    def light(frame: av.VideoFrame) -> np.ndarray:
        counts.append(1)
        return real_light(frame)

    opened = mock.Mock(side_effect=real_open)
    with mock.patch.object(clips, "opened", opened), mock.patch.object(clips, "light_of", light):
        frames = measure(work.path, work.asked).frames
    return max(opened.call_count, len(counts) / frames)


def one_clip(work: Work, rounds: int) -> tuple[str, ...]:
    cv2.setNumThreads(1)
    taken = [
        [
            cpu(lambda: measure(work.path, work.asked)),
            cpu(lambda: decode(work.path)),
            cpu(lambda: read(work.path)),
        ]
        for _ in range(rounds)
    ]
    all_of_it, bare, opencv = (min(column) for column in zip(*taken, strict=True))
    return (
        work.kind,
        f"{all_of_it:.2f}",
        f"{work.seconds / all_of_it:.1f}",
        f"{REAL_TIME_GOAL}",
        f"{all_of_it / bare:.1f}",
        f"{all_of_it / opencv:.1f}",
        f"{decoded(work):.2f}",
    )


def measured(work: Work) -> float:
    return cpu(lambda: measure(work.path, work.asked))


def only_decoded(work: Work) -> float:
    return cpu(lambda: [decode(work.path) for _ in range(6)])


def one_by_one(pool: Executor, job: Callable[[Work], float], work: Work, count: int) -> tuple[float, float]:
    """Wall and CPU seconds of so many clips, never two at a time."""
    begun = time.perf_counter()
    spent = sum(pool.submit(job, work).result() for _ in range(count))
    return time.perf_counter() - begun, spent


def together(pool: Executor, job: Callable[[Work], float], work: Work, count: int) -> tuple[float, float]:
    """Wall and CPU seconds of so many clips, as many at a time as there are processes."""
    begun = time.perf_counter()
    spent = sum(pool.map(job, [work] * count))
    return time.perf_counter() - begun, spent


def table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    print("".join(f"{head:>16}" for head in heads))
    for row in rows:
        print("".join(f"{cell:>16}" for cell in row), flush=True)


def speed_up(work: Work, count: int, rounds: int) -> tuple[str, ...]:
    taken: dict[str, list[tuple[float, ...]]] = {"measured": [], "decoded": []}
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver")) as pool:
        list(pool.map(measured, [work] * 4))
        for _ in range(rounds):
            for name, job in (("measured", measured), ("decoded", only_decoded)):
                pair = one_by_one(pool, job, work, count), together(pool, job, work, count)
                taken[name].append((*pair[0], *pair[1]))
    best = {name: [min(column) for column in zip(*rows, strict=True)] for name, rows in taken.items()}
    alone, alone_cpu, both, both_cpu = best["measured"]
    return (
        work.kind,
        f"{count / alone:.2f}",
        f"{count / both:.2f}",
        f"{alone / both:.2f}",
        f"{PROCESSES_GOAL}",
        f"{best['decoded'][0] / best['decoded'][2]:.2f}",
        f"{2 * alone_cpu / both_cpu:.2f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--frames", type=int, default=121)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.size, options.frames, options.clips = 1, "320x180", 9, 2
    width, height = (int(side) for side in options.size.split("x"))
    print(
        f"{options.frames} frames {width}×{height} at {FPS} a second, best of {options.rounds}, interleaved"
    )
    with tempfile.TemporaryDirectory() as folder:
        all_works = list(works(width, height, options.frames, Path(folder)))
        heads = ("clip", "CPU s", "× real time", "goal ≥", "÷ PyAV decode", "÷ OpenCV read", "decoded ×")
        table(heads, (one_clip(work, options.rounds) for work in all_works))
        print(f"\n{options.clips} clips, and what two processes that only decode gain on this machine now")
        heads = ("clip", "1 process /s", "2 processes /s", "speed-up", "goal ≥", "decode only", "by CPU")
        table(heads, (speed_up(work, options.clips, max(1, options.rounds // 2)) for work in all_works[:1]))


if __name__ == "__main__":
    main()
