"""Videos in: facts, single frames, posters and contact sheets, read through PyAV."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from PIL import Image

from kling_nb.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

_SHEET_WIDTH = 1600
_SHEET_GAP = 4
MAX_FRAME_PIXELS = 100_000_000
_POSTER_QUALITY = 88


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file says about itself.

    Parameters
    ----------
    width, height
        Pixels.
    fps
        Average frames per second.
    frames
        Number of frames, counted packet by packet when the container does not state it.
    duration_s
        ``frames / fps`` in seconds.
    codec
        FFmpeg's name, such as ``"h264"``.
    """

    width: int
    height: int
    fps: float
    frames: int
    duration_s: float
    codec: str


def probe(path: str | Path) -> VideoInfo:
    """Read the facts of a video without decoding it.

    Raises
    ------
    MediaError
        Missing file, no video in it, damaged or cut off so that its index is lost.
    """
    with _open(path) as container:
        return _facts(container, _video_stream(container, path), path)


def _facts(container: InputContainer, stream: VideoStream, path: str | Path) -> VideoInfo:
    count = stream.frames or sum(1 for packet in container.demux(stream) if packet.size)
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    if not rate or not count:
        raise _unreadable(path, "it holds no frames")
    context = stream.codec_context
    return VideoInfo(context.width, context.height, rate, count, count / rate, context.codec.canonical_name)


def frames(path: str | Path) -> Iterator[NDArray[np.uint8]]:
    """Decode a video frame by frame.

    Yields
    ------
    ndarray
        (H, W, 3) uint8 RGB, converted by the stream's own colour tags.

    Raises
    ------
    MediaError
        The file cannot be opened or decoded.
    """
    with _open(path) as container:
        stream = _video_stream(container, path)
        stream.thread_type = "AUTO"
        try:
            for frame in container.decode(stream):
                yield np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        except av.FFmpegError as error:
            raise _unreadable(path, _plainly(error)) from error


@contextmanager
def opened(path: str | Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video for those who decode it themselves.

    Yields
    ------
    (InputContainer, VideoStream)
        The file and its first stream of pictures.

    Raises
    ------
    MediaError
        As for :func:`probe`.
    """
    with _open(path) as container:
        yield container, _video_stream(container, path)


def poster(path: str | Path, target: str | Path, long_side: int = 640) -> Path:
    """Write the first frame as a JPEG.

    Parameters
    ----------
    path
        The video.
    target
        JPEG file to write.
    long_side
        Longest side of the poster in pixels; a smaller video is not enlarged.

    Returns
    -------
    Path
        ``target``.
    """
    first = next(iter(frames(path)), None)
    if first is None:
        raise _unreadable(path, "it holds no frames")
    return write_poster(first, target, long_side)


def look(path: str | Path, target: str | Path, long_side: int = 640) -> VideoInfo:
    """Read the facts of a video and write its poster, opening and decoding as little as possible.

    Parameters
    ----------
    path
        The video.
    target
        JPEG file to write.
    long_side
        As for :func:`poster`.

    Raises
    ------
    MediaError
        As for :func:`probe`; then there is no poster.
    """
    with _open(path) as container:
        stream = _video_stream(container, path)
        try:
            info = _facts(container, stream, path)
            if not stream.frames:
                container.seek(0)
            # Without threads: they would decode more frames than the one that is wanted.
            first = next(container.decode(stream), None)
        except av.FFmpegError as error:
            raise _unreadable(path, _plainly(error)) from error
    if first is None:
        raise _unreadable(path, "it holds no frames")
    write_poster(np.asarray(first.to_ndarray(format="rgb24"), dtype=np.uint8), target, long_side)
    return info


def write_poster(picture: NDArray[np.uint8], target: str | Path, long_side: int = 640) -> Path:
    """Write an RGB array as a poster JPEG, scaled down to ``long_side`` pixels."""
    image = Image.fromarray(picture)
    image.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    target = Path(target)
    image.save(target, "JPEG", quality=_POSTER_QUALITY)
    return target


def contact_sheet(path: str | Path, target: str | Path, columns: int = 6, rows: int = 1) -> Path:
    """Write evenly spaced frames, the first and the last among them, as one picture.

    Parameters
    ----------
    path
        The video.
    target
        PNG or JPEG file to write, by its ending.
    columns, rows
        Cells of the sheet.

    Returns
    -------
    Path
        ``target``.
    """
    info = probe(path)
    cells = columns * rows
    wanted = np.unique(np.linspace(0, info.frames - 1, cells).round().astype(int))
    cell_width = min(info.width, max(16, (_SHEET_WIDTH - _SHEET_GAP * (columns - 1)) // columns))
    cell_height = max(1, round(cell_width * info.height / info.width))
    sheet = Image.new(
        "RGB",
        (columns * (cell_width + _SHEET_GAP) - _SHEET_GAP, rows * (cell_height + _SHEET_GAP) - _SHEET_GAP),
        "white",
    )
    places = {int(frame): cell for cell, frame in enumerate(wanted)}
    for index, picture in enumerate(frames(path)):
        cell = places.get(index)
        if cell is not None:
            small = Image.fromarray(picture).resize((cell_width, cell_height), Image.Resampling.LANCZOS)
            row, column = divmod(cell, columns)
            sheet.paste(small, (column * (cell_width + _SHEET_GAP), row * (cell_height + _SHEET_GAP)))
    sheet.save(target)
    return Path(target)


def _open(path: str | Path) -> InputContainer:
    if not Path(path).exists():
        raise MediaError(f"There is no video {path}.", "The file does not exist.", "Check the path.")
    try:
        # The file is somebody else's: what it names, on this machine or on the web, is not opened.
        return av.open(str(path), options={"protocol_whitelist": "file"})
    except (OSError, ValueError, av.FFmpegError) as error:
        raise _unreadable(path, _plainly(error)) from error


def _video_stream(container: InputContainer, path: str | Path) -> VideoStream:
    streams: tuple[Any, ...] = container.streams.video
    if not streams:
        raise _unreadable(path, "it holds no video")
    stream: VideoStream = streams[0]
    context = stream.codec_context
    # A stream whose beginning is lost has no decoder.
    if context is not None and context.width * context.height > MAX_FRAME_PIXELS:
        raise _unreadable(path, f"its frames claim {context.width}×{context.height} pixels")
    return stream


def _plainly(error: Exception) -> str:
    """Say what went wrong without number and path, which PyAV and the system add to it."""
    return str(getattr(error, "strerror", None) or error)


def _unreadable(path: str | Path, why: str) -> MediaError:
    return MediaError(
        f"{path} is not a readable video.", f"{why[:1].upper()}{why[1:].rstrip('.')}.", "Download it again."
    )
