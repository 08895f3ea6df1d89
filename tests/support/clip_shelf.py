"""Shelves of finished runs, made without a service: small clips whose frames say their number."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from kling_nb.domain.brush import Mask, MotionBrush
from kling_nb.domain.task import RunStatus
from kling_nb.media import VideoWriter, poster
from kling_nb.runlog import RunRecord
from kling_nb.session import Session

SIZE = (320, 180)
BITS = 8
BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def numbered_clip(target: Path, *, fps: int = 24, frames: int = 48, hue: int = 0) -> Path:
    """Write a clip whose frame number stands in its upper edge as eight black or white blocks.

    Parameters
    ----------
    target
        MP4 file to write.
    fps, frames
        Frame rate and number of frames.
    hue
        Moves colour and ball, so that clips differ.
    """
    width, height = SIZE
    rows, columns = np.mgrid[0:height, 0:width]
    chroma = np.full((height // 2, width), 128, np.uint8)
    chroma[: height // 4] += np.uint8((hue * 37) % 80)
    chroma[height // 4 :] -= np.uint8((hue * 53) % 70)
    with VideoWriter(target, width, height, fps) as writer:
        for number in range(frames):
            luma = np.full((height, width), 70 + (hue * 23) % 90, np.uint8)
            x = 30 + (width - 60) * number / max(1, frames - 1)
            luma[(columns - x) ** 2 + (rows - 60 - hue * 17 % 90) ** 2 < 24**2] = 220
            for bit in range(BITS):
                luma[:24, bit * 40 : (bit + 1) * 40] = 235 if number >> bit & 1 else 16
            writer.write(np.vstack([luma, chroma]))
    return target


def shelf(home: Path, count: int, *, clips: Sequence[dict[str, int]] = ({},), **columns: Any) -> list[str]:
    """Fill a home folder with finished runs and return their ids, oldest first.

    Parameters
    ----------
    home
        Home folder of a session.
    count
        How many runs.
    clips
        Keywords of :func:`numbered_clip`, one clip each; the runs take turns and share the files.
    **columns
        Further columns of every row; a function is called with the number of the run.
    """
    media = home / "media"
    media.mkdir(parents=True, exist_ok=True)
    made = []
    for number, words in enumerate(clips):
        clip = numbered_clip(media / f"shelf-{number}.mp4", **{"hue": number, **words})
        made.append((clip, poster(clip, clip.with_suffix(".jpg"))))
    with Session("sandbox", home) as session:
        return [_row(session, made[number % len(made)], number, columns).id for number in range(count)]


def _row(session: Session, files: tuple[Path, Path], number: int, columns: dict[str, Any]) -> RunRecord:
    own = {}
    for file in files:
        name = f"media/run-{number:04d}{file.suffix}"
        os.link(file, session.home / name)
        own[file.suffix] = name
    values = {
        "status": RunStatus.SUCCEEDED,
        "provider": "sandbox",
        "model_name": "kling-v2-6",
        "mode": "std",
        "duration": 5,
        "prompt": f"the ball rolls, take {number}",
        "created_at": BEGIN + timedelta(minutes=number),
        "downloaded_at": BEGIN + timedelta(minutes=number),
        "image_width": SIZE[0],
        "image_height": SIZE[1],
        "video_path": own[".mp4"],
        "poster_path": own[".jpg"],
        "video_sha256": hashlib.sha256(files[0].read_bytes()).hexdigest(),
        "form": "image2video",
    }
    told = {name: value(number) if callable(value) else value for name, value in columns.items()}
    return session.log.insert(RunRecord(**{**values, **told}))


def rolling_brush() -> dict[str, Any]:
    """Return the row of a brush with one path from left to right."""
    bits = np.zeros(SIZE[::-1], bool)
    bits[50:70, 20:40] = True
    brush = MotionBrush(SIZE).dynamic(Mask.read(bits, size=SIZE, label="ball"), [(30, 60), (290, 60)])
    return brush.to_json()
