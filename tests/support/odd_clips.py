"""Clips as they come from elsewhere: other sizes, rates, depths and containers, damaged ones, no clips.

Each holds the motion of :func:`plain` where it holds any, so its scores should say the same.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from drawn_clips import Drawn, behind, sprite
from PIL import Image

from kling_nb.media.encoder import VideoWriter
from kling_nb.score.asked import Asked

Array = np.ndarray
Expected = Literal["same", "no motion", "nothing"]
"""The plain clip's scores; scores of a clip that hardly moves; a reason instead of scores."""

WIDTH, HEIGHT, FRAMES, FPS = 320, 240, 25, 24


@cache
def plain() -> Drawn:
    """A coin that goes over gravel: 42 px to the right and up."""
    return Drawn(
        behind("chelsea.png", WIDTH, HEIGHT),
        (sprite("coins.png", (120, 140), 40, (150, 120), (160, 112)),),
        width=WIDTH,
        height=HEIGHT,
        frames=FRAMES,
        fps=FPS,
    )


@cache
def pictures() -> tuple[Array, ...]:
    """Frames of the plain clip."""
    return tuple(plain().pictures())


def asked() -> Asked:
    """What every one of the clips is measured against."""
    return plain().asked()


@dataclass(frozen=True)
class Odd:
    """One kind of odd clip."""

    name: str
    make: Callable[[Path], Path]
    expected: Expected
    suffix: str = ".mp4"


ODD: dict[str, Odd] = {}


def _odd(name: str, expected: Expected = "same", suffix: str = ".mp4") -> Callable[[Any], Any]:
    def keep(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
        ODD[name] = Odd(name, make, expected, suffix)
        return make

    return keep


def clip(name: str, folder: Path) -> Path:
    """Make an odd clip in a folder."""
    return ODD[name].make(folder / f"{name.replace(' ', '-')}{ODD[name].suffix}")


def _write(
    target: Path,
    frames: list[Array] | tuple[Array, ...],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    fps: int = FPS,
    times: list[int] | None = None,
    rotation: int = 0,
    tags: dict[str, Any] | None = None,
    options: dict[str, str] | None = None,
    prepare: Callable[[Array], VideoFrame] | None = None,
    ratio: Fraction | None = None,
) -> Path:
    """Write frames with PyAV; ``times`` in 1/240 s."""
    chosen = options or ({"preset": "veryfast", "crf": "18"} if codec == "libx264" else {})
    with av.open(str(target), "w") as container:
        stream: Any = container.add_stream(codec, rate=Fraction(fps), options=chosen)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 240)
        if ratio is not None:
            stream.codec_context.sample_aspect_ratio = ratio
        for key, value in (tags or {}).items():
            setattr(stream.codec_context, key, value)
        if rotation:
            stream.set_display_rotation(rotation)
        for number, picture in enumerate(frames):
            array = np.ascontiguousarray(picture)
            frame = prepare(array) if prepare else VideoFrame.from_ndarray(array, format="rgb24")
            for key, value in (tags or {}).items():
                setattr(frame, key, value)
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, fps) if times is None else Fraction(1, 240)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target


def _resized(width: int, height: int) -> list[Array]:
    return [
        np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS))
        for frame in pictures()
    ]


@_odd("plain")
def _plain(target: Path) -> Path:
    return _write(target, pictures())


@_odd("larger")
def _larger(target: Path) -> Path:
    return _write(target, _resized(640, 480))


@_odd("smaller")
def _smaller(target: Path) -> Path:
    return _write(target, _resized(224, 168))


@_odd("cropped to 16 to 9")
def _cropped(target: Path) -> Path:
    """The start picture is 4:3, the clip is the middle of it, larger: what a service does that covers."""
    return _write(target, [frame[60:420] for frame in _resized(640, 480)])


@_odd("odd dimensions")
def _odd_sides(target: Path) -> Path:
    frames = [frame[:239, :319] for frame in pictures()]
    return _write(target, frames, pixels="yuv444p")


@_odd("pixels that are not square")
def _anamorphic(target: Path) -> Path:
    return _write(target, _resized(240, 240), ratio=Fraction(4, 3))


@_odd("variable frame rate")
def _variable(target: Path) -> Path:
    """Frames at uneven times, each showing what belongs to its time."""
    random = np.random.default_rng(3)
    steps = random.choice([6, 10, 14, 20], FRAMES - 1)
    times = np.concatenate([[0], np.cumsum(steps)])
    drawn = plain()
    frames = [drawn.picture(float(time / times[-1])) for time in times]
    return _write(target, frames, times=[int(time) for time in times])


@_odd("60 frames a second")
def _fast(target: Path) -> Path:
    drawn = plain()
    return _write(target, [drawn.picture(float(s)) for s in np.linspace(0, 1, 61)], fps=60)


