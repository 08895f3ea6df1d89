"""The renderer: a plan becomes frames, frames become a file."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kling_nb.media.encoder import VideoWriter
from kling_nb.render.finish import Finish, extra_camera
from kling_nb.render.label import Box
from kling_nb.render.memory import Memory
from kling_nb.render.paths import clip_positions
from kling_nb.render.plan import RenderPlan, RenderReport, RenderStopped
from kling_nb.render.planes import Planes
from kling_nb.render.scenes import Scene, build_scene

Array = NDArray[Any]

_QUEUE_FRAMES = 4
_BUFFERS = _QUEUE_FRAMES + 3
_PATIENCE_S = 0.2

_HASTE: dict[str, dict[str, str]] = {
    "h264": {"preset": "ultrafast", "crf": "22", "x264-params": "chromaloc=1:subme=1"},
    "av1": {},
}
"""Encoder options for clips that are waited for: ``subme`` keeps ``ultrafast`` from growing threefold."""


class _Film:
    """A prepared plan: scene plus finishing steps."""

    def __init__(self, plan: RenderPlan, memory: Memory | None = None) -> None:
        self.plan = plan
        self.scene: Scene = build_scene(plan, memory)
        start = Planes.empty(plan.width, plan.height)
        self.scene.draw(0, start)
        self._finish = Finish(plan, start)

    @property
    def label_box(self) -> Box | None:
        return self._finish.label_box

    def draw(self, index: int, out: Planes) -> None:
        source = 0 if self.plan.distort.freeze else index
        self.scene.draw(source, out)
        self._finish.apply(index, out)


def render_planes(plan: RenderPlan, memory: Memory | None = None) -> Iterator[Array]:
    """Render frame by frame as the encoder gets them.

    Parameters
    ----------
    plan
        What to render.
    memory
        Keeps costly steps for the next render; the frames are the same with and without.

    Yields
    ------
    ndarray
        (height * 3 / 2, width) uint8, YUV 4:2:0 of BT.709 in limited range; a new array each time.
    """
    film = _Film(plan, memory)
    for index in range(plan.frames):
        frame = Planes.empty(plan.width, plan.height)
        film.draw(index, frame)
        yield frame.buffer


def render_frames(plan: RenderPlan) -> Iterator[NDArray[np.uint8]]:
    """Render frame by frame as pictures.

    Yields
    ------
    ndarray
        (height, width, 3) uint8 RGB.
    """
    for buffer in render_planes(plan):
        yield Planes.view(buffer, plan.height).to_rgb()


def render_video(
    plan: RenderPlan,
    target: Path,
    *,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
    memory: Memory | None = None,
) -> RenderReport:
    """Render a plan into an MP4; frames are drawn in one thread while another encodes.

    Parameters
    ----------
    plan
        What to render.
    target
        File to write; it appears only when complete.
    progress
        Called with 0…1 after each encoded frame, in the calling thread.
    stop
        Asked before each frame; True ends the render.
    memory
        Keeps costly steps for the next render; the frames are the same with and without.

    Returns
    -------
    RenderReport
        The truth about the clip.

    Raises
    ------
    RenderStopped
        ``stop`` returned True; no file is left.
    MediaError
        The file cannot be written.
    """
    began = time.perf_counter()
    target = Path(target)
    film = _Film(plan, memory)
    poster: Array | None = None
    with (
        VideoWriter(
            target,
            plan.width,
            plan.height,
            plan.fps,
            codec=plan.codec,
            comment=plan.comment,
            silent_audio=plan.silent_audio,
            options=_HASTE[plan.codec] if plan.hasty else None,
        ) as writer,
        _Renderer(film) as renderer,
    ):
        for done, frame in enumerate(renderer.frames(), start=1):
            if stop is not None and stop():
                raise RenderStopped("The render was stopped.", "Nothing was written.")
            if poster is None:
                poster = frame.to_rgb()
            writer.write(frame.buffer)
            if progress is not None:
                progress(done / plan.frames)
    assert poster is not None
    return RenderReport(
        path=target,
        seconds=time.perf_counter() - began,
        modes=film.scene.modes,
        displacements=film.scene.displacements,
        camera=_camera_truth(film),
        scale=_scale(plan),
        label_box=film.label_box,
        poster=poster,
    )


class _Renderer:
    """Draws frames ahead of the encoder in a thread of its own, into a few reused buffers."""

    def __init__(self, film: _Film) -> None:
        self._film = film
        self._free: queue.Queue[Planes] = queue.Queue()
        self._ready: queue.Queue[Planes | BaseException] = queue.Queue()
        self._ended = threading.Event()
        for _ in range(_BUFFERS):
            self._free.put(Planes.empty(film.plan.width, film.plan.height))
        self._thread = threading.Thread(target=self._run, name="kling-render", daemon=True)

    def __enter__(self) -> _Renderer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def frames(self) -> Iterator[Planes]:
        """Frames in order; each buffer is reused once the next frame is asked for."""
        for _ in range(self._film.plan.frames):
            item = self._ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
            self._free.put(item)

    def _run(self) -> None:
        try:
            for index in range(self._film.plan.frames):
                buffer = self._next_buffer()
                if buffer is None:
                    return
                self._film.draw(index, buffer)
                self._ready.put(buffer)
        except BaseException as error:
            self._ready.put(error)

    def _next_buffer(self) -> Planes | None:
        while not self._ended.is_set():
            try:
                return self._free.get(timeout=_PATIENCE_S)
            except queue.Empty:
                continue
        return None


def _scale(plan: RenderPlan) -> tuple[float, float]:
    picture = plan.image if plan.image is not None else plan.tail
    assert picture is not None
    return plan.width / picture.shape[1], plan.height / picture.shape[0]


def _camera_truth(film: _Film) -> Array:
    """Camera of the scene, the deliberate extra motion included."""
    extra = film.plan.distort.camera
    if not extra:
        return film.scene.camera
    size = (film.plan.width, film.plan.height)
    added = [extra_camera(extra, float(s), size) for s in clip_positions(film.plan.frames)]
    return np.array(added) @ film.scene.camera
