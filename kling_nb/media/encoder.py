"""Planar frames to a browser-playable MP4: the one encoder of the package."""

from __future__ import annotations

import os
import uuid
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from kling_nb.errors import MediaError
from kling_nb.media.priority import kept_priority

if TYPE_CHECKING:
    from types import TracebackType

    from av.audio.stream import AudioStream
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

Codec = Literal["h264", "av1"]

_ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "superfast", "crf": "19", "x264-params": "chromaloc=1"}),
    "av1": ("libsvtav1", {"preset": "13", "crf": "35", "svtav1-params": "lp=2"}),
}
_AUDIO_RATE = 44_100
_AUDIO_BLOCK = 1024


class VideoWriter:
    """Write planar YUV 4:2:0 frames (BT.709, limited range) into an MP4 at a constant frame rate.

    The file appears under its name only when it is complete; after an error nothing is left behind.
    Colour space, primaries, transfer and range are tagged, because browsers read an untagged stream as
    BT.709 while other tools guess by its size.

    Parameters
    ----------
    target
        File to write, replaced when it exists.
    width, height
        Even numbers of pixels.
    fps
        Frames per second.
    codec
        ``"h264"`` (x264) or ``"av1"`` (SVT-AV1, smaller files).
    comment
        Container comment.
    silent_audio
        Adds a silent AAC track as long as the picture.
    options
        Encoder options that replace the defaults, by FFmpeg's names.

    Raises
    ------
    MediaError
        Odd size, codec not built in, folder missing or not writable.
    """

    def __init__(
        self,
        target: Path,
        width: int,
        height: int,
        fps: int,
        *,
        codec: Codec = "h264",
        comment: str = "",
        silent_audio: bool = False,
        options: dict[str, str] | None = None,
    ) -> None:
        if width % 2 or height % 2 or width < 2 or height < 2:
            raise MediaError(
                f"A video of {width}×{height} pixels cannot be written.",
                "4:2:0 video needs even width and height.",
                "Round both to even numbers.",
            )
        self.target = Path(target)
        if not self.target.parent.is_dir():
            # PyAV opens the file only with the first frame.
            raise _cannot_write(self.target, FileNotFoundError("the folder does not exist"))
        self.frames = 0
        # A name of its own: the pad and a cell may ask for the same preview at the same time.
        self._part = self.target.with_name(f"{self.target.name}.{uuid.uuid4().hex[:8]}.part")
        self._fps = fps
        name, defaults = _ENCODERS[codec]
        if codec == "av1":
            # SVT-AV1 prints its settings on standard error unless told to print errors only.
            os.environ.setdefault("SVT_LOG", "1")
        try:
            self._container = av.open(
                str(self._part), "w", format="mp4", options={"movflags": "+faststart+write_colr"}
            )
            self._video = cast(
                "VideoStream",
                self._container.add_stream(name, rate=Fraction(fps), options={**defaults, **(options or {})}),
            )
        except (OSError, ValueError, av.FFmpegError) as error:
            self._part.unlink(missing_ok=True)
            raise _cannot_write(self.target, error) from error
        if comment:
            self._container.metadata["comment"] = comment
        context = self._video.codec_context
        context.width, context.height = width, height
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, fps)
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.color_range = ColorRange.MPEG
        self._audio: AudioStream | None = None
        if silent_audio:
            self._audio = self._container.add_stream("aac", rate=_AUDIO_RATE)
            self._audio.layout = "stereo"

    def write(self, planes: NDArray[np.uint8]) -> None:
        """Append one frame.

        Parameters
        ----------
        planes
            (height * 3 / 2, width) uint8: the Y plane, then U, then V, as one contiguous array.
        """
        frame = VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = self.frames
        frame.time_base = Fraction(1, self._fps)
        frame.colorspace = Colorspace.ITU709
        frame.color_primaries = ColorPrimaries.BT709
        frame.color_trc = ColorTrc.BT709
        frame.color_range = ColorRange.MPEG
        self.frames += 1
        if self.frames == 1:
            # The encoder starts with its first frame.
            with kept_priority():
                packets = self._video.encode(frame)
        else:
            packets = self._video.encode(frame)
        self._container.mux(packets)

    def close(self) -> None:
        """Flush the encoder, finish the file and give it its name."""
        try:
            if self._audio is not None:
                self._write_silence(self._audio)
            self._container.mux(self._video.encode(None))
            self._container.close()
            self._part.replace(self.target)
        except (OSError, av.FFmpegError) as error:
            self.discard()
            raise _cannot_write(self.target, error) from error

    def discard(self) -> None:
        """Drop everything written so far."""
        try:
            self._container.close()
        except (OSError, ValueError, av.FFmpegError):
            # Closing writes the trailer, which fails on a full disk or before the first frame.
            pass
        finally:
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        self.discard()
        if value is not None and isinstance(value, (OSError, av.FFmpegError)):
            raise _cannot_write(self.target, value) from value

    def _write_silence(self, stream: AudioStream) -> None:
        samples = round(self.frames / self._fps * _AUDIO_RATE)
        for start in range(0, samples, _AUDIO_BLOCK):
            count = min(_AUDIO_BLOCK, samples - start)
            silence: NDArray[Any] = np.zeros((2, count), dtype=np.float32)
            frame = AudioFrame.from_ndarray(silence, format="fltp", layout="stereo")
            frame.sample_rate = _AUDIO_RATE
            frame.pts = start
            frame.time_base = Fraction(1, _AUDIO_RATE)
            self._container.mux(stream.encode(frame))
        self._container.mux(stream.encode(None))


def _cannot_write(target: Path, error: BaseException) -> MediaError:
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return MediaError(
        f"The video {target.name} cannot be written.",
        f"{why[:1].upper()}{why[1:].rstrip('.')}: {target.parent}.",
        "Check that the folder exists, is writable and has space left.",
    )