@_odd("turned by its flag")
def _turned(target: Path) -> Path:
    """Stored lying on its side, as phones do, with a flag to show it upright."""
    return _write(target, [np.rot90(frame, -1) for frame in pictures()], rotation=90)


@_odd("turned the other way")
def _turned_back(target: Path) -> Path:
    return _write(target, [np.rot90(frame, 1) for frame in pictures()], rotation=-90)


@_odd("upside down by its flag")
def _upside_down(target: Path) -> Path:
    return _write(target, [np.rot90(frame, 2) for frame in pictures()], rotation=180)


@_odd("full range")
def _full_range(target: Path) -> Path:
    def prepare(picture: Array) -> VideoFrame:
        luma = _weights(picture, (0.2126, 0.7152, 0.0722))
        return _planes(luma, picture, 8, full=True)

    return _write(
        target, pictures(), pixels="yuvj420p", prepare=prepare, tags={"color_range": ColorRange.JPEG}
    )


@_odd("10 bits")
def _ten_bits(target: Path) -> Path:
    options = {"preset": "ultrafast", "x265-params": "log-level=none:crf=20"}
    return _write(target, pictures(), codec="libx265", pixels="yuv420p10le", options=options)


@_odd("high dynamic range PQ")
def _pq(target: Path) -> Path:
    return _hdr(target, ColorTrc.SMPTE2084)


@_odd("high dynamic range HLG")
def _hlg(target: Path) -> Path:
    return _hdr(target, ColorTrc.ARIB_STD_B67)


@_odd("interlaced by its flag")
def _interlaced(target: Path) -> Path:
    return _write(
        target,
        pictures(),
        options={"preset": "veryfast", "crf": "18", "x264-params": "tff=1:fake-interlaced=1"},
    )


@_odd("VP9 with transparency", suffix=".webm")
def _alpha(target: Path) -> Path:
    def prepare(picture: Array) -> VideoFrame:
        opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
        return VideoFrame.from_ndarray(np.ascontiguousarray(opaque), format="rgba").reformat(
            format="yuva420p"
        )

    options = {"crf": "20", "b": "0", "cpu-used": "8", "deadline": "realtime"}
    return _write(target, pictures(), codec="libvpx-vp9", pixels="yuva420p", options=options, prepare=prepare)


@_odd("AV1")
def _av1(target: Path) -> Path:
    """By the package's own writer, which keeps the encoder from taking the whole machine."""
    with VideoWriter(target, WIDTH, HEIGHT, FPS, codec="av1") as writer:
        for picture in pictures():
            frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            writer.write(frame.to_ndarray())
    return target


@_odd("MPEG-4 part 2")
def _mpeg4(target: Path) -> Path:
    return _write(target, pictures(), codec="mpeg4", options={"b": "3000000"})


@_odd("motion JPEG", suffix=".avi")
def _mjpeg(target: Path) -> Path:
    return _write(target, pictures(), codec="mjpeg", pixels="yuvj420p", options={"qmin": "2", "qmax": "3"})


@_odd("an animated GIF", suffix=".gif")
def _gif(target: Path) -> Path:
    """Eight colours in a plain dither: whatever can be measured of that."""
    frames = [Image.fromarray(frame).quantize(128, Image.Quantize.FASTOCTREE) for frame in pictures()]
    frames[0].save(target, save_all=True, append_images=frames[1:], duration=40, loop=0)
    return target


@_odd("two frames", "no motion")
def _two(target: Path) -> Path:
    return _write(target, [pictures()[0]] * 2)


@_odd("black", "no motion")
def _black(target: Path) -> Path:
    return _write(target, [np.zeros_like(pictures()[0])] * 10)


@_odd("one frame", "nothing")
def _one(target: Path) -> Path:
    return _write(target, pictures()[:1])


@_odd("no frames", "nothing")
def _none(target: Path) -> Path:
    with av.open(str(target), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        container.start_encoding()
    return target


@_odd("sound only", "nothing")
def _sound(target: Path) -> Path:
    with av.open(str(target), "w") as container:
        stream: Any = container.add_stream("aac", rate=44_100)
        stream.layout = "mono"
        for start in range(0, 8192, 1024):
            tone = np.sin(np.arange(start, start + 1024) / 20, dtype=np.float32)[None]
            frame = AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 44_100, start, Fraction(1, 44_100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target


@_odd("cut off in the index", "nothing")
def _cut_index(target: Path) -> Path:
    whole = _write(target, pictures()).read_bytes()
    target.write_bytes(whole[: len(whole) * 2 // 3])
    return target


@_odd("cut off behind the index", "nothing")
def _cut_data(target: Path) -> Path:
    """The index comes first, so the file opens; half of the frames are gone."""
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as container:
        stream: Any = container.add_stream("libx264", rate=FPS, options={"g": "1", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, picture in enumerate(pictures()):
            frame = VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    whole = target.read_bytes()
    target.write_bytes(whole[: len(whole) // 2])
    return target


@_odd("holes of nought", "nothing")
def _holes(target: Path) -> Path:
    """Every byte of the frames is nought; the index is whole."""
    whole = bytearray(_write(target, pictures()).read_bytes())
    begin = whole.find(b"mdat")
    end = whole.find(b"moov", begin)
    whole[begin + 8 : end - 4] = bytes(end - 4 - begin - 8)
    target.write_bytes(bytes(whole))
    return target


@_odd("garbage", "nothing")
def _garbage(target: Path) -> Path:
    target.write_bytes(np.random.default_rng(5).bytes(30_000))
    return target


@_odd("empty file", "nothing")
def _empty(target: Path) -> Path:
    target.write_bytes(b"")
    return target


@_odd("a missing file", "nothing")
def _missing(target: Path) -> Path:
    return target


@_odd("a folder", "nothing")
def _folder(target: Path) -> Path:
    target.mkdir()
    return target


@_odd("a JPEG named mp4", "nothing")
def _jpeg(target: Path) -> Path:
    Image.fromarray(pictures()[0]).save(target, "JPEG")
    return target


@_odd("a web page named mp4", "nothing")
def _page(target: Path) -> Path:
    target.write_text("<html><body>403 AccessDenied</body></html>")
    return target


@_odd("huge claimed dimensions", "nothing")
def _huge(target: Path) -> Path:
    """65535 × 65535 pixels by the container and by the stream's own header."""
    whole = bytearray(_write(target, pictures(), codec="mjpeg", pixels="yuvj420p").read_bytes())
    at = 0
    while (at := whole.find(b"\xff\xc0\x00\x11\x08", at)) >= 0:
        whole[at + 5 : at + 9] = struct.pack(">HH", 65500, 65500)
        at += 9
    place = whole.find(b"mp4v")
    if place >= 0:
        whole[place + 28 : place + 32] = struct.pack(">HH", 65500, 65500)
    target.write_bytes(bytes(whole))
    return target


# --- colours ------------------------------------------------------------------------------------------------


def _weights(picture: Array, weights: tuple[float, float, float]) -> Array:
    return picture.astype(np.float64) @ np.array(weights)


def _planes(luma: Array, picture: Array, bits: int, *, full: bool) -> VideoFrame:
    """A gray frame of 4:2:0 with the given luma, 0 to 255; colours are left out."""
    depth = 1 << (bits - 8)
    codes = luma * depth if full else (16 + luma * 219 / 255) * depth
    kind = np.uint8 if bits == 8 else np.uint16
    height, width = luma.shape
    both = np.full((height * 3 // 2, width), 128 * depth, kind)
    both[:height] = np.clip(np.rint(codes), 0, 256 * depth - 1).astype(kind)
    name = "yuvj420p" if bits == 8 else "yuv420p10le"
    if bits == 8:
        return VideoFrame.from_ndarray(both, format=name)
    frame = VideoFrame(width, height, name)
    quarter = height + height // 4
    chroma = [both[height:quarter], both[quarter:]]
    parts = [both[:height], *(part.reshape(height // 2, -1) for part in chroma)]
    for plane, part in zip(frame.planes, parts, strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        rows[:, : part.shape[1]] = part
        plane.update(rows.tobytes())
    return frame


def _hdr(target: Path, transfer: Any) -> Path:
    """The light of the plain clip, its white at 203 cd/m2 (ITU-R BT.2408), in BT.2020 with 10 bits."""

    def prepare(picture: Array) -> VideoFrame:
        light = (_weights(picture, (0.2627, 0.678, 0.0593)) / 255) ** 2.2
        if transfer == ColorTrc.SMPTE2084:
            power = (light * 203 / 10000) ** 0.1593017578125
            signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
        else:
            # White is at three quarters of the signal.
            scene = (light ** (1 / 1.2)) * 0.26496256
            high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-6)) + 0.55991073
            signal = np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)
        return _planes(signal * 255, picture, 10, full=False)

    tags = {
        "color_trc": transfer,
        "color_primaries": ColorPrimaries.BT2020,
        "colorspace": Colorspace.BT2020_NCL if hasattr(Colorspace, "BT2020_NCL") else 9,
        "color_range": ColorRange.MPEG,
    }
    options = {"preset": "ultrafast", "x265-params": "log-level=none:crf=16"}
    return _write(
        target, pictures(), codec="libx265", pixels="yuv420p10le", options=options, prepare=prepare, tags=tags
    )
